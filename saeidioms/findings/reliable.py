"""Which people changed by more than chance, arm by arm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from saeidioms.errors import InputError, OptionError
from saeidioms.findings.change import shares_of_people, times_of
from saeidioms.stats.multiplicity import adjusted_within
from saeidioms.stats.reliable_change import Yardstick
from saeidioms.taxonomy.coded import CodedMessages
from saeidioms.taxonomy.distribution import check_draws

FEWEST = 10  # control people: the yardstick of fewer is none
# Below it agreement is called poor (Cicchetti 1994, doi:10.1037/1040-3590.6.4.284): who changed is
# then mostly a matter of which messages were seen.
LEAST_RELIABILITY = 0.4
FOR_ONE_PERSON = 0.9  # what decisions about one person ask for (Nunnally and Bernstein 1994)
ROSE, FELL, STAYED = "rose", "fell", "stayed"


@dataclass(frozen=True, eq=False)
class ReliableChange:
    """What `reliable_change` found.

    Attributes
    ----------
    people
        A row a person and category or sub-category: ``level, category, sub_category``, the
        columns of people and groups, ``before, after`` (shares, 0 to 1), ``index`` (change in
        standard errors), ``change`` (``"rose"``, ``"fell"``, ``"stayed"``; missing where the
        reliability among the control people is below 0.4, or nothing varies).
    summary
        A row a group, category or sub-category and direction: ``level, category, sub_category``,
        ``group, baseline``, ``change`` (``"rose"`` or ``"fell"``), ``share, low, high`` (of its
        people, Wilson 1927), ``baseline_share``, ``p`` (Fisher's exact test against the control
        people), ``q`` (Benjamini and Hochberg over all groups and directions; categories are a
        family of their own), ``reliability`` and ``error`` (of the control people), ``n,
        baseline_n`` (people), ``left_out, baseline_left_out`` (people with messages at one of the
        two times only, who are in neither), ``confidence_level``. Shares, p and q are missing where
        the reliability is below 0.4.
    """

    people: pd.DataFrame
    summary: pd.DataFrame


def reliable_change(
    coded: CodedMessages,
    *,
    time: str,
    before: str,
    after: str,
    by: str,
    baseline: str,
    cluster: str = "participant_id",
    level: float = 0.95,
) -> ReliableChange:
    """Return which people changed reliably, by the errors of the control people.

    A share of a few messages changes by chance; a person counts as changed only where their change,
    less the mean change of the control people, is beyond what `level` of unchanged people show
    (`saeidioms.stats.reliable_change.Yardstick`). Of the control people themselves about
    ``1 - level`` are then found to have changed. Where the control people's shares before and after
    correlate below 0.4 no verdict is given, and below 0.9 those on single people should not be
    acted upon (Nunnally and Bernstein 1994, Psychometric Theory).

    Parameters
    ----------
    coded
        M messages.
    time, before, after
        Column of the times, and the two of its values that are compared.
    by, baseline
        Column of the groups, and the one nothing was done to.
    cluster
        Column of the people; those with messages at one time only are left out, and counted.
    level
        Of the decision about a person, and of the intervals.

    Raises
    ------
    OptionError
        If a column or value is not there.
    InputError
        If there are fewer than ten control people, or a person is in several groups.
    """
    check_draws(level, 100)
    times, people = times_of(coded, time, before, after), coded.clusters(cluster)
    group_of = pd.Series(coded.groups(by)).groupby(people, sort=True).unique()
    several = group_of[group_of.str.len() > 1]
    if len(several):
        raise InputError(
            f"{cluster} {several.index[0]} is in several groups of {by}; choose a column that is "
            "the same in all messages of a person."
        )
    tables = [shares_of_people(coded, people, times[name]) for name in (before, after)]
    both = tables[0].index.intersection(tables[1].index)
    first, second = (table.loc[both].to_numpy() for table in tables)
    groups = group_of.loc[both].str[0].to_numpy(dtype=object)
    once = tables[0].index.symmetric_difference(tables[1].index)
    left_out = group_of.loc[once].str[0].value_counts()
    names = list(dict.fromkeys(groups))
    if baseline not in names:
        raise OptionError(
            f"baseline is {baseline!r}, which is no value of {by} with people at both times; there "
            f"are: {', '.join(names)}."
        )
    own = groups == baseline
    if own.sum() < FEWEST:
        raise InputError(
            f"{own.sum()} people of {baseline} have messages at both times; errors are measured on "
            f"at least {FEWEST}."
        )
    yardstick = Yardstick.of(first[own], second[own])
    index = yardstick.index(first, second)
    limit = stats.norm.ppf((1 + level) / 2)
    rose, fell = index > limit, index < -limit
    rows = _people(coded, cluster, by, both, groups, first, second, index)
    rows["change"] = np.select(
        [rows["index"] > limit, rows["index"] < -limit], [ROSE, FELL], STAYED
    )
    # Where people who were left alone do not agree with themselves, nothing can be told of others.
    told = (yardstick.error > 0) & (yardstick.reliability >= LEAST_RELIABILITY)
    rows.loc[~np.tile(told, len(both)), "change"] = None
    parts = [
        _summary(coded, changed[groups == name], changed[own], level).assign(
            group=name, change=what, left_out=left_out.get(name, 0)
        )
        for name in names
        if name != baseline
        for what, changed in ((ROSE, rose), (FELL, fell))
    ]
    if not parts:
        raise OptionError(f"{by} has only the value {baseline!r}; choose a column with two.")
    repeats = len(parts)
    summary = pd.concat(parts, ignore_index=True).assign(
        baseline=baseline,
        baseline_left_out=left_out.get(baseline, 0),
        reliability=np.tile(yardstick.reliability, repeats),
        error=np.tile(yardstick.error, repeats),
        confidence_level=level,
    )
    summary.loc[~np.tile(told, repeats), ["share", "low", "high", "baseline_share", "p"]] = np.nan
    summary["q"] = adjusted_within(summary["p"], summary["level"])
    ordered = [
        *("level", "category", "sub_category", "group", "baseline", "change", "share", "low"),
        *("high", "baseline_share", "p", "q", "reliability", "error", "n", "baseline_n"),
        *("left_out", "baseline_left_out", "confidence_level"),
    ]
    return ReliableChange(rows, summary[ordered])


def _people(
    coded: CodedMessages,
    cluster: str,
    by: str,
    people: pd.Index,
    groups: npt.NDArray,
    *tables: np.ndarray,
) -> pd.DataFrame:
    n_people, n_outcomes = len(people), len(coded.outcomes)
    rows = pd.concat([coded.outcomes] * n_people, ignore_index=True)
    rows[cluster], rows[by] = np.repeat(people, n_outcomes), np.repeat(groups, n_outcomes)
    for name, table in zip(("before", "after", "index"), tables, strict=True):
        rows[name] = table.ravel()
    return rows


def _summary(
    coded: CodedMessages, changed: np.ndarray, control: np.ndarray, level: float
) -> pd.DataFrame:
    part, n, n_control = coded.outcomes, len(changed), len(control)
    counts, expected = changed.sum(axis=0), control.sum(axis=0)
    part["share"], part["baseline_share"] = counts / n, expected / n_control
    part["low"], part["high"] = proportion_confint(counts, n, alpha=1 - level, method="wilson")
    part["p"] = [
        stats.fisher_exact([[a, n - a], [b, n_control - b]]).pvalue
        for a, b in zip(counts, expected, strict=True)
    ]
    return part.assign(n=n, baseline_n=n_control)
