"""Forms that people fill in: a workbook with instructions, codebook and drop-downs, and as CSV."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from saeidioms.artifacts import atomic_path
from saeidioms.errors import OptionError
from saeidioms.taxonomy.formulas import disarm
from saeidioms.taxonomy.taxonomy import Taxonomy

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # not allowed in XLSX
NONE = "none"  # read and found to belong nowhere; an empty cell is one not coded yet
SHEET = "coding"

_LISTS = "lists"  # hidden sheet: a drop-down written in place may have 255 characters at most
_LONGEST = 32_000  # characters of a cell; XLSX takes 32,767
_FILL = PatternFill("solid", fgColor="E8EEF4")
_OPEN_FILL = PatternFill("solid", fgColor="FFF8E1")


@dataclass(frozen=True)
class Form:
    """How a table is laid out for those who fill it in.

    Attributes
    ----------
    instructions
        Lines above the codebook, on the first sheet.
    filled
        Columns that people fill in; they are coloured.
    offers
        Column -> what its drop-down offers.
    widths
        Column -> width in characters; 12 for others.
    hidden
        Columns that people need not see; they survive sorting, copying and saving as CSV.
    frozen
        The last column that stays in sight when the sheet is scrolled.
    """

    instructions: Sequence[str]
    filled: Sequence[str]
    offers: Mapping[str, Sequence[str | int]]
    widths: Mapping[str, int]
    frozen: str
    hidden: Sequence[str] = field(default=())


def choices(taxonomy: Taxonomy) -> tuple[str, ...]:
    """Return what coders may choose from: sub-categories, outside groups, and "none".

    Raises
    ------
    OptionError
        If a place is named "none".
    """
    places = (*taxonomy.names, *(group.name for group in taxonomy.outside))
    if NONE in [place.casefold() for place in places]:
        raise OptionError(
            f"the taxonomy {taxonomy.name} has a place named {NONE!r}, which is what coders choose "
            "where no place fits; give it another name."
        )
    return (*places, NONE)


def write_form(table: pd.DataFrame, form: Form, taxonomy: Taxonomy, path: Path) -> None:
    """Write a table as a workbook, and as CSV beside it, in which nothing is run as a formula.

    The sheet is named "coding"; before it stand the instructions and the taxonomy's definitions.

    Raises
    ------
    ArtifactError
        If a file cannot be written.
    """
    table = table.map(lambda cell: _allowed(cell) if isinstance(cell, str) else cell)
    book = Workbook()
    _fill_instructions(book.active, form, taxonomy)
    lists = book.create_sheet(_LISTS)
    lists.sheet_state = "hidden"
    sources = {}
    for column, (name, offered) in enumerate(form.offers.items(), start=1):
        for row, choice in enumerate(offered, start=1):
            _put(lists.cell(row, column), choice)
        letter = get_column_letter(column)
        sources[name] = f"{_LISTS}!${letter}$1:${letter}${len(offered)}"
    _fill_table(book.create_sheet(SHEET, 1), table, form, sources)
    with atomic_path(path) as temporary:
        book.save(temporary)
    _write_csv(table, path.with_suffix(".csv"))


def bullets(texts: Iterable[str]) -> str:
    """Return texts as lines of one cell."""
    return "\n".join(f"• {text}" for text in texts)


def _allowed(text: str) -> str:
    text = CONTROL.sub(" ", text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    with (
        atomic_path(path) as temporary,
        # Spreadsheets take a file for UTF-8 only by its byte-order mark.
        temporary.open("w", encoding="utf-8-sig", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.columns)
        for row in table.itertuples(index=False):
            writer.writerow([disarm(cell) if isinstance(cell, str) else cell for cell in row])


def _fill_instructions(sheet: Worksheet, form: Form, taxonomy: Taxonomy) -> None:
    sheet.title = "instructions"
    widths = {"A": 24, "B": 28, "C": 60, "D": 60, "E": 60}
    for letter, width in widths.items():
        sheet.column_dimensions[letter].width = width
    _put(sheet.cell(1, 1), taxonomy.title).font = Font(bold=True, size=14)
    for row, line in enumerate(form.instructions, start=2):
        _put(sheet.cell(row, 1), line)
        sheet.merge_cells(start_row=row, start_column=1, end_row=row, end_column=4)
        sheet.row_dimensions[row].height = 32  # merged cells do not grow with their text
    head = len(form.instructions) + 3
    lines = [("category", "sub_category", "definition", "include", "exclude")]
    for sub in taxonomy.sub_categories:
        notes = (bullets(sub.include), bullets(sub.exclude))
        lines.append((sub.category, sub.name, sub.definition, *notes))
    lines += [("outside", group.name, group.definition, "", "") for group in taxonomy.outside]
    lines.append(("", NONE, "Fits no place above, or has nothing in common to be named.", "", ""))
    for row, cells in enumerate(lines, start=head):
        for column, text in enumerate(cells, start=1):
            cell = _put(sheet.cell(row, column), text)
            if row == head:
                cell.font, cell.fill = Font(bold=True), _FILL


def _fill_table(
    sheet: Worksheet, table: pd.DataFrame, form: Form, sources: Mapping[str, str]
) -> None:
    last = len(table) + 1
    for column, name in enumerate(table.columns, start=1):
        letter = get_column_letter(column)
        head = _put(sheet.cell(1, column), name)
        head.font, head.fill = Font(bold=True), _FILL
        dimension = sheet.column_dimensions[letter]
        dimension.hidden = name in form.hidden
        dimension.width = form.widths.get(name, 12)
        for row, content in enumerate(table[name].tolist(), start=2):
            cell = _put(sheet.cell(row, column), content)
            if name in form.filled:
                cell.fill = _OPEN_FILL
        if name in sources:
            _drop_down(sheet, f"{letter}2:{letter}{last}", sources[name])
    sheet.freeze_panes = sheet.cell(2, table.columns.tolist().index(form.frozen) + 2)
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(table.columns))}{last}"


def _drop_down(sheet: Worksheet, cells: str, source: str) -> None:
    rule = DataValidation(type="list", formula1=source, allow_blank=True, showErrorMessage=True)
    rule.errorTitle = "Not in the list"
    rule.error = "Choose from the list, or leave the cell empty."
    sheet.add_data_validation(rule)
    rule.add(cells)


def _put(cell: Cell, value: str | int) -> Cell:
    """Write a value so that text stays text, whatever it begins with, also when it is edited."""
    if value != "":
        cell.value = value
    if isinstance(value, str) and value:
        cell.data_type = "s"
        cell.quotePrefix = disarm(value) != value
    cell.alignment = Alignment(wrap_text=True, vertical="top")
    return cell
