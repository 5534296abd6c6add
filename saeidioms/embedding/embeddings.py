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
from saeidioms.embedding.encoders import EncoderSpec
from saeidioms.embedding.store import read_shard, write_shard
from saeidioms.errors import ArtifactError, InputError

SHARD_ROWS = 200_000


@dataclass(frozen=True, eq=False)
class Embeddings:
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
        index, vectors = np.ascontiguousarray(self.index), np.ascontiguousarray(self.vectors)
        return digest_bytes(self.encoder.key.encode(), ids, index.tobytes(), vectors.tobytes())

    def save(self, folder: str | Path) -> None:
        """Write ``00000.safetensors`` ..., ``index.parquet`` and ``encoder.json`` to `folder`."""
        folder = Path(folder)
        starts = range(0, max(1, len(self.vectors)), SHARD_ROWS)
        for number, start in enumerate(starts):
            part = slice(start, start + SHARD_ROWS)
            vectors = np.ascontiguousarray(self.vectors[part])
            write_shard(folder / f"{number:05d}.safetensors", self.keys[part], vectors)
        with atomic_path(folder / "index.parquet") as path:
            rows = {"unit_id": pd.Series(self.ids, dtype="str"), "row": self.index}
            pd.DataFrame(rows).to_parquet(path)
        write_json(folder / "encoder.json", {"shards": len(starts), **asdict(self.encoder)})

    @classmethod
    def load(cls, folder: str | Path) -> Embeddings:
        """Read what `save` wrote, memory-mapped where it is one shard.

        Raises
        ------
        ArtifactError
            If a file is missing or damaged.
        """
        folder = Path(folder)
        header = read_json(folder / "encoder.json")
        try:
            shards = [read_shard(folder / f"{n:05d}.safetensors") for n in range(header["shards"])]
            table = pd.read_parquet(folder / "index.parquet")
            names = EncoderSpec.__dataclass_fields__
            encoder = EncoderSpec(**{name: header[name] for name in names})
        except (OSError, ValueError, KeyError) as error:
            raise ArtifactError(f"{folder} is damaged ({error}); embed again.") from error
        keys = [keys for keys, _ in shards]
        vectors = [vectors for _, vectors in shards]
        return cls(
            vectors[0] if len(vectors) == 1 else np.concatenate(vectors),
            table["row"].to_numpy(np.int64),
            table["unit_id"].to_numpy(object),
            np.concatenate(keys),
            encoder,
        )
