"""How good codes are, judged by a stratified sample of human ones, and shares corrected by it.

What people say of a unit is a number from 0 to 1: the share of its coders who give it the code.
Where they differ, neither is taken to be right, and none of their units is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from saeidioms.stats.agreement import Estimate

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class StratifiedSample:
    """A sample of n units, drawn without replacement within strata.

    Attributes
    ----------
    strata
        (n,) int64, the stratum of each sampled unit, 0 to H - 1.
    sizes
        (H,) units of each stratum in all.
    """

    strata: Ints
    sizes: Ints

    @property
    def weights(self) -> Floats:
        """(n,) units that each sampled one stands for (Horvitz and Thompson 1952)."""
        drawn = np.bincount(self.strata, minlength=len(self.sizes))
        return (self.sizes / np.maximum(drawn, 1))[self.strata]

    def draws(self, n_boot: int, generator: np.random.Generator) -> Ints:
        """Return (n_boot, n) sampled units, drawn again with replacement within their strata."""
        drawn = np.empty((n_boot, len(self.strata)), dtype=np.int64)
        for stratum in np.unique(self.strata):
            members = np.flatnonzero(self.strata == stratum)
            picks = generator.integers(len(members), size=(n_boot, len(members)))
            drawn[:, members] = members[picks]
        return drawn


def precision(said: Flags, truth: Floats, weights: Floats) -> Floats:
    """Return, over the last axis, the weighted share of what was said that is true."""
    return _ratio(weights * said * truth, weights * said)


def recall(said: Flags, truth: Floats, weights: Floats) -> Floats:
    """Return, over the last axis, the weighted share of what is true that was said."""
    return _ratio(weights * said * truth, weights * truth)


def f1(said: Flags, truth: Floats, weights: Floats) -> Floats:
    """Return the harmonic mean of `precision` and `recall`."""
    return _ratio(2 * weights * said * truth, weights * said + weights * truth)


def kappa(said: Flags, truth: Floats, weights: Floats) -> Floats:
    """Return Cohen's kappa of weighted codes; NaN where both are constant."""
    total = weights.sum(axis=-1)
    agreed = (weights * np.where(said, truth, 1 - truth)).sum(axis=-1) / total
    by_said, by_truth = ((weights * codes).sum(axis=-1) / total for codes in (said, truth))
    chance = by_said * by_truth + (1 - by_said) * (1 - by_truth)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(chance < 1, (agreed - chance) / (1 - chance), np.nan)


def estimate(
    statistic: Callable[[Flags, Floats, Floats], Floats],
    said: Flags,
    truth: Floats,
    sample: StratifiedSample,
    *,
    level: float,
    n_boot: int,
    generator: np.random.Generator,
) -> Estimate:
    """Return a statistic of a stratified sample, with its bootstrap interval (percentile).

    Parameters
    ----------
    statistic
        Such as `precision`.
    said, truth
        (n,) what the tool said of each sampled unit, and the share of people who did.
    sample
        How it was drawn.
    level, n_boot, generator
        Of the interval.
    """
    weights = sample.weights
    value = float(statistic(said, truth, weights))
    drawn = sample.draws(n_boot, generator)
    low, high = _ends(statistic(said[drawn], truth[drawn], weights[drawn]), level)
    return Estimate(value, low, high)


def corrected_share(
    said_of_all: Flags,
    clusters: Ints,
    said: Flags,
    truth: Floats,
    sample: StratifiedSample,
    *,
    level: float,
    n_boot: int,
    generator: np.random.Generator,
) -> Estimate:
    """Return the share of units that people would give a code, by the tool's codes and a sample.

    The share that the tool found, plus the weighted mean of what it missed and over-counted in the
    sample: the design-based difference estimator (Särndal, Swensson and Wretman 1992, chapter 6),
    which prediction-powered inference (Angelopoulos et al. 2023, arXiv 2301.09633) and
    design-based supervised learning (Egami et al. 2023, arXiv 2306.04746) use for machine codes.
    Unlike Rogan and Gladen's correction (1978) it needs no rates of error that are the same
    everywhere, and stays stable where the tool is little better than chance.

    Parameters
    ----------
    said_of_all
        (N,) what the tool said of every unit.
    clusters
        (N,) the conversation of each unit, 0 to C - 1: what is resampled for the tool's part.
    said, truth, sample
        The sample, as for `estimate`.
    level, n_boot, generator
        Of the interval, which carries the error of both parts.
    """
    n_units = len(said_of_all)
    weights = sample.weights
    error = weights * (truth - said.astype(np.float64)) / weights.sum()
    value = said_of_all.mean() + error.sum()
    hits = np.bincount(clusters, weights=said_of_all)
    sizes = np.bincount(clusters)
    again = generator.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), size=n_boot)
    naive = (again @ hits) / np.maximum(again @ sizes, 1)
    drawn = sample.draws(n_boot, generator)
    totals = naive + error[drawn].sum(axis=1)
    # Centred at the estimate: the tool's part is of these very units, not of drawn ones.
    low, high = _ends(value + totals - totals.mean(), level) if n_units else (np.nan, np.nan)
    return Estimate(*(float(np.clip(number, 0, 1)) for number in (value, low, high)))


def _ratio(above: Floats, below: Floats) -> Floats:
    top, bottom = np.sum(above, axis=-1), np.sum(below, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(bottom > 0, top / bottom, np.nan)


def _ends(draws: Floats, level: float) -> tuple[float, float]:
    finite = draws[np.isfinite(draws)]
    if not len(finite):
        return float("nan"), float("nan")
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
