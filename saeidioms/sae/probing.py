"""Do features mean something? Measured against labels that the dictionary never saw.

Everything here takes plain arrays: activations (N, F), labels (N, L) of L codes of which a row may
have any number, and a mask of the rows on which to choose; what was chosen is scored on the
other rows, so that trying many features earns nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from saeidioms.seeds import generator

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]

SAME = 0.8  # decoder cosine above which two features say the same
ABSORBED = 0.4  # share of a row's length along a probe that one feature brings


@dataclass(frozen=True, eq=False)
class BestFeatures:
    """For each of L labels the feature that foretells it best.

    Attributes
    ----------
    features
        (L,) int64: the feature with the highest F1 on the rows to choose on.
    thresholds
        (L,) float64: it foretells the label where its activation is above this.
    f1
        (L,) float64: its F1 on the other rows; NaN for a label that lacks rows in either part.
    """

    features: npt.NDArray[np.int64]
    thresholds: Numbers
    f1: Numbers


def halves(groups: npt.NDArray, seed: int) -> Mask:
    """Return (N,): True for the rows of a random half of the groups, such as conversations."""
    labels, index = np.unique(groups, return_inverse=True)
    order = generator(seed, "probing.halves").permutation(len(labels))
    return np.asarray(order < len(labels) / 2)[index]


def best_features(
    activations: sparse.csr_matrix, labels: Mask, choose: Mask, *, tune: bool = False
) -> BestFeatures:
    """Choose the best single feature for every label, and score it on the other rows.

    A feature foretells a label where it fires; the F1 of the best one is the sparse probing of
    Gurnee et al. 2023 (arXiv 2305.01610) with k = 1 and nothing fitted.

    Parameters
    ----------
    activations
        (N, F) CSR, at least 0.
    labels
        (N, L) bool.
    choose
        (N,) bool, the rows to choose on.
    tune
        Choose a threshold with the feature (halfway between two of its activations); otherwise a
        feature fires where its activation is above 0.

    Examples
    --------
    >>> acts = sparse.csr_matrix([[0, 2.0], [1, 0], [0, 3], [1, 0]])
    >>> labels = np.array([[True], [False], [True], [False]])
    >>> best_features(acts, labels, np.array([True, True, False, False])).f1
    array([1.])
    """
    chosen = activations[choose]
    pick = _tuned if tune else _untuned
    features, thresholds = pick(chosen, labels[choose])
    fires = activations[~choose][:, features].toarray() > thresholds
    scores = _f1(fires, labels[~choose])
    scores[~labels[choose].any(axis=0) | ~labels[~choose].any(axis=0)] = np.nan
    return BestFeatures(features, thresholds, scores)


def probe_f1(activations: sparse.csr_matrix, labels: Mask, choose: Mask, k: int) -> Numbers:
    """Return (L,) F1 of a logistic regression on the k features that differ most by the label.

    k-sparse probing after Gurnee et al. 2023 (arXiv 2305.01610): features ranked by the F
    statistic of a one-way analysis of variance. Ranking, regression and the cut of its scores
    (where F1 is highest) come from the rows `choose`, the F1 from the others; NaN for a label that
    lacks rows in either part.

    Parameters
    ----------
    activations
        (N, F) CSR.
    labels
        (N, L) bool.
    choose
        (N,) bool, the rows to fit on.
    k
        Features a probe may use; all where there are fewer.
    """
    fit, test = activations[choose], activations[~choose]
    ranking = np.argsort(-f_statistics(fit, labels[choose]), axis=1, kind="stable")
    scores = np.full(labels.shape[1], np.nan)
    for label, columns in enumerate(ranking[:, :k]):
        truth, unseen = labels[choose, label], labels[~choose, label]
        if not (truth.any() and unseen.any() and not truth.all()):
            continue
        rows = fit[:, columns].toarray()
        scale = np.maximum(rows.std(axis=0), np.finfo(np.float32).tiny)
        probe = LogisticRegression(max_iter=1000).fit(rows / scale, truth)
        cut = _best_cut(probe.decision_function(rows / scale), truth)
        said = probe.decision_function(test[:, columns].toarray() / scale) > cut
        scores[label] = _f1(said[:, None], unseen[:, None])[0]
    return scores


def f_statistics(activations: sparse.csr_matrix, labels: Mask) -> Numbers:
    """Return (L, F): how the activations differ between rows with and without a label.

    The F statistic of a one-way analysis of variance; 0 for a feature that never varies.
    """
    rows = activations.astype(np.float64)
    n = rows.shape[0]
    with_label = labels.sum(axis=0, dtype=np.float64)[:, None]
    sums = np.asarray(rows.sum(axis=0)).reshape(1, -1)
    sums_with = _per_label(labels, rows)
    spread = np.asarray(rows.multiply(rows).sum(axis=0)).reshape(1, -1) - sums**2 / n
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = sums_with / with_label - (sums - sums_with) / (n - with_label)
        between = difference**2 * with_label * (n - with_label) / n
        statistics = (n - 2) * between / np.maximum(0, spread - between)
    return np.asarray(np.nan_to_num(statistics, nan=0.0, posinf=np.finfo(np.float64).max))


def redundancy(decoder: npt.NDArray[np.floating], same: float = SAME) -> float:
    """Return the number of pairs of features with a decoder cosine above `same`, per feature.

    Parameters
    ----------
    decoder
        (F, D); rows of zeros resemble nothing.
    same
        The cosine.
    """
    unit = _unit_rows(decoder)
    return float(np.triu(unit @ unit.T > same, k=1).sum() / len(unit))


def absorption(
    activations: sparse.csr_matrix,
    vectors: npt.NDArray[np.floating],
    decoder: npt.NDArray[np.floating],
    labels: Mask,
    choose: Mask,
    parents: npt.NDArray[np.int64],
) -> Numbers:
    """Return (L,): the share of a label's rows that one other feature took from its parent.

    Chanin et al. 2024, *A is for Absorption* (arXiv 2409.14507), for one parent a label and without
    a language model. A linear probe (the difference of the means with and without the label, its
    cut where F1 is highest) says which rows carry the label plainly. On such a row the parent is
    absorbed if it is silent, though a single other feature brings at least 0.4 of the row's length
    along the probe, the share that SAEBench asks for. Probes come from the rows `choose`, shares
    from the others: absorbed rows of those with the label that the probe finds.

    Parameters
    ----------
    activations
        (N, F) CSR, at least 0.
    vectors
        (N, D), what was encoded, less what a row without active features is decoded to.
    decoder
        (F, D).
    labels
        (N, L) bool.
    choose
        (N,) bool, the rows to fit the probes on.
    parents
        (L,) the feature that stands for each label, such as `BestFeatures.features`.

    Returns
    -------
    numpy.ndarray
        NaN for a label that lacks rows in either part, or rows that the probe finds.
    """
    shares = np.full(labels.shape[1], np.nan)
    fit = vectors[choose]
    for label, parent in enumerate(parents):
        truth = labels[choose, label]
        if not truth.any() or truth.all():
            continue
        probe = fit[truth].mean(axis=0) - fit[~truth].mean(axis=0)
        along = vectors @ probe
        cut = max(0.0, _best_cut(along[choose], truth))
        plain = np.flatnonzero(~choose & labels[:, label] & (along > cut))
        if len(plain):
            rows = activations[plain]
            largest = rows.multiply(decoder @ probe).tocsr().max(axis=1).toarray().ravel()
            silent = rows[:, [parent]].toarray().ravel() <= 0
            shares[label] = np.mean(silent & (largest >= ABSORBED * along[plain]))
    return shares


def _untuned(activations: sparse.csr_matrix, labels: Mask) -> tuple[npt.NDArray[np.int64], Numbers]:
    firing = _firing(activations)
    hits = _per_label(labels, firing)
    fired = np.asarray(firing.sum(axis=0, dtype=np.float64)).reshape(1, -1)
    scores = 2 * hits / np.maximum(1, fired + labels.sum(axis=0)[:, None])
    return scores.argmax(axis=1), np.zeros(labels.shape[1])


def _tuned(activations: sparse.csr_matrix, labels: Mask) -> tuple[npt.NDArray[np.int64], Numbers]:
    """Try every activation as a threshold: each feature's rows from its strongest down."""
    entries = _firing(activations, binary=False).tocoo()
    if not entries.nnz:
        return np.zeros(labels.shape[1], np.int64), np.zeros(labels.shape[1])
    order = np.lexsort((-entries.data, entries.col))
    rows, columns = entries.row[order], entries.col[order]
    values = entries.data[order].astype(np.float64)
    new_feature = np.diff(columns, prepend=-1) != 0
    first = np.flatnonzero(new_feature)[np.cumsum(new_feature) - 1]  # of the entry's feature
    rank = np.arange(len(columns)) - first + 1
    below = np.where(np.append(new_feature[1:], True), 0.0, np.append(values[1:], 0.0))
    features = np.zeros(labels.shape[1], np.int64)
    thresholds = np.zeros(labels.shape[1])
    for label, truth in enumerate(labels.T):
        so_far = np.concatenate([[0], np.cumsum(truth[rows])])
        scores = 2 * (so_far[1:] - so_far[first]) / (rank + truth.sum())
        best = np.where(values > below, scores, -1.0).argmax()  # rows that tie go together
        features[label] = columns[best]
        thresholds[label] = (values[best] + below[best]) / 2
    return features, thresholds


