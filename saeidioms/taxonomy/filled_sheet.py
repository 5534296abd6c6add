"""Reading the sheets that people coded in, row by row, with the mend for each mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from saeidioms.errors import ArtifactError, InputError
from saeidioms.idioms.features import FeatureTable
from saeidioms.taxonomy.coding_sheet import CODED, COLUMNS, CONFIDENT, digest_of
from saeidioms.taxonomy.filled_form import read_form
from saeidioms.taxonomy.form import NONE, choices
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
    for where, cells in read_form(path, required=_REQUIRED, allowed=COLUMNS):
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
