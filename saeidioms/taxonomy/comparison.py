"""Differences of shares between groups or times."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from saeidioms.seeds import generator
from saeidioms.stats.bootstrap import difference_interval, sum_by_cluster
from saeidioms.stats.multiplicity import adjusted_within
from saeidioms.taxonomy.distribution import CONVERSATION, Distribution, check_draws
from saeidioms.taxonomy.groups import to_compare


def compare(
    distribution: Distribution,
    *,
    by: str,
    baseline: str,
    against: str | None = None,
    panel: str | None = None,
    cluster: str = CONVERSATION,
    level: float = 0.95,
    n_boot: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the differences of shares between the groups of a column and its baseline.

    Parameters
    ----------
    distribution
        What was counted.
    by
        Column of the groups, such as ``time`` or ``arm``.
    baseline
        The group that the others are compared with.
    against
        Compare only this group; None: every other one.
    panel
        Column within whose values the comparison is made, such as ``setting``.
    cluster
        Column that is resampled as a whole. A cluster in both groups (a person before and after)
        is compared with itself.
    level, n_boot, seed
        Of the intervals: level, number of draws, seed.

    Returns
    -------
    pandas.DataFrame
        ``level, category, sub_category``, the column `panel`, ``group``, ``baseline``,
        ``difference``, ``low``, ``high`` (percentage points), ``p``, ``q`` (Benjamini and
        Hochberg 1995 over all sub-categories, panels and groups; categories are a family of
        their own), ``share``, ``baseline_share`` (0 to 1), ``n``, ``baseline_n``, ``clusters``,
        ``confidence_level``.

    Raises
    ------
    OptionError
        If a column or group is not there.
    """
    check_draws(level, n_boot)
    groups, baseline, others = groups_to_compare(distribution, by, baseline, against)
    clusters = distribution.clusters(cluster)
    parts = []
    for where, within in distribution.groups(panel).items():
        for other in others:
            part = _difference(
                distribution,
                clusters,
                groups[baseline] & within,
                groups[other] & within,
                level=level,
                n_boot=n_boot,
                generator=generator(seed, f"compare.{where}.{other}"),
            )
            part.insert(3, "baseline", baseline)
            part.insert(3, "group", other)
            if panel is not None:
                part.insert(3, panel, where)
            parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    table.insert(list(table).index("p") + 1, "q", adjusted_within(table["p"], table["level"]))
    return table.assign(confidence_level=level)


def groups_to_compare(
    distribution: Distribution, by: str, baseline: str, against: str | None = None
) -> tuple[dict[str, np.ndarray], str, list[str]]:
    """Return the (C,) masks of a column's groups, the baseline, and those to compare with it.

    Raises
    ------
    OptionError
        If the column or a group is not there, or there is none to compare.
    """
    groups = distribution.groups(by)
    baseline, others = to_compare(by, baseline, against, groups)
    return groups, baseline, others


def _difference(
    distribution: Distribution,
    clusters: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    **draws: Any,
) -> pd.DataFrame:
    counts = np.column_stack(
        [distribution.category_counts, distribution.counts, distribution.uncoded]
    )

    def sums(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        both = np.column_stack([counts, distribution.exposure]) * mask[:, None]
        table = sum_by_cluster(both, clusters)
        return table[:, :-1], table[:, -1]

    before, after = sums(first), sums(second)
    difference, low, high, p = difference_interval(before, after, **draws)
    part = distribution.rows()
    part["difference"], part["low"], part["high"] = 100 * difference, 100 * low, 100 * high
    part["p"] = p
    for name, (numerators, denominators) in (("", after), ("baseline_", before)):
        n = denominators.sum()
        part[f"{name}share"] = numerators.sum(axis=0) / n if n else np.nan
        part[f"{name}n"] = int(n)
    part["clusters"] = int(((before[1] > 0) | (after[1] > 0)).sum())
    return part
