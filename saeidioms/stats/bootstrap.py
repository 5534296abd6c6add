"""The cluster bootstrap: whole clusters are drawn again, since what is within one is alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]
Statistic = Callable[[Floats], Floats]  # (..., P) sums over clusters -> (..., S)

FEWEST_CLUSTERS = 2
_BLOCK = 16_000_000  # weights of clusters that are held at once
_FEW_BEYOND = 10  # draws beyond zero that tell its tail
_TINY = np.finfo(float).tiny


def sum_by_cluster(values: npt.ArrayLike, clusters: npt.NDArray) -> Floats:
    """Return the (C, P) sums of (N, P) `values` over the C distinct (N,) `clusters`."""
    codes = np.unique(clusters, return_inverse=True)[1]
    rows = np.asarray(values, dtype=np.float64)
    sums = np.zeros((codes.max(initial=-1) + 1, rows.shape[1]))
    np.add.at(sums, codes, rows)
    return sums


def bootstrap_interval(
    sums: Floats,
    statistic: Statistic,
    *,
    level: float,
    n_boot: int,
    generator: np.random.Generator,
) -> tuple[Floats, Floats, Floats]:
    """Return low and high ends, and p-values against zero, of a statistic of sums over clusters.

    Clusters are drawn with replacement (Davison and Hinkley 1997, *Bootstrap Methods and their
    Application*, section 3.8; Cameron, Gelbach and Miller 2008, doi:10.1162/rest.90.3.414).
    Clusters with the same sums are drawn together, as a multinomial over distinct rows, which is
    the same distribution. The interval is bias-corrected and accelerated (Efron 1987,
    doi:10.1080/01621459.1987.10478410), with the acceleration of leaving out one cluster, and
    expanded as a t interval of G - 1 degrees of freedom is against a normal one, since draws of
    few clusters vary too little (Hesterberg 2015, doi:10.1080/00031305.2015.1089789, 5.3).

    Parameters
    ----------
    sums
        (C, P) float64, one row a cluster.
    statistic
        Maps (..., P) sums over clusters to (..., S); may return NaN where it is not defined.
    level
        Of the interval, such as 0.95.
    n_boot
        Number of draws B.
    generator
        Source of randomness.

    Returns
    -------
    low, high, p
        (S,) float64. The two-sided p-value is that of the interval which ends at zero. All are NaN
        with fewer than two clusters.

    Notes
    -----
    Where fewer than ten draws lie beyond zero, their tail is taken as a normal one of their mean
    and standard deviation, so that p has no floor that the number of draws decides.

    In simulations with overdispersed counts (500 corpora each), intervals of 0.95 held the true
    share, of 0.03 to 0.3, in 0.91 to 0.98 of cases with 8 to 30 clusters and in 0.94 to 0.96 with
    60 and more.
    """
    rows, times = np.unique(sums, axis=0, return_counts=True)
    point = statistic(sums.sum(axis=0))
    if len(sums) < FEWEST_CLUSTERS:
        nothing = np.full_like(point, np.nan)
        return nothing, nothing, nothing
    draws = statistic(_draw(rows, times, n_boot, generator))
    left_out = statistic(sums.sum(axis=0) - rows)
    wider = np.sqrt(len(sums) / (len(sums) - 1))
    at_ends = wider * stats.t.ppf([(1 - level) / 2, (1 + level) / 2], len(sums) - 1)
    ends = np.full((2, len(point)), np.nan)
    p = np.full(len(point), np.nan)
    for s in range(len(point)):
        drawn = draws[np.isfinite(draws[:, s]), s]
        if not len(drawn) or not np.isfinite(point[s]):
            continue
        shape = _Shape.of(drawn, point[s], left_out[:, s], times)
        ends[:, s] = np.quantile(drawn, stats.norm.cdf(shape.bend(at_ends)))
        at_zero = shape.straighten(np.array(_tails_at_zero(drawn)))
        p[s] = min(1.0, 2 * stats.t.cdf(np.array([1, -1]) * at_zero / wider, len(sums) - 1).min())
    return ends[0], ends[1], p


def _draw(
    rows: Floats, times: npt.NDArray[np.int64], n_boot: int, generator: np.random.Generator
) -> Floats:
    """Return the (B, P) sums of draws of clusters, where `times` clusters have equal rows."""
    clusters = times.sum()
    most = max(1, _BLOCK // len(rows))
    sizes = [min(most, n_boot - start) for start in range(0, n_boot, most)]
    blocks = [generator.multinomial(clusters, times / clusters, size=size) for size in sizes]
    return np.concatenate([block.astype(np.float64) @ rows for block in blocks])


@dataclass(frozen=True)
class _Shape:
    """Bias and acceleration of draws: what bends them from a normal distribution."""

    bias: float
    acceleration: float

    @classmethod
    def of(
        cls, drawn: Floats, point: float, left_out: Floats, times: npt.NDArray[np.int64]
    ) -> _Shape:
        """Measure draws about a point, and what leaving out one of `times` equal clusters does."""
        below = ((drawn < point).sum() + 0.5 * (drawn == point).sum()) / len(drawn)
        finite = np.isfinite(left_out)
        if not 0 < below < 1 or not finite.any():
            return cls(0.0, 0.0)
        deviation = np.average(left_out[finite], weights=times[finite]) - left_out[finite]
        spread = (times[finite] * deviation**2).sum()
        if spread <= 0:
            return cls(0.0, 0.0)
        skewness = (times[finite] * deviation**3).sum() / spread**1.5
        return cls(float(stats.norm.ppf(below)), float(skewness / 6))

    def bend(self, z: Floats) -> Floats:
        """Return the normal quantiles of the draws at which a normal interval's ends `z` are."""
        shifted = self.bias + z
        bent: Floats = self.bias + shifted / np.maximum(1 - self.acceleration * shifted, _TINY)
        return bent

    def straighten(self, z: Floats) -> Floats:
        """Return what `bend` takes to `z`."""
        shifted = z - self.bias
        straight: Floats = shifted / np.maximum(1 + self.acceleration * shifted, _TINY) - self.bias
        return straight


