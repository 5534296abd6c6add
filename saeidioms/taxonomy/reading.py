"""What seed expressions teach: how much a direction, and a cue of form, speak for each group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import log_softmax

from saeidioms.taxonomy.cues import find_cues
from saeidioms.taxonomy.taxonomy import Taxonomy

Embed = Callable[[list[str]], np.ndarray]

# Inverse regularisation at which the log-loss of held-out seeds is flat (10 to 100).
_INVERSE_REGULARISATION = 10.0
# Length of a cue beside embeddings of length 1; held-out seeds are best told apart from 0.3 to 0.7.
_CUE_LENGTH = 0.5


class Dictionary(Protocol):
    """The part of a sparse autoencoder that turns activations back into embeddings.

    Activations (n, F) stand for the embeddings ``activations @ components_ + mean_``.
    """

    components_: np.ndarray  # (F, D)
    mean_: np.ndarray  # (D,)


@dataclass(frozen=True, eq=False)
class Directions:
    """What each feature adds to a unit's embedding.

    Attributes
    ----------
    origin
        float64 (D,), the embedding of a unit in which no feature fires.
    steps
        float64 (F, D), what one unit of activation of each feature adds to it.
    """

    origin: np.ndarray
    steps: np.ndarray

    @classmethod
    def of_dictionary(cls, dictionary: Dictionary) -> Directions:
        """Read the directions off a sparse autoencoder."""
        mean = np.asarray(dictionary.mean_, np.float64)
        return cls(mean, np.asarray(dictionary.components_, np.float64))

    @classmethod
    def of_centroids(
        cls, centroids: np.ndarray, activations: np.ndarray, counts: np.ndarray
    ) -> Directions:
        """Estimate the directions from the mean embeddings of the features' firing units.

        Coarser than the decoder, since centroids hold what features that fire together share.

        Parameters
        ----------
        centroids
            (F, D) of unit norm.
        activations
            (F,), mean activation of each feature where it fires.
        counts
            (F,), units in which it fires; features of none are left out of the origin.
        """
        centroids = np.asarray(centroids, np.float64)
        origin = np.average(centroids, axis=0, weights=np.maximum(counts, 1e-12))
        typical = np.where(activations > 0, activations, 1.0)
        steps = (centroids - origin) / typical[:, None]
        return cls(origin, np.where((activations > 0)[:, None], steps, 0.0))


@dataclass(frozen=True, eq=False)
class SeedReading:
    """A linear reading of embeddings, learnt from a taxonomy's seed expressions alone.

    Multinomial logistic regression over sub-categories and outside groups, every group weighing
    the same however many seeds it has.

    Attributes
    ----------
    groups
        G names: the S sub-categories in the taxonomy's order, then its outside groups.
    coefficients
        float64 (G, D), centred over the groups: log-odds against the mean group.
    intercepts
        float64 (G,).
    cues
        Names of C cues of form.
    cue_coefficients
        float64 (G, C), centred likewise: log-odds that a cue adds where a text holds it.
    """

    groups: tuple[str, ...]
    coefficients: np.ndarray
    intercepts: np.ndarray
    cues: tuple[str, ...]
    cue_coefficients: np.ndarray

    @classmethod
    def learn(cls, taxonomy: Taxonomy, embed: Embed, *, cues: bool = True) -> SeedReading:
        """Learn the reading; `embed` gives unit-norm embeddings (n, D) of texts.

        With `cues`, those that the taxonomy declares are learnt together with the embeddings.
        """
        from sklearn.linear_model import LogisticRegression

        holders = [(sub.name, sub.expressions) for sub in taxonomy.sub_categories]
        holders += [(group.name, group.seeds) for group in taxonomy.outside]
        texts = [seed for _, seeds in holders for seed in seeds]
        labels = np.repeat(np.arange(len(holders)), [len(seeds) for _, seeds in holders])
        model = LogisticRegression(
            C=_INVERSE_REGULARISATION, class_weight="balanced", max_iter=5000
        )
        names = taxonomy.cues if cues else ()
        embeddings = np.asarray(embed(texts), np.float64)
        model.fit(np.hstack([embeddings, _CUE_LENGTH * find_cues(texts, names)]), labels)
        coefficients, intercepts = model.coef_, model.intercept_
        if len(holders) == 2:  # scikit-learn then gives the second group's row alone
            coefficients = np.vstack([-coefficients, coefficients]) / 2
            intercepts = np.concatenate([-intercepts, intercepts]) / 2
        coefficients = coefficients - coefficients.mean(axis=0)
        width = embeddings.shape[1]
        return cls(
            groups=tuple(name for name, _ in holders),
            coefficients=coefficients[:, :width],
            intercepts=intercepts - intercepts.mean(),
            cues=names,
            cue_coefficients=_CUE_LENGTH * coefficients[:, width:],
        )

    def log_odds(self, embeddings: np.ndarray, form: np.ndarray | None = None) -> np.ndarray:
        """Return (n, G), up to a constant per row the log-probability of each group.

        Parameters
        ----------
        embeddings
            (n, D).
        form
            (n, C), how far each text holds each cue, 0 to 1; None: not at all.
        """
        odds = np.asarray(embeddings, np.float64) @ self.coefficients.T + self.intercepts
        return odds if form is None else odds + form @ self.cue_coefficients.T

    def log_probabilities(
        self, embeddings: np.ndarray, form: np.ndarray | None = None
    ) -> np.ndarray:
        """Return (n, G), rows whose exponentials sum to 1; see `log_odds`."""
        return np.asarray(log_softmax(self.log_odds(embeddings, form), axis=1))
