"""Regressions with errors that respect clusters, and average marginal effects."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import statsmodels.api as sm
from scipy import stats
from statsmodels.tools.sm_exceptions import ConvergenceWarning, PerfectSeparationWarning

Floats = npt.NDArray[np.float64]

CONSTANT, SEPARATED, UNIDENTIFIED = "constant outcome", "perfect separation", "terms overlap"


@dataclass(frozen=True)
class Fit:
    """Coefficients of one model.

    Attributes
    ----------
    coefficients, errors, low, high, p
        (P,) float64, a column of the design each; NaN where nothing could be estimated.
    slopes
        (P,) for a logistic model average marginal effects, for a linear one the coefficients.
    slope_errors
        (P,), of `slopes`.
    note
        "", or why there is nothing: `CONSTANT`, `SEPARATED` or `UNIDENTIFIED`.
    """

    coefficients: Floats
    errors: Floats
    low: Floats
    high: Floats
    p: Floats
    slopes: Floats
    slope_errors: Floats
    note: str

    @classmethod
    def nothing(cls, n: int, note: str) -> Fit:
        """Return a fit of n columns that could not be made."""
        nan = np.full(n, np.nan)
        return cls(nan, nan, nan, nan, nan, nan, nan, note)


def linear(outcome: Floats, design: Floats, clusters: npt.NDArray, level: float) -> Fit:
    """Fit by ordinary least squares, with errors clustered as the study does.

    The covariance is the sandwich over clusters with the small-sample factor of Stata (CR1);
    tests use a t distribution of G - 1 degrees of freedom (Cameron and Miller 2015,
    doi:10.3368/jhr.50.2.317).

    Parameters
    ----------
    outcome
        (N,).
    design
        (N, P), the intercept included.
    clusters
        (N,) cluster of each row; at least two.
    level
        Of the intervals.
    """
    n_columns = design.shape[1]
    if np.ptp(outcome) == 0:
        return Fit.nothing(n_columns, CONSTANT)
    if np.linalg.matrix_rank(design) < n_columns:
        return Fit.nothing(n_columns, UNIDENTIFIED)
    fitted = sm.OLS(outcome, design).fit(**_robust(clusters))
    return _as_fit(fitted.params, fitted.bse, clusters, level)


def logistic(
    outcome: npt.NDArray[np.bool_], design: Floats, clusters: npt.NDArray, level: float
) -> Fit:
    """Fit a logistic regression by maximum likelihood, with errors as `linear`.

    Average marginal effects are the mean over rows of the derivative of the probability for
    numbers, and of the difference that turning the column from 0 to 1 makes for columns of zeros
    and ones; their errors are by the delta method on the clustered covariance (Wooldridge 2010,
    15.6). A column that is a product of others is taken by itself.

    Parameters
    ----------
    outcome
        (N,) bool.
    design, clusters, level
        As for `linear`.
    """
    n_columns = design.shape[1]
    if np.ptp(outcome.astype(int)) == 0:
        return Fit.nothing(n_columns, CONSTANT)
    if np.linalg.matrix_rank(design) < n_columns:
        return Fit.nothing(n_columns, UNIDENTIFIED)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        warnings.simplefilter("error", PerfectSeparationWarning)
        warnings.simplefilter("error", RuntimeWarning)
        try:
            fitted = sm.Logit(outcome.astype(float), design).fit(
                disp=False, maxiter=100, **_robust(clusters)
            )
        except (
            ConvergenceWarning,
            PerfectSeparationWarning,
            RuntimeWarning,
            np.linalg.LinAlgError,
        ):
            return Fit.nothing(n_columns, SEPARATED)
    slopes, by_coefficient = _marginal(np.asarray(fitted.params), design)
    covariance = np.asarray(fitted.cov_params())
    slope_errors = np.sqrt(np.einsum("ij,jk,ik->i", by_coefficient, covariance, by_coefficient))
    fit = _as_fit(fitted.params, fitted.bse, clusters, level)
    return Fit(
        fit.coefficients, fit.errors, fit.low, fit.high, fit.p, slopes, slope_errors, fit.note
    )


def _marginal(coefficients: Floats, design: Floats) -> tuple[Floats, Floats]:
    """Return the (P,) average marginal effects, and their (P, P) derivatives by coefficients."""
    n_columns = design.shape[1]
    effects, gradients = np.zeros(n_columns), np.zeros((n_columns, n_columns))
    probability = stats.logistic.cdf(design @ coefficients)
    slope = probability * (1 - probability)
    for column in range(n_columns):
        if set(np.unique(design[:, column])) <= {0.0, 1.0} and np.ptp(design[:, column]):
            on, off = design.copy(), design.copy()
            on[:, column], off[:, column] = 1, 0
            p_on, p_off = (stats.logistic.cdf(one @ coefficients) for one in (on, off))
            effects[column] = (p_on - p_off).mean()
            weighted = (p_on * (1 - p_on))[:, None] * on - (p_off * (1 - p_off))[:, None] * off
            gradients[column] = weighted.mean(axis=0)
        else:
            effects[column] = coefficients[column] * slope.mean()
            bend = (slope * (1 - 2 * probability))[:, None] * design
            gradients[column] = coefficients[column] * bend.mean(axis=0)
            gradients[column, column] += slope.mean()
    return effects, gradients


def _robust(clusters: npt.NDArray) -> dict[str, object]:
    groups = np.unique(clusters, return_inverse=True)[1]
    return {"cov_type": "cluster", "cov_kwds": {"groups": groups, "use_correction": True}}


def _as_fit(params: Floats, bse: Floats, clusters: npt.NDArray, level: float) -> Fit:
    freedom = len(np.unique(clusters)) - 1
    coefficients, errors = np.asarray(params, dtype=float), np.asarray(bse, dtype=float)
    reach = stats.t.ppf((1 + level) / 2, freedom) * errors
    p = 2 * stats.t.sf(np.abs(coefficients) / np.where(errors > 0, errors, np.nan), freedom)
    low, high = coefficients - reach, coefficients + reach
    return Fit(coefficients, errors, low, high, p, coefficients, errors, "")
