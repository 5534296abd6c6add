"""The cluster bootstrap: it is the plain one, and its intervals hold what they promise."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from saeidioms.stats import bootstrap
from saeidioms.stats.bootstrap import (
    bootstrap_interval,
    difference_interval,
    ratio,
    share_interval,
    sum_by_cluster,
)

DRAWS = {"level": 0.95, "n_boot": 2000}


def rng(seed=0):
    return np.random.default_rng(seed)


def overdispersed(generator, clusters=40, size=8, mean=0.3):
    """Counts and sizes of clusters whose own rates differ (beta, intra-class correlation 0.2)."""
    rates = generator.beta(4 * mean, 4 * (1 - mean), clusters)
    sizes = 1 + generator.poisson(size - 1, clusters)
    return generator.binomial(sizes, rates)[:, None].astype(float), sizes.astype(float)


def test_sums_follow_the_clusters_whatever_their_order():
    sums = sum_by_cluster([[1, 10], [2, 20], [4, 40]], np.array(["b", "a", "b"], dtype=object))
    assert sums.tolist() == [[2, 20], [5, 50]]


def test_no_rows_have_no_sums():
    assert sum_by_cluster(np.empty((0, 2)), np.array([], dtype=object)).shape == (0, 2)


def test_draws_over_distinct_rows_are_distributed_as_draws_of_clusters():
    counts, sizes = overdispersed(rng(1), clusters=25, size=3)
    sums = np.column_stack([counts, sizes])
    rows, times = np.unique(sums, axis=0, return_counts=True)
    assert len(rows) < len(sums)
    quick = ratio(bootstrap._draw(rows, times, 4000, rng(2)))[:, 0]
    plain = ratio(sums[rng(3).integers(len(sums), size=(4000, len(sums)))].sum(axis=1))[:, 0]
    assert stats.ks_2samp(quick, plain).pvalue > 0.01
    assert quick.std() == pytest.approx(plain.std(), rel=0.05)


def test_draws_in_blocks_are_the_draws_at_once(monkeypatch):
    counts, sizes = overdispersed(rng(1))
    at_once = share_interval(counts, sizes, **DRAWS, generator=rng())
    monkeypatch.setattr(bootstrap, "_BLOCK", 5000)
    in_blocks = share_interval(counts, sizes, **DRAWS, generator=rng())
    np.testing.assert_array_equal(at_once, in_blocks)


@pytest.mark.parametrize(("count", "n"), [(60, 200), (250, 500), (30, 300)])
def test_alone_standing_things_get_the_textbook_interval(count, n):
    counts = (np.arange(n) < count)[:, None].astype(float)
    share, low, high = share_interval(counts, np.ones(n), **DRAWS, generator=rng())
    assert share[0] == count / n
    expected = proportion_confint(count, n, method="wilson")
    width = expected[1] - expected[0]
    assert (low[0], high[0]) == pytest.approx(expected, abs=0.08 * width)


def test_clusters_that_are_alike_within_widen_the_interval():
    alike = np.repeat([[0.0], [10.0]], 30, axis=0)
    mixed = np.full((60, 1), 5.0) + np.tile([[-1.0], [1.0]], (30, 1))
    _, low, high = share_interval(
        np.column_stack([alike, mixed]), np.full(60, 10.0), **DRAWS, generator=rng()
    )
    assert (high - low)[0] > 4 * (high - low)[1]


def test_intervals_cover_the_true_share_as_often_as_they_say():
    covered, sides = 0, [0, 0]
    for corpus in range(300):
        generator = rng([7, corpus])
        _, low, high = share_interval(
            *overdispersed(generator), level=0.95, n_boot=400, generator=generator
        )
        covered += low[0] <= 0.3 <= high[0]
        sides[0] += low[0] > 0.3
        sides[1] += high[0] < 0.3
    assert 0.90 < covered / 300 < 0.985
    assert max(sides) < 0.07 * 300


@pytest.mark.parametrize("clusters", [5, 100])
def test_nothing_counted_leaves_the_upper_end_open_and_all_counted_the_lower(clusters):
    sizes = np.full(clusters, 4.0)
    counts = np.column_stack([0 * sizes, sizes])
    share, low, high = share_interval(counts, sizes, **DRAWS, generator=rng())
    expected = proportion_confint(0, clusters, method="beta")[1]
    assert share.tolist() == [0, 1]
    assert (low[0], high[0]) == (0, pytest.approx(expected))
    assert (low[1], high[1]) == (pytest.approx(1 - expected), 1)


def test_one_cluster_has_a_share_and_no_interval():
    share, low, high = share_interval(
        np.array([[3.0], [0.0]]), np.array([4.0, 0.0]), **DRAWS, generator=rng()
    )
    assert share.tolist() == [0.75]
    assert np.isnan([low, high]).all()


@pytest.mark.parametrize("clusters", [2, 30])
def test_clusters_that_are_all_alike_have_a_share_and_no_interval(clusters):
    counts, sizes = np.ones((clusters, 1)), np.full(clusters, 2.0)
    share, low, high = share_interval(counts, sizes, **DRAWS, generator=rng())
    assert share.tolist() == [0.5]
    assert np.isnan([low, high]).all()


def test_nothing_to_count_has_no_share():
    for result in share_interval(np.zeros((3, 2)), np.zeros(3), **DRAWS, generator=rng()):
        assert np.isnan(result).all()


def test_clusters_with_nothing_in_them_change_nothing():
    counts, sizes = overdispersed(rng(4))
    more = np.vstack([counts, np.zeros((50, 1))]), np.append(sizes, np.zeros(50))
    np.testing.assert_array_equal(
        share_interval(counts, sizes, **DRAWS, generator=rng()),
        share_interval(*more, **DRAWS, generator=rng()),
    )


def test_pairing_makes_a_difference_sharper():
    generator = rng(5)
    rates = generator.beta(1, 1, 60)
    sizes = np.full(60, 20.0)
    before = generator.binomial(20, rates)[:, None].astype(float)
    after = generator.binomial(20, np.clip(rates + 0.05, 0, 1))[:, None].astype(float)
    paired = difference_interval((before, sizes), (after, sizes), **DRAWS, generator=rng())
    nothing = np.zeros(60)
    unpaired = difference_interval(
        (np.vstack([before, nothing[:, None]]), np.append(sizes, nothing)),
        (np.vstack([nothing[:, None], after]), np.append(nothing, sizes)),
        **DRAWS,
        generator=rng(),
    )
    assert paired[0] == pytest.approx(unpaired[0])
    assert paired[2] - paired[1] < 0.6 * (unpaired[2] - unpaired[1])


def test_p_values_are_even_where_nothing_differs_and_small_where_something_does():
    null, effect = [], []
    for corpus in range(200):
        generator = rng([11, corpus])
        groups = [overdispersed(generator, mean=mean) for mean in (0.3, 0.3, 0.6)]
        first, second, third = (pad(group, i) for i, group in enumerate(groups))
        options = {"level": 0.95, "n_boot": 300, "generator": generator}
        null.append(difference_interval(first, second, **options)[3][0])
        effect.append(difference_interval(first, third, **options)[3][0])
    assert stats.kstest(null, "uniform").pvalue > 0.01
    assert 0.02 < np.mean(np.array(null) < 0.05) < 0.10
    assert np.mean(np.array(effect) < 0.01) > 0.95


def pad(group, place):
    """Put clusters of a group among empty ones of two other groups."""
    counts, sizes = group
    all_counts, all_sizes = np.zeros((3, *counts.shape)), np.zeros((3, len(sizes)))
    all_counts[place], all_sizes[place] = counts, sizes
    return all_counts.reshape(-1, 1), all_sizes.reshape(-1)


def apart(first, second):
    """Put the clusters of two groups beside each other, each with nothing in the other's."""
    n = len(first[1])
    counts = np.vstack([first[0], second[0]])
    sizes = np.append(first[1], second[1])
    own = np.arange(len(sizes)) < n
    return (counts * own[:, None], sizes * own), (counts * ~own[:, None], sizes * ~own)


