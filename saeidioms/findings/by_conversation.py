"""One person's shares from conversation to conversation, and whether they rise or fall."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from saeidioms.errors import InputError, OptionError
from saeidioms.findings.habit import Floats
from saeidioms.stats.multiplicity import adjusted
from saeidioms.taxonomy.coded import CodedMessages
from saeidioms.taxonomy.distribution import CONVERSATION, as_text

ROSE, FELL = "rose", "fell"
_SURPRISING = 0.05  # q of a change


def course(coded: CodedMessages, order: str | None, level: float) -> pd.DataFrame:
    """Return the shares of each conversation, in order.

    Parameters
    ----------
    coded
        M messages of one person.
    order
        Column of numbers or dates, one value a conversation; None: as they come in the corpus.
    level
        Of the intervals.

    Returns
    -------
    pandas.DataFrame
        K + S rows a conversation: ``level, category, sub_category, part`` (from 1),
        ``conversation_id, at`` (value of the order), ``share, low, high`` (Wilson 1927,
        doi:10.1080/01621459.1927.10502953: of these messages as a sample), ``count, n``.

    Raises
    ------
    OptionError
        If there is no such column, or it holds neither numbers nor dates.
    InputError
        If a conversation has no or several values of it.
    """
    talks = coded.messages[CONVERSATION]
    first = _in_order(coded, order)
    tables = []
    for part, (name, at) in enumerate(zip(first.index, as_text(first), strict=True), start=1):
        held = coded.indicators[(talks == name).to_numpy()]
        n, count = len(held), held.sum(axis=0)
        low, high = proportion_confint(count, n, alpha=1 - level, method="wilson")
        low, high = np.where(count == 0, 0.0, low), np.where(count == n, 1.0, high)  # but rounding
        table = coded.outcomes.assign(part=part, conversation_id=name, at=at, share=count / n)
        tables.append(table.assign(low=low, high=high, count=count, n=n))
    return pd.concat(tables, ignore_index=True)


def change(course: pd.DataFrame, effect: Floats, level: float) -> pd.DataFrame:
    """Return by how much shares rise or fall along a straight line, first to last conversation.

    The slope of least squares over messages, with the variance of a test for trend in proportions
    (Armitage 1955, doi:10.2307/3001775) times the design effect, since the conversations of one
    person differ by more than chance without any trend (Rao and Scott 1992, doi:10.2307/2532311).

    Parameters
    ----------
    course
        As `course` returns it.
    effect
        (K + S,) `saeidioms.findings.habit.design_effects`, of everyone.
    level
        Of the intervals.

    Returns
    -------
    pandas.DataFrame
        K + S rows, or none where there is but one conversation: ``level, category, sub_category,
        difference, low, high`` (percentage points), ``p, q`` (Benjamini and Hochberg, over all
        rows; NaN where all or no messages hold it), ``direction``: ``"rose"`` or ``"fell"`` where q
        is below 0.05, else ``""``.
    """
    names = course.loc[course["part"] == 1, ["level", "category", "sub_category"]]
    parts = int(course["part"].max())
    y, n = (course[name].to_numpy(float).reshape(parts, -1) for name in ("count", "n"))
    total = n.sum(axis=0)
    step = np.arange(parts)[:, None] - (np.arange(parts)[:, None] * n).sum(axis=0) / total
    spread = (n * step**2).sum(axis=0)
    share = y.sum(axis=0) / total
    variance = effect * share * (1 - share) * total / np.maximum(total - 1, 1)
    known = (spread > 0) & (variance > 0)
    scale = np.where(known, spread, np.nan)
    slope, error = (step * y).sum(axis=0) / scale, np.sqrt(variance / scale)
    reach = stats.norm.ppf((1 + level) / 2) * error
    ends = 100 * (parts - 1) * np.stack([slope, slope - reach, slope + reach])
    p = 2 * stats.norm.sf(np.abs(slope) / error)
    q = adjusted(p)
    sure = np.nan_to_num(q, nan=1.0) < _SURPRISING
    table = names.assign(
        difference=ends[0],
        low=np.maximum(ends[1], -100),
        high=np.minimum(ends[2], 100),
        p=p,
        q=q,
        direction=np.select([sure & (slope > 0), sure & (slope < 0)], [ROSE, FELL], ""),
    )
    return table if parts > 1 else table.iloc[:0]


def _in_order(coded: CodedMessages, order: str | None) -> pd.Series:
    """Return the value of the order of each conversation, in its order."""
    talks = coded.messages[CONVERSATION]
    values = coded.column(order or CONVERSATION).groupby(talks, sort=False)
    if (wrong := values.nunique() != 1).any():  # missing values are none
        raise InputError(
            f"conversation {wrong.idxmax()} has no or several values of {order}; give a column "
            "with one value a conversation."
        )
    first = values.first()
    if order is None:
        return first
    number = pd.api.types.is_numeric_dtype(first) or pd.api.types.is_datetime64_any_dtype(first)
    when = first if number else pd.to_datetime(first, format="ISO8601", errors="coerce", utc=True)
    if (text := when.isna()).any():
        raise OptionError(
            f"{order} holds {first[text].iloc[0]!r}, which tells no order; give a column of "
            "numbers or of dates such as 2024-01-31."
        )
    return first.loc[when.sort_values(kind="stable").index]
