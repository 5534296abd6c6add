"""Permutation of clusters: exact in small cases, and no more findings than there should be."""

import itertools

import numpy as np
import pytest
from scipy import stats

from saeidioms.stats.permutation import permutation_test

ONE = np.zeros(10, dtype=int)


def rng(*key):
    return np.random.default_rng([*key])


def drawn(generator, clusters=10, mean=0.3, outcomes=1):
    sizes = 2 + generator.poisson(6, clusters)
    rates = generator.beta(3 * mean, 3 * (1 - mean), (clusters, outcomes))
    return np.column_stack([generator.binomial(sizes[:, None], rates), sizes]).astype(float)


def test_p_is_that_of_all_labellings():
    sums, second = drawn(rng(1)), np.arange(10) < 5

    def difference(chosen):
        mine, other = sums[chosen].sum(axis=0), sums[~chosen].sum(axis=0)
        return mine[0] / mine[1] - other[0] / other[1]

    every = [
        difference(np.isin(np.arange(10), one)) for one in itertools.combinations(range(10), 5)
    ]
    exact = np.mean(np.abs(every) >= abs(difference(second)) - 1e-12)
    found = permutation_test(sums, second, ONE, n_permutations=20_000, generator=rng(2))
    assert found.difference[0] == pytest.approx(difference(second))
    assert found.p[0] == pytest.approx(exact, abs=0.015)
    assert found.p_family[0] == pytest.approx(found.p[0])  # one outcome is a family of its own


def test_equal_clusters_give_scipys_test_of_means():
    random = rng(3)
    counts = random.integers(0, 5, 16).astype(float)
    sums, second = np.column_stack([counts, np.full(16, 5.0)]), np.arange(16) < 8
    found = permutation_test(sums, second, np.zeros(16), n_permutations=20_000, generator=rng(4))
    expected = stats.permutation_test(
        (counts[:8], counts[8:]),
        lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
        vectorized=True,
        n_resamples=20_000,
        rng=rng(5),
    )
    assert found.p[0] == pytest.approx(expected.pvalue, abs=0.02)


def test_labels_change_places_within_strata_only():
    sums = np.column_stack([[4.0] * 4 + [0.0] * 4, np.full(8, 4.0)])
    strata = np.repeat([0, 1], 4)
    second = np.tile([True, False], 4)
    found = permutation_test(sums, second, strata, n_permutations=500, generator=rng(6))
    assert found.difference[0] == 0
    assert found.p[0] == 1  # every labelling within strata gives the same


def test_nothing_there_gives_few_findings_and_fewer_in_the_family():
    single, family = [], []
    for corpus in range(200):
        random = rng(7, corpus)
        sums = drawn(random, clusters=24, outcomes=8)
        second = random.permutation(24) < 12
        found = permutation_test(sums, second, np.zeros(24), n_permutations=199, generator=random)
        single += list(found.p < 0.05)
        family.append(found.p_family.min() < 0.05)
    assert 0.03 < np.mean(single) < 0.07
    assert np.mean(family) < 0.10


def test_a_real_difference_is_found_by_both():
    random = rng(8)
    sums = np.vstack([drawn(random, 30, 0.2, 3), drawn(random, 30, 0.6, 3)])
    second = np.arange(60) >= 30
    found = permutation_test(sums, second, np.zeros(60), n_permutations=999, generator=rng(9))
    assert (found.p == 1 / 1000).all()
    assert (found.p_family == 1 / 1000).all()


def test_an_outcome_that_never_occurs_differs_nowhere():
    sums = np.column_stack([np.zeros(10), drawn(rng(10))])
    found = permutation_test(sums, np.arange(10) < 5, ONE, n_permutations=200, generator=rng(11))
    assert (found.difference[0], found.p[0], found.p_family[0]) == (0, 1, 1)
