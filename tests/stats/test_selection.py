"""Choosing columns: planted ones are found by every method, and nothing where nothing goes."""

import numpy as np
import pytest
from scipy import stats

from saeidioms.stats.selection import METHODS, select

PLANTED = [3, 11, 40]


@pytest.fixture
def drawn():
    random = np.random.default_rng(0)
    columns = (random.random((600, 60)) < 0.3).astype(float)
    target = columns[:, PLANTED] @ [2.0, -2.0, 1.5] + random.normal(size=600)
    return columns, target


def chosen(columns, target, n, method, seed=0):
    return select(columns, target, n, method, np.random.default_rng(seed)).tolist()


@pytest.mark.parametrize("method", METHODS)
def test_planted_columns_come_first(drawn, method):
    assert set(chosen(*drawn, 3, method)) == set(PLANTED)


def test_correlation_and_separation_rank_as_they_say(drawn):
    columns, target = drawn
    r = [abs(stats.pearsonr(column, target).statistic) for column in columns.T]
    assert chosen(columns, target, 5, "correlation") == np.argsort(r)[::-1][:5].tolist()
    apart = [abs(target[c == 1].mean() - target[c == 0].mean()) for c in columns.T]
    assert chosen(columns, target, 5, "separation") == np.argsort(apart)[::-1][:5].tolist()


def test_the_lasso_takes_one_of_columns_that_tell_the_same(drawn):
    columns, target = drawn
    twice = np.hstack([columns, columns[:, [3]]])
    first = chosen(twice, target, 3, "lasso")
    assert len({3, 60} & set(first)) == 1
    assert {3, 60} <= set(chosen(twice, target, 4, "correlation"))


def test_columns_that_never_vary_are_not_chosen(drawn):
    columns, target = drawn
    columns[:, [0, 1]] = [0, 1]
    for method in METHODS:
        assert not {0, 1} & set(chosen(columns, target, 60, method))


def test_the_seed_decides_the_halves_only(drawn):
    assert chosen(*drawn, 9, "stability", 1) == chosen(*drawn, 9, "stability", 1)
    assert set(chosen(*drawn, 3, "stability", 1)) == set(chosen(*drawn, 3, "stability", 2))
