"""What a document is made of, before it has a format: headings, paragraphs, lists and tables."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, TypeVar

Line = str | tuple[str, ...]  # a cell of one line, or of several

# Controls, halves of pairs and what is no character break files, and what turns the direction of
# writing could change how the words around a participant's are read. Joiners stay: emoji and
# Persian need them.
_BROKEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
    "\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff"
    + "".join(f"{chr(plane << 16 | end)}" for plane in range(1, 17) for end in (0xFFFE, 0xFFFF))
    + "]"
)
B = TypeVar("B", bound="Block")
_MOST_ON_A_PAGE = 24  # rows


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the document's title."""

    kind: ClassVar[str] = "heading"
    text: str
    level: int


@dataclass(frozen=True)
class Paragraph:
    """A paragraph, with a word before it that says what it is about."""

    kind: ClassVar[str] = "paragraph"
    text: str
    lead: str = ""


@dataclass(frozen=True)
class Bullets:
    """A list, with a word before it; `quoted` ones are what participants said."""

    kind: ClassVar[str] = "bullets"
    items: tuple[str, ...]
    lead: str
    quoted: bool = False


@dataclass(frozen=True)
class Phrases:
    """Phrases in one line, each with a number behind it."""

    kind: ClassVar[str] = "phrases"
    items: tuple[tuple[str, str], ...]
    lead: str


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, its part of the table's width, and where numbers stand."""

    name: str
    width: float
    number: bool = False


@dataclass(frozen=True)
class Table:
    """Rows under a caption; a row has a cell for each column."""

    kind: ClassVar[str] = "table"
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Line, ...], ...]

    @property
    def headed(self) -> bool:
        """Whether any column has a name."""
        return any(column.name for column in self.columns)

    @property
    def short(self) -> bool:
        """Whether it fits one page, and is better read on one: a few rows of one line each."""
        cells = [cell for row in self.rows for cell in row]
        return len(self.rows) <= _MOST_ON_A_PAGE and all(isinstance(cell, str) for cell in cells)

    @property
    def widths(self) -> tuple[float, ...]:
        """Part of the table's width that each column takes; they sum to 1."""
        total = sum(column.width for column in self.columns)
        return tuple(column.width / total for column in self.columns)


Block = Heading | Paragraph | Bullets | Phrases | Table


def clean(text: str) -> str:
    """Return a text in one line, without what breaks files or turns the direction of writing."""
    return " ".join(_BROKEN.sub("", text).split())


def cleaned(blocks: Iterable[B]) -> tuple[B, ...]:
    """Return blocks of which every text is clean."""
    return tuple(_cleaned(block) for block in blocks)


def lines(cell: Line) -> tuple[str, ...]:
    """Return the lines of a cell."""
    return (cell,) if isinstance(cell, str) else cell


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return clean(value)
        case tuple():
            return tuple(_cleaned(one) for one in value)
        case Heading() | Paragraph() | Bullets() | Phrases() | Table() | Column():
            own = {field.name: _cleaned(getattr(value, field.name)) for field in fields(value)}
            return replace(value, **own)
    return value
