"""Whole conversations in one text, turns opened by ``Name: `` -> one row a turn."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from saeidioms.corpus.columns import KNOWN_NAMES, find_known
from saeidioms.corpus.nested import spread

logger = logging.getLogger(__name__)

_TRANSCRIPT_NAMES = (
    "full_conversation", "transcript", "full_transcript", "conversation_text", "dialogue_text",
    "dialog_text", "chat_transcript", "chat_log", "log", "full_text", "conversation", "dialogue",
    "dialog", "chat", *KNOWN_NAMES["text"],
)  # fmt: skip
# A line that begins with up to four words, a colon, and white space or the line's end.
_OPENER = re.compile(
    r"^[^\S\n]*\**([^\W\d_][\w.'’-]*(?: [\w.'’()-]+){0,3})\**:\**(?:[^\S\n]+|$)", re.MULTILINE
)
_SAMPLE = 200  # cells looked at to tell a column of transcripts
_RARE = 0.01  # share of the openers below which a name may be a word that happens to open a line


def find_transcripts(frame: pd.DataFrame, chosen: str | None) -> str | None:
    """Return the column whose cells are transcripts, None where none is.

    Parameters
    ----------
    frame
        One row a conversation, if its cells are transcripts.
    chosen
        The column that the user says holds the text.
    """
    names = list(frame.columns)
    if chosen is None and find_known(names, KNOWN_NAMES["role"]) is not None:
        return None
    if chosen is not None:
        candidates = [chosen] if chosen in names else []
    else:
        found = (find_known(names, [known]) for known in _TRANSCRIPT_NAMES)
        candidates = [name for name in found if name is not None]
    for name in candidates:
        cells = [value for value in frame[name] if isinstance(value, str) and value.strip()]
        if cells and np.mean([_is_transcript(cell) for cell in cells[:_SAMPLE]]) > 0.9:
            return name
    return None


def has_turns(frame: pd.DataFrame, column: str) -> bool:
    """Tell whether any cell of a column has a line that opens with a name and a colon."""
    return any(isinstance(cell, str) and _OPENER.search(cell) for cell in frame[column])


def untangle(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return one row a turn (``role``, ``text``) with the columns of its conversation.

    Names become roles in small letters. What stands before the first name is a turn without
    role; a cell without any turn becomes one row without text, so that it is counted.
    """
    cells = [
        value.replace("\r\n", "\n") if isinstance(value, str) else "" for value in frame[column]
    ]
    openers = [list(_OPENER.finditer(cell)) for cell in cells]
    names = _speakers([[_name(opener) for opener in found] for found in openers])
    counts: list[int] = []
    turns: list[tuple[str, str | None]] = []
    for cell, found in zip(cells, openers, strict=True):
        of_cell = _turns(cell, [opener for opener in found if _name(opener) in names])
        counts.append(len(of_cell))
        turns += of_cell
    rows = pd.DataFrame(turns, columns=["role", "text"], dtype=object)
    return spread(frame.drop(columns=column), counts, rows)


def _is_transcript(cell: str) -> bool:
    openers = list(_OPENER.finditer(cell.strip()))
    some_name_returns = len({_name(opener) for opener in openers}) < len(openers)
    return len(openers) >= 2 and (openers[0].start() == 0 or some_name_returns)


def _turns(cell: str, openers: Sequence[re.Match[str]]) -> list[tuple[str, str | None]]:
    if not openers:
        return [("", None)]
    ends = [*(opener.start() for opener in openers[1:]), len(cell)]
    turns: list[tuple[str, str | None]] = [
        (_name(opener), cell[opener.end() : end]) for opener, end in zip(openers, ends, strict=True)
    ]
    before = cell[: openers[0].start()]
    return [("", before), *turns] if before.strip() else turns


def _name(opener: re.Match[str]) -> str:
    return opener[1].lower()


def _speakers(cells: Iterable[Sequence[str]]) -> set[str]:
    """Return the names that speak; "My point: ..." in the middle of a turn is not one of them.

    A name speaks if it opens a conversation, opens two turns of one, or is not rare in all.
    """
    total: Counter[str] = Counter()
    sure: set[str] = set()
    for names in cells:
        here = Counter(names)
        total += here
        sure.update(names[:1], (name for name, count in here.items() if count > 1))
    openers = sum(total.values())
    speakers = sure | {name for name, count in total.items() if count >= _RARE * openers}
    others = sorted(set(total) - speakers)
    if others:
        logger.info("Read as text, not as speakers: lines that open with %s.", ", ".join(others))
    return speakers
