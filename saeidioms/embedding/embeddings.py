"""The vectors of a corpus' units, one row a distinct text, memory-mapped."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from saeidioms.artifacts import atomic_path, digest_bytes, read_json, write_json
from saeidioms.display import Display, Shown
from saeidioms.embedding.spec import EncoderSpec
from saeidioms.embedding.store import KEY, VECTOR
from saeidioms.errors import ArtifactError, InputError

BLOCK = 65_536  # rows that are read together
_VECTORS, _KEYS, _INDEX, _ENCODER = "vectors.npy", "keys.npy", "index.parquet", "encoder.json"


@dataclass(frozen=True, eq=False, repr=False)
class Embeddings(Shown):
    """Vectors of N units, of which texts that occur often share one row.

    Attributes
    ----------
    vectors
        (U, D) float16, unit length, one row a distinct text; memory-mapped when loaded.
    index
        (N,) int64, row of `vectors` of each unit.
    ids
        (N,) ids of the units.
    keys
        (U,) 16-byte keys of the texts, see `saeidioms.embedding.store.text_keys`.
    encoder
        What made the vectors.

    Examples
    --------
    ``embeddings[rows]`` gives float32 vectors of units, ``np.asarray(embeddings)`` all (N, D).
    """

    vectors: np.ndarray
    index: npt.NDArray[np.int64]
    ids: npt.NDArray[Any]
    keys: np.ndarray
    encoder: EncoderSpec

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.index):
            raise InputError(f"{len(self.ids)} ids were given for {len(self.index)} units.")

    def __len__(self) -> int:
        return len(self.index)

    def _display(self) -> Display:
        units, width = self.shape
        return Display(
            f"Embeddings of {units:,} units",
            {
                "distinct texts": len(self.vectors),
                "width": width,
                "by": self.encoder.model,
                "computed in": self.encoder.precision,
            },
        )

    @property
    def shape(self) -> tuple[int, int]:
        """(N, D)."""
        return len(self.index), self.vectors.shape[1]

    def __getitem__(self, rows: Any) -> npt.NDArray[np.float32]:
        return np.asarray(self.vectors[self.index[rows]], dtype=np.float32)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("the vectors are spread over units, which takes a copy")
        return np.asarray(self.vectors[self.index], dtype=dtype or np.float32)

    @cached_property
    def digest(self) -> str:
        """Digest of encoder, ids and vectors."""
        ids = "\n".join(map(str, self.ids)).encode()
        value = digest_bytes(self.encoder.key.encode(), ids, self.index.tobytes())
        for start in range(0, len(self.vectors), BLOCK):  # there may be more than memory holds
            block = np.ascontiguousarray(self.vectors[start : start + BLOCK])
            value = digest_bytes(value.encode(), block.tobytes())
        return value

    def save(self, folder: str | Path) -> None:
        """Write ``vectors.npy``, ``keys.npy``, ``index.parquet`` and ``encoder.json`` to `folder`.

        Raises
        ------
        ArtifactError
            If the folder cannot be written.
        """
        folder = Path(folder)
        for array, name in ((self.vectors, _VECTORS), (self.keys.view("u1"), _KEYS)):
            with atomic_path(folder / name) as path, path.open("wb") as file:
                np.save(file, array)
        with atomic_path(folder / _INDEX) as path:
            rows = {"unit_id": pd.Series(self.ids, dtype="str"), "row": self.index}
            pd.DataFrame(rows).to_parquet(path)
        write_json(folder / _ENCODER, asdict(self.encoder))

    @classmethod
    def load(cls, folder: str | Path) -> Embeddings:
        """Read what `save` wrote; the vectors are memory-mapped.

        Raises
        ------
        ArtifactError
            If a file is missing or damaged.
        """
        folder = Path(folder)
        header = read_json(folder / _ENCODER)
        try:
            vectors = np.load(folder / _VECTORS, mmap_mode="r")
            keys = np.load(folder / _KEYS).view(KEY)
            table = pd.read_parquet(folder / _INDEX)
            encoder = EncoderSpec(**header)
        except (OSError, ValueError, TypeError, EOFError) as error:
            raise ArtifactError(f"{folder} is damaged ({error}); embed again.") from error
        if vectors.dtype != VECTOR or vectors.ndim != 2 or len(keys) != len(vectors):
            raise ArtifactError(f"{folder} holds no vectors of ours; embed again.")
        rows, ids = table["row"].to_numpy(np.int64), table["unit_id"].to_numpy(object)
        return cls(vectors, rows, ids, keys, encoder)
