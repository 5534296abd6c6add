"""Differences between groups that whole clusters were assigned to, tested by permutation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from saeidioms.errors import InputError, OptionError
from saeidioms.seeds import generator
from saeidioms.stats.bootstrap import sum_by_cluster
from saeidioms.stats.multiplicity import adjusted_within
from saeidioms.stats.permutation import permutation_test
from saeidioms.taxonomy.coded import CodedMessages
from saeidioms.taxonomy.groups import to_compare

_FEWEST = 100


def permute(
    coded: CodedMessages,
    *,
    by: str,
    baseline: str,
    against: str | None = None,
    cluster: str = "participant_id",
    within: str | None = None,
    n_permutations: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return differences of shares between groups, tested by permuting whole clusters.

    Parameters
    ----------
    coded
        M messages. Where a treatment came between, give those after it.
    by, baseline, against
        As for `saeidioms.compare`.
    cluster
        Column of what was assigned to the groups as a whole, such as people.
    within
        Column of the blocks within which it was assigned; None: among all.
    n_permutations
        Number of labellings drawn for each group; the smallest p is 1 / (n_permutations + 1).
    seed
        Of the labellings.

    Returns
    -------
    pandas.DataFrame
        ``level, category, sub_category``, ``group, baseline``, ``difference`` (percentage
        points), ``p``, ``q`` (Benjamini and Hochberg over all sub-categories and groups; categories
        are a family of their own), ``p_family`` (maxT over all of a group, see
        `saeidioms.stats.permutation.Permuted`), ``share, baseline_share``, ``n, baseline_n``
        (messages), ``clusters``.

    Raises
    ------
    OptionError
        If a column or group is not there.
    InputError
        If a cluster is in several groups or blocks: it was not assigned to one as a whole.
    """
    if n_permutations < _FEWEST:
        raise OptionError(f"n_permutations is {n_permutations}; give at least {_FEWEST}.")
    groups, clusters = coded.groups(by), coded.clusters(cluster)
    baseline, others = to_compare(by, baseline, against, groups)
    label = _of_cluster(groups, clusters, by, cluster)
    block = _of_cluster(
        coded.groups(within) if within else np.full(len(coded), ""), clusters, within, cluster
    )
    sums = sum_by_cluster(np.column_stack([coded.indicators, np.ones(len(coded))]), clusters)
    parts = []
    for other in others:
        rows = np.isin(label, [baseline, other])
        found = permutation_test(
            *(sums[rows], label[rows] == other, block[rows]),
            n_permutations=n_permutations,
            generator=generator(seed, f"permute.{other}"),
        )
        part = coded.outcomes.assign(group=other, baseline=baseline)
        part["difference"], part["p"] = 100 * found.difference, found.p
        part["p_family"] = found.p_family
        for prefix, name in (("", other), ("baseline_", baseline)):
            total = sums[label == name].sum(axis=0)
            part[f"{prefix}share"], part[f"{prefix}n"] = total[:-1] / total[-1], int(total[-1])
        parts.append(part.assign(clusters=int(rows.sum())))
    table = pd.concat(parts, ignore_index=True)
    table.insert(list(table).index("p") + 1, "q", adjusted_within(table["p"], table["level"]))
    return table


def _of_cluster(
    values: npt.NDArray, clusters: npt.NDArray, column: str | None, cluster: str
) -> npt.NDArray:
    """Return the one value of each cluster, in the order of `sum_by_cluster`."""
    distinct = pd.Series(values).groupby(clusters, sort=True).unique()
    several = distinct[distinct.str.len() > 1]
    if len(several):
        raise InputError(
            f"{cluster} {several.index[0]} has several values of {column} "
            f"({', '.join(map(str, several.iloc[0]))}); only what a whole {cluster} was assigned "
            "to can be permuted."
        )
    return distinct.str[0].to_numpy(dtype=object)
