"""Which features come again with another seed, and dictionaries made of those that do."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

Array = npt.NDArray[np.float32]


def partners(a: Array, b: Array) -> tuple[npt.NDArray[np.int64], Array]:
    """Match the features of two dictionaries one to one.

    Parameters
    ----------
    a, b
        (F, D) and (G, D), rows of any length above 0; G at least F.

    Returns
    -------
    partner : numpy.ndarray
        (F,) row of `b` for each row of `a`: the assignment with the largest sum of cosines.
    cosine : numpy.ndarray
        (F,) float32 cosine of each pair.
    """
    cosines = _unit(a) @ _unit(b).T
    rows, columns = linear_sum_assignment(-cosines)
    return columns, cosines[rows, columns]


def match(a: Array, b: Array) -> Array:
    """Return the (F,) cosine of each feature of `a` with its one-to-one partner in `b`."""
    return partners(a, b)[1]


def _unit(rows: Array) -> Array:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