def shifted_by(generator, chance, clusters=80):
    """Counts of clusters, and the same with one more in some of them."""
    counts, sizes = overdispersed(generator, clusters)
    more = generator.random((clusters, 1)) < chance
    return (counts, sizes), (np.clip(counts + more, 0, sizes[:, None]), sizes)


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_p_is_below_alpha_where_the_interval_leaves_zero_out(level):
    outside = []
    for corpus in range(60):
        generator = rng([13, corpus])
        first = overdispersed(generator, 30)
        second = overdispersed(generator, 30, mean=generator.choice([0.3, 0.4, 0.5]))
        _, low, high, p = difference_interval(
            *apart(first, second), level=level, n_boot=1000, generator=generator
        )
        outside.append(not low[0] <= 0 <= high[0])
        assert (p[0] < 1 - level) == outside[-1]
    assert 10 < sum(outside) < 50


@pytest.mark.parametrize("chance", [0.1, 0.2, 0.5])
def test_p_of_a_paired_change_is_that_of_a_t_test_over_clusters(chance):
    first, second = shifted_by(rng(6), chance)
    p = difference_interval(first, second, **DRAWS, generator=rng())[3][0]
    mean = second[1].mean()
    t_test = stats.ttest_1samp((second[0] - first[0])[:, 0] / mean, 0).pvalue
    assert np.log10(p) == pytest.approx(np.log10(t_test), rel=0.1)


