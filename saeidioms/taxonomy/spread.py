"""How evenly features fire over conversations: ways of saying do, topics do not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

Floats = npt.NDArray[np.float64]


def spread_over_conversations(
    activations: sparse.csr_matrix, conversations: npt.NDArray
) -> tuple[Floats, Floats]:
    """Return how evenly each feature fires over conversations, near 1 as if by chance, and error.

    The conversations in which a feature fires, over those expected if each of its firings fell on
    a unit without regard to conversations. What somebody says whatever the trouble (a question,
    praise) is near 1; a topic, such as school, comes back within few conversations.

    Parameters
    ----------
    activations
        (N, F), of the units.
    conversations
        (N,) conversation of each unit.

    Returns
    -------
    spread, error
        (F,) float64, NaN where a feature does not fire. The error is the standard deviation by
        chance, for a large number of conversations.
    """
    of = pd.factorize(conversations)[0].astype(np.int64)
    lengths, place, times = np.unique(np.bincount(of), return_inverse=True, return_counts=True)
    fires = (activations > 0).tocoo()
    pairs = np.unique(fires.col.astype(np.int64) * len(place) + of[fires.row])
    n_features = activations.shape[1]
    seen = np.bincount(pairs // len(place), minlength=n_features)
    rate = np.bincount(fires.col, minlength=n_features)[:, None] / len(of)
    empty = (1 - rate) ** lengths
    expected = (1 - empty) @ times
    # That of units which fire each by itself, less what the number of firings explains of it.
    odds = (rate / np.maximum(1 - rate, 1e-12))[:, 0]
    explained = odds * (empty @ (times * lengths)) ** 2 / len(of)
    variance = (empty * (1 - empty)) @ times - explained
    known = expected > 0
    spread, error = (
        np.divide(value, expected, out=np.full(n_features, np.nan), where=known)
        for value in (seen, np.sqrt(np.maximum(variance, 0.0)))
    )
    return spread, error
