"""The two sparse products of a training step on a GPU, as Triton kernels.

cuSPARSE has both, but is made for matrices of millions of rows: it allocates at every call and
waits for what it allocated, where a step has 512 rows with k entries each. These kernels read every
entry once, allocate nothing, never wait (so that a CUDA graph can record them), and add in a fixed
order: the same seed gives the same weights. `Pattern` holds the same products for a CPU, which are
their reference in the tests; there Triton's interpreter runs them without a GPU.
"""

from __future__ import annotations

import subprocess

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.errors import TritonError

ENTRIES = 16  # entries of a row that are read together
WIDTH = 128  # columns of a dense matrix that one program works on


def why_not() -> str:
    """Return why the kernels cannot be used on this machine; "" where they can."""
    device = "cuda" if torch.cuda.is_available() else "cpu"  # there by Triton's interpreter
    one, places = torch.ones(1, 1, device=device), torch.tensor([0, 1], device=device)
    try:
        add_product(places, places[:1], one[0], one, one.clone())
    except (RuntimeError, OSError, subprocess.SubprocessError, TritonError) as error:
        return str(error).splitlines()[0] if str(error) else type(error).__name__
    return ""


def add_product(
    pointers: Tensor, columns: Tensor, values: Tensor, dense: Tensor, total: Tensor
) -> None:
    """Add to (R, D) `total` the product of a CSR matrix of R rows with a (C, D) dense one."""
    n_rows, width = total.shape
    grid = (n_rows, triton.cdiv(width, WIDTH))
    _add_product[grid](
        *(pointers, columns, values, dense.contiguous(), total, width, WIDTH, ENTRIES)
    )


def sample(pointers: Tensor, columns: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Return the (nnz,) entries of ``left @ right.T`` at the places of a CSR matrix."""
    values = torch.empty(len(columns), dtype=left.dtype, device=left.device)
    n_rows, width = left.shape
    _sample[(n_rows,)](
        *(pointers, columns, left.contiguous(), right.contiguous(), values, width, WIDTH, ENTRIES)
    )
    return values


@triton.jit
def _add_product(
    pointers, columns, values, dense, total, width, WIDTH: tl.constexpr, ENTRIES: tl.constexpr
):
    row = tl.program_id(0).to(tl.int64)
    at = tl.program_id(1) * WIDTH + tl.arange(0, WIDTH)
    inside = at < width
    end = tl.load(pointers + row + 1)
    place = total + row * width + at
    added = tl.load(place, mask=inside, other=0.0)
    for start in range(tl.load(pointers + row), end, ENTRIES):
        entries = start + tl.arange(0, ENTRIES)
        owned = entries < end
        column = tl.load(columns + entries, mask=owned, other=0)
        value = tl.load(values + entries, mask=owned, other=0.0)
        both = owned[:, None] & inside[None, :]
        rows = tl.load(dense + column[:, None] * width + at[None, :], mask=both, other=0.0)
        added += tl.sum(value[:, None] * rows, axis=0)
    tl.store(place, added, mask=inside)


@triton.jit
def _sample(
    pointers, columns, left, right, values, width, WIDTH: tl.constexpr, ENTRIES: tl.constexpr
):
    row = tl.program_id(0).to(tl.int64)
    end = tl.load(pointers + row + 1)
    for start in range(tl.load(pointers + row), end, ENTRIES):
        entries = start + tl.arange(0, ENTRIES)
        owned = entries < end
        column = tl.load(columns + entries, mask=owned, other=0)
        product = tl.zeros((ENTRIES,), dtype=values.dtype.element_ty)
        for first in range(0, width, WIDTH):
            at = first + tl.arange(0, WIDTH)
            inside = at < width
            one = tl.load(left + row * width + at, mask=inside, other=0.0)
            both = owned[:, None] & inside[None, :]
            many = tl.load(right + column[:, None] * width + at[None, :], mask=both, other=0.0)
            product += tl.sum(many * one[None, :], axis=1)
        tl.store(values + entries, product, mask=owned)
