"""What clusters do to errors, against the bootstrap and the textbook."""

import numpy as np
import pytest
from scipy import stats

from saeidioms.stats.bootstrap import difference_interval
from saeidioms.stats.clustered import design_effect, intra_cluster_correlation, robust_test


@pytest.mark.parametrize("paired", [True, False])
def test_the_fast_test_says_what_the_bootstrap_says(paired):
    draw = np.random.default_rng(0)
    for difference in (0.0, 0.05, 0.1):
        effects = np.array([0, difference])[:, None, None]
        rates = np.clip(draw.beta(3, 9, (1, 80, 3)) + effects, 0, 1)
        sizes = draw.integers(3, 9, (2, 80))
        if not paired:
            sizes[0, :40] = sizes[1, 40:] = 0
        hits = draw.binomial(sizes[..., None], rates)
        fast, error, p = robust_test(hits, sizes)
        slow, low, high, by_bootstrap = difference_interval(
            (hits[0], sizes[0]), (hits[1], sizes[1]),
            level=0.95, n_boot=4000, generator=np.random.default_rng(1),
        )  # fmt: skip
        np.testing.assert_allclose(fast, slow)
        np.testing.assert_allclose(2 * 1.99 * error, high - low, rtol=0.12)
        np.testing.assert_allclose(p, by_bootstrap, atol=0.03)


def test_of_separate_groups_with_equal_clusters_the_test_is_that_of_welch():
    draw = np.random.default_rng(0)
    hits = np.zeros((2, 15, 1))
    hits[0, :5, 0], hits[1, 5:, 0] = draw.integers(0, 9, 5), draw.integers(2, 11, 10)
    sizes = np.zeros((2, 15))
    sizes[0, :5] = sizes[1, 5:] = 10
    expected = stats.ttest_ind(hits[1, 5:, 0], hits[0, :5, 0], equal_var=False)
    _, _, p = robust_test(hits, sizes)
    assert p == pytest.approx(expected.pvalue)


def test_of_pairs_with_equal_clusters_the_test_is_that_of_pairs():
    hits = np.random.default_rng(0).integers(0, 10, (2, 20, 1))
    _, _, p = robust_test(hits, np.full((2, 20), 10))
    assert p == pytest.approx(stats.ttest_rel(hits[1, :, 0], hits[0, :, 0]).pvalue)


def test_the_correlation_within_clusters_is_that_of_the_analysis_of_variance():
    rows = np.random.default_rng(0).random((30, 6)) < np.linspace(0.1, 0.8, 30)[:, None]
    f = stats.f_oneway(*rows.astype(float)).statistic
    icc = intra_cluster_correlation(rows.sum(axis=1, keepdims=True), np.full(30, 6))
    assert icc == pytest.approx((f - 1) / (f + 5))


@pytest.mark.parametrize(
    ("hits", "sizes"), [([[1], [0]], [1, 1]), ([[3]], [5]), ([[4], [4]], [4, 4])]
)
def test_where_clusters_cannot_be_told_from_messages_there_is_no_correlation(hits, sizes):
    assert np.isnan(intra_cluster_correlation(hits, sizes)).all()


def test_units_that_are_copies_count_as_one_and_independent_ones_each():
    draw = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 60)
    clusters = np.tile(np.repeat(np.arange(20), 3), 40)
    copies = np.repeat(draw.random(800) < 0.7, 3)
    assert design_effect(copies, groups, clusters) == pytest.approx(3, rel=0.1)
    assert design_effect(draw.random(2400) < 0.7, groups, clusters) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("hits", [[1, 1, 1, 1], [0, 0, 1, 1], []])
def test_without_two_clusters_or_two_answers_in_a_group_there_is_no_design_effect(hits):
    few = np.array([0, 0, 1, 1])[: len(hits)]
    assert design_effect(hits, few, few) == 1


def test_intervals_by_the_design_effect_cover_as_often_as_they_say():
    draw = np.random.default_rng(1)
    rate = draw.beta(6, 4, (400, 20))  # of each conversation; .6 on the whole
    hits = draw.random((400, 20, 4)) < rate[..., None]
    groups = np.repeat(np.arange(400), 80)
    clusters = np.tile(np.repeat(np.arange(20), 4), 400)
    alike = design_effect(hits.ravel(), groups, clusters)
    covered = []
    for effect in (alike, 1):
        n, k = 80 / effect, hits.sum(axis=(1, 2)) / effect
        low, high = (stats.beta.ppf(tail, k + 0.5, n - k + 0.5) for tail in (0.025, 0.975))
        covered.append(np.mean((low < 0.6) & (high > 0.6)))
    assert 0.92 < covered[0] < 0.98
    assert covered[1] < 0.92


def test_a_group_of_one_cluster_is_not_tested():
    hits = np.array([[[5], [0], [0], [0]], [[0], [3], [2], [6]]])
    sizes = np.array([[10, 0, 0, 0], [0, 10, 10, 10]])
    assert np.isnan(robust_test(hits, sizes)[2]).all()
