"""What seed expressions teach: how much a direction in embedding space speaks for each group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from saeidioms.taxonomy.taxonomy import Taxonomy

Embed = Callable[[list[str]], np.ndarray]

# Inverse regularisation at which the log-loss of held-out seeds is flat (10 to 100).
_INVERSE_REGULARISATION = 10.0


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

    def pure(self) -> np.ndarray:
        """Return (F, D): for each feature the unit-norm embedding that it alone moves."""
        length = np.linalg.norm(self.steps, axis=1, keepdims=True)
        units = self.steps / np.where(length > 0, length, 1.0)
        along = units @ self.origin
        reach = np.sqrt(np.maximum(along**2 + 1 - self.origin @ self.origin, 0.0)) - along
        return self.origin + reach[:, None] * units


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
    """

    groups: tuple[str, ...]
    coefficients: np.ndarray
    intercepts: np.ndarray

    @classmethod
    def learn(cls, taxonomy: Taxonomy, embed: Embed) -> SeedReading:
        """Learn the reading; `embed` gives unit-norm embeddings (n, D) of texts."""
        holders = [(sub.name, sub.expressions) for sub in taxonomy.sub_categories]
        holders += [(group.name, group.seeds) for group in taxonomy.outside]
        texts = [seed for _, seeds in holders for seed in seeds]
        labels = np.repeat(np.arange(len(holders)), [len(seeds) for _, seeds in holders])
        model = LogisticRegression(
            C=_INVERSE_REGULARISATION, class_weight="balanced", max_iter=5000
        )
        model.fit(np.asarray(embed(texts), np.float64), labels)
        coefficients, intercepts = model.coef_, model.intercept_
        if len(holders) == 2:  # scikit-learn then gives the second group's row alone
            coefficients = np.vstack([-coefficients, coefficients]) / 2
            intercepts = np.concatenate([-intercepts, intercepts]) / 2
        return cls(
            groups=tuple(name for name, _ in holders),
            coefficients=coefficients - coefficients.mean(axis=0),
            intercepts=intercepts - intercepts.mean(),
        )

    def log_odds(self, embeddings: np.ndarray) -> np.ndarray:
        """Return (n, G), up to a constant per row the log-probability of each group."""
        return np.asarray(embeddings, np.float64) @ self.coefficients.T + self.intercepts

    def log_probabilities(self, embeddings: np.ndarray) -> np.ndarray:
        """Return (n, G), rows whose exponentials sum to 1."""
        return np.asarray(log_softmax(self.log_odds(embeddings), axis=1))
