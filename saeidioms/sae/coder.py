"""Coding with a trained dictionary: rows to sparse activations, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse

from saeidioms.progress import track
from saeidioms.sae.pattern import Pattern
from saeidioms.sae.rows import Matrix, Span, read
from saeidioms.sae.sparsity import Inference

BLOCK = 1024  # rows in a product on a CPU; always all of them, see Coder.blocks
GPU_BLOCK, GPU_ENTRIES = 8192, 2**26  # the same on a GPU, where (rows, F) is at most so large


@dataclass(frozen=True, eq=False)
class Coder:
    """The encoder on raw (neither centred nor scaled) rows.

    Attributes
    ----------
    encoder
        (F, D) float32.
    bias
        (F,) float32.
    mean
        (D,) float32, taken from the rows first.
    threshold
        (F,) float32, of each feature.
    limit
        Most active features in a row; None: any number.
    device
        Where to compute.
    """

    encoder: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    mean: npt.NDArray[np.float32]
    threshold: npt.NDArray[np.float32]
    limit: int | None
    device: str

    def encode(self, matrix: Matrix, description: str = "") -> sparse.csr_matrix:
        """Return the (n, F) float32 activations of (n, D) rows; no dense (n, F) is ever made."""
        parts = [block for _, block in self.blocks(matrix, description)]
        if not parts:
            return sparse.csr_matrix((0, len(self.encoder)), dtype=np.float32)
        return sparse.vstack(parts, format="csr")

    def parts(self, matrix: Matrix, n_rows: int) -> Iterator[tuple[sparse.csr_matrix, npt.NDArray]]:
        """Yield the activations of `n_rows` rows after the other, with their ids or numbers."""
        ids = getattr(matrix, "ids", None)
        ids = np.arange(matrix.shape[0]) if ids is None else ids
        for start in track(range(0, matrix.shape[0], n_rows), "coding"):
            rows = slice(start, min(start + n_rows, matrix.shape[0]))
            yield self.encode(Span(matrix, rows)), ids[rows]

    def blocks(
        self, matrix: Matrix, description: str = ""
    ) -> Iterator[tuple[int, sparse.csr_matrix]]:
        """Yield the first row and the activations of one block of rows after the other.

        The last block is filled up with zeros: a product's rounding depends on its shape, and a
        text must get the same code whichever and however many texts come with it.
        """
        encoder = torch.from_numpy(self.encoder).to(self.device).T
        bias = torch.from_numpy(self.bias).to(self.device)
        rule = Inference(torch.from_numpy(self.threshold).to(self.device), self.limit)
        n_rows = self._rows_together
        starts = range(0, matrix.shape[0], n_rows)
        for start in track(starts, description) if description else starts:
            rows = read(matrix, slice(start, start + n_rows)) - self.mean
            full = np.zeros((n_rows, len(self.mean)), dtype=np.float32)
            full[: len(rows)] = rows
            pre = torch.addmm(bias, torch.from_numpy(full).to(self.device), encoder)[: len(rows)]
            yield start, _to_scipy(*rule.select(pre))

    @property
    def _rows_together(self) -> int:
        if self.device == "cpu":
            return BLOCK
        return max(BLOCK, min(GPU_BLOCK, GPU_ENTRIES // len(self.encoder)))


def _to_scipy(pattern: Pattern, values: torch.Tensor) -> sparse.csr_matrix:
    parts = (values, pattern.columns.to(torch.int32), pattern.pointers.to(torch.int32))
    data, columns, pointers = (part.cpu().numpy() for part in parts)
    block = sparse.csr_matrix((data, columns, pointers), shape=pattern.shape)
    block.eliminate_zeros()
    block.sort_indices()
    return block
