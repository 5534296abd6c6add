"""Ratings of coders, in the forms that people keep them in, as one long table."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from saeidioms.errors import InputError, OptionError
from saeidioms.stats.agreement import Level
from saeidioms.stats.bootstrap import Floats
from saeidioms.taxonomy.distribution import no_column
from saeidioms.taxonomy.schema import nearest

logger = logging.getLogger(__name__)

_FEWEST = 2  # experts who can agree
_MOST_POINTS = 25  # of an ordinal scale


def long_ratings(
    ratings: pd.DataFrame,
    experts: Sequence[str],
    others: Mapping[str, Sequence[str]],
    cluster: str | None,
) -> pd.DataFrame:
    """Return the ratings there are, of coders with a role.

    Parameters
    ----------
    ratings
        One of three forms, told apart by their columns: ``item, coder, dimension, rating``;
        ``item, coder`` and a column a dimension; ``item, dimension`` and a column a coder. Without
        a dimension there is one, named "rating".
    experts, others
        The coders, and name -> coders.
    cluster
        A column to keep, or None.

    Returns
    -------
    pandas.DataFrame
        ``item, coder, dimension, rating``, and the column `cluster`.

    Raises
    ------
    OptionError
        If a coder or column is not there, or a coder is in two roles.
    InputError
        If there is no column ``item``, a cell of a name is empty, or a rating is given twice.
    """
    _check_roles(experts, others)
    if "item" not in ratings:
        raise InputError("the ratings have no column 'item'; name the column of what was rated so.")
    if cluster is not None and cluster not in ratings:
        raise no_column(cluster, list(ratings.columns))
    clusters = [cluster] if cluster is not None and cluster != "item" else []
    keys = ["item", *clusters, *(name for name in ("coder", "dimension") if name in ratings)]
    if {"coder", "rating"} <= set(ratings):
        table = ratings[[*keys, "rating"]]
    elif "coder" in ratings:
        table = ratings.melt(keys, var_name="dimension", value_name="rating")
    else:
        coders = dict.fromkeys([*experts, *itertools.chain(*others.values())])
        known = [coder for coder in coders if coder in ratings]
        table = ratings[[*keys, *known]].melt(keys, var_name="coder", value_name="rating")
    if "dimension" not in table:
        table = table.assign(dimension="rating")
    for name in keys:
        if table[name].isna().any():
            raise InputError(f"the column {name!r} of the ratings has an empty cell; fill it.")
    if clusters and (table.groupby("item")[clusters[0]].nunique() > 1).any():
        raise InputError(f"an item is in several values of {cluster}; give each item one.")
    table = table[table["rating"].notna()].reset_index(drop=True)
    twice = table[table.duplicated(["item", "coder", "dimension"])]
    if len(twice):
        one = twice.iloc[0]
        raise InputError(
            f"{one['coder']} rated item {one['item']} twice on {one['dimension']}; keep one rating."
        )
    _check_there(table, experts, others)
    return table


def _check_roles(experts: Sequence[str], others: Mapping[str, Sequence[str]]) -> None:
    for name, coders in (("experts", experts), *others.items()):
        if isinstance(coders, str):
            raise OptionError(f"{name} is the text {coders!r}; give a list of coders.")
        if not coders:
            raise OptionError(f"{name} names no coder; give at least one.")
    if len(set(experts)) < _FEWEST:
        raise OptionError(f"experts names only {experts[0]}; two are needed to agree.")
    everyone = [*experts, *itertools.chain(*others.values())]
    for expert in experts:
        if everyone.count(expert) > 1:
            raise OptionError(f"{expert} is an expert and named again; give experts one role.")


def _check_there(
    table: pd.DataFrame, experts: Sequence[str], others: Mapping[str, Sequence[str]]
) -> None:
    there = list(table["coder"].unique())
    everyone = [*experts, *itertools.chain(*others.values())]
    for coder in everyone:
        if coder not in there:
            raise OptionError(
                f"there is no rating by {coder}; "
                f"{nearest(str(coder), map(str, there))}there are: {', '.join(map(str, there))}."
            )
    idle = [str(coder) for coder in there if coder not in everyone]
    if idle:
        logger.warning("Coders without a role are left out: %s.", ", ".join(idle))


def in_numbers(
    table: pd.DataFrame, scale: Level, points: tuple[int, int] | None
) -> tuple[pd.DataFrame, Floats | None]:
    """Return the ratings as numbers, and all (q,) categories, or None where there are fractions.

    Parameters
    ----------
    table
        As `long_ratings` returns it.
    scale
        "ordinal", "interval", or "nominal", whose names become codes.
    points
        Lowest and highest; None: those that occur.

    Raises
    ------
    OptionError
        If an ordinal scale has more than 25 points.
    InputError
        If a rating is no number, no whole one on an ordinal scale, or outside `points`.
    """
    if scale == "nominal":
        codes, names = pd.factorize(table["rating"].astype(str), sort=True)
        return table.assign(rating=codes.astype(np.float64)), np.arange(
            len(names), dtype=np.float64
        )
    numbers = pd.to_numeric(table["rating"], errors="coerce").astype(np.float64)
    low, high = points or (numbers.min(), numbers.max())
    fractions = scale == "ordinal" and (numbers % 1 != 0)
    for wrong, mend in (
        (~np.isfinite(numbers), "is no number; the scale 'nominal' takes names"),
        (fractions, "is no whole number; the scale 'interval' takes fractions"),
        ((numbers < low) | (numbers > high), f"is outside the points {low:g} to {high:g}"),
    ):
        if np.any(wrong):
            row = table.loc[np.flatnonzero(wrong)[0]]
            raise InputError(
                f"{row['coder']} rated item {row['item']} on {row['dimension']} as "
                f"{row['rating']}, which {mend}."
            )
    table = table.assign(rating=numbers)
    if (numbers % 1 != 0).any():
        return table, None
    if scale == "ordinal" and high - low >= _MOST_POINTS:
        raise OptionError(
            f"scale is 'ordinal', but points go from {low:g} to {high:g}; give 'interval' for more "
            f"than {_MOST_POINTS}."
        )
    return table, np.arange(low, high + 1, dtype=np.float64)
