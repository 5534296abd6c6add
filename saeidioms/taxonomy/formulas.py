"""Cells that a spreadsheet would take for formulas, made harmless and back."""

from __future__ import annotations

import re

# What makes a spreadsheet take text for a formula, wide forms included (OWASP, CSV Injection).
_FORMULA = re.compile(r"'*\s*[=+\-@\t\r＝＋－＠]")


def disarm(text: str) -> str:
    """Return `text` with an apostrophe before it where a spreadsheet would take it for a formula.

    Examples
    --------
    >>> disarm("=1+1"), disarm("sorry = sad")
    ("'=1+1", 'sorry = sad')
    """
    return f"'{text}" if _FORMULA.match(text) else text


def rearm(text: str) -> str:
    """Return the text that `disarm` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
