"""Tables of results as text: as wide as the terminal, and as they are where there is none."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass

import pandas as pd

from saeidioms.taxonomy.grounds import COLUMNS, MARK, SENTENCE, doubtful

_P_VALUES, _LEAST_P = ("p", "q", "holm", "p_family", "p_equivalence", "q_equivalence"), 1e-4
_MOST_ROWS = 80
_LONGEST, _SHORTEST = 90, 24  # characters of a text, as it is and where there is little room
_GAP = "  "
_LEVELS = ["category", "sub_category", "uncoded"]  # as tables hold them, in this order


def as_text(table: pd.DataFrame, width: int | None = None, *, whole: str = "table.csv") -> str:
    """Return a table as text: intervals in brackets, what is the same in all rows below.

    Parameters
    ----------
    table
        Any result; sub-categories are indented under their categories.
    width
        Characters of a line; by default those of the terminal, and as many as it takes where the
        output is none. Where the table is wider, headings are broken, long texts end in an
        ellipsis, and the last columns are named instead of shown.
    whole
        The file that holds everything.
    """
    shown = _named(table)
    for low in [name for name in map(str, shown) if name == "low" or name.endswith("_low")]:
        high = low.removesuffix("low") + "high"
        ends = zip(shown[low], shown.pop(high), strict=True)
        shown[low] = [f"[{_figure(a)}, {_figure(b)}]" if a == a else "" for a, b in ends]
        shown = shown.rename(columns={low: low.removesuffix("low") + "interval"})
    for name in [name for name in map(str, shown) if name in _P_VALUES or name.endswith("_p")]:
        shown[name] = [_p_value(value) for value in shown[name]]
    same = [name for name in shown if len(shown) > 1 and shown[name].nunique(dropna=False) == 1]
    lines = _lines(shown.drop(columns=same), width or _terminal(), whole)
    told = ((name, shown[name].iloc[0]) for name in same)
    lines += [
        f"{name}: {' '.join(_cell(value).split())}"
        for name, value in told
        if value == value and value != "" and not (str(name).endswith("left_out") and value == 0)
    ]
    return "\n".join([*lines, *(["", SENTENCE] if doubtful(table) else [])])


def plain(table: pd.DataFrame) -> str:
    """Return a table as text, column by column, as wide as the terminal."""
    return "\n".join(_lines(table, _terminal(), "a wider terminal"))


def _named(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of sub-categories with one column of names in front, in place of three."""
    if not {"level", "category", "sub_category"} <= set(table):
        return table.copy()
    table, marked = _nested(table), doubtful(table)
    names = [
        "none of these" if level == "uncoded"
        else category if level != "sub_category"
        else f"  {name} {MARK}" if name in marked
        else f"  {name}"
        for level, category, name in zip(
            table["level"], table["category"], table["sub_category"], strict=True
        )
    ]  # fmt: skip
    rest = table.drop(columns=["level", "category", "sub_category"])
    rest = rest.drop(columns=list(COLUMNS), errors="ignore")
    rest.insert(0, "", names)
    return rest


def _nested(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with every category right before its sub-categories, group by group."""
    level = table["level"].map(_LEVELS.index)
    place = pd.Series(pd.factorize(table["category"].fillna(""))[0], table.index)
    anew = (level.diff() < 0) | ((level.diff() == 0) & (place.diff() < 0))  # the next group's rows
    keys = pd.DataFrame({"group": anew.cumsum(), "place": place, "level": level})
    return table.loc[keys.sort_values(list(keys), kind="stable").index]


@dataclass
class _Column:
    """A column as it is printed: the lines of its heading, and its cells."""

    name: str
    heading: list[str]
    cells: list[str]
    is_text: bool

    @property
    def width(self) -> int:
        return max(map(len, [*self.heading, *self.cells]), default=0)

    def rows(self, height: int) -> list[str]:
        """Return its lines, of one width, with a heading of so many lines."""
        heading = [""] * (height - len(self.heading)) + self.heading
        lines, width = [*heading, *self.cells], self.width
        return [line.ljust(width) if self.is_text else line.rjust(width) for line in lines]


def _lines(table: pd.DataFrame, width: int | None, whole: str) -> list[str]:
    """Return a table in lines of at most so many characters, and what that leaves out."""
    columns = [_column(str(name), values.head(_MOST_ROWS)) for name, values in table.items()]
    left_out: list[str] = []
    if width is not None and _total(columns) > width:
        names = [column.name for column in columns]  # of which some tell what others tell too
        told = [f"{name}_category" for name in names if f"{name}_category" in names]
        columns = [column for column in columns if column.name not in told]
        left_out += told
        for column in columns:
            column.heading = column.name.split("_")
        _shorten(columns, width)
        while len(columns) > 1 and _total(columns) > width:
            left_out.insert(len(told), columns.pop().name)
    height = max((len(column.heading) for column in columns), default=0)
    rows = zip(*(column.rows(height) for column in columns), strict=True)
    lines = [_GAP.join(row).rstrip() for row in rows]
    if (more := len(table) - _MOST_ROWS) > 0:
        lines.append(f"... and {more:,} rows more in {whole}")
    if left_out:
        lines.append(f"... and in {whole}: {', '.join(left_out)}")
    return lines


def _column(name: str, values: pd.Series) -> _Column:
    is_text = not pd.api.types.is_numeric_dtype(values) and name not in _P_VALUES
    return _Column(name, [name], [_cut(_cell(value), _LONGEST) for value in values], is_text)


def _shorten(columns: list[_Column], width: int) -> None:
    """Cut the widest texts as far as it takes, but leave what can be told apart."""
    texts = [column for column in columns if column.is_text]
    while (over := _total(columns) - width) > 0:
        widest = max(texts, key=lambda column: column.width, default=None)
        if widest is None or widest.width <= _SHORTEST:
            return
        length = max(widest.width - over, _SHORTEST)
        widest.cells = [_cut(cell, length) for cell in widest.cells]
        widest.heading = [_cut(line, length) for line in widest.heading]


def _total(columns: list[_Column]) -> int:
    return sum(column.width for column in columns) + len(_GAP) * (len(columns) - 1)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def _terminal() -> int | None:
    """Return the width of the terminal; None where the output is a file or a pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "–" if value != value else _figure(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None or value is pd.NA else str(value)


def _p_value(value: float) -> str:
    """Return a p-value, of which nothing below 0.0001 is known."""
    if value != value:
        return "–"
    return "<.0001" if value < _LEAST_P else f"{value:.3g}"


def _figure(value: float) -> str:
    """Return a number to three digits, and large ones as whole numbers."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
