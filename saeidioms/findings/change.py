"""Change from before to after: within people, and of some groups more than of another."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from saeidioms.errors import InputError, OptionError
from saeidioms.seeds import generator
from saeidioms.stats.bootstrap import Floats, contrast_interval, ratio, sum_by_cluster
from saeidioms.stats.multiplicity import adjusted, adjusted_within
from saeidioms.taxonomy.coded import CodedMessages
from saeidioms.taxonomy.distribution import check_draws
from saeidioms.taxonomy.groups import check_few, check_name, to_compare, value_of

Booleans = npt.NDArray[np.bool_]
FEWEST = 2  # people: one alone does not vary
_TINY = 1e-12  # a difference of shares that is rounding
_TAKEN = (
    "level", "category", "sub_category", "difference", "low", "high", "p", "q", "effect",
    "effect_before", "before", "after", "clusters", "left_out", "confidence_level",
)  # fmt: skip

logger = logging.getLogger(__name__)


def within(
    coded: CodedMessages,
    *,
    time: str,
    before: str,
    after: str,
    cluster: str = "participant_id",
    by: str | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return how much people change: the mean of each person's own change of share.

    Every person counts once, however much they wrote. A person with messages at one of the times
    only has no change; how many there are stands in the table.

    Parameters
    ----------
    coded
        M messages.
    time, before, after
        Column of the times, and the two of its values that are compared.
    cluster
        Column of the people.
    by
        Column whose groups are told apart; None: all people together.
    level
        Of the intervals, which are those of a paired t-test.

    Returns
    -------
    pandas.DataFrame
        ``level, category, sub_category``, the column `by`, ``difference, low, high`` (percentage
        points), ``p``, ``q`` (Benjamini and Hochberg over all sub-categories and groups;
        categories are a family of their own), ``effect`` (in standard deviations of the changes,
        Cohen's d_z) and ``effect_before`` (in those of people's shares before), ``before`` and
        ``after`` (mean shares, 0 to 1), ``clusters`` (people with both), ``left_out``,
        ``confidence_level``. Where all people change by the same, not zero, there is no error to
        measure, and no interval.

    Raises
    ------
    OptionError
        If a column is not there, or a value none of its.
    InputError
        If nobody has messages at both times; a group of which nobody has is left out, and named.
    """
    check_draws(level, 100)
    check_name(by, _TAKEN)
    times, people = times_of(coded, time, before, after), coded.clusters(cluster)
    parts = []
    for name, group in _groups(coded, by):
        first, second = (
            shares_of_people(coded, people, group & times[one]) for one in (before, after)
        )
        both = first.index.intersection(second.index)
        left_out = len(first.index.union(second.index)) - len(both)
        if len(both) == 0:
            logger.warning(
                "Nobody of %s %s has messages at both times; left out.", by or "all", name
            )
            continue
        part = _paired(first.loc[both].to_numpy(), second.loc[both].to_numpy(), level)
        part = pd.concat([coded.outcomes, part], axis=1).assign(left_out=left_out)
        if by is not None:
            part.insert(3, by, name)
        parts.append(part)
    if not parts:
        raise InputError(
            f"nobody has messages both at {time} {before} and at {after}; choose other times, or "
            "another cluster."
        )
    return _with_q(pd.concat(parts, ignore_index=True)).assign(confidence_level=level)