def _best_cut(scores: Numbers, truth: Mask) -> float:
    """Return the cut above which to say yes for the highest F1."""
    column = sparse.csr_matrix((scores - scores.min() + 1)[:, None])
    return float(_tuned(column, truth[:, None])[1][0]) + scores.min() - 1


def _f1(said: Mask, truth: Mask) -> Numbers:
    return _ratio(2 * (said & truth).sum(axis=0), said.sum(axis=0) + truth.sum(axis=0))


def _per_label(labels: Mask, matrix: sparse.csr_matrix) -> Numbers:
    """Return (L, F): sums of the rows with each label."""
    return np.asarray(sparse.csr_matrix(labels.T, dtype=np.float64).dot(matrix).toarray())


def _firing(activations: sparse.csr_matrix, *, binary: bool = True) -> sparse.csr_matrix:
    """Return the activations above 0, as ones where `binary`."""
    firing = activations.copy()
    firing.data = np.where(firing.data > 0, 1 if binary else firing.data, 0).astype(np.float32)
    firing.eliminate_zeros()
    return firing


def _unit_rows(matrix: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    return matrix / np.where(norms > 0, norms, 1)


def _ratio(part: npt.NDArray, whole: npt.NDArray) -> Numbers:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(part / whole, dtype=np.float64)
