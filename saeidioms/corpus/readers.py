"""Read conversations from whatever holds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from saeidioms.corpus.corpus import Corpus
from saeidioms.corpus.tabulate import tabulate
from saeidioms.errors import OptionError


def read_corpus(
    source: str | Path | pd.DataFrame | Any,
    *,
    format: str | None = None,
    text: str | None = None,
    speaker: str | None = None,
    conversation: str | None = None,
    turn: str | None = None,
    max_chars: int = 20_000,
) -> Corpus:
    """Read conversations into a corpus of messages of all roles."""
    if max_chars < 1:
        raise OptionError(f"--max-chars is {max_chars}; give a whole number of at least 1.")
    chosen = {"text": text, "role": speaker, "conversation": conversation, "turn": turn}
    return tabulate(source, source="the frame", format="frame", chosen=chosen, max_chars=max_chars)
