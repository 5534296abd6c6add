"""Units that show what a feature fires on, how weakly it may, and what it just does not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from saeidioms.corpus.corpus import Corpus
from saeidioms.embedding.embeddings import Embeddings
from saeidioms.seeds import generator

_BLOCK = 8192  # rows of which dense (rows, F) closeness is held at once
# Quantiles of the activation over a feature's distinct texts.
_RANGES = {"middle": (0.4, 0.6), "low": (0.0, 0.2)}

Rows = npt.NDArray[np.int64]


def centroids(
    matrix: sparse.csr_matrix, embeddings: Embeddings, order: Rows
) -> npt.NDArray[np.float32]:
    """Return float32 (F, D): mean embedding by activation, at unit length; zeros for the dead.

    Parameters
    ----------
    matrix
        (N, F) activations.
    embeddings
        Vectors of the units.
    order
        (N,) row of each unit in `embeddings`.
    """
    sums = np.zeros((matrix.shape[1], embeddings.shape[1]))
    for start in range(0, len(order), _BLOCK):
        part = slice(start, start + _BLOCK)
        sums += matrix[part].T @ embeddings[order[part]]
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.divide(sums, norms, out=np.zeros_like(sums), where=norms > 0).astype(np.float32)


def find_examples(
    matrix: sparse.csr_matrix,
    keys: Rows,
    corpus: Corpus,
    embeddings: Embeddings,
    order: Rows,
    directions: npt.NDArray[np.float32],
    *,
    n_examples: int,
    seed: int,
) -> pd.DataFrame:
    """Return the examples of `saeidioms.idioms.features.FeatureTable`.

    Parameters
    ----------
    matrix
        (N, F) activations.
    keys
        (N,) number of each unit's text.
    corpus
        N units.
    embeddings, order
        Vectors, and the row of each unit in them.
    directions
        (F, D) centroids.
    n_examples
        The most of each kind.
    seed
        Of the choice within the middle and the low range.
    """
    frames = [*_firing(matrix, keys, n_examples, seed)]
    frames += _near_misses(matrix, keys, embeddings, order, directions, n_examples)
    columns = [np.concatenate(parts) for parts in zip(*frames, strict=True)]
    feature, kind, rank, unit, activation = columns
    sequence = np.lexsort((rank, kind, feature))
    names = np.array([*_KINDS], dtype=object)
    table = pd.DataFrame(
        {
            "feature": feature.astype(np.int64),
            "kind": pd.Series(names[kind.astype(np.int64)]).astype("str"),
            "rank": rank.astype(np.int64),
            "unit_id": pd.Series(corpus.ids[unit.astype(np.int64)]).astype("str"),
            "text": pd.Series(corpus.texts[unit.astype(np.int64)]).astype("str"),
            "activation": activation.astype(np.float64),
        }
    )
    return table.iloc[sequence].reset_index(drop=True)


_KINDS = ("top", "middle", "low", "near miss")
Part = tuple[npt.NDArray, npt.NDArray, npt.NDArray, npt.NDArray, npt.NDArray]


def _firing(matrix: sparse.csr_matrix, keys: Rows, n_examples: int, seed: int) -> Iterator[Part]:
    """Yield the examples by activation, one unit for each distinct text, the strongest."""
    columns = matrix.tocsc()
    columns.sort_indices()
    for feature in range(matrix.shape[1]):
        part = slice(columns.indptr[feature], columns.indptr[feature + 1])
        units, values = columns.indices[part], columns.data[part]
        units, values = _distinct(units, values, keys)
        top = np.arange(min(n_examples, len(units)))
        chosen = {"top": top}
        rng = generator(seed, f"examples of feature {feature}")
        for kind, (low, high) in _RANGES.items():
            # Values descend: the quantile q of the activation stands at 1 - q.
            first, last = (round((1 - q) * len(units)) for q in (high, low))
            pool = np.arange(max(first, len(top)), last)
            picked = rng.choice(pool, min(n_examples, len(pool)), replace=False)
            chosen[kind] = np.sort(picked)
        for kind, picked in chosen.items():
            yield _part(feature, kind, units[picked], values[picked])


def _distinct(
    units: npt.NDArray, values: npt.NDArray, keys: Rows
) -> tuple[npt.NDArray, npt.NDArray]:
    """Return the units by falling activation, without later ones of the same text."""
    falling = np.lexsort((units, -values))
    units, values = units[falling], values[falling]
    _, first = np.unique(keys[units], return_index=True)
    first.sort()
    return units[first], values[first]


def _near_misses(
    matrix: sparse.csr_matrix,
    keys: Rows,
    embeddings: Embeddings,
    order: Rows,
    directions: npt.NDArray[np.float32],
    n_examples: int,
) -> Iterator[Part]:
    """Yield the texts nearest to each centroid of whose units none fires."""
    n_features = matrix.shape[1]
    _, first = np.unique(keys, return_index=True)
    unit_of = sparse.csr_matrix(
        (np.ones(len(keys), dtype=np.float32), (keys, np.arange(len(keys)))),
        shape=(len(first), len(keys)),
    )
    fires = unit_of @ matrix
    best = np.full((0, n_features), -np.inf, dtype=np.float32)
    rows = np.zeros((0, n_features), dtype=np.int64)
    for start in range(0, len(first), _BLOCK):
        part = slice(start, min(start + _BLOCK, len(first)))
        closeness = embeddings[order[first[part]]] @ directions.T
        firing = fires[part]
        closeness[
            np.repeat(np.arange(firing.shape[0]), np.diff(firing.indptr)), firing.indices
        ] = -np.inf
        here = np.broadcast_to(np.arange(part.start, part.stop)[:, None], closeness.shape)
        best, rows = _highest(
            np.concatenate([best, closeness]), np.concatenate([rows, here]), n_examples
        )
    falling = np.argsort(-best, axis=0, kind="stable")
    alive = np.abs(directions).max(axis=1) > 0
    for feature in range(n_features):
        picked = falling[:, feature]
        picked = picked[np.isfinite(best[picked, feature]) & alive[feature]]
        units = first[rows[picked, feature]]
        yield _part(feature, "near miss", units, np.zeros(len(units)))


def _highest(
    values: npt.NDArray[np.float32], rows: Rows, n: int
) -> tuple[npt.NDArray[np.float32], Rows]:
    """Return the `n` highest values of each column, and their rows."""
    if len(values) <= n:
        return values, rows
    kept = np.argpartition(-values, n - 1, axis=0)[:n]
    return np.take_along_axis(values, kept, axis=0), np.take_along_axis(rows, kept, axis=0)


def _part(feature: int, kind: str, units: npt.NDArray, values: npt.NDArray) -> Part:
    n = len(units)
    number = _KINDS.index(kind)
    return np.full(n, feature), np.full(n, number), np.arange(n), units, values
