"""Coefficients from sums over items are those of the libraries, also of drawn items."""

import numpy as np
import pytest

from saeidioms.stats import agreement
from saeidioms.stats.agreement_sums import Coefficients, alpha, gwet, kappa

POINTS = [1.0, 2.0, 3.0, 4.0, 5.0]


@pytest.fixture(scope="module")
def ratings():
    """Four coders, 60 items, five points, a fifth missing; nobody rates the last item."""
    draw = np.random.default_rng(0)
    truth = draw.integers(1, 6, 60)
    given = np.clip(truth + draw.integers(-1, 2, (4, 60)), 1, 5).astype(float)
    given[draw.random((4, 60)) < 0.2] = np.nan
    given[:, -1] = np.nan
    return given


DRAWS = [np.arange(60), np.random.default_rng(1).integers(60, size=60), np.array([3, 3, 3, 7, 9])]


def value(coefficients, items):
    return coefficients.statistic(coefficients.sums[items].sum(axis=0))[0]


@pytest.mark.parametrize("items", DRAWS, ids=["all", "drawn", "few"])
@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_alpha_is_that_of_the_package(ratings, level, items):
    expected = agreement.krippendorff_alpha(ratings[:, items], level)
    assert value(alpha(ratings, level), items) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("items", DRAWS[:2], ids=["all", "drawn"])
@pytest.mark.parametrize(("nominal", "weights"), [(True, None), (False, "quadratic")])
def test_kappa_is_that_of_scikit_learn(ratings, nominal, weights, items):
    expected = agreement.cohen_kappa(*ratings[:2, items], weights, categories=POINTS)
    assert value(kappa(*ratings[:2], nominal=nominal), items) == pytest.approx(expected)


@pytest.mark.parametrize("items", DRAWS, ids=["all", "drawn", "few"])
@pytest.mark.parametrize(("nominal", "weights"), [(True, None), (False, "quadratic")])
def test_ac_is_that_of_gwet(ratings, nominal, weights, items):
    expected = agreement.gwet_ac(ratings[:, items], weights, categories=POINTS)
    assert value(gwet(ratings, POINTS, nominal=nominal), items) == pytest.approx(expected)


def test_half_points_are_half_as_far():
    """Medians lie between points; kappa of them is that on a scale of half points."""
    draw = np.random.default_rng(2)
    first, second = draw.integers(1, 6, 80), draw.integers(2, 11, 80) / 2
    halves = list(np.arange(1, 5.5, 0.5))
    expected = agreement.cohen_kappa(first, second, "quadratic", categories=halves)
    assert value(kappa(first, second), np.arange(80)) == pytest.approx(expected)


def test_several_coefficients_are_drawn_at_once(ratings):
    parts = [alpha(ratings, "ordinal"), kappa(*ratings[:2]), gwet(ratings, POINTS, nominal=False)]
    together = Coefficients.together(parts)
    for items in DRAWS[:2]:
        expected = [value(part, items) for part in parts]
        found = together.statistic(together.sums[items].sum(axis=0))
        assert found.tolist() == pytest.approx(expected)
    middle = together.summarised(lambda values: np.median(values, axis=-1))
    assert value(middle, DRAWS[0]) == pytest.approx(np.median([value(p, DRAWS[0]) for p in parts]))


def test_many_draws_are_worked_out_at_once(ratings):
    for one in (alpha(ratings, "ordinal"), alpha(ratings, "nominal"), kappa(*ratings[:2])):
        stacked = np.stack([one.sums[items].sum(axis=0) for items in DRAWS])
        found = one.statistic(stacked)[:, 0]
        assert found.tolist() == pytest.approx([value(one, i) for i in DRAWS], nan_ok=True)


CONSTANT = np.array([[2.0, 2.0, 2.0], [2.0, 2.0, 2.0]])
APART = np.array([[1.0, 2.0, np.nan, np.nan], [np.nan, np.nan, 1.0, 2.0]])
NOTHING = np.full((2, 3), np.nan)


@pytest.mark.parametrize("given", [CONSTANT, APART, NOTHING], ids=["constant", "apart", "nothing"])
def test_where_agreement_is_not_defined_it_is_nan(given):
    items = np.arange(given.shape[1])
    for level in ("nominal", "ordinal", "interval"):
        assert np.isnan(value(alpha(given, level), items))
    for nominal in (True, False):
        assert np.isnan(value(kappa(*given, nominal=nominal), items))
    only = gwet(given, [2.0] if given is CONSTANT else [1.0, 2.0], nominal=False)
    assert np.isnan(value(only, items))