def _tails_at_zero(drawn: Floats) -> tuple[float, float]:
    """Return the normal quantiles of zero among draws: with draws of zero below it, and above."""
    share = np.array([(drawn <= 0).mean(), (drawn < 0).mean()])
    spread = drawn.std()
    if min(share[0], 1 - share[1]) * len(drawn) >= _FEW_BEYOND or not spread:
        share = np.clip(share, 1 / (len(drawn) + 1), 1 - 1 / (len(drawn) + 1))
        below, above = stats.norm.ppf(share)
        return float(below), float(above)
    return (float(-drawn.mean() / spread),) * 2


def share_interval(
    numerators: Floats,
    denominators: Floats,
    *,
    level: float,
    n_boot: int,
    generator: np.random.Generator,
) -> tuple[Floats, Floats, Floats]:
    """Return shares with intervals: ratios of sums over clusters.

    Where nothing (or everything) was counted, resampling says nothing; the open end is then that
    of Clopper and Pearson (1934) with clusters as trials, which is wide rather than falsely sure.

    Parameters
    ----------
    numerators
        (C, S), counts of each cluster.
    denominators
        (C,), of how many.
    level, n_boot, generator
        As for `bootstrap_interval`.

    Returns
    -------
    share, low, high
        (S,) float64; NaN where the denominators sum to zero, ends NaN with one cluster.
    """
    used = denominators > 0
    numerators, denominators = numerators[used], denominators[used]
    sums = np.column_stack([numerators, denominators])
    share = ratio(sums.sum(axis=0))
    low, high, _ = bootstrap_interval(sums, ratio, level=level, n_boot=n_boot, generator=generator)
    if len(sums) >= FEWEST_CLUSTERS:
        high[share == 0] = _open_end(len(sums), level)
        low[share == 1] = 1 - _open_end(len(sums), level)
    return share, low, high


def _open_end(clusters: int, level: float) -> float:
    """Return the largest share with which nothing in this many trials is no surprise."""
    return float(1 - ((1 - level) / 2) ** (1 / clusters))


def ratio(sums: Floats) -> Floats:
    """Return all columns but the last over the last; NaN over zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient: Floats = sums[..., :-1] / sums[..., -1:]
    return np.where(np.isfinite(quotient), quotient, np.nan)


def difference_interval(
    first: tuple[Floats, Floats],
    second: tuple[Floats, Floats],
    *,
    level: float,
    n_boot: int,
    generator: np.random.Generator,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return second minus first share, with intervals and p-values.

    Clusters are drawn once for both, so that a cluster found in both (a person before and after)
    is compared with itself, and the difference is as precise as the pairing makes it. Where a
    share is 0 or 1, what resampling cannot know of it (see `share_interval`) is added in quadrature
    (Newcombe 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I).

    Parameters
    ----------
    first, second
        Numerators (C, S) and denominators (C,), of the same C clusters; zero where a cluster has
        nothing in that group.
    level, n_boot, generator
        As for `bootstrap_interval`.

    Returns
    -------
    difference, low, high, p
        (S,) float64; NaN where either group is empty, all but the difference where either has but
        one cluster: nothing tells how such a group varies.
    """
    width = first[0].shape[1] + 1
    sums = np.column_stack([first[0], first[1], second[0], second[1]])
    sums = sums[(first[1] > 0) | (second[1] > 0)]

    def difference(totals: Floats) -> Floats:
        return ratio(totals[..., width:]) - ratio(totals[..., :width])

    low, high, p = bootstrap_interval(
        sums, difference, level=level, n_boot=n_boot, generator=generator
    )
    totals = sums.sum(axis=0)
    point = difference(totals)
    if min((sums[:, width - 1] > 0).sum(), (sums[:, -1] > 0).sum()) < FEWEST_CLUSTERS:
        nothing = np.full_like(point, np.nan)
        return point, nothing, nothing, nothing
    for group, upwards in ((totals[:width], False), (totals[width:], True)):
        share = ratio(group)
        clusters = int((sums[:, 2 * width - 1 if upwards else width - 1] > 0).sum())
        if not clusters:
            continue
        unknown = _open_end(clusters, level)
        may_rise, may_fall = (share == 0, share == 1) if upwards else (share == 1, share == 0)
        high = np.where(may_rise, point + np.hypot(high - point, unknown), high)
        low = np.where(may_fall, point - np.hypot(point - low, unknown), low)
    return point, low, high, p
