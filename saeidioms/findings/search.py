"""Find what is said like a phrase, and the features that mean it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from saeidioms.corpus.corpus import Corpus
from saeidioms.embedding.embeddings import Embeddings
from saeidioms.errors import OptionError
from saeidioms.idioms.features import FeatureTable, aligned
from saeidioms.idioms.words import plain_key
from saeidioms.sae.activations import SparseActivations

Encode = Callable[[list[str]], npt.NDArray[np.float32]]
_BLOCK = 65_536  # vectors that are read together


def search_units(
    query: str, corpus: Corpus, embeddings: Embeddings, encode: Encode, *, n: int = 10
) -> pd.DataFrame:
    """Return the units whose meaning is nearest to a phrase.

    Parameters
    ----------
    query
        What to look for, in words.
    corpus, embeddings
        N units, and their vectors (a superset of the units will do); every one is compared.
    encode
        Texts to embeddings of unit length, by the encoder of the corpus.
    n
        How many distinct texts.

    Returns
    -------
    pandas.DataFrame
        ``text, similarity`` (cosine, -1 to 1), ``count`` (units with that text, letter case and
        punctuation aside), ``unit_id, conversation_id`` (of the first of them); nearest first.

    Raises
    ------
    OptionError
        If the query is empty, or n below 1.
    """
    wanted = _vector(query, encode, n)
    near = np.concatenate(
        [
            np.asarray(embeddings.vectors[start : start + _BLOCK], dtype=np.float32) @ wanted
            for start in range(0, len(embeddings.vectors), _BLOCK)
        ]
    )
    rows = pd.Index(embeddings.ids).get_indexer(corpus.ids)
    similarity = near[embeddings.index[rows]].astype(np.float64)
    return _distinct(corpus, similarity, "similarity", n)


def strongest(
    feature: int,
    corpus: Corpus,
    activations: SparseActivations,
    embeddings: Embeddings,
    *,
    n: int = 10,
) -> pd.DataFrame:
    """Return the units on which a feature is strongest.

    Parameters
    ----------
    feature
        Its number.
    corpus, activations, embeddings
        N units, joined by id.
    n
        How many distinct texts, at most.

    Returns
    -------
    pandas.DataFrame
        ``text, activation, count, unit_id, conversation_id``; strongest first.

    Raises
    ------
    OptionError
        If there is no such feature, or n is below 1.
    """
    _check(n)
    matrix, _ = aligned(corpus, activations, embeddings)
    if not 0 <= feature < matrix.shape[1]:
        raise OptionError(f"there is no feature {feature}; give 0 to {matrix.shape[1] - 1}.")
    values = matrix.tocsc()[:, [feature]].toarray().ravel().astype(np.float64)
    found = _distinct(corpus, values, "activation", n)
    return found[found["activation"] > 0].reset_index(drop=True)


def search_features(
    query: str, features: FeatureTable, encode: Encode, *, n: int = 10
) -> pd.DataFrame:
    """Return the features that mean what a phrase means.

    Parameters
    ----------
    query
        What to look for, in words.
    features
        With labels.
    encode
        As for `search_units`.
    n
        How many.

    Returns
    -------
    pandas.DataFrame
        ``feature, label, similarity, matches, density, fidelity``. Those whose label, definition
        or idioms hold all words of the query (``matches``) come first, then by ``similarity``: the
        mean of the cosines with what the feature fires on (its centroid) and with the nearest of
        its label, definition and idioms. Flagged features are left out.

    Raises
    ------
    OptionError
        If the query is empty, or n below 1.
    """
    wanted = _vector(query, encode, n)
    table = features.table[features.table["flag"].fillna("") == ""]
    own = table[["feature", "label", "definition"]].melt("feature", value_name="said")
    idioms = features.idioms[["feature", "phrase"]].rename(columns={"phrase": "said"})
    said = pd.concat([own[["feature", "said"]], idioms], ignore_index=True)
    said = said[(said["said"] != "") & said["feature"].isin(table["feature"])]
    near = np.asarray(encode(said["said"].tolist()), dtype=np.float32) @ wanted
    words = plain_key(query).split()
    holds = [set(words) <= set(plain_key(text).split()) for text in said["said"]]
    by_feature = said.assign(near=near.astype(np.float64), holds=holds).groupby("feature")
    nearest = by_feature["near"].max().reindex(table["feature"]).to_numpy()
    fires = features.centroids[table["feature"].to_numpy()].astype(np.float64) @ wanted
    found = table[["feature", "label", "density", "fidelity"]].assign(
        similarity=(nearest + fires) / 2,
        matches=by_feature["holds"].any().reindex(table["feature"]).to_numpy(),
    )
    ranked = found.sort_values(["matches", "similarity"], ascending=False, kind="stable")
    columns = ["feature", "label", "similarity", "matches", "density", "fidelity"]
    return ranked[columns].head(n).reset_index(drop=True)


def _vector(query: str, encode: Encode, n: int) -> npt.NDArray[np.float32]:
    _check(n)
    if not query.strip():
        raise OptionError("the query is empty; give some words.")
    return np.asarray(encode([query]), dtype=np.float32)[0]


def _check(n: int) -> None:
    if n < 1:
        raise OptionError(f"n is {n}; it must be at least 1.")


def _distinct(corpus: Corpus, values: npt.NDArray[np.float64], name: str, n: int) -> pd.DataFrame:
    """Return the n distinct texts with the highest values, each with how often it occurs."""
    key = corpus.table["text"].map(plain_key)
    table = corpus.table[["text", "unit_id", "conversation_id"]].assign(**{name: values}, key=key)
    ranked = table.sort_values(name, ascending=False, kind="stable").drop_duplicates("key")
    found = ranked.head(n).assign(count=lambda rows: rows["key"].map(key.value_counts()))
    return found[["text", name, "count", "unit_id", "conversation_id"]].reset_index(drop=True)
