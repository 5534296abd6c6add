"""Find what each feature fires on: figures, examples, near misses, idioms."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from saeidioms.corpus.corpus import Corpus
from saeidioms.embedding.embeddings import Embeddings
from saeidioms.errors import InputError, OptionError
from saeidioms.idioms.examples import centroids, find_examples
from saeidioms.idioms.features import FeatureTable
from saeidioms.idioms.figures import histograms, measure
from saeidioms.idioms.occurrences import find_occurrences
from saeidioms.idioms.phrases import idioms_of_features
from saeidioms.idioms.split import split_conversations
from saeidioms.idioms.words import plain_key
from saeidioms.sae.activations import SparseActivations

logger = logging.getLogger(__name__)


def find_idioms(
    corpus: Corpus,
    activations: SparseActivations,
    embeddings: Embeddings,
    *,
    stability: npt.NDArray[np.float32] | None = None,
    n_examples: int = 10,
    n_idioms: int = 10,
    held_out: float = 0.2,
    seed: int = 0,
) -> FeatureTable:
    """Find what each feature fires on: figures, examples, near misses, idioms.

    Parameters
    ----------
    corpus
        N units.
    activations, embeddings
        Of these units, joined by unit id.
    stability
        (F,) of each feature, where it is known.
    n_examples
        The most examples of each kind for a feature.
    n_idioms
        The most idioms for a feature.
    held_out
        Share of the conversations, 0 to 0.5, that examples and idioms are not chosen from, so
        that `saeidioms.idioms.fidelity` can test labels on them; none of fewer than 20
        conversations. Figures, counts and centroids are those of all.
    seed
        Of the choice of those conversations, and of middle and low examples.

    Returns
    -------
    FeatureTable
        Not labelled yet: see `saeidioms.idioms.labellers.label`.

    Raises
    ------
    InputError
        If a unit has no activations or no embedding.
    OptionError
        If `n_examples` or `n_idioms` is less than 1, or `held_out` out of range.
    """
    for name, value in (("n_examples", n_examples), ("n_idioms", n_idioms)):
        if value < 1:
            raise OptionError(f"{name} is {value}; it must be at least 1.")
    unseen = split_conversations(corpus, seed, held_out)
    matrix, order = aligned(corpus, activations, embeddings)
    keys, _ = pd.factorize(np.array([plain_key(text) for text in corpus.texts], dtype=object))
    table = measure(matrix, keys, corpus.texts)
    table["stability"] = np.full(len(table), np.nan, np.float32) if stability is None else stability
    vectors = centroids(matrix, embeddings, order)
    seen = np.flatnonzero(~unseen)
    shown = _part(corpus, seen)
    examples = find_examples(
        *(matrix[seen], pd.factorize(keys[seen])[0], shown, embeddings, order[seen], vectors),
        n_examples=n_examples,
        seed=seed,
    )
    idioms = idioms_of_features(shown, matrix[seen], n_idioms)
    if unseen.any():
        _add_counts(idioms, _part(corpus, np.flatnonzero(unseen)), matrix[unseen])
    flags = table["flag"].value_counts()
    logger.info(
        "%d features: %s; %d idioms",
        len(table),
        ", ".join(f"{n} {flag or 'readable'}" for flag, n in flags.items()),
        idioms["phrase"].nunique(),
    )
    return FeatureTable(table, idioms, examples, vectors, embeddings.encoder, histograms(matrix))


def aligned(
    corpus: Corpus, activations: SparseActivations, embeddings: Embeddings
) -> tuple[sparse.csr_matrix, npt.NDArray[np.int64]]:
    """Return the (N, F) activations of the units, and the (N,) row of each in the embeddings.

    Raises
    ------
    InputError
        If a unit has no activations or no embedding.
    """
    order = _rows(corpus, embeddings.ids, "embedding")
    return (
        aligned_activations(corpus, activations),
        np.arange(len(corpus)) if order is None else order,
    )


def aligned_activations(corpus: Corpus, activations: SparseActivations) -> sparse.csr_matrix:
    """Return the (N, F) activations of the units.

    Raises
    ------
    InputError
        If a unit has no activations.
    """
    rows = _rows(corpus, activations.ids, "activations")
    return activations.matrix if rows is None else activations.matrix[rows]


def _rows(corpus: Corpus, ids: npt.NDArray[Any], what: str) -> npt.NDArray[np.intp] | None:
    """Return the row of each unit among `ids`; None where both are in the same order."""
    if np.array_equal(corpus.ids, ids):
        return None
    rows = pd.Index(ids).get_indexer(corpus.ids)
    if (rows < 0).any():
        missing = corpus.ids[rows < 0]
        raise InputError(
            f"{len(missing)} of {len(corpus)} units have no {what} (the first is {missing[0]}); "
            "give those of the same corpus."
        )
    return rows


def _part(corpus: Corpus, rows: npt.NDArray[np.int64]) -> Corpus:
    return replace(corpus, table=corpus.table.iloc[rows].reset_index(drop=True))


def _add_counts(idioms: pd.DataFrame, corpus: Corpus, matrix: sparse.csr_matrix) -> None:
    """Add, to the counts of idioms, those of units that they were not chosen on."""
    phrase, phrases = pd.factorize(idioms["phrase"])
    found = find_occurrences(corpus.texts.tolist(), phrases.tolist())
    found = found[["text", "phrase"]].drop_duplicates()
    places = (found["text"].to_numpy(), found["phrase"].to_numpy())
    shape = (len(corpus), len(phrases))
    held = sparse.csc_matrix((np.ones(len(found), dtype=np.int64), places), shape=shape)
    within = found.assign(of=corpus.conversations[places[0]]).groupby("phrase")["of"].nunique()
    fires = sparse.csr_matrix((matrix > 0).T, dtype=np.int64) @ held
    idioms["count"] += np.asarray(held.sum(axis=0)).ravel()[phrase]
    idioms["conversations"] += within.reindex(range(len(phrases)), fill_value=0).to_numpy()[phrase]
    idioms["feature_count"] += np.asarray(fires[idioms["feature"].to_numpy(), phrase]).ravel()
