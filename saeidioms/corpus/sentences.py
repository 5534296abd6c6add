"""Messages cut into sentences."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from sentencex import get_sentence_boundaries


def split_sentences(texts: Iterable[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return owner, start and end of every sentence."""
    owner, start, end = [], [], []
    for number, text in enumerate(texts):
        for b in get_sentence_boundaries("en", text):
            owner.append(number)
            start.append(b["start_index"])
            end.append(b["end_index"])
    return np.array(owner), np.array(start), np.array(end)
