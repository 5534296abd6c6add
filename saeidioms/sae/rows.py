"""Rows to train on, from matrices of any size: read, scaled and shuffled pool by pool.

A matrix in memory is shuffled whole, and batches are taken from where it is. Of one on disk, or for
a GPU, what fits into a pool is held there and shuffled whole; what does not is read as blocks in
random order, enough of them at a time to fill a pool, and shuffled within the pool; while the
device works on one pool, the next is read.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from saeidioms.errors import InputError
from saeidioms.machine import current_device
from saeidioms.progress import track
from saeidioms.seeds import generator

POOL_BYTES = 256 * 2**20  # on a CPU
GPU_SHARE = 4  # a quarter of a GPU's memory holds rows: all of them, or two pools in turn
BLOCK = 4096  # rows that are read together
SCATTERED = 64  # rows far apart that are read together
MEASURED = 2**20  # rows that mean and scale are measured on, at most

Rows = npt.NDArray[np.int64]


class Matrix(Protocol):
    """A matrix whose rows can be read: an array, memory-mapped or not, or `Embeddings`."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, D)."""
        ...

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Return some rows."""
        ...


def streams(matrix: Any) -> bool:
    """Return whether a matrix is read block by block: memory-mapped, or `Embeddings`."""
    return len(getattr(matrix, "shape", ())) == 2 and (
        isinstance(matrix, np.memmap) or hasattr(matrix, "vectors")
    )


def is_held(matrix: Any) -> bool:
    """Return whether a matrix is an array in memory that torch can use as it is."""
    plain = isinstance(matrix, np.ndarray) and not isinstance(matrix, np.memmap)
    return plain and matrix.dtype == np.float32 and matrix.flags.carray


@dataclass(frozen=True)
class Span:
    """Some consecutive rows of a matrix, as a matrix, without reading them."""

    matrix: Matrix
    rows: slice

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, D)."""
        return self.rows.stop - self.rows.start, self.matrix.shape[1]

    def __getitem__(self, rows: slice) -> np.ndarray:
        start = self.rows.start
        part = slice(start + rows.start, min(start + rows.stop, self.rows.stop))
        return read(self.matrix, part)


def read(matrix: Matrix, rows: Any) -> npt.NDArray[np.float32]:
    """Return a float32 copy of some rows, and let go of the mapped pages they came from.

    Raises
    ------
    InputError
        If a number is not finite.
    """
    block = np.array(matrix[rows], dtype=np.float32, order="C")
    _release(matrix)
    if not np.isfinite(block.sum(dtype=np.float64)):
        place = np.argwhere(~np.isfinite(block))[0]
        row = np.arange(len(matrix))[rows][place[0]]  # type: ignore[arg-type]
        raise InputError(
            f"row {row}, column {place[1]} of the matrix is NaN or infinite (as float32); give "
            "finite numbers only, or embed that text again."
        )
    return block


def read_scattered(matrix: Matrix, rows: Rows) -> npt.NDArray[np.float32]:
    """Return what `read` does of rows that lie far apart, with little memory.

    Of a memory-mapped matrix every such row brings up to 2 MiB of its neighbours.
    """
    starts = range(0, len(rows), SCATTERED)
    return np.concatenate([read(matrix, rows[start : start + SCATTERED]) for start in starts])


def blocks(n_rows: int, description: str = "") -> Iterator[slice]:
    """Yield slices of `BLOCK` rows, behind a progress bar where there is a description."""
    starts = range(0, n_rows, BLOCK)
    for start in track(starts, description) if description else starts:
        yield slice(start, min(start + BLOCK, n_rows))


def _release(matrix: Any) -> None:
    """Drop the pages that reading a memory-mapped matrix left in this process's memory."""
    holder = getattr(matrix, "vectors", matrix)
    while holder is not None:
        if isinstance(holder, np.memmap) and hasattr(mmap, "MADV_DONTNEED"):
            holder._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]
            return
        holder = getattr(holder, "base", None)


