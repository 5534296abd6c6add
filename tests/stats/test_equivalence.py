"""An effect is shown to be small only by data that could have shown it to be large."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from saeidioms.errors import OptionError
from saeidioms.stats.bootstrap import ratio
from saeidioms.stats.equivalence import jackknife_error, ruled_out, two_one_sided


@pytest.fixture(scope="module")
def values():
    return np.random.default_rng(0).normal(0.1, 1, 80)


def mean_and_error(values):
    return values.mean(), values.std(ddof=1) / np.sqrt(len(values))


@pytest.mark.parametrize("bound", [0.05, 0.2, 0.5])
def test_the_tests_of_a_mean_are_those_of_statsmodels(values, bound):
    expected = DescrStatsW(values).ttost_mean(-bound, bound)[0]
    assert two_one_sided(*mean_and_error(values), bound, df=79) == pytest.approx(expected)


def test_what_is_ruled_out_is_the_bound_at_which_p_is_alpha(values):
    for sign in (1, -1):
        mean, error = mean_and_error(sign * values)
        farthest = ruled_out(mean, error, 79, alpha=0.05)
        assert two_one_sided(mean, error, float(farthest), 79) == pytest.approx(0.05)
        low, high = stats.t.interval(0.9, 79, mean, error)
        assert farthest == pytest.approx(max(-low, high))


def test_an_effect_beyond_the_bound_is_never_called_small():
    p = two_one_sided([0.3, -0.3, 0.0], [0.001] * 3, 0.2)
    assert p[0] > 0.99
    assert p[1] > 0.99
    assert p[2] < 1e-6


def test_what_is_unknown_is_not_called_small():
    assert np.isnan(two_one_sided([np.nan, 0, 0], [1, np.nan, 0], 0.1)).all()


@pytest.mark.parametrize("bound", [0, -0.1, np.nan])
def test_a_bound_that_bounds_nothing_is_refused(bound):
    with pytest.raises(OptionError, match="give the smallest effect that would matter"):
        two_one_sided(0.0, 1.0, bound)


def test_the_jackknife_of_a_mean_is_its_standard_error(values):
    sums = np.column_stack([values, np.ones(80)])
    assert jackknife_error(sums, ratio) == pytest.approx(mean_and_error(values)[1])


def test_a_lone_cluster_and_a_ratio_that_hangs_on_one_have_no_error():
    assert np.isnan(jackknife_error(np.array([[1.0, 2.0]]), ratio)).all()
    assert np.isnan(jackknife_error(np.array([[1.0, 2.0], [0.0, 0.0]]), ratio)).all()
