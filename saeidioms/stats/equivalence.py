"""Tests that an effect is too small to matter, which a missing significance does not show."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

from saeidioms.errors import OptionError
from saeidioms.stats.bootstrap import FEWEST_CLUSTERS, Floats, Statistic


def jackknife_error(sums: Floats, statistic: Statistic) -> Floats:
    """Return the standard errors of a statistic of sums over clusters, leaving out one at a time.

    Tukey (1958); Efron and Stein (1981, doi:10.1214/aos/1176345462).

    Parameters
    ----------
    sums
        (C, P) float64, one row a cluster.
    statistic
        Maps (..., P) sums over clusters to (..., S).

    Returns
    -------
    numpy.ndarray
        (S,) float64; NaN with fewer than two clusters, or where the statistic is not defined
        without one of them.
    """
    clusters = len(sums)
    if clusters < FEWEST_CLUSTERS:
        return np.full_like(statistic(sums.sum(axis=0)), np.nan)
    left_out = statistic(sums.sum(axis=0) - sums)
    error: Floats = np.sqrt((clusters - 1) * left_out.var(axis=0))
    return error


def two_one_sided(
    estimate: npt.ArrayLike, error: npt.ArrayLike, bound: float, df: float = np.inf
) -> Floats:
    """Return the p-value of the claim that an effect lies within -bound and +bound.

    Two one-sided t-tests, against -bound from above and +bound from below; the larger p is that of
    both (Schuirmann 1987, doi:10.1007/BF01068419; Lakens 2017, doi:10.1177/1948550617697177).

    Parameters
    ----------
    estimate, error
        (S,) effects and their standard errors.
    bound
        The smallest effect of interest, above zero, in the unit of `estimate`.
    df
        Degrees of freedom, such as the clusters less one.

    Returns
    -------
    numpy.ndarray
        (S,) float64; NaN where the estimate or a positive error is missing.

    Raises
    ------
    OptionError
        If `bound` is not above zero.
    """
    check_bound(bound)
    value, spread = np.asarray(estimate, np.float64), np.asarray(error, np.float64)
    spread = np.where(spread > 0, spread, np.nan)
    return np.maximum(
        stats.t.sf((value + bound) / spread, df), stats.t.cdf((value - bound) / spread, df)
    )


def ruled_out(
    estimate: npt.ArrayLike, error: npt.ArrayLike, df: float = np.inf, *, alpha: float = 0.05
) -> Floats:
    """Return the smallest bound for which `two_one_sided` gives p = alpha.

    The farther end of the interval of level 1 - 2 alpha: effects at least so large are ruled out.

    Parameters
    ----------
    estimate, error, df
        As for `two_one_sided`.
    alpha
        Of the test.
    """
    value, spread = np.asarray(estimate, np.float64), np.asarray(error, np.float64)
    farther: Floats = np.abs(value) + stats.t.ppf(1 - alpha, df) * spread
    return farther


def check_bound(bound: float, most: float = np.inf) -> None:
    """Raise OptionError where `bound` is not above zero and below `most`."""
    if not 0 < bound < most:
        below = "" if np.isinf(most) else f" and below {most:g}"
        raise OptionError(
            f"bound is {bound}; give the smallest effect that would matter, above 0{below}."
        )
