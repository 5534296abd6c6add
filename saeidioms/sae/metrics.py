"""What a trained dictionary is worth, measured on rows that it was not trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from saeidioms.sae.coder import Coder
from saeidioms.sae.rows import Matrix, Rows, blocks, read

BLOCK = 8192
DEAD_ROWS = 200_000  # training rows on which a feature must be silent to count as dead


def sum_of_squares(matrix: npt.NDArray[np.float32], center: npt.NDArray[np.float32]) -> float:
    """Return ``sum |x - center|²`` over the rows of `matrix`, in float64 and block by block."""
    starts = range(0, len(matrix), BLOCK)
    return sum(_squared(matrix[start : start + BLOCK] - center) for start in starts)


def _squared(block: npt.NDArray[np.float32]) -> float:
    """Return the sum of squares in float64, without a matrix of squares."""
    return float(np.einsum("nd,nd->", block, block, dtype=np.float64))


def firings(activations: sparse.csr_matrix) -> npt.NDArray[np.int64]:
    """Return for each of F features the number of rows on which it fires (activation > 0)."""
    firing = activations.indices[activations.data > 0]
    return np.bincount(firing, minlength=activations.shape[1])


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
    return firings(activations) / max(1, activations.shape[0])


def l0(activations: sparse.csr_matrix) -> float:
    """Return how many features fire on a row, on average."""
    return float((activations.data > 0).sum() / max(1, activations.shape[0]))


def dead_share(density: npt.NDArray[np.float64]) -> float:
    """Return the share of the (F,) features that never fire."""
    return float(np.mean(density == 0))


@dataclass(frozen=True, eq=False)
class Score:
    """What a dictionary does with some rows.

    Attributes
    ----------
    explained_variance, l0
        See the functions.
    firings
        (F,) number of rows on which each feature fires.
    n_rows
        Number of rows.
    """

    explained_variance: float
    l0: float
    firings: npt.NDArray[np.int64]
    n_rows: int


def score(
    coder: Coder,
    components: npt.NDArray[np.float32],
    matrix: Matrix,
    rows: Rows,
    center: npt.NDArray[np.float32],
) -> Score:
    """Measure a dictionary on some rows of a matrix, block by block.

    Parameters
    ----------
    coder
        Its encoder.
    components
        (F, D), its decoder.
    matrix, rows
        Where the rows are; the matrix may be memory-mapped.
    center
        (D,) mean of the training rows.
    """
    counts = np.zeros(len(components), dtype=np.int64)
    residual = total = 0.0
    for part in blocks(len(rows)):
        block = read(matrix, rows[part])
        activations = coder.encode(block)
        counts += firings(activations)
        total += _squared(block - center)
        block -= activations @ components
        residual += _squared(block - coder.mean)
    explained = explained_variance(residual, total)
    return Score(explained, float(counts.sum() / max(1, len(rows))), counts, len(rows))


def measure(
    coder: Coder,
    components: npt.NDArray[np.float32],
    matrix: Matrix,
    train: Rows,
    held_out: Rows,
    center: npt.NDArray[np.float32],
) -> tuple[dict[str, float], npt.NDArray[np.float32]]:
    """Return the metrics of a trained dictionary, and the (F,) densities on the held-out rows.

    See `SparseAutoencoder` for what they mean, and `score` for the arguments.
    """
    unseen = score(coder, components, matrix, held_out, center)
    density = unseen.firings / unseen.n_rows
    silent, seen = density == 0, train[:: -(-len(train) // DEAD_ROWS)]
    for part in blocks(len(seen)):
        if not silent.any():
            break
        silent &= firings(coder.encode(read(matrix, seen[part]))) == 0
    metrics = {
        "explained_variance": unseen.explained_variance,
        "l0": unseen.l0,
        "silent_share": dead_share(density),
        "dead_share": float(silent.mean()),
        "n_train": len(train),
        "n_validation": len(held_out),
    }
    return metrics, density.astype(np.float32)
