"""The tables that people edit in a spreadsheet: read row by row, with the mend for each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from saeidioms.artifacts import atomic_path
from saeidioms.errors import InputError
from saeidioms.taxonomy.filled_form import read_form
from saeidioms.taxonomy.formulas import disarm
from saeidioms.taxonomy.schema import nearest
from saeidioms.taxonomy.taxonomy import Taxonomy

SOURCES = ("offline", "override")
_NUMBERS = {"weight": math.inf, "confidence": 1.0}


def read_rows(
    path: Path,
    taxonomy: Taxonomy,
    features: Sequence[int] | None,
    *,
    required: Sequence[str],
    allowed: Sequence[str],
    words: Sequence[str] = (),
) -> pd.DataFrame:
    """Read and check a CSV that says where features belong.

    Parameters
    ----------
    path
        UTF-8, with commas or semicolons.
    taxonomy
        Whose sub-categories and outside groups may be named.
    features
        The features there are, or None where the file itself says which.
    required, allowed
        Column names.
    words
        What may stand in place of a sub-category besides.

    Returns
    -------
    pandas.DataFrame
        The columns as given, ``feature`` (int64), ``place`` (sub-category, outside group or "")
        and ``note``.

    Raises
    ------
    InputError
        If the file cannot be read or a row is wrong: file, row and mend are named.
    """
    rows: dict[int, dict] = {}
    first: dict[int, str] = {}
    for where, cells in read_form(path, required=required, allowed=allowed):
        row = _checked(where, cells, taxonomy, features, words)
        feature = row["feature"]
        if feature in rows:
            raise InputError(
                f"{where}: feature {feature} stands already at {first[feature]}; keep one of them."
            )
        rows[feature], first[feature] = row, where
    given = next(iter(rows.values()), dict.fromkeys(required))
    columns = list(dict.fromkeys([*given, "feature", "place", "note"]))
    return pd.DataFrame(list(rows.values()), columns=columns)


def write_rows(rows: pd.DataFrame, path: Path) -> None:
    """Write a table with any of ``label`` and ``note`` as `read_rows` reads it.

    It is written atomically, and spreadsheets find no formula in it.

    Raises
    ------
    ArtifactError
        If the file cannot be written.
    """
    harmless = {name: rows[name].map(disarm) for name in ("label", "note") if name in rows}
    with atomic_path(path) as temporary:
        # Spreadsheets take a file for UTF-8 only by its byte-order mark.
        rows.assign(**harmless).to_csv(
            temporary, index=False, encoding="utf-8-sig", lineterminator="\n"
        )


def format_parts(parts: Mapping[str, float]) -> str:
    """Write weights above 0 as a cell that people read: ``"affirming 1.25; greetings 0.5"``."""
    kept = {name: round(float(weight), 4) for name, weight in parts.items()}
    return "; ".join(f"{name} {weight:g}" for name, weight in kept.items() if weight > 0)


def parse_parts(cell: str) -> dict[str, float]:
    """Read what `format_parts` wrote.

    Raises
    ------
    ValueError
        If an entry is no name with a number behind it.
    """
    entries = [entry.strip().rpartition(" ") for entry in cell.split(";") if entry.strip()]
    return {name.strip(): float(weight) for name, _, weight in entries}


def _checked(
    where: str,
    row: dict[str, str],
    taxonomy: Taxonomy,
    features: Sequence[int] | None,
    words: Sequence[str],
) -> dict:
    feature = feature_of(where, row["feature"], features)
    checked: dict = {"note": "", **row, "feature": feature}
    checked["place"] = _place(where, row, taxonomy, words)
    for name in _NUMBERS.keys() & row.keys():
        checked[name] = _number(where, name, row[name])
    _check_parts(where, row.get("also", ""), taxonomy)
    if row.get("source", SOURCES[0]) not in SOURCES:
        raise InputError(f"{where}: source is {row['source']!r}; give {' or '.join(SOURCES)}.")
    return checked


def feature_of(where: str, cell: str, features: Sequence[int] | None) -> int:
    """Return the feature that a cell names, one of `features` where these are given.

    Raises
    ------
    InputError
        If it names none; `where` it stands is told.
    """
    if not cell.isdecimal():
        raise InputError(f"{where}: feature is {cell!r}; give the feature's number.")
    feature = int(cell)
    if features is not None and feature not in features:
        near = min(features, key=lambda known: (abs(known - feature), known))
        raise InputError(
            f"{where}: there is no feature {feature}; features go from {min(features)} to "
            f"{max(features)}, the nearest is {near}."
        )
    return feature


def _place(where: str, row: dict[str, str], taxonomy: Taxonomy, words: Sequence[str]) -> str:
    name = row["sub_category"] or row.get("outside", "")
    if name and name not in words:
        _check_place(where, name, taxonomy)
    return name


def _check_place(where: str, name: str, taxonomy: Taxonomy) -> None:
    allowed = [*taxonomy.names, *(group.name for group in taxonomy.outside)]
    if name not in allowed:
        raise InputError(
            f"{where}: {name!r} is no sub-category of {taxonomy.name}; {nearest(name, allowed)}"
            f"there are: {', '.join(allowed)}."
        )


def _check_parts(where: str, cell: str, taxonomy: Taxonomy) -> None:
    try:
        parts = parse_parts(cell)
    except ValueError:
        parts = {"": -1.0}
    if any(not 0 <= weight < math.inf for weight in parts.values()):
        raise InputError(
            f"{where}: also is {cell!r}; write each place with a number of at least 0 behind it, "
            f"such as '{taxonomy.names[0]} 1.5; {taxonomy.names[-1]} 0.5'."
        )
    for name in parts:
        _check_place(where, name, taxonomy)


def _number(where: str, name: str, cell: str) -> float:
    most = _NUMBERS[name]
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not 0 <= value <= most or math.isinf(value):
        allowed = "a number of at least 0" if math.isinf(most) else "a number from 0 to 1"
        raise InputError(f"{where}: {name} is {cell!r}; give {allowed}.")
    return value
