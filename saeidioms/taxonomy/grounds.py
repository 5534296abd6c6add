"""What a share rests on: the features of each sub-category, and which of them are to be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from saeidioms.idioms.feature import WEAK

if TYPE_CHECKING:
    from saeidioms.idioms.features import FeatureTable
    from saeidioms.taxonomy.codebook import Codebook

MARK = "†"
NOTE = "no feature with a faithful label"
SENTENCE = (
    f"{MARK} No feature of this sub-category has a faithful label (detection of at least "
    f"{WEAK:g}), and no person placed one there: read its examples before you believe its share."
)
COLUMNS = ("features", "faithful")


def grounds(codebook: Codebook, features: FeatureTable) -> pd.DataFrame:
    """Count the features of each sub-category, and those that one can build on.

    Parameters
    ----------
    codebook
        Places of F features.
    features
        The same features, with the fidelity of their labels.

    Returns
    -------
    pandas.DataFrame
        S rows, by ``sub_category``: ``features`` (Int64) and ``faithful`` (Int64), those whose
        label is faithful or that a person placed; missing where no label was measured.
    """
    placed = features.placed(codebook.table).table
    by_hand = (codebook.table["source"] == "override").to_numpy()
    table = pd.DataFrame(
        {
            "sub_category": placed["sub_category"].to_numpy(),
            "features": 1,
            "faithful": (placed["fidelity"] >= WEAK).to_numpy() | by_hand,
        }
    )
    names = pd.Index(codebook.taxonomy.names, name="sub_category")
    counts = table.groupby("sub_category")[list(COLUMNS)].sum().reindex(names, fill_value=0)
    counts = counts.astype("Int64")
    if placed["fidelity"].isna().all():
        counts["faithful"] = pd.NA
    return counts


def with_grounds(table: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Return a table with what its sub-categories rest on: the columns of `grounds`."""
    return table.join(found, on="sub_category")


def doubtful(table: pd.DataFrame) -> set[str]:
    """Return the sub-categories of such a table that rest on no faithful feature."""
    if "faithful" not in table:
        return set()
    return set(table.loc[(table["faithful"] == 0).fillna(False).astype(bool), "sub_category"])


def note(table: pd.DataFrame) -> str:
    """Return what a figure of such a table says of its marks; nothing where none is marked."""
    return f"{MARK} {NOTE}" if doubtful(table) else ""