def difference_in_differences(
    coded: CodedMessages,
    *,
    time: str,
    before: str,
    after: str,
    by: str,
    baseline: str,
    cluster: str = "participant_id",
    level: float = 0.95,
    n_boot: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return how much more the shares of some groups change than those of a baseline group.

    What changes in the baseline too (practice, other scenarios) is not the treatment's. Shares are
    of messages, so that those who write more count for more, as in the distribution; people
    present at one time only count at that time.

    Parameters
    ----------
    coded
        M messages.
    time, before, after
        Column of the times, and the two of its values that are compared.
    by, baseline
        Column of the groups, and the one the others are compared with, such as ``control``.
    cluster
        Column of the people, who are drawn as a whole with their messages of both times.
    level, n_boot, seed
        Of the intervals; see `saeidioms.stats.bootstrap.contrast_interval`.

    Returns
    -------
    pandas.DataFrame
        ``level, category, sub_category``, ``group, baseline``, ``difference, low, high`` (of the
        changes, percentage points), ``p``, ``q`` (as in `within`), ``holm`` (Holm 1979, over the
        groups of one sub-category, as the study corrects its contrasts), ``effect`` (in standard
        deviations of the baseline people's shares before), ``change`` and ``baseline_change``
        (percentage points), ``n, baseline_n`` (messages), ``clusters``, ``confidence_level``.

    Raises
    ------
    OptionError
        If a column or value is not there, or there is no other group.
    """
    check_draws(level, n_boot)
    times, people = times_of(coded, time, before, after), coded.clusters(cluster)
    groups = dict(_groups(coded, by))
    baseline, others = to_compare(by, baseline, None, groups)
    width = coded.indicators.shape[1] + 1

    def cells(group: Booleans) -> Floats:
        rows = np.column_stack([coded.indicators, np.ones(len(coded))])
        masks = (group & times[before], group & times[after])
        return np.column_stack([rows * mask[:, None] for mask in masks])

    def change(totals: Floats) -> Floats:
        return ratio(totals[..., width:]) - ratio(totals[..., :width])

    def difference(totals: Floats) -> Floats:
        return change(totals[..., 2 * width :]) - change(totals[..., : 2 * width])

    spread = _spread(shares_of_people(coded, people, groups[baseline] & times[before]).to_numpy())
    parts = []
    for name in others:
        sums = sum_by_cluster(
            np.column_stack([cells(groups[baseline]), cells(groups[name])]), people
        )
        filled = sums[:, width - 1 :: width]  # messages in each of the four cells
        sums, filled = sums[filled.any(axis=1)], filled[filled.any(axis=1)]
        totals = sums.sum(axis=0)
        point = difference(totals)
        low, high, p = contrast_interval(
            *(sums, difference),
            level=level,
            n_boot=n_boot,
            generator=generator(seed, f"difference in differences.{name}"),
            smallest=int((filled > 0).sum(axis=0).min()),
        )
        part = coded.outcomes.assign(group=name, baseline=baseline)
        part["difference"], part["low"], part["high"] = 100 * point, 100 * low, 100 * high
        part["p"], part["effect"] = p, _over(point, spread)
        part["change"] = 100 * change(totals[2 * width :])
        part["baseline_change"] = 100 * change(totals[: 2 * width])
        n = filled.sum(axis=0).astype(int)
        part["n"], part["baseline_n"], part["clusters"] = n[2:].sum(), n[:2].sum(), len(sums)
        parts.append(part)
    table = _with_q(pd.concat(parts, ignore_index=True))
    names = table["level"] + table["category"] + table["sub_category"]
    holm = table.groupby(names, sort=False)["p"].transform(lambda p: adjusted(p, "holm"))
    table.insert(list(table).index("q") + 1, "holm", holm)
    return table.assign(confidence_level=level)


def times_of(coded: CodedMessages, time: str, before: str, after: str) -> dict[str, Booleans]:
    """Return the (M,) mask of each of two times."""
    values = coded.groups(time)
    if before == after:
        raise OptionError(f"before and after are both {before!r}; give two values of {time}.")
    there = list(dict.fromkeys(values))
    asked = {"before": before, "after": after}
    return {one: values == value_of(option, one, time, there) for option, one in asked.items()}


def _groups(coded: CodedMessages, by: str | None) -> Iterator[tuple[str, Booleans]]:
    """Yield the name and (M,) mask of each group of a column."""
    if by is None:
        yield "", np.ones(len(coded), dtype=bool)
        return
    values = coded.groups(by)
    check_few(by, values)
    for name in dict.fromkeys(values):
        yield name, values == name


def shares_of_people(coded: CodedMessages, people: npt.NDArray, rows: Booleans) -> pd.DataFrame:
    """Return a row a person with their share of each outcome, over some messages."""
    return pd.DataFrame(coded.indicators[rows]).groupby(people[rows], sort=True).mean()


def _paired(first: Floats, second: Floats, level: float) -> pd.DataFrame:
    """Return the mean change of (P, S) shares with the interval and p of a paired t-test."""
    changes, n = second - first, len(first)
    mean, spread = changes.mean(axis=0), _spread(changes)
    error = spread / np.sqrt(n)
    reach = stats.t.ppf((1 + level) / 2, max(n - 1, 1)) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * stats.t.sf(np.abs(mean) / error, max(n - 1, 1))
    still = np.abs(mean) < _TINY
    p = np.where(still & (error == 0), 1.0, p)
    known = (error > 0) | (still & (error == 0))
    low, high, p = (np.where(known, part, np.nan) for part in (mean - reach, mean + reach, p))
    return pd.DataFrame(
        {
            "difference": 100 * mean,
            "low": 100 * low,
            "high": 100 * high,
            "p": p,
            "effect": _over(mean, spread),
            "effect_before": _over(mean, _spread(first)),
            "before": first.mean(axis=0),
            "after": second.mean(axis=0),
            "clusters": n,
        }
    )


def _spread(rows: Floats) -> Floats:
    """Return the standard deviation of each column, 0 if rounding; NaN of fewer than two rows."""
    if len(rows) < FEWEST:
        return np.full(rows.shape[1], np.nan)
    return np.where(np.ptp(rows, axis=0) < _TINY, 0.0, rows.std(axis=0, ddof=1))


def _over(values: Floats, spread: Floats) -> Floats:
    """Return values in units of a spread; NaN where nothing varies."""
    return np.divide(values, spread, out=np.full_like(values, np.nan), where=spread > 0)


def _with_q(table: pd.DataFrame) -> pd.DataFrame:
    table.insert(list(table).index("p") + 1, "q", adjusted_within(table["p"], table["level"]))
    return table
