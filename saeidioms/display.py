"""How objects show themselves: as HTML in a notebook, as tables in a terminal.

An object says what there is to see, as a `Display`; how that looks is decided here alone. The HTML
inherits font and colours from the page around it, light or dark, holds no script, and escapes every
text.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup, escape

from saeidioms.errors import InputError

if TYPE_CHECKING:
    from rich.console import Group
    from rich.text import Text

_MARK = Markup('<mark style="color: inherit; background: rgba(255, 179, 0, {:.2f})">{}</mark>')
_STEPS = " ▁▂▃▄▅▆▇█"
_STRONG = 0.5  # weight of a mark
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_STYLE = Markup(
    "<style>"
    ".saeidioms{font-size:13px;line-height:1.45;max-width:60em;text-align:left}"
    ".saeidioms b.title{font-size:15px}"
    ".saeidioms p{margin:.25em 0}"
    ".saeidioms .facts{opacity:.75}"
    ".saeidioms table{border-collapse:collapse;margin:.5em 0 .7em;width:auto}"
    ".saeidioms caption{text-align:left;font-weight:600;padding:.2em 0;caption-side:top}"
    ".saeidioms th,.saeidioms td{text-align:left!important;padding:.15em .9em .15em 0;"
    "vertical-align:top;background:none;border:0;white-space:normal}"
    ".saeidioms th{font-weight:500;opacity:.75}"
    ".saeidioms tbody tr{border-top:1px solid rgba(128,128,128,.25)}"
    ".saeidioms td.number,.saeidioms th.number{text-align:right!important;"
    "font-variant-numeric:tabular-nums}"
    ".saeidioms svg{vertical-align:middle}"
    "</style>"
)


class Span(NamedTuple):
    """Characters of a text that are marked.

    Attributes
    ----------
    start, end
        Characters of the text.
    weight
        How strongly, 0 to 1.
    """

    start: int
    end: int
    weight: float


@dataclass(frozen=True)
class Marked:
    """A text with marked spans."""

    text: str
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Bars:
    """Heights of a small histogram, none below 0."""

    heights: tuple[float, ...]
    caption: str


@dataclass(frozen=True)
class Share:
    """A share, 0 to 1, shown as a number and a bar."""

    value: float


Cell = str | int | float | Marked | Bars | Share


@dataclass(frozen=True)
class Table:
    """Rows under a heading; floats are shown with two decimals."""

    heading: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Display:
    """What there is to see: a title, facts by name, paragraphs, tables."""

    title: str
    facts: Mapping[str, Cell] = field(default_factory=dict)
    paragraphs: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()

    def html(self) -> str:
        """Return it as HTML that carries its own style."""
        facts = Markup(" · ").join(_named(name, _html(value)) for name, value in self.facts.items())
        parts = [
            Markup('<p><b class="title">{}</b></p>').format(self.title),
            Markup('<p class="facts">{}</p>').format(facts) if facts else Markup(),
            *(Markup("<p>{}</p>").format(text) for text in self.paragraphs if text),
            *(_table_html(table) for table in self.tables if table.rows),
        ]
        page = Markup('{}<div class="saeidioms">{}</div>').format(_STYLE, Markup().join(parts))
        return str(page)

    def rich(self) -> Group:
        """Return it as rich prints it."""
        from rich.console import Group
        from rich.padding import Padding
        from rich.table import Table as RichTable
        from rich.text import Text

        facts = " · ".join(_named_text(name, value) for name, value in self.facts.items())
        parts: list[Any] = [Text(_plain(self.title), style="bold")]
        parts += [Text(facts, style="dim")] if facts else []
        parts += [Text(_plain(text)) for text in self.paragraphs if text]
        for table in self.tables:
            if not table.rows:
                continue
            shown = RichTable(title=_plain(table.heading), title_justify="left", box=None)
            for number, name in enumerate(table.columns):
                shown.add_column(_plain(name), justify=_justify(table, number))
            for row in table.rows:
                shown.add_row(*(_rich(cell) for cell in row))
            parts.append(Padding(shown, (1, 0, 0, 0)))
        return Group(*parts)


class Shown(ABC):
    """What shows itself in notebooks and terminals."""

    @abstractmethod
    def _display(self) -> Display: ...

    def _repr_html_(self) -> str:
        return self._display().html()

    def __rich__(self) -> Group:
        return self._display().rich()

    def __repr__(self) -> str:
        display = self._display()
        facts = ", ".join(_named_text(name, value) for name, value in display.facts.items())
        return f"<{_plain(display.title)}{': ' if facts else ''}{facts}>"


def highlighted(text: str, spans: Iterable[Span]) -> Markup:
    """Return a text as HTML in which the spans are marked, the darker the heavier.

    Everything else is escaped, so that no text can bring its own markup.

    Raises
    ------
    InputError
        If a span lies outside of the text, or two overlap.
    """
    html, done = Markup(), 0
    for start, end, weight in sorted(spans):
        if not done <= start <= end <= len(text):
            raise InputError(
                f"the span {start} to {end} overlaps another or lies outside of the text, which "
                f"has {len(text)} characters; give the spans of this text."
            )
        html += escape(text[done:start]) + _MARK.format(min(max(weight, 0), 1), text[start:end])
        done = end
    return html + escape(text[done:])


def percent(value: float) -> str:
    """Return a share as a percentage, with more digits where it is small."""
    return "–" if value != value else f"{100 * value:.{1 if value >= 0.01 or value == 0 else 2}f}%"


def _named(name: str, value: Markup) -> Markup:
    return Markup("{} {}").format(name, value) if name else value


def _named_text(name: str, value: Cell) -> str:
    return f"{_plain(name)} {_text(value)}" if name else _text(value)


def _table_html(table: Table) -> Markup:
    kinds = [
        Markup(' class="number"') if _justify(table, number) == "right" else Markup()
        for number in range(len(table.columns))
    ]
    cell = Markup("<{0}{1}>{2}</{0}>")
    heads = [cell.format("th", kind, name) for kind, name in zip(kinds, table.columns, strict=True)]
    rows = [
        Markup("<tr>{}</tr>").format(
            Markup().join(
                cell.format("td", kind, _html(value))
                for kind, value in zip(kinds, row, strict=True)
            )
        )
        for row in table.rows
    ]
    return Markup(
        "<table><caption>{}</caption><thead><tr>{}</tr></thead><tbody>{}</tbody></table>"
    ).format(table.heading, Markup().join(heads), Markup().join(rows))


def _justify(table: Table, column: int) -> Any:
    numbers = isinstance(table.rows[0][column], int | float) if table.rows else False
    return "right" if numbers else "left"


def _html(cell: Cell) -> Markup:
    match cell:
        case Marked(text, spans):
            return Markup('<span dir="auto">{}</span>').format(highlighted(text, spans))
        case Bars(heights, caption):
            return _bars(heights, caption)
        case Share(value):
            width = 0 if value != value else 100 * value
            return Markup(
                '<span style="white-space:nowrap">'
                '<svg width="100" height="9" role="img" aria-label="{0}">'
                '<rect width="100" height="9" fill="currentColor" opacity=".1"/>'
                '<rect width="{1:.1f}" height="9" fill="currentColor" opacity=".6"/></svg>'
                " {0}</span>"
            ).format(percent(value), width)
        case str():
            return Markup('<span dir="auto">{}</span>').format(cell)
    return escape(_number(cell))


def _bars(heights: Sequence[float], caption: str) -> Markup:
    most = max([*heights, 1e-12])
    bars = Markup().join(
        Markup('<rect x="{}" y="{:.1f}" width="7" height="{:.1f}"/>').format(
            8 * place, 24 - 24 * height / most, 24 * height / most
        )
        for place, height in enumerate(heights)
    )
    return Markup(
        '<svg width="{}" height="24" fill="currentColor" opacity=".6" role="img" '
        'aria-label="{}"><title>{}</title>{}</svg>'
    ).format(8 * len(heights), caption, caption, bars)


def _rich(cell: Cell) -> Text:
    from rich.text import Text

    shown = Text(_text(cell))
    if isinstance(cell, Marked):
        for start, end, weight in cell.spans:
            shown.stylize("bold yellow" if weight > _STRONG else "yellow", start, end)
    return shown


def _text(cell: Cell) -> str:
    match cell:
        case Marked(text, _):
            return _plain(text)
        case Bars(heights, _):
            most = max([*heights, 1e-12])
            return "".join(_STEPS[math.ceil((len(_STEPS) - 1) * one / most)] for one in heights)
        case Share(value):
            return f"{percent(value):>6} {'━' * round(20 * value) if value == value else ''}"
        case str():
            return _plain(cell)
    return _number(cell)


def _number(value: float) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return "–" if value != value else f"{value:.2f}"


def _plain(text: str) -> str:
    """Return a text that cannot steer a terminal, nor turn the direction of what follows."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
