"""What a trained dictionary is worth, measured on rows that it was not trained on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

BLOCK = 8192


def sum_of_squares(matrix: npt.NDArray[np.float32], center: npt.NDArray[np.float32]) -> float:
    """Return ``sum |x - center|²`` over the rows of `matrix`, in float64 and block by block."""
    return sum(
        float(np.square(matrix[start : start + BLOCK] - center, dtype=np.float64).sum())
        for start in range(0, len(matrix), BLOCK)
    )


def explained_variance(residual: float, total: float) -> float:
    """Return the share of the variance that a reconstruction explains.

    ``1 - sum |x - x̂|² / sum |x - m|²`` over all held-out rows and all columns, where m is the mean
    of the *training* rows: 1 is perfect, 0 as good as always answering m, below 0 worse.

    Parameters
    ----------
    residual
        ``sum |x - x̂|²``.
    total
        ``sum |x - m|²``.

    Returns
    -------
    float
        NaN where there is no variance to explain.
    """
    return 1 - residual / total if total > 0 else float("nan")


def densities(activations: sparse.csr_matrix) -> npt.NDArray[np.float64]:
    """Return for each of F features the share of the rows on which it fires (activation > 0)."""
    firing = activations.indices[activations.data > 0]
    counts = np.bincount(firing, minlength=activations.shape[1])
    return counts / max(1, activations.shape[0])


def l0(activations: sparse.csr_matrix) -> float:
    """Return how many features fire on a row, on average."""
    return float((activations.data > 0).sum() / max(1, activations.shape[0]))


def dead_share(*densities_of_parts: npt.NDArray[np.float64]) -> float:
    """Return the share of the features that fire in none of the parts."""
    return float(np.mean(np.max(densities_of_parts, axis=0) == 0))
