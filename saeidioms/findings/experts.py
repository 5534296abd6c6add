"""How far experts agree among each other, and a tool, a model or a crowd with them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from saeidioms.errors import OptionError
from saeidioms.findings.ratings import in_numbers, long_ratings
from saeidioms.seeds import generator
from saeidioms.stats.agreement import Level
from saeidioms.stats.agreement_sums import Coefficients, alpha, gwet, kappa
from saeidioms.stats.bootstrap import Floats, bootstrap_interval, sum_by_cluster
from saeidioms.taxonomy.distribution import check_draws

PAIRS, REST = "experts", "an expert and the rest"
_LEVELS = ("nominal", "ordinal", "interval")
_COLUMNS = [
    ("kappa", "low", "high"), ("alpha", "alpha_low", "alpha_high"), ("ac", "ac_low", "ac_high"),
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Ratings:
    """Ratings of one dimension.

    ``of`` coder -> (n_items,) numbers, NaN where there is none; ``categories`` (q,), None where the
    numbers are fractions; ``clusters`` (n_items,) int64.
    """

    of: Mapping[str, Floats]
    scale: Level
    categories: Floats | None
    clusters: npt.NDArray[np.int64]

    def middle(self, coders: Sequence[str]) -> Floats:
        """Return (n_items,) medians of coders; of names the one most give, NaN on a tie."""
        table = np.stack([self.of[coder] for coder in coders])
        middle = np.full(table.shape[1], np.nan)
        rated = np.isfinite(table).any(axis=0)
        if self.scale != "nominal":
            middle[rated] = np.nanmedian(table[:, rated], axis=0)
            return middle
        for item in np.flatnonzero(rated):
            codes, times = np.unique(table[:, item], return_counts=True, equal_nan=False)
            times[np.isnan(codes)] = 0
            if (times == times.max()).sum() == 1:
                middle[item] = codes[times.argmax()]
        return middle

    def pair(self, first: Floats, second: Floats) -> Coefficients:
        """Return the kappa of two rows of ratings."""
        return kappa(first, second, nominal=self.scale == "nominal")

    def agreement(self, rows: Sequence[Floats]) -> list[Coefficients]:
        """Return alpha and AC of rows of ratings."""
        table = np.stack(rows)
        grid = self.categories
        if grid is None:
            return [alpha(table, self.scale), _undefined(len(self.clusters))]
        if (table[np.isfinite(table)] % 1 != 0).any():  # medians of an even number
            grid = np.arange(2 * grid[0], 2 * grid[-1] + 1) / 2
        return [alpha(table, self.scale), gwet(table, grid, nominal=self.scale == "nominal")]


def expert_table(
    ratings: pd.DataFrame,
    *,
    experts: Sequence[str],
    others: Mapping[str, Sequence[str]],
    scale: Level = "ordinal",
    points: tuple[int, int] | None = None,
    cluster: str | None = None,
    level: float = 0.95,
    n_boot: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the agreement of experts, and of others with their median, on each dimension.

    The benchmark of arXiv 2506.10150: a tool need agree with experts no better than they do among
    each other. A median is steadier than one expert, so that agreement with it runs higher; the
    fair yardstick is each expert against the median of the rest, which has a row of its own.

    Parameters
    ----------
    ratings
        One of three forms, told apart by their columns: ``item, coder, dimension, rating``;
        ``item, coder`` and a column a dimension; ``item, dimension`` and a column a coder. Without
        a dimension there is one, named "rating". No row where a coder gave no rating, or an empty
        cell.
    experts
        Coders, at least two.
    others
        Name -> its coders, such as ``{"tool": ["tool"], "crowd": ["worker 1", "worker 2"]}``; of
        several, the median.
    scale
        "ordinal" (whole numbers), "interval" (numbers) or "nominal" (names; the majority is taken
        for the median, and ties are left out).
    points
        Lowest and highest of the scale, such as ``(1, 5)``; by default those that occur on any
        dimension. The chance agreement of AC2 depends on them.
    cluster
        Column of `ratings` whose values are drawn as a whole, such as the conversation that items
        are from; None: each item alone.
    level, n_boot, seed
        Of the intervals (`saeidioms.stats.bootstrap.bootstrap_interval`).

    Returns
    -------
    pandas.DataFrame
        For each ``dimension``, rows of ``raters``: "experts" (all pairs), "an expert and the rest"
        (each against the median of the others), then each of `others` (against the experts'
        median). ``kappa`` with ``low, high``: Cohen's, quadratic weights (none for names; Cohen
        1968, doi:10.1037/h0026256), the median over pairs or experts, with ``lowest`` and
        ``highest`` of them; ``alpha, alpha_low, alpha_high``: Krippendorff's at `scale`, of all
        experts, or of the two compared; ``ac, ac_low, ac_high``: Gwet's AC2 with quadratic weights
        (AC1 for names; NaN for fractions), both without a value for each expert and the rest;
        ``coders``, ``n`` items that two of the compared rated, ``clusters``, ``confidence_level``.
        NaN where something is not defined, such as with one rating for all.

    Raises
    ------
    OptionError
        If a coder, column or scale is not there, or a coder is in two roles.
    InputError
        If a column is missing, a rating is given twice, or is no number or outside `points`.
    """
    check_draws(level, n_boot)
    if scale not in _LEVELS:
        raise OptionError(f"scale is {scale!r}; give one of: {', '.join(_LEVELS)}.")
    for name in (PAIRS, REST):
        if name in others:
            raise OptionError(f"others names {name!r}, which results use; give another name.")
    table, categories = in_numbers(long_ratings(ratings, experts, others, cluster), scale, points)
    coders = dict.fromkeys([*experts, *itertools.chain(*others.values())])
    parts = []
    for dimension, rows in table.groupby("dimension", sort=False):
        wide = rows.pivot(index="item", columns="coder", values="rating").reindex(columns=coders)
        clusters = wide.index
        if cluster is not None and cluster != "item":
            clusters = rows.drop_duplicates("item").set_index("item").loc[wide.index, cluster]
        given = _Ratings(
            {coder: row.to_numpy(np.float64) for coder, row in wide.items()},
            scale,
            categories,
            pd.factorize(clusters)[0],
        )
        random = generator(seed, f"experts.{dimension}")
        part = _of_dimension(given, experts, others, level, n_boot, random)
        part.insert(0, "dimension", dimension)
        parts.append(part)
    return pd.concat(parts, ignore_index=True).assign(confidence_level=level)


