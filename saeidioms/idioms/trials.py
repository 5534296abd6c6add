"""What labels are tested on: units of held-out conversations, drawn for each feature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from saeidioms.corpus.corpus import Corpus
from saeidioms.embedding.embeddings import Embeddings
from saeidioms.errors import InputError
from saeidioms.idioms.features import FeatureTable
from saeidioms.idioms.find import aligned
from saeidioms.idioms.judges import GROUP
from saeidioms.idioms.marks import draw_marks
from saeidioms.idioms.words import plain_key
from saeidioms.sae.activations import SparseActivations
from saeidioms.seeds import generator

Ints = npt.NDArray[np.int64]

FEWEST = 5  # firing units to test a label on
_SHARE = 5  # a group of the intruder, and a marked unit, for every so many firing units
_POOL = 20_000  # units among which those that do not fire are looked for, at most
_FEATURES = 256  # of which dense (pool, features) closeness is held at once


@dataclass(frozen=True, eq=False)
class Trials:
    """Test units of features, as rows of the corpus; by feature, in random order within each.

    Attributes
    ----------
    units
        ``feature, row, fires``: as many units on which the feature fires as others.
    groups
        ``feature, odd``: of the five units in the same row of `rows`, the feature fires on all but
        the one at ``odd``, 0 to 4.
    rows
        (G, 5) int64.
    marks
        ``feature, row, start, end, right``: a stretch of characters of a firing unit, which is an
        idiom of the feature or, as often, something else.
    """

    units: pd.DataFrame
    groups: pd.DataFrame
    rows: Ints
    marks: pd.DataFrame


@dataclass(frozen=True, eq=False)
class _Pool:
    """One unit of each text that tests may use.

    `rows` (P,) of the corpus; `firing` (P, F) CSC activations; `barred` (P, F) CSC, true where the
    text was shown as an example of the feature; `quiet` the places in the pool where non-firing
    units are looked for; `loud` (P, F) CSC, true where a unit of the same text fires.
    """

    rows: Ints
    firing: sparse.csc_matrix
    barred: sparse.csc_matrix
    loud: sparse.csc_matrix
    quiet: Ints
    vectors: npt.NDArray[np.float32]


def draw_trials(
    features: FeatureTable,
    corpus: Corpus,
    activations: SparseActivations,
    embeddings: Embeddings,
    unseen: npt.NDArray[np.bool_],
    *,
    n_units: int,
    seed: int,
) -> Trials:
    """Draw what the labels of features are tested on.

    No text occurs twice within a feature (letter case and punctuation aside), and none that was
    shown as one of its examples. Firing units are drawn evenly over the range of their activation.
    Of the others, half are near misses: those nearest to the feature's centroid among at most
    20,000 units; half are random.

    Parameters
    ----------
    features, corpus, activations, embeddings
        F features of N units; joined by unit id.
    unseen
        (N,) bool, units that labels were not made from; where none is, all texts that were not
        shown are taken.
    n_units
        The most firing units of a feature.
    seed
        Of all choices, each feature for itself.

    Raises
    ------
    InputError
        If an example of the features is among the unseen units, or a unit has no activations or
        no embedding.
    """
    matrix, order = aligned(corpus, activations, embeddings)
    pool = _pool(features, corpus, matrix, embeddings, order, unseen, seed)
    units, groups, rows = [], [], []
    for start in range(0, len(features), _FEATURES):
        block = np.arange(start, min(start + _FEATURES, len(features)))
        closeness = pool.vectors @ features.centroids[block].T
        for feature in block.tolist():
            rng = generator(seed, f"trials of feature {feature}")
            firing, other = _draw_units(pool, feature, closeness[:, feature - start], n_units, rng)
            if len(firing) < FEWEST:
                continue
            both = pool.rows[np.concatenate([firing, other])]
            turn = rng.permutation(len(both))
            fires = turn < len(firing)
            units.append(pd.DataFrame({"feature": feature, "row": both[turn], "fires": fires}))
            odd, five = _draw_groups(pool.rows[firing], pool.rows[other], n_units, rng)
            groups.append(pd.DataFrame({"feature": feature, "odd": odd}))
            rows.append(five)
    marks = draw_marks(
        features,
        corpus.texts[pool.rows],
        [_firing(pool, feature) for feature in range(len(features))],
        most=max(FEWEST, n_units // _SHARE),
        seed=seed,
    )
    return Trials(
        _stacked(units, ["feature", "row", "fires"]),
        _stacked(groups, ["feature", "odd"]),
        np.concatenate([np.zeros((0, GROUP), dtype=np.int64), *rows]),
        marks.assign(row=pool.rows[marks["text"].to_numpy()]).drop(columns="text"),
    )


def _stacked(parts: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    empty = pd.DataFrame({name: np.zeros(0, np.int64) for name in columns})
    return pd.concat(parts, ignore_index=True) if parts else empty


def _pool(
    features: FeatureTable,
    corpus: Corpus,
    matrix: sparse.csr_matrix,
    embeddings: Embeddings,
    order: Ints,
    unseen: npt.NDArray[np.bool_],
    seed: int,
) -> _Pool:
    examples = features.examples
    shown = pd.Index(corpus.ids).get_indexer(examples["unit_id"])
    if (shown < 0).any() or unseen[shown].any():
        raise InputError(
            "the features show examples from units that are held out, or are not of this corpus; "
            "give the corpus, the seed and the share held out that they were found with."
        )
    keys, _ = pd.factorize(np.array([plain_key(text) for text in corpus.texts], dtype=object))
    n_keys = int(keys.max(initial=-1)) + 1
    n_rows, n_features = matrix.shape
    ones = np.ones(n_rows, dtype=np.float32)
    of_text = sparse.csr_matrix((ones, (keys, np.arange(n_rows))), shape=(n_keys, n_rows))
    loud = sparse.csr_matrix(of_text @ matrix)
    places = (keys[shown], examples["feature"].to_numpy(np.int64))
    barred = sparse.csr_matrix((np.ones(len(shown)), places), shape=(n_keys, n_features))
    usable = np.flatnonzero(unseen) if unseen.any() else np.arange(n_rows)
    _, first = np.unique(keys[usable], return_index=True)
    rows = usable[np.sort(first)]
    quiet = generator(seed, "units that do not fire").permutation(len(rows))[:_POOL]
    quiet.sort()
    return _Pool(
        rows,
        matrix[rows].tocsc(),
        barred[keys[rows]].tocsc(),
        loud[keys[rows]].tocsc(),
        quiet,
        embeddings[order[rows[quiet]]],
    )


def _column(matrix: sparse.csc_matrix, feature: int) -> tuple[npt.NDArray, npt.NDArray]:
    part = slice(*matrix.indptr[feature : feature + 2])
    return matrix.indices[part], matrix.data[part]


def _draw_units(
    pool: _Pool, feature: int, closeness: npt.NDArray, n_units: int, rng: np.random.Generator
) -> tuple[npt.NDArray, npt.NDArray]:
    """Return as many firing units as others, as places in the pool."""
    barred, _ = _column(pool.barred, feature)
    firing = _firing(pool, feature)
    free = np.ones(len(pool.rows), dtype=bool)
    free[barred] = False
    free[_column(pool.loud, feature)[0]] = False
    usable = np.flatnonzero(free[pool.quiet])
    n = min(len(firing), len(usable), n_units)
    # One of each of n ranges of the activation, all with as many units.
    edges = np.arange(n + 1) * len(firing) // max(1, n)
    drawn = firing[rng.integers(edges[:-1], edges[1:])] if n else firing[:0]
    nearest = np.argsort(-closeness[usable], kind="stable")
    near, rest = nearest[: n // 2], nearest[n // 2 :]
    other = np.concatenate([near, rng.choice(rest, n - n // 2, replace=False)])
    return drawn, pool.quiet[usable[other]]


def _firing(pool: _Pool, feature: int) -> npt.NDArray:
    """Return where the feature fires, the strongest first, without texts that were shown."""
    places, values = _column(pool.firing, feature)
    kept = (values > 0) & ~np.isin(places, _column(pool.barred, feature)[0])
    places, values = places[kept], values[kept]
    return places[np.lexsort((places, -values))]


def _draw_groups(
    firing: Ints, other: Ints, n_units: int, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Return (G,) places of the intruder and the (G, 5) rows of the groups."""
    n_groups = max(FEWEST, n_units // _SHARE)
    rows = firing[np.argsort(rng.random((n_groups, len(firing))), axis=1)[:, :GROUP]]
    odd = rng.integers(0, GROUP, n_groups)
    rows[np.arange(n_groups), odd] = rng.choice(other, n_groups, replace=len(other) < n_groups)
    return odd, rows
