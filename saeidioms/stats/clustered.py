"""Messages of a cluster are alike: how much so, and a fast test that allows for it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr

from saeidioms.stats.bootstrap import FEWEST_CLUSTERS, Floats


def robust_test(hits: npt.ArrayLike, sizes: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Return differences of shares, their cluster-robust errors and p-values.

    The error of a difference of ratios of sums is that of the sum of what each cluster adds to it
    (linearisation: Cochran 1977, *Sampling Techniques*, section 6.3; Liang and Zeger 1986,
    doi:10.1093/biomet/73.1.13), times k / (k - 1) for k clusters of a kind: those in both groups,
    which are compared with themselves, and those in one only. Degrees of freedom are those of Welch
    (1947, doi:10.1093/biomet/34.1-2.28) for these kinds, since a small group makes the error
    uncertain however large the other one is.

    Parameters
    ----------
    hits
        (2, ..., C, S), counts of each cluster in the first group and the second.
    sizes
        (2, ..., C), of how many; zero where a cluster is not in a group.

    Returns
    -------
    difference, error, p
        (..., S) float64, second less first share; p is NaN where no cluster differs from another,
        or a group has one only.
    """
    h, n = np.asarray(hits, np.float64), np.asarray(sizes, np.float64)[..., None]
    total = n.sum(axis=-2, keepdims=True)
    share = h.sum(axis=-2, keepdims=True) / total
    first, second = (h - share * n) / total
    squares = (second - first) ** 2
    in_first, in_second = n > 0
    variance, uncertain = np.zeros_like(share[0, ..., 0, :]), np.zeros_like(share[0, ..., 0, :])
    for kind in (in_first & in_second, in_first & ~in_second, ~in_first & in_second):
        k = kind.sum(axis=-2)
        part = k / np.maximum(k - 1, 1) * (squares * kind).sum(axis=-2)
        variance += part
        uncertain += part**2 / np.maximum(k - 1, 1)
    several = (in_first.sum(axis=-2) > 1) & (in_second.sum(axis=-2) > 1)
    known = (variance > 0) & several
    error = np.sqrt(variance)
    difference: Floats = (share[1] - share[0])[..., 0, :]
    t = np.abs(difference) / np.where(known, error, np.nan)
    df = variance**2 / np.where(known, uncertain, np.nan)
    return difference, error, 2 * stdtr(df, -t)


def intra_cluster_correlation(hits: npt.ArrayLike, sizes: npt.ArrayLike) -> Floats:
    """Return the correlation of two messages of the same cluster: whether they hold something.

    The analysis-of-variance estimator (Donner 1986, doi:10.2307/1403259), which Ridout, Demétrio
    and Firth (1999, doi:10.1111/j.0006-341X.1999.00137.x) find among the best for counts.

    Parameters
    ----------
    hits
        (C, S), counts of each cluster.
    sizes
        (C,), of how many; clusters of none are left out.

    Returns
    -------
    numpy.ndarray
        (S,) float64, at most 1, below 0 where messages of a cluster differ more than by chance; NaN
        where no cluster has two messages, there is one cluster, or all messages are alike.
    """
    n = np.asarray(sizes, np.float64)
    h, n = np.asarray(hits, np.float64)[n > 0], n[n > 0]
    clusters, total = len(n), n.sum()
    if clusters < FEWEST_CLUSTERS or total == clusters:
        return np.full(h.shape[1], np.nan)
    own = h / n[:, None]
    between = n @ (own - h.sum(axis=0) / total) ** 2 / (clusters - 1)
    within = n @ (own * (1 - own)) / (total - clusters)
    size = (total - (n**2).sum() / total) / (clusters - 1)
    spread = between + (size - 1) * within
    icc: Floats = (between - within) / np.where(spread > 0, spread, np.nan)
    return icc


def design_effect(
    hits: npt.ArrayLike, groups: npt.NDArray[np.int64], clusters: npt.NDArray[np.int64]
) -> float:
    """Return how many times as large clusters make the variance of shares, pooled over groups.

    Counts divided by it can be taken for binomial ones (Rao and Scott 1992, doi:10.2307/2532311).
    One figure for all groups, since that of a single small one is mostly chance.

    Parameters
    ----------
    hits
        (n,) 0 or 1.
    groups
        (n,) int64, of which each has a share of its own.
    clusters
        (n,) int64, from 0.

    Returns
    -------
    float
        At least 1; 1 where no group has two clusters, or all hits of each group are alike.
    """
    hit = np.asarray(hits, np.float64)
    if not hit.size:
        return 1.0
    size = np.bincount(groups)
    share = np.bincount(groups, weights=hit) / np.maximum(size, 1)
    pair, of = np.unique(groups * (clusters.max() + 1) + clusters, return_inverse=True)
    owner = pair // (clusters.max() + 1)
    sums = np.bincount(of, weights=hit - share[groups])
    n_clusters = np.bincount(owner, minlength=len(size))
    several = n_clusters > 1
    squares = np.bincount(owner, weights=sums**2, minlength=len(size))
    clustered = (squares * n_clusters / np.maximum(n_clusters - 1, 1))[several].sum()
    binomial = (size**2 / np.maximum(size - 1, 1) * share * (1 - share))[several].sum()
    return float(max(1.0, clustered / binomial)) if binomial > 0 else 1.0