@dataclass(frozen=True, eq=False)
class Scaling:
    """Inputs are centred by `mean` (D,) and divided by `scale`: mean squared norm D."""

    mean: npt.NDArray[np.float32]
    scale: float

    @classmethod
    def of(cls, matrix: Matrix, rows: Rows) -> Scaling:
        """Measure some rows of a matrix in one pass, in float64.

        Of more than `MEASURED` rows, evenly spaced blocks are measured.

        Raises
        ------
        InputError
            If all of them are the same, or a number is not finite.
        """
        parts = list(blocks(len(rows)))
        parts = parts[:: -(-len(rows) // MEASURED)]
        shift = read(matrix, rows[:1])[0]
        total, squares, n = np.zeros(len(shift)), np.zeros(len(shift)), 0
        for part in parts:
            block = read(matrix, rows[part]) - shift
            total += block.sum(axis=0, dtype=np.float64)
            squares += np.einsum("nd,nd->d", block, block, dtype=np.float64)
            n += len(block)
        mean = total / n
        scale = float(np.sqrt(max(0.0, (squares / n - mean**2).mean())))
        center = (shift + mean).astype(np.float32)
        if not scale > 1e-6 * np.abs(center).max():
            raise InputError(
                f"all {len(rows)} rows to train on are the same vector; a sparse autoencoder "
                "needs rows that differ: give more, or other, texts."
            )
        return cls(center, scale)

    def down(self, block: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Scale a block of rows as the network takes them, in place."""
        block -= self.mean
        block /= np.float32(self.scale)
        return block


@dataclass(frozen=True, eq=False)
class Batches:
    """Batches without end, the same for the same seed wherever one begins.

    In each epoch every row comes once, but for what is left over of a pool after its last whole
    batch.

    Attributes
    ----------
    matrix
        (N, D).
    rows
        (n,) rows of it to train on, ascending.
    scaling
        Of those rows.
    size
        Rows in a batch, at most n.
    seed
        Of the order.
    device
        Where the batches are wanted.
    """

    matrix: Matrix
    rows: Rows
    scaling: Scaling
    size: int
    seed: int
    device: str

    def since(self, step: int) -> Iterator[Tensor]:
        """Yield the (size, D) batches from a step on."""
        per_epoch = sum(n // self.size for n in self._pool_sizes())
        epoch, skip = divmod(step, per_epoch)
        while True:
            random = generator(self.seed, f"sae.epoch.{epoch}")
            for pool in self._pools(random) if len(self._pool_sizes()) > 1 else [self._whole]:
                order = torch.from_numpy(random.permutation(len(pool))).to(self.device)
                for start in range(0, len(pool) - self.size + 1, self.size):
                    if skip:
                        skip -= 1
                        continue
                    yield pool.take(order[start : start + self.size])
                del pool  # before the one after the next is loaded
            epoch += 1

    @cached_property
    def _in_place(self) -> bool:
        """Whether batches are taken from the matrix itself: held, and all of it seen finite."""
        seen = len(self.rows) <= MEASURED
        return self.device == "cpu" and is_held(self.matrix) and seen

    @cached_property
    def _whole(self) -> _Pool | _Held:
        return _Held(self) if self._in_place else self._load(self._blocks())

    def _blocks(self) -> list[slice]:
        return list(blocks(len(self.rows)))

    @cached_property
    def _blocks_per_pool(self) -> int:
        bytes_per_block = 4 * BLOCK * self.matrix.shape[1]
        room = POOL_BYTES
        if self.device.startswith("cuda"):  # not by what is free: the order must come again
            room = torch.cuda.get_device_properties(self.device).total_memory // GPU_SHARE
            if len(self._blocks()) * bytes_per_block > room:
                room //= 2
        return max(-(-self.size // BLOCK), room // bytes_per_block)

    def _pool_sizes(self) -> list[int]:
        if self._in_place:
            return [len(self.rows)]
        whole = self._blocks_per_pool * BLOCK
        full, rest = divmod(len(self.rows), whole)
        return [whole] * full + [rest] * bool(rest)

    def _pools(self, random: np.random.Generator) -> Iterator[_Pool]:
        """Yield pools of blocks in random order, the last block last, each read in advance."""
        parts, each = self._blocks(), self._blocks_per_pool
        order = [*random.permutation(len(parts) - 1), len(parts) - 1]
        chosen = [order[start : start + each] for start in range(0, len(order), each)]
        with ThreadPoolExecutor(1) as reader:
            ahead = None
            for numbers in chosen:
                wanted = [parts[number] for number in sorted(numbers)]
                current = ahead
                ahead = reader.submit(self._load, wanted)
                if current is not None:
                    yield current.result()
            assert ahead is not None
            yield ahead.result()

    def _load(self, parts: list[slice]) -> _Pool:
        """Return the scaled rows of some blocks, on the device."""
        n_rows = sum(part.stop - part.start for part in parts)
        pool = torch.empty((n_rows, self.matrix.shape[1]), device=self.device)
        start = 0
        with _copying(self.device):
            for part in parts:
                block = torch.from_numpy(self.scaling.down(read(self.matrix, self.rows[part])))
                if pool.is_cuda:  # while it is copied the next is read
                    block = block.pin_memory()
                pool[start : start + len(block)].copy_(block, non_blocking=True)
                start += len(block)
        return _Pool(pool)


@contextmanager
def _copying(device: str) -> Iterator[None]:
    """Copy to a GPU beside its work; all is there at the end."""
    if not device.startswith("cuda"):
        yield
        return
    with current_device(device):
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())  # the memory may still be in use there
        try:
            with torch.cuda.stream(stream):
                yield
        finally:
            stream.synchronize()


@dataclass(frozen=True, eq=False)
class _Pool:
    """Scaled rows on the device."""

    rows: Tensor

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, places: Tensor) -> Tensor:
        return self.rows.index_select(0, places)


class _Held:
    """Rows of a matrix in memory, scaled when they are taken."""

    def __init__(self, batches: Batches) -> None:
        self.matrix = torch.from_numpy(batches.matrix)
        self.rows = torch.from_numpy(batches.rows)
        self.mean = torch.from_numpy(batches.scaling.mean)
        self.scale = float(np.float32(batches.scaling.scale))

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, places: Tensor) -> Tensor:
        batch = self.matrix.index_select(0, self.rows.index_select(0, places))
        return batch.sub_(self.mean).div_(self.scale)