def test_p_falls_below_what_draws_alone_can_tell():
    first, second = shifted_by(rng(6), 0.5)
    assert difference_interval(first, second, **DRAWS, generator=rng())[3][0] < 1e-5


def test_a_group_of_one_cluster_has_a_difference_and_no_interval():
    first, second = overdispersed(rng(3)), overdispersed(rng(4), clusters=1)
    point, *rest = difference_interval(*apart(first, second), **DRAWS, generator=rng())
    assert np.isfinite(point).all()
    assert np.isnan(rest).all()


def test_intervals_of_few_clusters_cover_too():
    covered = 0
    for corpus in range(300):
        generator = rng([17, corpus])
        counts = overdispersed(generator, clusters=10, size=12)
        _, low, high = share_interval(*counts, level=0.95, n_boot=400, generator=generator)
        covered += low[0] <= 0.3 <= high[0]
    assert 0.91 < covered / 300 < 0.985


def test_a_difference_of_nothing_counted_is_open_on_both_sides():
    empty = np.zeros((50, 1)), np.full(50, 6.0)
    point, low, high, p = difference_interval(empty, empty, **DRAWS, generator=rng())
    end = proportion_confint(0, 50, method="beta")[1]
    assert (point[0], p[0]) == (0, 1)
    assert (low[0], high[0]) == pytest.approx((-end, end))


def test_a_difference_from_nothing_counted_is_wider_towards_it():
    sizes = np.full(50, 6.0)
    none, some = np.zeros((50, 1)), np.tile([[0.0], [2.0]], (25, 1))
    point, low, high, _ = difference_interval(
        (none, sizes), (some, sizes), **DRAWS, generator=rng()
    )
    _, _, alone = share_interval(some, sizes, **DRAWS, generator=rng())
    assert point[0] == pytest.approx(1 / 6)
    assert point - low > high - point
    assert high[0] == pytest.approx(alone[0], abs=0.01)


@pytest.mark.parametrize("certain", [0.0, 1.0])
def test_p_and_interval_say_the_same_where_a_share_is_none_or_all(certain):
    significant = []
    for corpus in range(60):
        generator = rng([23, corpus])
        counts, sizes = overdispersed(generator, int(generator.integers(4, 20)), mean=0.15)
        groups = apart((np.full_like(counts, certain) * sizes[:, None], sizes), (counts, sizes))
        if corpus % 2:
            groups = groups[::-1]
        _, low, high, p = difference_interval(*groups, **DRAWS, generator=generator)
        significant.append(p[0] < 0.05)
        assert significant[-1] == (not low[0] <= 0 <= high[0])
    assert sum(significant) > 10


def test_where_a_rare_thing_is_found_in_one_group_by_chance_it_is_not_significant():
    found, significant = 0, 0
    for corpus in range(1500):
        generator = rng([29, corpus])
        groups = [overdispersed(generator, 12, 10, 0.03) for _ in range(2)]
        if all(counts.sum() > 0 for counts, _ in groups):
            continue
        p = difference_interval(*apart(*groups), level=0.95, n_boot=200, generator=generator)[3]
        found, significant = found + 1, significant + (p[0] < 0.05)
    assert found > 300
    assert significant / found < 0.05


def test_all_against_none_is_a_difference_with_an_interval():
    sizes = np.full(10, 5.0)
    none, every = np.zeros((10, 1)), sizes[:, None]
    point, low, high, p = difference_interval(
        *apart((none, sizes), (every, sizes)), **DRAWS, generator=rng()
    )
    assert (point[0], high[0]) == (1, 1)
    assert 0.3 < low[0] < 0.8
    assert p[0] < 0.05


def test_an_empty_group_has_no_difference():
    counts, sizes = overdispersed(rng(8))
    nothing = np.zeros_like(counts), np.zeros_like(sizes)
    for result in difference_interval((counts, sizes), nothing, **DRAWS, generator=rng()):
        assert np.isnan(result).all()


def test_the_seed_decides_the_ends_and_nothing_else():
    counts, sizes = overdispersed(rng(9))
    first, again, other = (
        share_interval(counts, sizes, **DRAWS, generator=rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert first[0] == other[0]
    assert first[1] != other[1]
    assert first[1] == pytest.approx(other[1], abs=0.02)


def test_an_interval_of_a_lower_level_lies_within():
    sums = np.column_stack(overdispersed(rng(10)))
    low, high = bootstrap_interval(sums, ratio, **DRAWS, generator=rng())
    inner_low, inner_high = bootstrap_interval(sums, ratio, level=0.5, n_boot=2000, generator=rng())
    assert low < inner_low < ratio(sums.sum(axis=0)) < inner_high < high
