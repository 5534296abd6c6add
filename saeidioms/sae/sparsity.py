"""How pre-activations become activations: which features are active in which row.

A rule is a small frozen object; the rest of the room only knows the `Pattern` it returns, which
may hold any number of active features per row.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Pattern:
    """The places of the non-zeros of a sparse (B, F) matrix, row by row (CSR).

    Attributes
    ----------
    pointers
        (B + 1,) int64: row ``b`` owns the entries ``pointers[b]:pointers[b + 1]``.
    columns
        (nnz,) int64: the feature of each entry.
    n_features
        F.
    """

    pointers: Tensor
    columns: Tensor
    n_features: int

    @cached_property
    def rows(self) -> Tensor:
        """(nnz,) int64: the row of each entry."""
        counts = self.pointers.diff()
        every = torch.arange(len(counts), device=counts.device)
        return every.repeat_interleave(counts, output_size=len(self.columns))

    def take(self, dense: Tensor) -> Tensor:
        """Return the (nnz,) entries of a dense (B, F) matrix at these places."""
        return dense.take(self.rows * self.n_features + self.columns)

    @cached_property
    def transposed(self) -> tuple[Tensor, Tensor, Tensor]:
        """Pointers and columns of the (F, B) transpose, and the order that its values take."""
        order = torch.argsort(self.columns, stable=True)
        counts = torch.bincount(self.columns, minlength=self.n_features)
        pointers = torch.nn.functional.pad(counts.cumsum(0), (1, 0))
        return pointers, self.rows[order], order


class Sparsity(Protocol):
    """A rule that says, from a batch's pre-activations, which features are active."""

    def select(self, pre: Tensor) -> Pattern:
        """Return the active places of a dense (B, F) matrix of pre-activations."""
        ...


@dataclass(frozen=True)
class TopK:
    """In each row the k largest pre-activations (Gao et al. 2024, arXiv 2406.04093, 2.3)."""

    k: int

    def select(self, pre: Tensor) -> Pattern:
        """Return the active places of a dense (B, F) matrix of pre-activations."""
        columns = pre.topk(self.k, dim=1, sorted=False).indices.reshape(-1)
        pointers = torch.arange(0, len(columns) + 1, self.k, device=pre.device)
        return Pattern(pointers, columns, pre.shape[1])
