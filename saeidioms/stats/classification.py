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

    def resampled_weights(self, n_boot: int, generator: np.random.Generator) -> Floats:
        """Return (n_boot, n) weights of bootstrap samples within strata.

        Of a stratum's m units, m - 1 are drawn and weighed up: a bootstrap of all m would give too
        little variance where m is small (Rao and Wu 1988, doi:10.1080/01621459.1988.10478591).
        """
        drawn = np.tile(self.weights, (n_boot, 1))
        for stratum in np.unique(self.strata):
            members = np.flatnonzero(self.strata == stratum)
            m = len(members)
            if m > 1:
                times = generator.multinomial(m - 1, np.full(m, 1 / m), size=n_boot)
                drawn[:, members] *= times * (m / (m - 1))
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


def overall_kappa(
    said: Ints,
    truth: Floats,
    sample: StratifiedSample,
    *,
    level: float,
    n_boot: int,
    generator: np.random.Generator,
) -> Estimate:
    """Return Cohen's kappa over all codes at once, with its bootstrap interval (percentile).

    Parameters
    ----------
    said
        (n,) the tool's code of each sampled unit, 0 to K - 1.
    truth
        (n, K) the share of its coders who gave it each code.
    sample
        How it was drawn.
    level, n_boot, generator
        Of the interval.
    """
    codes = np.eye(truth.shape[1])[said]

    def of(weights: Floats) -> Floats:
        weights = weights / weights.sum(axis=-1, keepdims=True)
        agreed = weights @ (codes * truth).sum(axis=1)
        chance = ((weights @ codes) * (weights @ truth)).sum(axis=-1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(chance < 1, (agreed - chance) / (1 - chance), np.nan)

    value = float(of(sample.weights))
    return _around(value, of(sample.resampled_weights(n_boot, generator)), level)


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
    """Return a statistic of a stratified sample, with its interval.

    What is uncertain is how often the tool is right where it said the code, and how often it missed
    it elsewhere. The statistic follows from both, so its interval follows from theirs (see
    `_true_rates`), also where the sample holds no error or no hit, as it does for rare codes: a
    bootstrap of the units would then give an interval of no width.

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
    _, rates = _true_rates(said, truth, sample, n_boot, generator)
    masses = np.array([weights[said].sum(), weights[~said].sum()])
    return _around(value, statistic(np.array([True, False]), rates, masses), level)


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

    The share that the tool found times how much of it is true, plus the rest times how much of it
    was missed. Where strata follow the tool's code this is the tool's share plus the weighted mean
    of its errors in the sample: the design-based difference estimator (Särndal, Swensson and
    Wretman 1992, chapter 6), which prediction-powered inference (Angelopoulos et al. 2023, arXiv
    2301.09633) and design-based supervised learning (Egami et al. 2023, arXiv 2306.04746) use for
    machine codes. Unlike Rogan and Gladen's correction (1978) it needs no rates of error that are
    the same everywhere, and stays stable where the tool is little better than chance.

    Parameters
    ----------
    said_of_all
        (N,) what the tool said of every unit.
    clusters
        (N,) the conversation of each unit, 0 to C - 1: what is resampled for the tool's part.
    said, truth, sample
        The sample, as for `estimate`. Where the tool's yes (or no) is not in it, its word stands,
        and the interval says that nothing is known of it.
    level, n_boot, generator
        Of the interval, which carries the error of both parts. Where conversations differ much in
        what the tool misses, it is a little narrow: in simulations 95% intervals held 91% to 98%.
    """
    naive = said_of_all.mean()
    masses = np.array([naive, 1 - naive])
    hits = np.bincount(clusters, weights=said_of_all)
    sizes = np.bincount(clusters)
    again = generator.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), size=n_boot)
    moved = (again @ hits) / np.maximum(again @ sizes, 1) - naive
    found, rates = _true_rates(said, truth, sample, n_boot, generator)
    # Moved around the tool's own share: that is of these very units, not of drawn ones.
    draws = np.clip(moved + rates @ masses, 0, 1)
    return _around(float(found @ masses), draws, level)


def _true_rates(
    said: Flags,
    truth: Floats,
    sample: StratifiedSample,
    n_boot: int,
    generator: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Return how much is true of what the tool said and of what it did not, and draws of both.

    (2,) weighted shares, and (n_boot, 2) draws from Jeffreys' posterior of each, with the effective
    number of units for their number (Korn and Graubard 1998; Franco et al. 2019 compare such
    intervals). That is the number that would give the share's variance without strata and weights,
    at most Kish's for the weights alone: a variance from few hits is itself a rough guess.
    """
    weights = sample.weights
    found, draws = np.array([1.0, 0.0]), np.empty((n_boot, 2))
    for column, part in enumerate((said, ~said)):
        effective = 0.0
        if part.any():
            own = weights[part] / weights[part].sum()
            share = found[column] = np.clip(own @ truth[part], 0, 1)
            effective = 1 / (own @ own)
            terms = np.zeros(len(said))
            terms[part] = own * (truth[part] - share)
            variance = sum(
                len(of) * of.var(ddof=1)
                for of in (terms[sample.strata == stratum] for stratum in np.unique(sample.strata))
                if len(of) > 1
            )
            if np.ptp(truth[part]) > 0 and variance > 0:  # else a quotient of rounding errors
                effective = min(effective, share * (1 - share) / variance)
        yes = found[column] * effective
        draws[:, column] = generator.beta(yes + 0.5, effective - yes + 0.5, size=n_boot)
    return found, draws


def _ratio(above: Floats, below: Floats) -> Floats:
    top, bottom = np.sum(above, axis=-1), np.sum(below, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(bottom > 0, top / bottom, np.nan)


def _around(value: float, draws: Floats, level: float) -> Estimate:
    """Return a value with the interval that draws give, which holds the value itself."""
    finite = draws[np.isfinite(draws)]
    if not np.isfinite(value) or not len(finite):
        return Estimate(value, np.nan, np.nan)
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(value, min(float(low), value), max(float(high), value))
