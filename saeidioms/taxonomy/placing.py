"""Where a feature belongs: what its units and its words say, taken together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import softmax

from saeidioms.idioms.features import FeatureTable
from saeidioms.taxonomy.cues import find_cues
from saeidioms.taxonomy.reading import Dictionary, Directions, SeedReading

Encode = Callable[[list[str]], np.ndarray]
Floats = npt.NDArray[np.float64]

_IDIOMS = 4  # of a feature; the later ones are shared with other features
_FIRING = ("top", "middle", "low")
_BELIEVED = 0.8  # probability that the sub-category is the one that a labeller named
_BY_RULES = "offline"  # a label by rules says nothing beyond the idioms that it quotes


def directions_of(features: FeatureTable, sae: Dictionary | None) -> Directions:
    """Return what each feature adds to an embedding, by its decoder or else by its centroid."""
    if sae is not None:
        return Directions.of_dictionary(sae)
    activations = features.table["mean_activation"].fillna(0).to_numpy(np.float64)
    counts = features.table["n_units"].to_numpy(np.float64)
    return Directions.of_centroids(features.centroids, activations, counts)


def place(features: FeatureTable, reading: SeedReading, encode: Encode) -> Floats:
    """Return (F, G) probabilities of the places of F features.

    The geometric mean of up to four readings that err differently: of the mean embedding and the
    form of the feature's firing units; of these units one by one; of its most telling idioms; and
    of its label and definition, where a person or a language model gave them, together with the
    sub-category that it named.

    Units and idioms are alternatives, of which the feature stands for one or another, so it is
    their probabilities that are averaged. A mean of log-probabilities would ask that every one of
    them speaks for the place: where a feature says "same here" and "such a shame", none does.

    What the decoder adds to an embedding is not read: alone it is no embedding of anything said,
    and places features worse than any other reading (the demo's truth: 44%, the units 78%).

    Parameters
    ----------
    features
        With centroids, examples, idioms and labels.
    reading
        Of the taxonomy's seeds, G places.
    encode
        Texts to their (n, D) embeddings of unit length, by the encoder of the corpus.
    """
    n_features = len(features)
    total = reading.log_probabilities(features.centroids, _form(features, reading))
    n_readings = np.ones((n_features, 1))
    firing = _firing(features)
    idioms = features.idioms.groupby("feature", sort=False).head(_IDIOMS)
    given = features.table[~features.table["label_source"].isin(["", _BY_RULES])]
    labels = (given["label"] + ". " + given["definition"]).tolist()
    for texts, owners in (
        (firing["text"].tolist(), firing["feature"].to_numpy(np.int64)),
        (idioms["phrase"].tolist(), idioms["feature"].to_numpy(np.int64)),
        (labels, given["feature"].to_numpy(np.int64)),
    ):
        if texts:
            form = find_cues(texts, reading.cues)
            said = np.exp(reading.log_probabilities(np.asarray(encode(texts)), form))
            mean, held = _mean_of(said, owners, n_features)
            total += np.log(np.where(held, mean, 1.0))
            n_readings += held
    named = given[given["suggestion"].isin(reading.groups)]
    for feature, name in zip(named["feature"], named["suggestion"], strict=True):
        said = np.full(len(reading.groups), (1 - _BELIEVED) / max(1, len(reading.groups) - 1))
        said[reading.groups.index(name)] = _BELIEVED
        total[feature] += np.log(said)
        n_readings[feature] += 1
    return np.asarray(softmax(total / n_readings, axis=1))


def _firing(features: FeatureTable) -> pd.DataFrame:
    """Return the examples on which the features fire."""
    return features.examples[features.examples["kind"].isin(_FIRING)]


def _form(features: FeatureTable, reading: SeedReading) -> Floats:
    """Return (F, C): the share of each feature's firing examples that hold each cue."""
    firing = _firing(features)
    cues = find_cues(firing["text"].tolist(), reading.cues)
    return _mean_of(cues, firing["feature"].to_numpy(np.int64), len(features))[0]


def _mean_of(
    rows: Floats, owners: npt.NDArray[np.int64], n_owners: int
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return the (n_owners, ...) mean row of each owner, zeros where it has none, and who has."""
    counts = np.bincount(owners, minlength=n_owners)[:, None]
    sums = np.zeros((n_owners, rows.shape[1]))
    np.add.at(sums, owners, rows)
    return sums / np.maximum(counts, 1), counts > 0
