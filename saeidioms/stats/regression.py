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
LONE, SURE = "one cluster", "no variation"
_ROUNDING = 1e-12
_CERTAIN = 1e-8  # a fitted probability this near 0 or 1 was on its way to infinity


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
    notes
        (P,) str, "" or why something is NaN. All of a coefficient: `CONSTANT`, `SEPARATED` or
        `UNIDENTIFIED`. Its error only: `LONE`, where all that tells it is in one cluster, so that
        nothing tells how another one would differ, or `SURE`, where all clusters are alike.
    """

    coefficients: Floats
    errors: Floats
    low: Floats
    high: Floats
    p: Floats
    slopes: Floats
    slope_errors: Floats
    notes: npt.NDArray[np.str_]

    @property
    def note(self) -> str:
        """Why nothing could be estimated; "" where something was."""
        return str(self.notes[0]) if np.isnan(self.coefficients).all() else ""

    @classmethod
    def nothing(cls, n: int, note: str) -> Fit:
        """Return a fit of n columns that could not be made."""
        nan = np.full(n, np.nan)
        return cls(nan, nan, nan, nan, nan, nan, nan, np.full(n, note))


def linear(outcome: Floats, design: Floats, clusters: npt.NDArray, level: float) -> Fit:
    """Fit by ordinary least squares, with errors clustered as the study does.

    The covariance is the sandwich over clusters with the small-sample factor of Stata (CR1);
    tests use a t distribution of G - 1 degrees of freedom (Cameron and Miller 2015,
    doi:10.3368/jhr.50.2.317). A coefficient that one cluster alone tells (the only person of an
    arm) has no error: the sandwich would take the person's fit to be perfect (MacKinnon, Nielsen
    and Webb 2023, doi:10.1016/j.jeconom.2022.04.001).

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
    if overlapping(design).any():
        return Fit.nothing(n_columns, UNIDENTIFIED)
    fitted = sm.OLS(outcome, design).fit(**_robust(clusters))
    coefficients, errors = np.asarray(fitted.params), np.asarray(fitted.bse)
    return _as_fit(coefficients, errors, (coefficients, errors), design, clusters, level)


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
    if overlapping(design).any():
        return Fit.nothing(n_columns, UNIDENTIFIED)
    scale = np.abs(design).max(axis=0)  # seconds since 1970 would be taken for separation
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        warnings.simplefilter("error", PerfectSeparationWarning)
        warnings.simplefilter("error", RuntimeWarning)
        try:
            fitted = sm.Logit(outcome.astype(float), design / scale).fit(
                disp=False, maxiter=100, **_robust(clusters)
            )
        except (
            ConvergenceWarning,
            PerfectSeparationWarning,
            RuntimeWarning,
            np.linalg.LinAlgError,
        ):
            return Fit.nothing(n_columns, SEPARATED)
    coefficients = np.asarray(fitted.params) / scale
    covariance = np.asarray(fitted.cov_params()) / np.outer(scale, scale)
    probability = stats.logistic.cdf(design @ coefficients)
    if np.minimum(probability, 1 - probability).min() < _CERTAIN:
        return Fit.nothing(n_columns, SEPARATED)
    slopes, by_coefficient = _marginal(coefficients, design)
    slope_errors = np.sqrt(np.einsum("ij,jk,ik->i", by_coefficient, covariance, by_coefficient))
    errors = np.sqrt(np.diag(covariance))
    return _as_fit(coefficients, errors, (slopes, slope_errors), design, clusters, level)


def overlapping(design: Floats) -> npt.NDArray[np.bool_]:
    """Return which (P,) columns of an (N, P) design cannot be told from the others."""
    norms = np.linalg.norm(design, axis=0)
    triangle = np.linalg.qr(design / np.where(norms > 0, norms, 1), mode="r")
    _, singular, directions = np.linalg.svd(triangle)
    lost = np.ones(len(directions), dtype=bool)
    lost[: len(singular)] = singular <= len(design) * np.finfo(float).eps
    return _involved(directions[lost])


def _alone(design: Floats, clusters: npt.NDArray) -> npt.NDArray[np.bool_]:
    """Return which (P,) coefficients could not be told without one of the clusters.

    Without the rows of a cluster a direction of the design is lost where they hold all of it: a
    singular value of 1 of their part of an orthonormal basis. The squares of all singular values
    sum to P, so there are few clusters to look at.
    """
    basis, triangle = np.linalg.qr(design / np.linalg.norm(design, axis=0))
    codes = np.unique(clusters, return_inverse=True)[1]
    leverage = np.bincount(codes, (basis**2).sum(axis=1))
    alone = np.zeros(design.shape[1], dtype=bool)
    for cluster in np.flatnonzero(leverage > 1 - _CERTAIN):
        _, singular, directions = np.linalg.svd(basis[codes == cluster], full_matrices=False)
        lost = directions[singular > 1 - _CERTAIN]
        alone |= _involved(np.linalg.solve(triangle, lost.T).T)
    return alone


def _involved(directions: Floats) -> npt.NDArray[np.bool_]:
    """Return which (P,) columns take part in any of (K, P) directions."""
    size = np.abs(directions)
    return (size > 1e-6 * size.max(axis=1, keepdims=True, initial=0)).any(axis=0)


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


def _as_fit(
    coefficients: Floats,
    errors: Floats,
    slopes: tuple[Floats, Floats],
    design: Floats,
    clusters: npt.NDArray,
    level: float,
) -> Fit:
    sure = errors * np.abs(design).max(axis=0) < _ROUNDING
    notes = np.select([_alone(design, clusters), sure], [LONE, SURE], "")
    errors, slope_errors = (np.where(notes == "", one, np.nan) for one in (errors, slopes[1]))
    freedom = len(np.unique(clusters)) - 1
    reach = stats.t.ppf((1 + level) / 2, freedom) * errors
    p = 2 * stats.t.sf(np.abs(coefficients) / errors, freedom)
    low, high = coefficients - reach, coefficients + reach
    return Fit(coefficients, errors, low, high, p, slopes[0], slope_errors, notes)
