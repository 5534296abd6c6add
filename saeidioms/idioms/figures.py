"""What a feature is in figures, and the flags of features that stand for no expression."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from saeidioms.corpus.corpus import Corpus
from saeidioms.errors import InputError, OptionError
from saeidioms.idioms.words import count_words
from saeidioms.sae.activations import SparseActivations

SAID = ("label", "label_source", "definition", "suggestion")  # by whoever labels a feature
_LONGEST = 200  # words from which on units count as equally long
_EXPLAINED = 0.5
_TINY = 1e-9

Floats = npt.NDArray[np.float64]


def measure(matrix: sparse.csr_matrix, keys: npt.NDArray, texts: npt.NDArray) -> pd.DataFrame:
    """Return density, counts, activations and flag of each feature; labels are empty.

    Parameters
    ----------
    matrix
        (N, F) activations.
    keys
        (N,) number of each unit's text; units with the same text have the same.
    texts
        (N,) texts.
    """
    n_rows, n_features = matrix.shape
    n_units = np.bincount(matrix.indices, minlength=n_features)
    total = np.bincount(matrix.indices, weights=matrix.data, minlength=n_features)
    unit = np.repeat(np.arange(n_rows), np.diff(matrix.indptr))
    n_texts = np.bincount(
        np.unique(matrix.indices.astype(np.int64) << 32 | keys[unit]) >> 32, minlength=n_features
    )
    highest = np.zeros(n_features)
    np.maximum.at(highest, matrix.indices, matrix.data)
    lengths = np.array([count_words(text) for text in texts], dtype=np.int64)
    by_length = explained_by_length(matrix, lengths) >= _EXPLAINED
    flag = np.select(
        [n_units == 0, n_texts == 1, by_length], ["dead", "one text", "length"], default=""
    )
    return pd.DataFrame(
        {
            "feature": np.arange(n_features, dtype=np.int64),
            "density": n_units / max(1, n_rows),
            "n_units": n_units.astype(np.int64),
            "n_texts": n_texts.astype(np.int64),
            "mean_activation": total / np.maximum(n_units, 1),
            "max_activation": highest,
            "flag": pd.Series(flag).astype("str"),
            **{name: pd.Series([""] * n_features, dtype="str") for name in SAID},
            "fidelity": np.full(n_features, np.nan),
        }
    )


def histograms(matrix: sparse.csr_matrix, bins: int = 16) -> npt.NDArray[np.int64]:
    """Return (F, bins) units by activation, in equal steps from 0 to each feature's highest.

    Parameters
    ----------
    matrix
        (N, F) activations.
    bins
        Number of steps.
    """
    n_features = matrix.shape[1]
    highest = np.zeros(n_features)
    np.maximum.at(highest, matrix.indices, matrix.data)
    part = matrix.data / np.maximum(highest[matrix.indices], _TINY)
    step = np.minimum((bins * part).astype(np.int64), bins - 1)
    counts = np.bincount(matrix.indices * np.int64(bins) + step, minlength=bins * n_features)
    return counts.reshape(n_features, bins).astype(np.int64)


def density_by(corpus: Corpus, activations: SparseActivations, by: str) -> pd.DataFrame:
    """Return ``feature, by, value, density, n``: the share of a group's units it fires on.

    Raises
    ------
    OptionError
        If the corpus has no such column.
    InputError
        If a unit has no activations.
    """
    if by not in corpus.table:
        raise OptionError(
            f"there is no column {by}; choose of: {', '.join(['role', *corpus.metadata])}."
        )
    rows = pd.Index(activations.ids).get_indexer(corpus.ids)
    if (rows < 0).any():
        raise InputError(
            f"{int((rows < 0).sum())} of {len(corpus)} units have no activations; give those of "
            "the same corpus."
        )
    values = corpus.table[by]
    group, names = pd.factorize(values, sort=True)
    known = group >= 0
    n = np.bincount(group[known], minlength=len(names))
    member = sparse.csr_matrix(
        (np.ones(known.sum()), (group[known], np.flatnonzero(known))),
        shape=(len(names), len(corpus)),
    )
    fires = np.asarray((member @ (activations.matrix[rows] > 0).astype(np.float64)).todense())
    n_features = fires.shape[1]
    return pd.DataFrame(
        {
            "feature": np.repeat(np.arange(n_features), len(names)),
            "by": by,
            "value": np.tile([str(name) for name in names], n_features),
            "density": (fires / n[:, None]).T.ravel(),
            "n": np.tile(n, n_features),
        }
    )


def explained_by_length(matrix: sparse.csr_matrix, lengths: npt.NDArray[np.int64]) -> Floats:
    """Return which share of each feature's variance over all units their length explains.

    It is what the best division into shorter and longer units explains: one split of a regression
    tree (Breiman, Friedman, Olshen & Stone 1984, Classification and Regression Trees). That asks
    for units of the right length to fire and for others not to, at any density; an idiom of one
    word, which fires on a few of the short units, is not taken for length, as it would be by a
    correlation within the units that fire. A feature is flagged from 0.5 on: length explains
    more than all else.

    Parameters
    ----------
    matrix
        (N, F) activations.
    lengths
        (N,) words of each unit.

    Returns
    -------
    numpy.ndarray
        float64 (F,), 0 to 1; 0 where nothing varies.
    """
    n_rows, n_features = matrix.shape
    _, classes, sizes = np.unique(
        np.minimum(lengths, _LONGEST), return_inverse=True, return_counts=True
    )
    member = sparse.csr_matrix((np.ones(n_rows), (classes, np.arange(n_rows))))
    sums = np.asarray((member @ matrix.astype(np.float64)).todense())
    whole = sums.sum(axis=0)
    squares = np.bincount(
        matrix.indices, weights=matrix.data.astype(np.float64) ** 2, minlength=n_features
    )
    mean_part = whole**2 / max(1, n_rows)
    total = squares - mean_part
    shorter, n_shorter = sums.cumsum(axis=0)[:-1], sizes.cumsum()[:-1, None]
    between = shorter**2 / n_shorter + (whole - shorter) ** 2 / (n_rows - n_shorter) - mean_part
    best = between.max(axis=0, initial=0)
    return np.divide(best, total, out=np.zeros(n_features), where=total > _TINY * squares)
