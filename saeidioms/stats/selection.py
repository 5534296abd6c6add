"""Choosing the few columns of many that go with a target."""

from __future__ import annotations

import warnings
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import lars_path

Floats = npt.NDArray[np.float64]
Method = Literal["correlation", "separation", "lasso", "stability"]
METHODS = get_args(Method)
PAIRS = 50  # of complementary halves


def select(
    columns: Floats, target: Floats, n: int, method: Method, generator: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Return the numbers of the n columns that go best with a target, the best first.

    Parameters
    ----------
    columns
        (N, P), of zeros and ones.
    target
        (N,).
    n
        How many, at most.
    method
        ``"correlation"``: largest absolute correlation. ``"separation"``: largest difference of
        the mean target with and without. ``"lasso"``: the first to enter the lasso's path (Efron et
        al. 2004, doi:10.1214/009053604000000067), so that of columns that tell the same one is
        taken. ``"stability"``: those that are among the first n of the lasso's path in the most of
        50 complementary pairs of random halves (Meinshausen and Buhlmann 2010,
        doi:10.1111/j.1467-9868.2010.00740.x; Shah and Samworth 2013,
        doi:10.1111/j.1467-9868.2011.01034.x).
    generator
        Of the halves.
    """
    if method == "correlation":
        score = np.abs(_scaled(columns).T @ (target - target.mean()))
    elif method == "separation":
        score = np.abs(_separation(columns, target))
    elif method == "lasso":
        return _path(columns, target, n)
    else:
        score = np.zeros(columns.shape[1])
        for _ in range(PAIRS):
            order = generator.permutation(len(target))
            for half in (order[: len(order) // 2], order[len(order) // 2 :]):
                score[_path(columns[half], target[half], n)] += 1 / (2 * PAIRS)
    best = np.argsort(-score, kind="stable")[:n]
    return best[score[best] > 0]


def _scaled(columns: Floats) -> Floats:
    """Return columns of mean 0 and length 1; zeros where nothing varies."""
    centred = columns - columns.mean(axis=0)
    length = np.sqrt(np.square(centred).sum(axis=0))
    return np.divide(centred, length, out=np.zeros_like(centred), where=length > 1e-12)


def _separation(columns: Floats, target: Floats) -> Floats:
    on = columns.sum(axis=0)
    off = len(target) - on
    both = (on > 0) & (off > 0)
    sums = columns.T @ target
    with_it = np.divide(sums, on, out=np.zeros_like(sums), where=both)
    without = np.divide(target.sum() - sums, off, out=np.zeros_like(sums), where=both)
    return np.where(both, with_it - without, 0.0)


def _path(columns: Floats, target: Floats, n: int) -> npt.NDArray[np.int64]:
    """Return the columns in the order in which they enter the lasso's path."""
    scaled = _scaled(columns)
    varying = np.flatnonzero(np.square(scaled).sum(axis=0) > 0)
    if not len(varying) or np.ptp(target) == 0:
        return np.zeros(0, dtype=np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of equal columns one is dropped
        _, _, coefficients = lars_path(
            scaled[:, varying], target - target.mean(), method="lasso", max_iter=2 * n
        )
    entered = np.argmax(coefficients != 0, axis=1)
    inside = np.flatnonzero((coefficients != 0).any(axis=1))
    return varying[inside[np.argsort(entered[inside], kind="stable")][:n]].astype(np.int64)
