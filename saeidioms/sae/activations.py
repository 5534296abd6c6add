"""The activations of a corpus' units, sparse in memory and on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from scipy import sparse

from saeidioms.artifacts import atomic_path, digest_bytes, read_json, write_json
from saeidioms.errors import ArtifactError, InputError

FORMAT = 2
SHARD_ROWS = 200_000
DTYPES = {"data": np.float32, "indices": np.int32, "counts": np.int32}

Part = tuple[sparse.csr_matrix, npt.NDArray]


@dataclass(frozen=True, eq=False)
class SparseActivations:
    """Which features fire on which unit, and how strongly.

    Attributes
    ----------
    matrix
        (N, F) float32 CSR, entries above 0 only, columns ascending in each row.
    ids
        (N,) ids of the units, in the order of the rows.
    sae_digest
        Digest of the dictionary that made them.

    Raises
    ------
    InputError
        If there is not one id a row.
    """

    matrix: sparse.csr_matrix
    ids: npt.NDArray
    sae_digest: str

    def __post_init__(self) -> None:
        if len(self.ids) != self.matrix.shape[0]:
            raise InputError(
                f"{len(self.ids)} ids were given for {self.matrix.shape[0]} rows of activations; "
                "give one id a row."
            )

    def __len__(self) -> int:
        return self.matrix.shape[0]

    @property
    def shape(self) -> tuple[int, int]:
        """(N, F)."""
        return self.matrix.shape

    @cached_property
    def digest(self) -> str:
        """Digest of dictionary, ids and activations."""
        state = _Digest(self.sae_digest, self.shape[1])
        for part, ids in self._parts():
            state.add(part, ids)
        return state.value

    def save(self, folder: str | Path) -> None:
        """Write ``activations.json``, ``ids.parquet`` and ``00000.safetensors`` ... to `folder`."""
        write_activations(folder, self._parts(), self.shape[1], self.sae_digest)

    def _parts(self) -> Iterator[Part]:
        for start in range(0, len(self), SHARD_ROWS):
            rows = slice(start, start + SHARD_ROWS)
            yield self.matrix[rows], self.ids[rows]

    @classmethod
    def load(cls, folder: str | Path) -> SparseActivations:
        """Read what `save` wrote.

        Raises
        ------
        ArtifactError
            If a file is missing or damaged, or belongs to other activations.
        """
        folder = Path(folder)
        header = read_json(folder / "activations.json")
        if header.get("format") != FORMAT:
            raise ArtifactError(
                f"{folder} holds activations of format {header.get('format')}, this version reads "
                f"format {FORMAT}; encode again."
            )
        n_rows, n_features = header["shape"]
        try:
            shards = [load_file(folder / f"{n:05d}.safetensors") for n in range(header["shards"])]
            ids = pd.read_parquet(folder / "ids.parquet")["unit_id"].to_numpy(dtype=object)
            empty = [{name: np.zeros(0, dtype) for name, dtype in DTYPES.items()}]
            parts = {name: np.concatenate([s[name] for s in shards or empty]) for name in DTYPES}
            pointers = np.concatenate([[0], parts["counts"].cumsum(dtype=np.int64)])
            triple = (parts["data"], parts["indices"], pointers)
            matrix = sparse.csr_matrix(triple, shape=(n_rows, n_features))
            found = cls(matrix, ids, header["sae_digest"])
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise ArtifactError(f"{folder} is damaged ({error}); encode again.") from error
        if found.digest != header["digest"]:
            raise ArtifactError(
                f"{folder} holds files of different activations (digest {found.digest}, expected "
                f"{header['digest']}); encode again."
            )
        return found


def write_activations(
    folder: str | Path, parts: Iterable[Part], n_features: int, sae_digest: str
) -> None:
    """Write activations of any size, shard by shard, as `SparseActivations.save` does.

    Parameters
    ----------
    folder
        Where to.
    parts
        CSR matrices (n, F) with their (n,) ids, each `SHARD_ROWS` rows but for the last.
    n_features
        F.
    sae_digest
        Digest of the dictionary.
    """
    folder = Path(folder)
    state, schema = _Digest(sae_digest, n_features), pa.schema([("unit_id", pa.string())])
    n_rows = n_shards = 0
    with atomic_path(folder / "ids.parquet") as path, pq.ParquetWriter(path, schema) as writer:
        for part, ids in parts:
            with atomic_path(folder / f"{n_shards:05d}.safetensors") as shard:
                save_file(_tensors(part), shard)
            writer.write_table(pa.table({"unit_id": pa.array(ids).cast(pa.string())}))
            state.add(part, ids)
            n_rows, n_shards = n_rows + part.shape[0], n_shards + 1
    header = {"format": FORMAT, "shape": [n_rows, n_features], "shards": n_shards}
    digests = {"sae_digest": sae_digest, "digest": state.value}
    write_json(folder / "activations.json", header | digests)


class _Digest:
    """The digest of activations, part by part."""

    def __init__(self, sae_digest: str, n_features: int) -> None:
        self.value = digest_bytes(sae_digest.encode(), repr(n_features).encode())

    def add(self, part: sparse.csr_matrix, ids: npt.NDArray) -> None:
        contents = (tensor.tobytes() for tensor in _tensors(part).values())
        names = "\n".join(map(str, ids)).encode()
        self.value = digest_bytes(self.value.encode(), names, *contents)


def _tensors(part: sparse.csr_matrix) -> dict[str, npt.NDArray]:
    arrays = {"data": part.data, "indices": part.indices, "counts": np.diff(part.indptr)}
    return {name: np.ascontiguousarray(array, DTYPES[name]) for name, array in arrays.items()}
