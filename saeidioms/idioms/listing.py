"""How all features show themselves together."""

from __future__ import annotations

import pandas as pd

from saeidioms.display import Cell, Display, Share, Table
from saeidioms.idioms.feature import WEAK

_ROWS, _PHRASES = 12, 3


def listing(
    table: pd.DataFrame, readable: pd.DataFrame, idioms: pd.DataFrame, encoder: str
) -> Display:
    """Return the figures of all features, and the most frequent readable ones as a table."""
    flags = table["flag"].value_counts()
    measured = table["fidelity"].dropna()
    facts: dict[str, Cell] = {str(flag): int(count) for flag, count in flags.items() if flag}
    facts["idioms"] = int(idioms["phrase"].nunique())
    if len(measured):
        facts["median fidelity"] = float(measured.median())
        facts["weak labels"] = int((measured < WEAK).sum())
    facts["embedded by"] = encoder
    return Display(f"{len(table):,} features", facts, tables=(_table(readable, idioms),))


def _table(readable: pd.DataFrame, idioms: pd.DataFrame) -> Table:
    rows = readable.head(_ROWS)
    said = idioms[idioms["feature"].isin(rows["feature"])]
    phrases = said.groupby("feature")["phrase"].agg(lambda own: " / ".join(own[:_PHRASES]))
    columns: dict[str, list[Cell]] = {
        "feature": [str(number) for number in rows["feature"]],
        "label": rows["label"].tolist(),
        "idioms": [str(phrases.get(number, "")) for number in rows["feature"]],
        "fires on": [Share(float(density)) for density in rows["density"]],
        "fidelity": [float(value) for value in rows["fidelity"]],
    }
    if "sub_category" in rows:
        columns["place"] = rows["sub_category"].tolist()
    return Table("The most frequent", tuple(columns), list(zip(*columns.values(), strict=True)))
