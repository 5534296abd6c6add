"""Permutation of whole clusters: what a difference would be had treatment gone to others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from saeidioms.stats.bootstrap import Floats, ratio

_BLOCK = 16_000_000  # labels that are held at once


@dataclass(frozen=True)
class Permuted:
    """A permutation test of S differences.

    Attributes
    ----------
    difference
        (S,) second less first share, as observed.
    p
        (S,) share of labellings with a difference as large, two-sided, the observed one counted
        in (Phipson and Smyth 2010, doi:10.2202/1544-6115.1585).
    p_family
        (S,) share of labellings whose largest difference of all S, each in standard deviations of
        its own permutations, is as large (maxT, Westfall and Young 1993): it holds the chance of
        any false finding, and knows that the S are correlated.
    """

    difference: Floats
    p: Floats
    p_family: Floats


def permutation_test(
    sums: Floats,
    second: npt.NDArray[np.bool_],
    strata: npt.NDArray,
    *,
    n_permutations: int,
    generator: np.random.Generator,
) -> Permuted:
    """Test differences of shares between two groups of clusters.

    Exact where treatment was assigned to clusters at random (within strata): labels change places
    between whole clusters only, so that what is alike within them does no harm.

    Parameters
    ----------
    sums
        (G, S + 1) counts of each cluster, with how many things they are of last.
    second
        (G,) whether a cluster is in the second group.
    strata
        (G,) only clusters with the same value change places.
    n_permutations
        Number of labellings that are drawn.
    generator
        Source of randomness.
    """
    observed = _difference(sums, second[None])[0]
    drawn = np.concatenate(
        [_difference(sums, part) for part in _labels(second, strata, n_permutations, generator)]
    )
    spread = drawn.std(axis=0)
    # Sums of the same numbers in another order differ in the last digits.
    reached = np.abs(observed) * (1 - 1e-9)
    p = (1 + (np.abs(drawn) >= reached).sum(axis=0)) / (1 + n_permutations)
    scaled = np.abs(drawn) / np.where(spread > 0, spread, np.inf)
    largest = scaled.max(axis=1)
    wanted = reached / np.where(spread > 0, spread, np.inf)
    p_family = (1 + (largest[:, None] >= wanted).sum(axis=0)) / (1 + n_permutations)
    nothing = np.isnan(observed)
    return Permuted(observed, np.where(nothing, np.nan, p), np.where(nothing, np.nan, p_family))


def _labels(
    second: npt.NDArray[np.bool_], strata: npt.NDArray, n: int, generator: np.random.Generator
) -> Iterator[npt.NDArray[np.bool_]]:
    """Yield n labellings (n, G), in blocks; each stratum keeps its number in each group."""
    most = max(1, _BLOCK // len(second))
    groups = [np.flatnonzero(strata == name) for name in np.unique(strata)]
    for start in range(0, n, most):
        labels = np.zeros((min(most, n - start), len(second)), dtype=bool)
        for rows in groups:
            labels[:, rows] = generator.permuted(np.tile(second[rows], (len(labels), 1)), axis=1)
        yield labels


def _difference(sums: Floats, second: npt.NDArray[np.bool_]) -> Floats:
    """Return the (B, S) differences of shares for (B, G) labellings."""
    mine = second.astype(np.float64) @ sums
    return ratio(mine) - ratio(sums.sum(axis=0) - mine)
