"""Which features come again with another seed, and dictionaries made of those that do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

Array = npt.NDArray[np.float32]

SAME, ROUNDS = 0.7, 3  # cosine of what counts as the same feature
STABLE = 0.85  # mean cosine with its partners from which a feature is one to build a paper on


def partners(a: Array, b: Array) -> tuple[npt.NDArray[np.int64], Array]:
    """Match the features of two dictionaries one to one.

    Parameters
    ----------
    a, b
        (F, D) and (G, D), rows of any length above 0; G at least F.

    Returns
    -------
    partner : numpy.ndarray
        (F,) row of `b` for each row of `a`: the assignment with the largest sum of cosines.
    cosine : numpy.ndarray
        (F,) float32 cosine of each pair.
    """
    cosines = _unit(a) @ _unit(b).T
    rows, columns = linear_sum_assignment(-cosines)
    return columns, cosines[rows, columns]


def match(a: Array, b: Array) -> Array:
    """Return the (F,) cosine of each feature of `a` with its one-to-one partner in `b`."""
    return partners(a, b)[1]


@dataclass(frozen=True, eq=False)
class Consensus:
    """What several dictionaries have in common.

    Attributes
    ----------
    members
        (S, F) row in each of the S dictionaries of the partner of each common feature.
    cosines
        (S, F) cosine of the common feature with that partner.
    """

    members: npt.NDArray[np.int64]
    cosines: Array

    @classmethod
    def of(cls, dictionaries: Sequence[Array]) -> Consensus:
        """Find the common features of S dictionaries (F, D) of one size.

        Begins with the dictionary that resembles the others most, and moves each feature to the
        mean of its partners with a cosine of at least 0.7, three times. A feature that fewer than
        two dictionaries hold stays as that dictionary has it.
        """
        resemblance = [
            sum(match(one, other).sum() for other in dictionaries) for one in dictionaries
        ]
        common = _unit(dictionaries[int(np.argmax(resemblance))])
        for _ in range(ROUNDS):
            found = cls._matched(common, dictionaries)
            near = found.cosines >= SAME
            pairs = zip(dictionaries, found.members, near, strict=True)
            means = sum(_unit(d[rows]) * mask[:, None] for d, rows, mask in pairs)
            held = near.sum(axis=0) >= 2
            common = np.where(held[:, None], _unit(means + 1e-12), common)
        return cls._matched(common, dictionaries)

    @classmethod
    def _matched(cls, common: Array, dictionaries: Sequence[Array]) -> Consensus:
        members, cosines = zip(*(partners(common, one) for one in dictionaries), strict=True)
        return cls(np.stack(members), np.stack(cosines))

    def mean(self, weights: Sequence[Array]) -> Array:
        """Return the (F, ...) mean of the partners' rows of `weights`, one array a dictionary.

        Partners with a cosine of at least 0.7 count; of a feature with fewer than two the nearest.
        """
        near = self.cosines >= SAME
        alone = near.sum(axis=0) < 2
        near[:, alone] = self.cosines[:, alone] == self.cosines[:, alone].max(axis=0)
        rows = np.stack([one[chosen] for one, chosen in zip(weights, self.members, strict=True)])
        shares = (near / near.sum(axis=0)).reshape(*near.shape, *[1] * (rows.ndim - 2))
        return (rows * shares).sum(axis=0).astype(np.float32)


def _unit(rows: Array) -> Array:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
