"""The activations of a corpus' units, sparse in memory and on disk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from scipy import sparse

from saeidioms.artifacts import atomic_path, digest_bytes, read_json, write_json
from saeidioms.errors import ArtifactError, InputError

FORMAT = 1
SHARD_ROWS = 1_000_000
DTYPES = {"data": np.float32, "indices": np.int32, "counts": np.int32}


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
        parts = (self.matrix.data, self.matrix.indices, np.diff(self.matrix.indptr))
        contents = (np.ascontiguousarray(part).tobytes() for part in parts)
        ids = "\n".join(map(str, self.ids)).encode()
        return digest_bytes(self.sae_digest.encode(), repr(self.shape).encode(), ids, *contents)

    def save(self, folder: str | Path) -> None:
        """Write ``activations.json``, ``ids.parquet`` and ``00000.safetensors`` ... to `folder`."""
        folder = Path(folder)
        starts = range(0, max(1, len(self)), SHARD_ROWS)
        for number, start in enumerate(starts):
            part = self.matrix[start : start + SHARD_ROWS]
            counts = np.diff(part.indptr)
            arrays = {"data": part.data, "indices": part.indices, "counts": counts}
            tensors = {name: array.astype(DTYPES[name]) for name, array in arrays.items()}
            with atomic_path(folder / f"{number:05d}.safetensors") as path:
                save_file(tensors, path)
        with atomic_path(folder / "ids.parquet") as path:
            pd.DataFrame({"unit_id": pd.Series(self.ids, dtype="str")}).to_parquet(path)
        header = {"format": FORMAT, "shape": list(self.shape), "shards": len(starts)}
        digests = {"sae_digest": self.sae_digest, "digest": self.digest}
        write_json(folder / "activations.json", header | digests)

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
            parts = {name: np.concatenate([s[name] for s in shards]) for name in DTYPES}
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
