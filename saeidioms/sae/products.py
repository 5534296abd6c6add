"""Products of a sparse matrix of activations with dense matrices, and their gradients.

Of F features only k are active in a row, so everything after the selection costs k/F of the
dense product. Each function is an autograd function whose gradients are checked in the tests.
"""

from __future__ import annotations

import functools
import warnings
from typing import Any

import torch
from torch import Tensor

from saeidioms.sae.sparsity import Pattern


def sparse_product(values: Tensor, dense: Tensor, pattern: Pattern) -> Tensor:
    """Return ``Z @ dense`` for the sparse (B, F) matrix Z of `values` at `pattern`.

    Parameters
    ----------
    values
        (nnz,) entries of Z.
    dense
        (F, D).
    pattern
        Where the entries stand.

    Returns
    -------
    torch.Tensor
        (B, D), differentiable in `values` and `dense`.
    """
    return _SparseProduct.apply(  # type: ignore[no-untyped-call]
        values, dense, pattern
    )


def sampled_affine(
    left: Tensor, right: Tensor, bias: Tensor, pattern: Pattern, product: Tensor
) -> Tensor:
    """Return the entries of ``left @ right.T + bias`` at `pattern`, from those already made.

    Parameters
    ----------
    left
        (B, D), taken as constant.
    right
        (F, D).
    bias
        (F,).
    pattern
        The (B, F) places that are wanted.
    product
        (B, F), the whole of it without gradient: the selection needed it anyway.

    Returns
    -------
    torch.Tensor
        (nnz,), differentiable in `right` and `bias`.
    """
    return _SampledAffine.apply(  # type: ignore[no-untyped-call]
        left, right, bias, pattern, product
    )


class _SparseProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, dense: Tensor, pattern: Pattern) -> Tensor:
        ctx.save_for_backward(values, dense)
        ctx.pattern = pattern
        return _multiply(values, dense, pattern)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        values, dense = ctx.saved_tensors
        to_values = to_dense = None
        if ctx.needs_input_grad[0]:
            to_values = _sample(gradient, dense, ctx.pattern)
        if ctx.needs_input_grad[1]:
            to_dense = _multiply_transposed(values, gradient, ctx.pattern)
        return to_values, to_dense, None


class _SampledAffine(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, left: Tensor, right: Tensor, bias: Tensor, pattern: Pattern, product: Tensor
    ) -> Tensor:
        ctx.save_for_backward(left)
        ctx.pattern = pattern
        return pattern.take(product)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor, Tensor, None, None]:
        (left,) = ctx.saved_tensors
        to_right = _multiply_transposed(gradient, left, ctx.pattern)
        to_bias = gradient.new_zeros(ctx.pattern.n_features)
        to_bias.index_add_(0, ctx.pattern.columns, gradient)
        return None, to_right, to_bias, None, None


def _multiply(values: Tensor, dense: Tensor, pattern: Pattern) -> Tensor:
    shape = (len(pattern.pointers) - 1, pattern.n_features)
    return _csr(pattern.pointers, pattern.columns, values, shape) @ dense


def _multiply_transposed(values: Tensor, dense: Tensor, pattern: Pattern) -> Tensor:
    pointers, rows, order = pattern.transposed
    shape = (pattern.n_features, len(pattern.pointers) - 1)
    return _csr(pointers, rows, values[order], shape) @ dense


def _sample(left: Tensor, right: Tensor, pattern: Pattern) -> Tensor:
    """Return the entries of ``left @ right.T`` at `pattern`."""
    with_mkl: bool = torch.backends.mkl.is_available()  # type: ignore[no-untyped-call]
    if not (left.is_cuda or with_mkl):
        return pattern.take(left @ right.T)
    shape = (len(left), pattern.n_features)
    places = _csr(pattern.pointers, pattern.columns, left.new_zeros(len(pattern.columns)), shape)
    return torch.sparse.sampled_addmm(places, left, right.T, beta=0.0).values()


def _csr(pointers: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    _accept_beta_state()
    return torch.sparse_csr_tensor(pointers, columns, values, shape, check_invariants=False)


@functools.cache
def _accept_beta_state() -> None:
    """Take torch's one-time remark that CSR tensors are in beta, so that no user has to read it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.sparse_csr_tensor([0, 1], [0], [1.0], (1, 1), check_invariants=False)
