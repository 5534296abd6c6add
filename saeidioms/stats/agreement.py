"""How far coders agree beyond chance, with intervals from resampled items."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import krippendorff
import numpy as np
import numpy.typing as npt
import pandas as pd

from saeidioms.errors import InputError, OptionError

Level = Literal["nominal", "ordinal", "interval"]
Weights = Literal["linear", "quadratic"]
Statistic = Callable[[npt.NDArray[np.int64]], float]  # (n,) numbers of items -> the statistic

_LEVELS = ("nominal", "ordinal", "interval")
_WEIGHTS = (None, "linear", "quadratic")
_FEWEST = 2  # ratings that make a pair, categories that can be told apart, clusters to draw from


@dataclass(frozen=True)
class Estimate:
    """A statistic with the ends of its interval; NaN where it is not defined."""

    value: float
    low: float
    high: float


def krippendorff_alpha(
    ratings: npt.ArrayLike, level: Level = "nominal", *, categories: Sequence[Any] | None = None
) -> float:
    """Return Krippendorff's alpha, of any number of coders and with missing ratings.

    Krippendorff (2019), *Content Analysis*, 4th edition, chapter 12; computed by the package
    ``krippendorff``.

    Parameters
    ----------
    ratings
        (n_coders, n_items) numbers or names; None or NaN where a coder gave none.
    level
        "nominal"; "ordinal" (the order of `categories`); "interval" (numbers).
    categories
        Those there are, in their order; by default those that occur, sorted.

    Returns
    -------
    float
        1 is full agreement, 0 that of chance. NaN where no item has two ratings, or all ratings of
        such items are one category, since chance then leaves nothing to disagree about.

    Raises
    ------
    OptionError
        If `level` is not one of the three.
    InputError
        If `ratings` is no matrix, holds what is no category, or no numbers at "interval".
    """
    if level not in _LEVELS:
        raise OptionError(f"level is {level!r}; give one of: {', '.join(_LEVELS)}.")
    codes, names = _coded(ratings, categories)
    counts = _counts(codes, len(names))
    counts = counts[counts.sum(axis=1) >= _FEWEST]
    if (counts.sum(axis=0) > 0).sum() < _FEWEST:
        return np.nan
    domain = _numbers(names) if level == "interval" else np.arange(len(names), dtype=np.float64)
    return float(
        krippendorff.alpha(value_counts=counts, value_domain=domain, level_of_measurement=level)
    )


def cohen_kappa(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    weights: Weights | None = None,
    *,
    categories: Sequence[Any] | None = None,
) -> float:
    """Return Cohen's kappa of two coders over the items that both rated.

    Cohen (1960), doi:10.1177/001316446002000104; weighted: Cohen (1968), doi:10.1037/h0026256;
    computed by scikit-learn.

    Parameters
    ----------
    first, second
        (n_items,) numbers or names; None or NaN where a coder gave none.
    weights
        None: a disagreement is a disagreement; "linear" or "quadratic": it weighs by the distance
        of the two in the order of `categories`.
    categories
        As for `krippendorff_alpha`; give them where some may not occur, since that changes
        distances.

    Returns
    -------
    float
        NaN where no item has both ratings, or both coders used one and the same category.

    Raises
    ------
    OptionError
        If `weights` is not one of the three.
    InputError
        If the two differ in length, or hold what is no category.
    """
    _check_weights(weights)
    one, two = (np.asarray(ratings, dtype=object) for ratings in (first, second))
    if one.shape != two.shape or one.ndim != 1:
        raise InputError(
            f"the coders' ratings have shapes {one.shape} and {two.shape}; give one rating an item "
            "for each."
        )
    from sklearn.metrics import cohen_kappa_score

    codes, names = _coded(np.stack([one, two]), categories)
    both = codes[:, (codes >= 0).all(axis=0)]
    if len(np.unique(both)) < _FEWEST:
        return np.nan
    return float(cohen_kappa_score(*both, labels=np.arange(len(names)), weights=weights))


def gwet_ac(
    ratings: npt.ArrayLike,
    weights: Weights | None = None,
    *,
    categories: Sequence[Any] | None = None,
) -> float:
    """Return Gwet's AC1, or AC2 where disagreements are weighted.

    Less at the mercy of rare categories than kappa and alpha. Gwet (2014), *Handbook of Inter-Rater
    Reliability*, 4th edition, chapters 4 and 5; Gwet (2008), doi:10.1348/000711006X126600. Any
    number of coders, with missing ratings.

    Parameters
    ----------
    ratings
        (n_coders, n_items) numbers or names; None or NaN where a coder gave none.
    weights
        None for AC1; "linear" or "quadratic" for AC2, by distances in the order of `categories`.
    categories
        As for `krippendorff_alpha`. Chance depends on their number: give them where some may not
        occur.

    Returns
    -------
    float
        NaN where no item has two ratings, or there is one category only.

    Raises
    ------
    OptionError
        If `weights` is not one of the three.
    InputError
        If `ratings` is no matrix, or holds what is no category.
    """
    _check_weights(weights)
    codes, names = _coded(ratings, categories)
    q = len(names)
    counts = _counts(codes, q).astype(np.float64)
    n_ratings = counts.sum(axis=1)
    counts, n_ratings = counts[n_ratings > 0], n_ratings[n_ratings > 0]
    several = n_ratings >= _FEWEST
    if q < _FEWEST or not several.any():
        return np.nan
    w = _agreement_weights(q, weights)
    alike = (counts * (counts @ w - 1)).sum(axis=1)[several]
    observed = (alike / (n_ratings * (n_ratings - 1))[several]).mean()
    prevalence = (counts / n_ratings[:, None]).mean(axis=0)
    chance = w.sum() / (q * (q - 1)) * (prevalence * (1 - prevalence)).sum()
    return float((observed - chance) / (1 - chance))


def bootstrap_estimate(
    statistic: Statistic,
    n_items: int,
    clusters: npt.ArrayLike | None = None,
    *,
    level: float = 0.95,
    n_boot: int = 2000,
    generator: np.random.Generator,
) -> Estimate:
    """Return a statistic of items with its percentile interval.

    Items, or whole clusters of them, are drawn with replacement (Efron and Tibshirani 1993, *An
    Introduction to the Bootstrap*, chapter 13).

    Parameters
    ----------
    statistic
        Maps (n,) int64 numbers of items, each as often as it was drawn, to a float.
    n_items
        How many items there are.
    clusters
        (n_items,) what each item belongs to, such as its conversation; by default each stands
        alone.
    level
        Of the interval, such as 0.95.
    n_boot
        Number of draws.
    generator
        Source of randomness.

    Returns
    -------
    Estimate
        Draws in which the statistic is not defined are left out. The ends are NaN where all are,
        and with fewer than two clusters; the value is NaN with no items.

    Raises
    ------
    InputError
        If there is not one cluster for each item.
    """
    if n_items == 0:
        return Estimate(np.nan, np.nan, np.nan)
    value = float(statistic(np.arange(n_items)))
    codes = np.arange(n_items)
    if clusters is not None:
        codes, _ = pd.factorize(np.asarray(clusters, dtype=object), use_na_sentinel=False)
    if len(codes) != n_items:
        raise InputError(f"{len(codes)} clusters were given for {n_items} items; give one an item.")
    order = np.argsort(codes, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    if len(members) < _FEWEST:
        return Estimate(value, np.nan, np.nan)
    draws = np.empty(n_boot)
    for draw in range(n_boot):
        drawn = generator.integers(len(members), size=len(members))
        items = drawn if clusters is None else np.concatenate([members[i] for i in drawn])
        draws[draw] = statistic(items)
    draws = draws[np.isfinite(draws)]
    if not len(draws):
        return Estimate(value, np.nan, np.nan)
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(value, float(low), float(high))


def _coded(
    ratings: npt.ArrayLike, categories: Sequence[Any] | None
) -> tuple[npt.NDArray[np.int64], list[Any]]:
    """Return (n_coders, n_items) positions among the categories, -1 where missing, and these."""
    given = np.asarray(ratings, dtype=object)
    if given.ndim != 2:
        raise InputError(
            f"the ratings have shape {given.shape}; give a row a coder and a column an item."
        )
    missing = pd.isna(given)
    names = list(categories) if categories is not None else sorted(set(given[~missing]))
    position = {name: i for i, name in enumerate(names)}
    codes = np.full(given.shape, -1, dtype=np.int64)
    try:
        codes[~missing] = [position[rating] for rating in given[~missing]]
    except KeyError as error:
        raise InputError(
            f"the rating {error} is no category; there are: {', '.join(map(str, names))}."
        ) from None
    return codes, names


def _counts(codes: npt.NDArray[np.int64], q: int) -> npt.NDArray[np.int64]:
    """Return (n_items, q): how many coders gave each item each category."""
    counts = np.zeros((codes.shape[1], q), dtype=np.int64)
    coders, items = np.nonzero(codes >= 0)
    np.add.at(counts, (items, codes[coders, items]), 1)
    return counts


def _numbers(names: list[Any]) -> npt.NDArray[np.float64]:
    try:
        return np.array(names, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(
            f"the ratings {', '.join(map(str, names[:3]))} are no numbers; the level 'interval' "
            "needs numbers, 'ordinal' takes categories in their order."
        ) from None


def _agreement_weights(q: int, weights: Weights | None) -> npt.NDArray[np.float64]:
    """Return (q, q): 1 for full agreement, 0 for the farthest apart."""
    if weights is None:
        return np.eye(q)
    distance = np.abs(np.subtract.outer(np.arange(q), np.arange(q))) / (q - 1)
    return 1 - (distance if weights == "linear" else distance**2)


def _check_weights(weights: str | None) -> None:
    if weights not in _WEIGHTS:
        raise OptionError(f"weights is {weights!r}; give None, 'linear' or 'quadratic'.")
