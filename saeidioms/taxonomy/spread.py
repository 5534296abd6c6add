"""How evenly features fire over conversations: ways of saying do, topics do not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from saeidioms.sae.activations import SparseActivations


def spread_over_conversations(
    activations: SparseActivations, conversations: npt.NDArray
) -> npt.NDArray[np.float64]:
    """Return how evenly each feature fires over conversations: near 1 as if by chance.

    The conversations in which a feature fires, over those expected if the same number of firings
    fell on units without regard to conversations. What somebody says whatever the trouble (a
    question, praise) is near 1; a topic, such as school, comes back within few conversations.

    Parameters
    ----------
    activations
        (N, F).
    conversations
        (N,) conversation of each unit.

    Returns
    -------
    numpy.ndarray
        (F,), NaN where a feature does not fire.
    """
    of = pd.factorize(conversations)[0]
    sizes = np.bincount(of)
    fires = (activations.matrix > 0).tocoo()
    pairs = np.unique(fires.col.astype(np.int64) * len(sizes) + of[fires.row])
    n_features = activations.matrix.shape[1]
    seen = np.bincount(pairs // len(sizes), minlength=n_features)
    rate = np.bincount(fires.col, minlength=n_features) / len(of)
    lengths, times = np.unique(sizes, return_counts=True)
    expected = (1 - (1 - rate[:, None]) ** lengths) @ times
    return np.divide(seen, expected, out=np.full(n_features, np.nan), where=expected > 0)
