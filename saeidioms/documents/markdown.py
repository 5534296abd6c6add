"""Blocks as Markdown (CommonMark, with the tables of GitHub and pandoc)."""

from __future__ import annotations

import re

from saeidioms.documents.blocks import (
    Block,
    Bullets,
    Heading,
    Line,
    Paragraph,
    Phrases,
    Table,
    lines,
)

# A bracket is a link's only with what follows it, and a box to tick only at the beginning.
# Addresses of the web would become links of themselves.
_SPECIAL = re.compile(r"([\\`*_{}<>#|~$&^@]|\](?=[\[(:])|^\[|:(?=//)|(?<=www)\.)")
# What begins a list, or underlines a heading.
_MARK, _NUMBER = re.compile(r"^([-+=:])"), re.compile(r"^(\d+)([.)])(?=\s|$)")


def write_markdown(blocks: tuple[Block, ...]) -> str:
    """Return clean blocks as Markdown, in which no text has markup of its own."""
    return "\n\n".join(_block(block) for block in blocks) + "\n"


def escape(text: str) -> str:
    r"""Return a text of one line as it reads the same in Markdown, wherever it stands.

    Examples
    --------
    >>> print(escape("1. *so* sorry | <b>"))
    1\. \*so\* sorry \| \<b\>
    """
    inline = _SPECIAL.sub(r"\\\1", text)
    return _NUMBER.sub(r"\1\\\2", _MARK.sub(r"\\\1", inline))


def _block(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {escape(text)}"
        case Paragraph(text, lead):
            return f"{_lead(lead)}{escape(text)}"
        case Bullets(items, lead, quoted):
            mark = "> " if quoted else "- "
            end = "\n>\n" if quoted else "\n"
            return f"{_lead(lead).rstrip()}\n\n" + end.join(
                f"{mark}{escape(item)}" for item in items
            )
        case Phrases(items, lead):
            return _lead(lead) + "; ".join(f"“{escape(one)}” {escape(n)}" for one, n in items)
        case Table():
            return _table(block)


def _lead(lead: str) -> str:
    return f"**{escape(lead)}:** " if lead else ""


def _table(table: Table) -> str:
    heads = _row(tuple(column.name for column in table.columns))
    rule = "|" + "|".join("---:" if column.number else ":---" for column in table.columns) + "|"
    rows = [_row(row) for row in table.rows]
    return "\n".join([f"*{escape(table.caption)}*", "", heads, rule, *rows])


def _row(cells: tuple[Line, ...]) -> str:
    return "| " + " | ".join("<br>".join(map(escape, lines(cell))) for cell in cells) + " |"
