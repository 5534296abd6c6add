"""Where the non-zeros of a sparse matrix of activations stand, and products with such a matrix.

Of F features only k are active in a row, so everything after the selection costs k / F of the
dense product. A pattern may hold any number of active features per row. On a CPU the products are
MKL's, by torch; on a GPU those of `saeidioms.sae.kernels`, and cuSPARSE's where Triton is missing.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

logger = logging.getLogger(__name__)

Places = slice | Tensor

SELECTS_ALONE = 2  # threads that numpy's partition, which has one, outdoes in finding the largest


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

    @classmethod
    def of_width(cls, columns: Tensor, n_features: int) -> Pattern:
        """Return the pattern with the same number of entries in each row: (B, k) columns."""
        n_rows, k = columns.shape
        pointers = torch.arange(0, n_rows * k + 1, k, device=columns.device)
        return cls(pointers, columns.reshape(-1), n_features)

    @classmethod
    def of_largest(cls, dense: Tensor, k: int) -> Pattern:
        """Return the places of the k largest entries of each row of a dense (B, F) matrix."""
        return cls.of_width(_largest(dense, k), dense.shape[1])

    @classmethod
    def where(cls, mask: Tensor) -> Pattern:
        """Return the places that a (B, F) mask marks."""
        columns = mask.nonzero()[:, 1]
        return cls(_pointers(mask.sum(dim=1)), columns, mask.shape[1])

    @property
    def shape(self) -> tuple[int, int]:
        """(B, F)."""
        return len(self.pointers) - 1, self.n_features

    @cached_property
    def rows(self) -> Tensor:
        """(nnz,) int64: the row of each entry."""
        every = torch.arange(self.shape[0], device=self.columns.device)
        return every.repeat_interleave(self.pointers.diff(), output_size=len(self.columns))

    @cached_property
    def _transposed(self) -> tuple[Tensor, Tensor, Tensor]:
        """Pointers and columns of the (F, B) transpose, and the order that its values take."""
        if _on_gpu(self.columns):
            ordered, order = self.columns.sort(stable=True)
            every = torch.arange(self.n_features + 1, device=ordered.device)
            return torch.searchsorted(ordered, every), self.rows[order], order
        # Counting is several times faster than torch's stable sort.
        csr = (np.arange(len(self.columns)), self.columns.numpy(), self.pointers.numpy())
        csc = sparse.csr_array(csr, shape=self.shape).tocsc()
        pointers, rows, order = (
            torch.from_numpy(part.astype(np.int64, copy=False))
            for part in (csc.indptr, csc.indices, csc.data)
        )
        return pointers, rows, order

    def take(self, dense: Tensor) -> Tensor:
        """Return the (nnz,) entries of a dense (B, F) matrix at these places."""
        return dense.take(self.rows * self.n_features + self.columns)

    def split(self, ends: tuple[int, ...]) -> Iterator[tuple[Places, Pattern]]:
        """Yield the entries, and their pattern, of the features up to each of `ends` in turn."""
        if len(ends) == 1:
            yield slice(None), self
            return
        start = 0
        for end in ends:
            places = ((self.columns >= start) & (self.columns < end)).nonzero().squeeze(1)
            counts = torch.bincount(self.rows[places], minlength=self.shape[0])
            yield places, Pattern(_pointers(counts), self.columns[places], self.n_features)
            start = end

    def multiply(self, values: Tensor, dense: Tensor) -> Tensor:
        """Return the (B, D) product ``Z @ dense``, for Z with these (nnz,) values here."""
        total = dense.new_zeros(self.shape[0], dense.shape[1])
        self.add_product(values, dense, total)
        return total

    def add_product(self, values: Tensor, dense: Tensor, total: Tensor) -> None:
        """Add to (B, D) `total` the product ``Z @ dense``, for Z with these (nnz,) values here.

        In place: a new dense matrix would cost several times the product.
        """
        _add_product(self.pointers, self.columns, values, dense, total)

    def add_transposed(self, values: Tensor, dense: Tensor, total: Tensor) -> None:
        """Add to (F, D) `total` the product ``Z.T @ dense``, in place."""
        pointers, rows, order = self._transposed
        _add_product(pointers, rows, values[order], dense, total)

    def add_sums(self, values: Tensor, total: Tensor) -> None:
        """Add to (F,) `total` the sum of each feature's (nnz,) values, in place."""
        if _on_gpu(values):  # index_add_ would add in any order there
            ones = values.new_ones(self.shape[0], 1)
            self.add_transposed(values, ones, total.unsqueeze(1))
        else:
            total.index_add_(0, self.columns, values)

    def sample(self, left: Tensor, right: Tensor) -> Tensor:
        """Return the (nnz,) entries of ``left @ right.T`` here, for (B, D) and (F, D)."""
        kernels = _kernels(left)
        if kernels is not None:
            return kernels.sample(self.pointers, self.columns, left, right)
        with_mkl: bool = torch.backends.mkl.is_available()  # type: ignore[no-untyped-call]
        if not (_on_gpu(left) or with_mkl):
            return self.take(left @ right.T)
        places = _csr(self.pointers, self.columns, left.new_zeros(len(self.columns)), self.shape)
        return torch.sparse.sampled_addmm(places, left, right.T, beta=0.0, out=places).values()


