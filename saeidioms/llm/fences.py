"""Fences round what participants wrote: a message is data, never an instruction.

No fence stops a model from being swayed by what it reads. What fences do is keep the structure of
a prompt: a message cannot end its block, open another, or pass for a turn of the chat.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

MAX_CHARS = 600
# Ends of turns, and names of roles, in the chat templates of common models.
_TURNS = re.compile(
    r"<\|[^|<>]{0,40}\|>|</?s>|\[/?(?:INST|SYS)\]|<<?/?SYS>?>"
    r"|</?(?:start|end)_of_(?:turn|image)>|</?(?:bos|eos|pad|unk)>",
    re.IGNORECASE,
)
# What angle brackets look like; participants' own become these, so that only fences hold real ones.
_ANGLES = str.maketrans("<>", "‹›")


def fence(texts: Sequence[str], label: str = "message", *, max_chars: int = MAX_CHARS) -> str:
    """Return texts as numbered blocks, one a line: ``<message 1>...</message 1>``.

    Parameters
    ----------
    texts
        What participants wrote. Line breaks and control characters become spaces, the special
        tokens of chat templates dots, and angle brackets ‹ and ›, so that a block is always one
        line with two fences.
    label
        Word in the fences.
    max_chars
        Longer texts are cut, with an ellipsis.
    """
    return "\n".join(
        f"<{label} {number}>{defused(text, max_chars)}</{label} {number}>"
        for number, text in enumerate(texts, 1)
    )


def defused(text: str, max_chars: int = MAX_CHARS) -> str:
    """Return a text as it may stand within a fence: one line, without a prompt's own marks."""
    printable = "".join(
        " "
        if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp", "Cs", "Co")
        else character
        for character in text[: 8 * max_chars]
    )
    line = " ".join(_TURNS.sub("…", printable).split())
    if len(line) > max_chars or len(text) > 8 * max_chars:
        line = line[: max_chars - 1].rstrip() + "…"
    return line.translate(_ANGLES)
