"""Reading the sheets that people coded in, row by row, with the mend for each mistake."""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from saeidioms.errors import ArtifactError, InputError
from saeidioms.idioms.features import FeatureTable
from saeidioms.taxonomy.coding_sheet import (
    CODED,
    COLUMNS,
    CONFIDENT,
    NONE,
    SHEET,
    choices,
    digest_of,
)
from saeidioms.taxonomy.formulas import rearm
from saeidioms.taxonomy.schema import nearest
from saeidioms.taxonomy.taxonomy import Taxonomy

_REQUIRED = ("feature", "sub_category", "dictionary")


def read_sheet(path: str | Path, features: FeatureTable, taxonomy: Taxonomy) -> pd.DataFrame:
    """Read a coding sheet that somebody filled in.

    Parameters
    ----------
    path
        XLSX, or CSV with commas or semicolons. Columns may stand in any order, rows too; those
        without coded cells may be missing, and blank rows are passed over.
    features
        The features that the sheet was written for.
    taxonomy
        Whose places the coder chose from.

    Returns
    -------
    pandas.DataFrame
        ``feature`` (int64), ``coder`` (the file's name where the sheet was written for nobody in
        particular), ``sub_category`` and ``second`` (sub-category, outside group, "none", or ""
        where not coded), ``label``, ``confident`` (1 to 5; NaN where not said), ``note``; by
        feature.

    Raises
    ------
    InputError
        If the file cannot be read, or a row is wrong: file, row and mend are named.
    ArtifactError
        If the sheet is of another dictionary or corpus.
    """
    path = Path(path)
    places = {name.casefold(): name for name in choices(taxonomy)}
    expected = digest_of(features)
    coded: dict[int, dict[str, Any]] = {}
    first: dict[int, str] = {}
    for where, cells in _rows_of(path):
        if cells["dictionary"] != expected:
            raise ArtifactError(
                f"{where}: this was written for the features of another dictionary or corpus; give "
                "the sheet of this run, with its column 'dictionary' as it was written."
            )
        row = _checked(where, cells, places, len(features), path.stem)
        if row["feature"] in coded:
            raise InputError(
                f"{where}: feature {row['feature']} stands already at {first[row['feature']]}; "
                "keep one of them."
            )
        coded[row["feature"]], first[row["feature"]] = row, where
    columns = ["feature", "coder", *CODED]
    table = pd.DataFrame([coded[feature] for feature in sorted(coded)], columns=columns)
    if table["coder"].nunique() > 1:
        names = ", ".join(sorted(table["coder"].unique()))
        raise InputError(f"{path} holds rows of several coders ({names}); give a file for each.")
    return table.astype({"feature": np.int64, "confident": np.float64})


def _checked(
    where: str, cells: dict[str, str], places: dict[str, str], n_features: int, stem: str
) -> dict[str, Any]:
    """Return a row as `read_sheet` gives it, after checking each cell."""
    feature = cells["feature"]
    if not feature.isdecimal() or int(feature) >= n_features:
        raise InputError(
            f"{where}: feature is {feature!r}; give a number from 0 to {n_features - 1}."
        )
    row: dict[str, Any] = {name: cells.get(name, "") for name in CODED}
    for name in ("sub_category", "second"):
        given = " ".join(row[name].split())
        if given and given.casefold() not in places:
            raise InputError(
                f"{where}: {name} is {given!r}; {nearest(given.casefold(), places.values())}"
                f"there are: {', '.join(places.values())}."
            )
        row[name] = places.get(given.casefold(), "")
    if row["second"] and row["second"] in (row["sub_category"], NONE):
        raise InputError(
            f"{where}: second is {row['second']!r}; give another place than sub_category, or "
            "leave it empty."
        )
    for name in ("second", "label", "confident"):
        if row[name] and not row["sub_category"]:
            raise InputError(
                f"{where}: {name} is {row[name]!r} and sub_category is empty; choose one, or "
                f"{NONE!r} where the feature belongs nowhere."
            )
    confident = row["confident"]
    if confident and confident not in map(str, CONFIDENT):
        raise InputError(f"{where}: confident is {confident!r}; give a whole number from 1 to 5.")
    coder = cells.get("coder", "") or stem
    number = float(confident) if confident else np.nan
    return {**row, "feature": int(feature), "coder": coder, "confident": number}


def _rows_of(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield where a row stands ("sheet.xlsx, row 7") and its cells, after checking the header."""
    lines = _read_workbook(path) if path.suffix.lower() == ".xlsx" else _read_csv(path)
    filled = [(number, row) for number, row in enumerate(lines, start=1) if any(row)]
    header = filled[0][1] if filled else []
    for name in header:
        if name and name not in COLUMNS:
            raise InputError(
                f"{path}: the column {name!r} is unknown; {nearest(name, COLUMNS)}"
                "put what it says into 'note', and remove it."
            )
    for name in COLUMNS:
        if header.count(name) > 1 or (name in _REQUIRED and name not in header):
            problem = "stands twice" if name in header else "is missing"
            raise InputError(
                f"{path}: the column {name!r} {problem}; the first row must name each once, as the "
                "sheet was written."
            )
    for number, row in filled[1:]:
        where = f"{path}, row {number}"
        if any(cell for cell, name in zip_longest(row, header, fillvalue="") if not name):
            raise InputError(f"{where}: a cell has no column name above it; put it into 'note'.")
        yield where, dict(zip_longest(header, row[: len(header)], fillvalue=""))


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