def _largest(dense: Tensor, k: int) -> Tensor:
    """Return the (B, k) columns of the k largest entries of each row."""
    n_rows, width = dense.shape
    if not _on_gpu(dense) and torch.get_num_threads() <= SELECTS_ALONE and k < width:
        array = dense.numpy()
        least = np.partition(array, width - k, axis=1)[:, width - k, None]
        places = np.flatnonzero(array >= least)
        if len(places) == n_rows * k:  # where entries are equal, more than k may be the largest
            return torch.from_numpy(places % width).view(n_rows, k)
    return dense.topk(k, dim=1, sorted=False).indices


def has_kernels(tensor: Tensor) -> bool:
    """Return whether a tensor is on a GPU, and Triton there for its products."""
    return _on_gpu(tensor) and _has_triton()


@functools.cache
def _has_triton() -> bool:
    """Return whether Triton is there and works: it needs a C compiler, and a card not too old."""
    if importlib.util.find_spec("triton") is None:
        return False
    from saeidioms.sae import kernels

    failure = kernels.why_not()
    if failure:
        logger.warning("Triton cannot be used (%s); cuSPARSE takes its place, slower.", failure)
    return not failure


def _on_gpu(tensor: Tensor) -> bool:
    """Return whether a tensor is on a GPU; tests answer for it to go a GPU's way on a CPU."""
    return tensor.is_cuda


def _kernels(tensor: Tensor) -> ModuleType | None:
    """Return the kernels for a tensor on a GPU; None where torch's own products must do."""
    if not has_kernels(tensor):
        return None
    from saeidioms.sae import kernels

    return kernels


def _add_product(
    pointers: Tensor, columns: Tensor, values: Tensor, dense: Tensor, total: Tensor
) -> None:
    kernels = _kernels(values)
    if kernels is not None:
        kernels.add_product(pointers, columns, values, dense, total)
        return
    shape = (len(total), len(dense))
    torch.addmm(total, _csr(pointers, columns, values, shape), dense, out=total)


def _pointers(counts: Tensor) -> Tensor:
    return torch.nn.functional.pad(counts.cumsum(0), (1, 0))


def _csr(pointers: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, ...]) -> Tensor:
    _accept_beta_state()
    return torch.sparse_csr_tensor(pointers, columns, values, shape, check_invariants=False)


@functools.cache
def _accept_beta_state() -> None:
    """Take torch's one-time remark that CSR tensors are in beta, so that no user has to read it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.sparse_csr_tensor([0, 1], [0], [1.0], (1, 1), check_invariants=False)
