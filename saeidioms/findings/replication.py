"""The analysis of the Lend an Ear study, and beside it what it leaves out.

The study (arXiv 2603.15245) takes every pair of a sentence and a sub-category as a row of its own,
compares the rows of first conversations with those of later ones in the coached arms, and tests
shares as if all rows were independent. People give many rows, and what changes without coaching
changes with it too: the same differences are therefore shown with people as clusters, and against
the change of the control arm.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from saeidioms.corpus.corpus import Corpus
from saeidioms.errors import InputError
from saeidioms.seeds import generator
from saeidioms.stats.bootstrap import (
    Floats,
    contrast_interval,
    difference_interval,
    ratio,
    sum_by_cluster,
)
from saeidioms.stats.multiplicity import adjusted, adjusted_within
from saeidioms.taxonomy.coding import Codes
from saeidioms.taxonomy.distribution import MISSING, Distribution, check_draws, distribute
from saeidioms.taxonomy.groups import check_name, value_of
from saeidioms.taxonomy.taxonomy import Taxonomy

PUBLISHED, CLUSTERS, CONTROL = "as published", "clusters", "against control"
_TAKEN = ("analysis", "holm", "before", "after", "n_before", "n_after")  # beside those of shares

logger = logging.getLogger(__name__)

Booleans = npt.NDArray[np.bool_]
Test = tuple[Floats, Floats, Floats, Floats]  # difference, low, high, p; each (K + S,)


@dataclass(frozen=True, eq=False)
class Study:
    """What `study` found.

    Attributes
    ----------
    table
        ``analysis`` (``"as published"``, ``"clusters"``, ``"against control"``), ``level,
        category, sub_category``, the column of the panels, ``difference, low, high`` (percentage
        points), ``p``, ``q`` (Benjamini and Hochberg) and ``holm`` (Holm) over all sub-categories
        of an analysis and panel (categories are a family of their own), ``before`` and ``after``
        (shares of expressions, 0 to 1), ``n_before, n_after`` (expressions), ``clusters``,
        ``confidence_level``.
    """

    table: pd.DataFrame

    def summary(self) -> str:
        """Return what the honest analyses change, in one plain paragraph."""
        rows = self.table[self.table["level"] == "sub_category"]
        width = rows["high"] - rows["low"]
        by = {name: rows["analysis"] == name for name in (PUBLISHED, CLUSTERS, CONTROL)}
        found = {name: int((rows[mask]["q"] < 0.05).sum()) for name, mask in by.items()}
        own, clustered = (width[by[name]].to_numpy() for name in (PUBLISHED, CLUSTERS))
        known = (own > 0) & np.isfinite(clustered)  # a share of 0 has no width to compare with
        wider = np.median(clustered[known] / own[known]) if known.any() else np.nan
        tested = int(rows[by[PUBLISHED]]["p"].notna().sum())
        again = (rows[by[PUBLISHED]]["q"].to_numpy() < 0.05) & (
            rows[by[CONTROL]]["q"].to_numpy() < 0.05
        )
        return (
            f"With every expression counted as independent, {found[PUBLISHED]} of "
            f"{tested} changes are significant (q < .05). With people as clusters, intervals are "
            f"{wider:.2f} times as wide (median) and {found[CLUSTERS]} are significant. Against "
            f"the change of the control group, {found[CONTROL]} are; {again.sum()} of these are "
            "among those that were significant as published."
        )


def study(
    corpus: Corpus,
    codes: Codes,
    taxonomy: Taxonomy,
    *,
    time: str,
    before: str,
    after: str,
    by: str,
    baseline: str,
    cluster: str = "participant_id",
    panel: str | None = None,
    level: float = 0.95,
    n_boot: int = 2000,
    seed: int = 0,
) -> Study:
    """Analyse a corpus as the Lend an Ear study did, with people as clusters, and against control.

    Parameters
    ----------
    corpus, codes, taxonomy
        Units, preferably sentences, and their codes. A unit with two sub-categories is two
        expressions.
    time, before, after
        Column of the times, and the two of its values that are compared.
    by, baseline
        Column of the arms, and the one that was not treated. Before are all arms, since none was
        treated yet; after are all but `baseline`. Conversations without an arm are in neither.
    cluster
        Column of the people.
    panel
        Column within whose values all is done, such as ``setting``.
    level, n_boot, seed
        Of the intervals.

    Returns
    -------
    Study
        Its intervals ``"as published"`` are unpooled (Wald), and p that of the pooled z-test of
        two proportions; ``"clusters"`` and ``"against control"`` are by
        `saeidioms.stats.bootstrap.contrast_interval`.

    Raises
    ------
    OptionError
        If a column or value is not there, or results use the name of `panel`.
    InputError
        If no panel has expressions at both times.
    """
    check_draws(level, n_boot)
    counted = distribute(corpus, codes, taxonomy, of="expressions")
    people = counted.clusters(cluster)
    first, later = (_mask(counted, time, one, option)
                    for one, option in ((before, "before"), (after, "after")))  # fmt: skip
    untreated = _mask(counted, by, baseline, "baseline")
    parts = []
    check_name(panel, _TAKEN)
    known = counted.column(by) != MISSING
    if not known.all():
        logger.warning(
            "%d of %d conversations have no %s and are left out.",
            *((~known).sum(), len(known), by),
        )
    for where, group in counted.groups(panel).items():
        within = group & known
        random = generator(seed, f"study.{where}")
        sums = [_sums(counted, people, mask & within) for mask in (first, later & ~untreated)]
        arms = [
            _sums(counted, people, mask & within)
            for mask in (first & untreated, later & untreated, first & ~untreated)
        ]
        draws: dict[str, Any] = {"level": level, "n_boot": n_boot, "generator": random}
        tests: dict[str, Test] = {
            PUBLISHED: two_proportions(sums[0], sums[1], level),
            CLUSTERS: difference_interval(_split(sums[0]), _split(sums[1]), **draws),
            CONTROL: _against_control([*arms, sums[1]], draws),
        }
        present = np.column_stack(sums)[:, [sums[0].shape[1] - 1, -1]].any(axis=1)
        for name, test in tests.items():
            part = _rows(counted, name, test, *sums).assign(clusters=int(present.sum()))
            if panel is not None:
                part.insert(4, panel, where)
            parts.append(part)
    table = pd.concat(parts, ignore_index=True).assign(confidence_level=level)
    if table["difference"].isna().all():
        raise InputError(
            f"no {panel or 'corpus'} has expressions both at {time} {before} and, outside of "
            f"{baseline}, at {after}; choose other times, or another panel."
        )
    return Study(table)


def two_proportions(first: Floats, second: Floats, level: float) -> Test:
    """Return second minus first share, its unpooled Wald interval, and p of the pooled z-test.

    Parameters
    ----------
    first, second
        (G, S + 1) counts with their denominators last, any rows; what counts are their sums.
    level
        Of the interval.
    """
    totals = [rows.sum(axis=0) for rows in (first, second)]
    shares, sizes = [ratio(total) for total in totals], [total[-1] for total in totals]
    difference = shares[1] - shares[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(sum(p * (1 - p) / n for p, n in zip(shares, sizes, strict=True)))
        pooled = (totals[0][:-1] + totals[1][:-1]) / (sizes[0] + sizes[1])
        z = difference / np.sqrt(pooled * (1 - pooled) * (1 / sizes[0] + 1 / sizes[1]))
    reach = stats.norm.ppf((1 + level) / 2) * error
    p_value = np.where(difference == 0, 1.0, 2 * stats.norm.sf(np.abs(z)))
    return difference, difference - reach, difference + reach, p_value


def _against_control(cells: list[Floats], draws: dict[str, Any]) -> Test:
    """Return the treated arms' change less the control's: before and after of one, then other."""
    width = cells[0].shape[1]
    sums = np.column_stack(cells)
    sums = sums[sums[:, width - 1 :: width].any(axis=1)]

    def difference(totals: Floats) -> Floats:
        shares = [ratio(totals[..., width * cell : width * (cell + 1)]) for cell in range(4)]
        return (shares[3] - shares[2]) - (shares[1] - shares[0])

    smallest = int((sums[:, width - 1 :: width] > 0).sum(axis=0).min())
    low, high, p = contrast_interval(sums, difference, smallest=smallest, **draws)
    return difference(sums.sum(axis=0)), low, high, p


def _rows(counted: Distribution, name: str, test: Test, *sums: Floats) -> pd.DataFrame:
    part = counted.rows().iloc[:-1].copy()  # expressions are what is coded: none is uncoded
    part.insert(0, "analysis", name)
    difference, low, high, p = test
    part["difference"], part["low"], part["high"] = 100 * difference, 100 * low, 100 * high
    part["p"], part["q"] = p, adjusted_within(p, part["level"])
    part["holm"] = np.nan
    for family in part["level"].unique():
        own = part["level"] == family
        part.loc[own, "holm"] = adjusted(part.loc[own, "p"], "holm")
    for name, rows in zip(("before", "after"), sums, strict=True):
        part[name] = ratio(rows.sum(axis=0))
    part["n_before"], part["n_after"] = (int(rows[:, -1].sum()) for rows in sums)
    return part


def _sums(counted: Distribution, people: npt.NDArray, mask: Booleans) -> Floats:
    """Return (G, K + S + 1) expressions of each person in some conversations, all of them last."""
    rows = np.column_stack([counted.category_counts, counted.counts, counted.exposure])
    return sum_by_cluster(rows * mask[:, None], people)


def _split(sums: Floats) -> tuple[Floats, Floats]:
    return sums[:, :-1], sums[:, -1]


def _mask(counted: Distribution, column: str, value: str, option: str) -> Booleans:
    groups = counted.groups(column)
    return groups[value_of(option, value, column, groups)]
