"""How much each phrase sets the units of each feature apart from the rest of the corpus."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from saeidioms.idioms.ngrams import Phrases

MIN_UNITS = 3  # units that a feature fires on and that hold the phrase

Numbers = npt.NDArray[np.float64] | npt.NDArray[np.int64]


def log_odds(
    in_count: Numbers, in_total: Numbers, out_count: Numbers, out_total: Numbers
) -> npt.NDArray[np.float64]:
    """Return the z-score of the log-odds ratio with an informative Dirichlet prior.

    With y units of n that hold the phrase, inside and outside, and the whole corpus as the prior
    (a = y_in + y_out of a0 = n_in + n_out + 1; the one keeps the odds finite where all units hold
    the phrase)::

        delta = log((y_in + a) / (n_in + a0 - y_in - a))
                - log((y_out + a) / (n_out + a0 - y_out - a))
        z = delta / sqrt(1 / (y_in + a) + 1 / (y_out + a))

    Monroe, Colaresi & Quinn 2008, "Fightin' Words", doi:10.1093/pan/mpn018, where y counts words;
    the corpus itself as the prior as in Jurafsky et al. 2014, doi:10.5210/fm.v19i4.4944. So
    strong a prior keeps phrases apart that a feature has nearly for itself from those that are
    merely frequent, and never favours the rarest.

    Parameters
    ----------
    in_count, out_count
        Units that hold the phrase, among those that fire and among the rest.
    in_total, out_total
        All units that fire, and the rest.
    """
    prior, size = in_count + out_count, in_total + out_total + 1
    inside, outside = in_count + prior, out_count + prior
    delta = np.log(inside / (in_total + size - inside))
    delta -= np.log(outside / (out_total + size - outside))
    return delta / np.sqrt(1 / inside + 1 / outside)


def contrast(
    phrases: Phrases,
    whole: npt.NDArray[np.bool_],
    firing: sparse.csc_matrix,
    weights: npt.NDArray[np.int64],
) -> pd.DataFrame:
    """Compare the units that each feature fires on with the rest.

    Parameters
    ----------
    phrases
        V phrases of U texts.
    whole
        bool (V,): which can stand alone.
    firing
        int (U, F): units with each text that each feature fires on.
    weights
        (U,) units with each text.

    Returns
    -------
    pandas.DataFrame
        One row for each feature and phrase that meet in at least 3 units: ``feature``,
        ``phrase`` (its number), ``feature_count`` (these units), ``z``, and ``longer`` (share of
        these units that hold the most frequent whole phrase that the phrase is part of).
    """
    n_units, n_features = int(weights.sum()), firing.shape[1]
    together = (phrases.held.T.tocsr() @ firing).tocoo()
    kept = together.data >= MIN_UNITS
    phrase, feature = together.row[kept].astype(np.int64), together.col[kept].astype(np.int64)
    both = together.data[kept].astype(np.int64)
    order = np.lexsort((feature, phrase))
    phrase, feature, both = phrase[order], feature[order], both[order]
    all_units = (weights @ phrases.held)[phrase]
    firing_units = np.asarray(firing.sum(axis=0)).ravel().astype(np.int64)[feature]
    z = log_odds(both, firing_units, all_units - both, n_units - firing_units)
    longest = _most_frequent_extension(phrases, whole, phrase, feature, both, n_features)
    columns = {"feature": feature, "phrase": phrase, "feature_count": both, "z": z}
    return pd.DataFrame({**columns, "longer": longest / both})


def _most_frequent_extension(
    phrases: Phrases,
    whole: npt.NDArray[np.bool_],
    phrase: npt.NDArray[np.int64],
    feature: npt.NDArray[np.int64],
    both: npt.NDArray[np.int64],
    n_features: int,
) -> npt.NDArray[np.int64]:
    """Return for each row (ascending by phrase, feature) the count of its best whole extension."""
    keys = phrase * n_features + feature
    best = np.zeros(len(phrase), dtype=np.int64)
    for pairs in phrases.extensions:  # from the longest on, so that extensions add up
        start = np.searchsorted(phrase, pairs[:, 0], side="left")
        number = np.searchsorted(phrase, pairs[:, 0], side="right") - start
        pair = np.repeat(np.arange(len(pairs)), number)
        row = start[pair] + np.arange(len(pair)) - np.repeat(np.cumsum(number) - number, number)
        # The lesser phrase is in every unit that holds the longer one, so it has a row too.
        lesser = np.searchsorted(keys, pairs[pair, 1] * n_features + feature[row])
        np.maximum.at(best, lesser, np.where(whole[phrase[row]], both[row], best[row]))
    return best
