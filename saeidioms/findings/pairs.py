"""Which sub-categories occur together in messages, more or less often than by their shares."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from saeidioms.errors import InputError
from saeidioms.seeds import generator
from saeidioms.stats.bootstrap import (
    FEWEST_CLUSTERS,
    Floats,
    contrast_interval,
    open_end,
    sum_by_cluster,
)
from saeidioms.stats.multiplicity import adjusted
from saeidioms.taxonomy.coded import CodedMessages
from saeidioms.taxonomy.distribution import CONVERSATION, check_draws


def cooccurrence(
    coded: CodedMessages,
    *,
    cluster: str = CONVERSATION,
    level: float = 0.95,
    n_boot: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return how often every two sub-categories are held by the same message, against chance.

    Chance is that every message holds each of the two by its share, whatever else it holds. Room
    matters too: where most messages hold but one or two sub-categories, these crowd each other out
    and most lifts are below 1; where some messages are far longer than others, these hold more of
    everything and most are above. Read lifts against each other then.

    Parameters
    ----------
    coded
        M messages of S sub-categories.
    cluster, level, n_boot, seed
        As for `saeidioms.taxonomy.comparison.compare`.

    Returns
    -------
    pandas.DataFrame
        S (S - 1) / 2 rows: ``level`` ("sub_category"), ``category, sub_category``,
        ``other_category, other``, ``count`` (messages with both), ``expected``,
        ``lift`` (count over expected) with ``low, high``, ``phi`` (the correlation of the two),
        ``p`` (of lift 1), ``q`` (Benjamini and Hochberg over all pairs), ``n``, ``clusters``,
        ``confidence_level``. Intervals are symmetric on the scale of the logarithm
        (`saeidioms.stats.bootstrap.contrast_interval`). Two that never occur together have no
        logarithm: their upper end and p are those of Clopper and Pearson (1934) with clusters as
        trials. NaN where one of the two does not occur at all.

    Raises
    ------
    InputError
        If the taxonomy has fewer than two sub-categories.
    OptionError
        If there is no such column, or an option is out of range.
    """
    check_draws(level, n_boot)
    members = coded.taxonomy.sub_categories
    first, second = np.triu_indices(len(members), k=1)
    if len(first) == 0:
        raise InputError(
            f"the taxonomy {coded.taxonomy.name} has one sub-category; two are needed."
        )
    clusters = coded.clusters(cluster)
    one, other = coded.holds[:, first], coded.holds[:, second]
    rows = np.column_stack([one & other, one, other, np.ones(len(coded))])
    sums = sum_by_cluster(rows, clusters)
    count, n_one, n_other, n = _split(sums.sum(axis=0))
    expected = n_one * n_other / n
    lift = _quotient(count, expected)
    low, high, p = contrast_interval(
        *(sums, _log_lift),
        level=level,
        n_boot=n_boot,
        generator=generator(seed, "cooccurrence"),
    )
    low, high = np.exp(low), np.exp(high)
    apart = (count == 0) & (expected > 0)
    if len(sums) >= FEWEST_CLUSTERS:
        low[apart], high[apart] = 0, open_end(len(sums), level) * n / expected[apart]
        p[apart] = np.minimum(1, 2 * (1 - expected / n) ** len(sums))[apart]
    spread = np.sqrt(n_one * (n - n_one) * n_other * (n - n_other))
    return pd.DataFrame(
        {
            "level": "sub_category",
            "category": [members[i].category for i in first],
            "sub_category": [members[i].name for i in first],
            "other_category": [members[i].category for i in second],
            "other": [members[i].name for i in second],
            "count": count.astype(np.int64),
            "expected": expected,
            "lift": lift,
            "low": low,
            "high": high,
            "phi": _quotient(n * count - n_one * n_other, spread),
            "p": p,
            "q": adjusted(p),
            "n": len(coded),
            "clusters": len(sums),
            "confidence_level": level,
        }
    )


def _split(totals: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return messages with both, with the one, with the other, and all, of (..., 3 T + 1) sums."""
    t = totals.shape[-1] // 3
    both, one, other = (totals[..., i * t : (i + 1) * t] for i in range(3))
    return both, one, other, totals[..., -1:]


def _log_lift(totals: Floats) -> Floats:
    """Return the logarithm of the lift of (..., 3 T + 1) sums; NaN where it is not finite."""
    both, one, other, n = _split(totals)
    lift = _quotient(both * n, one * other)
    return np.log(lift, out=np.full_like(lift, np.nan), where=lift > 0)


def _quotient(numerator: Floats, denominator: npt.NDArray) -> Floats:
    return np.divide(
        numerator, denominator, out=np.full(np.shape(numerator), np.nan), where=denominator > 0
    )
