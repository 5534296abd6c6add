"""Find what is said like a phrase, and where a feature is strongest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from saeidioms.corpus.corpus import Corpus
from saeidioms.embedding.embeddings import Embeddings
from saeidioms.errors import OptionError
from saeidioms.idioms.find import aligned
from saeidioms.idioms.meaning import Encode, check_number, vector_of
from saeidioms.idioms.words import plain_key
from saeidioms.sae.activations import SparseActivations

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
    wanted = vector_of(query, encode, n)
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
    check_number(n)
    matrix, _ = aligned(corpus, activations, embeddings)
    if not 0 <= feature < matrix.shape[1]:
        raise OptionError(f"there is no feature {feature}; give 0 to {matrix.shape[1] - 1}.")
    values = matrix.tocsc()[:, [feature]].toarray().ravel().astype(np.float64)
    found = _distinct(corpus, values, "activation", n)
    return found[found["activation"] > 0].reset_index(drop=True)


def _distinct(corpus: Corpus, values: npt.NDArray[np.float64], name: str, n: int) -> pd.DataFrame:
    """Return the n distinct texts with the highest values, each with how often it occurs."""
    key = corpus.table["text"].map(plain_key)
    table = corpus.table[["text", "unit_id", "conversation_id"]].assign(**{name: values}, key=key)
    ranked = table.sort_values(name, ascending=False, kind="stable").drop_duplicates("key")
    found = ranked.head(n).assign(count=lambda rows: rows["key"].map(key.value_counts()))
    return found[["text", name, "count", "unit_id", "conversation_id"]].reset_index(drop=True)