def _of_dimension(
    given: _Ratings,
    experts: Sequence[str],
    others: Mapping[str, Sequence[str]],
    level: float,
    n_boot: int,
    random: np.random.Generator,
) -> pd.DataFrame:
    """Return the rows of one dimension, all of whose coefficients are drawn together."""
    middle = given.middle(experts)
    single = [given.of[expert] for expert in experts]
    rest = [given.middle([other for other in experts if other != expert]) for expert in experts]
    rows: list[dict[str, Any]] = []
    compared: list[npt.NDArray[np.bool_]] = []  # items
    parts: list[Coefficients] = []
    for name, pairs in (
        (PAIRS, list(itertools.combinations(single, 2))),
        (REST, list(zip(single, rest, strict=True))),
    ):
        of_pairs = [given.pair(one, other) for one, other in pairs]
        known = [pair for pair in of_pairs if np.isfinite(_value(pair))]
        both = Coefficients.together(known) if known else _undefined(len(middle))
        joint = given.agreement(single) if name == PAIRS else 2 * [_undefined(len(middle))]
        parts += [both.summarised(lambda found: np.median(found, axis=-1)), *joint]
        values = [_value(pair) for pair in known]
        ends = {"lowest": min(values, default=np.nan), "highest": max(values, default=np.nan)}
        rows.append({"raters": name, **ends, "coders": len(experts)})
        compared.append(np.isfinite(np.stack(single)).sum(axis=0) > 1)
    for name, coders in others.items():
        own = given.middle(coders)
        parts += [given.pair(middle, own), *given.agreement([middle, own])]
        rows.append({"raters": name, "lowest": np.nan, "highest": np.nan, "coders": len(coders)})
        compared.append(np.isfinite(middle) & np.isfinite(own))
    everything = Coefficients.together(parts)
    clustered = sum_by_cluster(everything.sums, given.clusters)
    found = everything.statistic(clustered.sum(axis=0))
    low, high = bootstrap_interval(
        clustered, everything.statistic, level=level, n_boot=n_boot, generator=random
    )
    estimates = np.stack([found, low, high]).reshape(3, len(rows), 3)
    for i, (row, items) in enumerate(zip(rows, compared, strict=True)):
        row |= {"n": int(items.sum()), "clusters": len(np.unique(given.clusters[items]))}
        for j, names in enumerate(_COLUMNS):
            row |= dict(zip(names, estimates[:, i, j], strict=True))
    kappas, alphas, acs = _COLUMNS
    columns = ["raters", *kappas, "lowest", "highest", *alphas, *acs, "coders", "n", "clusters"]
    return pd.DataFrame(rows)[columns]


def _value(coefficient: Coefficients) -> float:
    return float(coefficient.statistic(coefficient.sums.sum(axis=0))[0])


def _undefined(n_items: int) -> Coefficients:
    """Return a coefficient that is not defined for any items."""
    return Coefficients(np.zeros((n_items, 1)), lambda totals: np.full_like(totals, np.nan))
