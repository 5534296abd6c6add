"""Vectors by the content of their text: append-only shards that any number of runs share."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from saeidioms.artifacts import atomic_path, digest_bytes
from saeidioms.errors import ArtifactError

logger = logging.getLogger(__name__)

KEY = np.dtype("V16")
VECTOR = np.dtype(np.float16)


def text_keys(texts: Sequence[str]) -> np.ndarray:
    """Return the (n,) 16-byte keys of texts: BLAKE2b of their UTF-8 bytes."""
    digests = [
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        for text in texts
    ]
    return np.frombuffer(b"".join(digests), dtype=KEY)


def write_shard(path: Path, keys: np.ndarray, vectors: np.ndarray) -> None:
    """Write (n,) keys and their (n, D) float16 vectors, atomically."""
    tensors = {"keys": keys.view(np.uint8).reshape(-1, KEY.itemsize), "vectors": vectors}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary)


def read_shard(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return (n,) keys and (n, D) float16 vectors, memory-mapped.

    Raises
    ------
    ArtifactError
        If the file is damaged.
    """
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(size))
        arrays = [_map(path, header[name], 8 + size) for name in ("keys", "vectors")]
    except (OSError, ValueError, KeyError, TypeError, MemoryError, OverflowError) as error:
        raise ArtifactError(f"{path} is damaged ({error}); delete it and run again.") from error
    keys, vectors = arrays
    if keys.dtype != np.uint8 or vectors.dtype != VECTOR or len(keys) != len(vectors):
        raise ArtifactError(f"{path} holds no vectors of ours; delete it and run again.")
    return np.ascontiguousarray(keys).view(KEY).reshape(-1), vectors


def _map(path: Path, entry: dict[str, Any], start: int) -> np.ndarray:
    kinds: dict[str, np.dtype[Any]] = {"U8": np.dtype(np.uint8), "F16": VECTOR}
    first, last = entry["data_offsets"]
    kind, shape = kinds[entry["dtype"]], tuple(entry["shape"])
    if last - first != kind.itemsize * int(np.prod(shape)):
        raise ValueError("its header does not fit its content")
    if not last - first:
        return np.empty(shape, kind)
    return np.memmap(path, dtype=kind, mode="r", offset=start + first, shape=shape)


@dataclass
class VectorStore:
    """A folder of shards with the vectors of one encoder.

    Shards are written whole and never changed, and are named by what they hold, so that an
    interrupted embedding goes on where it was and two processes do not disturb each other.
    Damaged shards are passed over with a warning: their texts are embedded again.
    """

    folder: Path
    _shards: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for path in sorted(self.folder.glob("*.safetensors")):
            try:
                self._shards.append(read_shard(path))
            except ArtifactError as error:
                logger.warning("%s Its texts are embedded again.", error)

    def fill(self, keys: np.ndarray, rows: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """Copy the known vectors of the `wanted` ones of `keys` into `rows`; return which."""
        found = np.zeros(len(keys), dtype=bool)
        for held, vectors in self._shards:
            found |= fill_from(held, vectors, keys, rows, wanted & ~found)
        return found

    def add(self, keys: np.ndarray, vectors: np.ndarray) -> None:
        """Keep new vectors, on disk at once."""
        path = self.folder / f"{digest_bytes(keys.tobytes())}.safetensors"
        write_shard(path, keys, vectors)


def fill_from(
    held: np.ndarray, vectors: np.ndarray, keys: np.ndarray, rows: np.ndarray, wanted: np.ndarray
) -> np.ndarray:
    """Copy the vectors of those `keys` that are `wanted` and `held`; return which were."""
    if not len(held):
        return np.zeros(len(keys), dtype=bool)
    order = np.argsort(held.view("S16"), kind="stable")
    place = np.searchsorted(held.view("S16"), keys.view("S16"), sorter=order)
    place = order[np.minimum(place, len(held) - 1)]
    found: np.ndarray = wanted & (held[place] == keys)
    rows[found] = vectors[place[found]]
    return found
