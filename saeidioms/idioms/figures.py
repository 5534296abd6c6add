"""What a feature is in figures, and the flags of features that stand for no expression."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from saeidioms.idioms.words import count_words

_LENGTH_CLASSES = 20
_EXPLAINED = 0.5

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
            "label": pd.Series([""] * n_features, dtype="str"),
            "label_source": pd.Series([""] * n_features, dtype="str"),
        }
    )


def explained_by_length(matrix: sparse.csr_matrix, lengths: npt.NDArray[np.int64]) -> Floats:
    """Return which share of each feature's variance over all units the length of texts explains.

    The measure is epsilon squared, the correlation ratio corrected for the number of classes
    (Kelley 1935, doi:10.1073/pnas.21.9.554), over up to 20 classes of about equally many units by
    their number of words. It asks that units of the right length fire and others do not, so that
    an idiom of one word, which fires on a few of the short units, is not taken for length, as it
    would be by a correlation within the units that fire. A feature is flagged from 0.5 on: length
    explains more than all else.

    Parameters
    ----------
    matrix
        (N, F) activations.
    lengths
        (N,) words of each unit.

    Returns
    -------
    numpy.ndarray
        float64 (F,), at most 1; 0 where nothing varies.
    """
    n_rows, n_features = matrix.shape
    edges = np.unique(np.quantile(lengths, np.linspace(0, 1, _LENGTH_CLASSES + 1)[1:-1]))
    classes = np.searchsorted(edges, lengths, side="left")
    sizes = np.bincount(classes)
    present = sizes > 0
    if n_rows <= present.sum() or present.sum() < 2:
        return np.zeros(n_features)
    member = sparse.csr_matrix((np.ones(n_rows), (classes, np.arange(n_rows))))
    sums = np.asarray((member @ matrix.astype(np.float64)).todense())[present]
    squares = np.bincount(
        matrix.indices, weights=matrix.data.astype(np.float64) ** 2, minlength=n_features
    )
    total = squares - sums.sum(axis=0) ** 2 / n_rows
    within = squares - (sums**2 / sizes[present, None]).sum(axis=0)
    per_class, per_unit = within / (n_rows - present.sum()), total / (n_rows - 1)
    return 1 - np.divide(per_class, per_unit, out=np.ones(n_features), where=per_unit > 1e-12)
