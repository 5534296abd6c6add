"""Reading the tables that people fill in or edit, from a workbook or CSV, as rows of text."""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from saeidioms.errors import InputError
from saeidioms.taxonomy.form import SHEET
from saeidioms.taxonomy.formulas import rearm
from saeidioms.taxonomy.schema import nearest


def read_form(
    path: Path, *, required: Sequence[str], allowed: Sequence[str] | None = None
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield where each row stands ("sheet.xlsx, row 7") and its cells by column.

    Parameters
    ----------
    path
        XLSX, whose sheet "coding" is read; else CSV in UTF-8 with commas, semicolons or tabs.
        Columns may stand in any order; blank rows are passed over, and cells that a spreadsheet
        left off at the end of a row are empty.
    required
        Columns that must be there.
    allowed
        All that may be there; None: others are passed over.

    Raises
    ------
    InputError
        If the file cannot be read, a column is missing, unknown or given twice, or a cell holds a
        formula or stands beyond the header.
    """
    lines = _read_workbook(path) if path.suffix.lower() == ".xlsx" else _read_csv(path)
    filled = [(number, row) for number, row in enumerate(lines, start=1) if any(row)]
    header = filled[0][1] if filled else []
    _check_header(path, header, required, allowed)
    for number, row in filled[1:]:
        where = f"{path}, row {number}"
        if any(cell for cell, name in zip_longest(row, header, fillvalue="") if not name):
            raise InputError(
                f"{where}: {len(row)} cells where the first row has {len(header)}, so that one has "
                "no column name above it; quote cells that hold a comma, or put it into another "
                "column."
            )
        yield where, dict(zip_longest(header, row[: len(header)], fillvalue=""))


def _check_header(
    path: Path, header: Sequence[str], required: Sequence[str], allowed: Sequence[str] | None
) -> None:
    for name in header:
        if name and allowed is not None and name not in allowed:
            raise InputError(
                f"{path}: the column {name!r} is unknown; {nearest(name, allowed)}"
                f"put what it says into 'note', and remove it (allowed are: {', '.join(allowed)})."
            )
    for name in dict.fromkeys([*required, *filter(None, header)]):
        if header.count(name) != 1:
            problem = "stands twice" if name in header else "is missing"
            raise InputError(
                f"{path}: the column {name!r} {problem}; the first row must name each once, as the "
                "file was written."
            )


def _read_workbook(path: Path) -> list[list[str]]:
    try:
        with warnings.catch_warnings():
            # What openpyxl cannot keep, such as a spreadsheet program's own drop-downs, is no loss.
            warnings.simplefilter("ignore", UserWarning)
            book = load_workbook(path)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, InvalidFileException) as error:
        raise InputError(
            f"{path} cannot be read as XLSX ({error}); save it again, or give the CSV."
        ) from error
    if SHEET not in book.sheetnames:
        raise InputError(
            f"{path} has no sheet {SHEET!r}, only {', '.join(book.sheetnames)}; give it back its "
            "name."
        )
    return [[_text(path, cell) for cell in row] for row in book[SHEET].iter_rows()]


def _text(path: Path, cell: Any) -> str:
    if cell.data_type == "f":
        raise InputError(
            f"{path}, row {cell.row}: the cell {cell.coordinate} holds a formula; "
            "write the text itself."
        )
    value = cell.value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip()


def _read_csv(path: Path) -> list[list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        first = text.partition("\n")[0]
        delimiter = max(",;\t", key=first.count)
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text; save it as CSV UTF-8.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}).") from error
    except csv.Error as error:
        raise InputError(f"{path} cannot be read as CSV ({error}); save it again.") from error
    return [[rearm(cell.strip()) for cell in row] for row in rows]
