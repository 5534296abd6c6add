"""Correlations of people's scores with their shares, against planted ones and other libraries."""

import numpy as np
import pytest
from scipy import stats

from saeidioms.errors import OptionError
from saeidioms.stats.correlation import Halves, correlate, split_halves

OPTIONS = {"level": 0.95, "n_boot": 400}


def rng(seed=0):
    return np.random.default_rng(seed)


def study(people=300, parts=8, size=5, relation=0.5, spread=0.7, seed=0):
    """Return scores, (R, 1) hits, sizes, owners and true rates of a made study."""
    draw = rng(seed)
    latent = draw.normal(size=people)
    score = relation * latent + np.sqrt(1 - relation**2) * draw.normal(size=people)
    rate = 1 / (1 + np.exp(-spread * latent))
    owners = np.repeat(np.arange(people), parts)
    sizes = draw.integers(1, 2 * size, len(owners))
    return score, draw.binomial(sizes, rate[owners])[:, None], sizes, owners, rate


def shares_of(hits, sizes, owners):
    return (np.bincount(owners, hits[:, 0]) / np.bincount(owners, sizes))[:, None]


def correlated(score, hits, sizes, owners, **options):
    halves = split_halves(hits, sizes, owners, generator=rng(1))
    return correlate(
        score, shares_of(hits, sizes, owners), halves, generator=rng(2), **(OPTIONS | options)
    )


@pytest.mark.parametrize(
    ("method", "library"), [("pearson", stats.pearsonr), ("spearman", stats.spearmanr)]
)
def test_the_correlation_is_that_of_scipy(method, library):
    score, hits, sizes, owners, _ = study()
    observed, _, _, p = correlated(score, hits, sizes, owners, method=method)
    shares = shares_of(hits, sizes, owners)[:, 0]
    assert observed.value[0] == pytest.approx(library(score, shares).statistic)
    assert observed.low[0] < observed.value[0] < observed.high[0]
    assert p[0] < 0.01


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_the_unit_of_a_score_does_not_matter(unit):
    score, hits, sizes, owners, _ = study()
    one, other = (correlated(score * by, hits, sizes, owners)[0] for by in (1, unit))
    assert (one.value, one.low) == (pytest.approx(other.value), pytest.approx(other.low))


def test_the_interval_is_about_that_of_fishers_z():
    score, hits, sizes, owners, _ = study(relation=0.3)
    observed, *_ = correlated(score, hits, sizes, owners, n_boot=2000)
    expected = stats.pearsonr(score, shares_of(hits, sizes, owners)[:, 0]).confidence_interval()
    assert (observed.low[0], observed.high[0]) == pytest.approx(expected, abs=0.025)


def test_the_reliability_is_the_share_of_variance_that_lies_between_people():
    _, hits, sizes, owners, rate = study(people=4000)
    shares = shares_of(hits, sizes, owners)[:, 0]
    _, reliability, *_ = correlated(rng(3).normal(size=4000), hits, sizes, owners, n_boot=100)
    assert reliability.value[0] == pytest.approx(rate.var() / shares.var(), abs=0.02)
    assert reliability.value[0] == pytest.approx(np.corrcoef(rate, shares)[0, 1] ** 2, abs=0.03)


def test_equal_halves_give_the_reliability_of_spearman_and_brown():
    draw = rng(5)
    halves = draw.normal(size=(500, 1)) + draw.normal(size=(500, 2))
    halves = (halves - halves.mean(axis=0)) / halves.std(axis=0)
    one, other = halves[:, :1], halves[:, 1:]
    mean = (one + other) / 2
    both = Halves(one * other, mean, np.ones(500, dtype=bool))
    _, reliability, *_ = correlate(draw.normal(size=500), mean, both, generator=rng(), **OPTIONS)
    r = np.corrcoef(halves.T)[0, 1]
    assert reliability.value[0] == pytest.approx(2 * r / (1 + r))


def test_the_corrected_correlation_is_that_with_the_true_rates():
    score, hits, sizes, owners, rate = study(people=4000, parts=4, size=2)
    observed, _, corrected, _ = correlated(score, hits, sizes, owners, n_boot=100)
    truth = np.corrcoef(score, rate)[0, 1]
    assert observed.value[0] < truth - 0.1
    assert corrected.value[0] == pytest.approx(truth, abs=0.03)


def test_a_noisy_score_is_corrected_by_its_reliability():
    score, hits, sizes, owners, _ = study()
    _, _, without, _ = correlated(score, hits, sizes, owners)
    _, _, freed, _ = correlated(score, hits, sizes, owners, reliability=0.64)
    assert freed.value[0] == pytest.approx(without.value[0] / 0.8)
    assert freed.high[0] - freed.low[0] > without.high[0] - without.low[0]


def test_intervals_and_errors_are_as_wide_as_studies_differ():
    """Over repeated studies: spread as the errors say, and the truth within most intervals."""
    found = [correlated(*study(people=120, seed=seed)[:4], n_boot=200) for seed in range(120)]
    large = study(people=40_000, seed=7)
    truth = np.corrcoef(large[0], large[4])[0, 1]
    corrected = [one[2] for one in found]
    values = np.array([one.value[0] for one in corrected])
    assert np.mean([one.error[0] for one in corrected]) == pytest.approx(values.std(), rel=0.2)
    assert np.mean([one.low[0] <= truth <= one.high[0] for one in corrected]) >= 0.88


def test_people_with_one_part_tell_nothing_of_reliability_but_count_in_the_correlation():
    score, hits, sizes, owners, _ = study(people=60, parts=4)
    keep = (owners >= 30) | (np.arange(len(owners)) % 4 == 0)
    owners, hits, sizes = owners[keep], hits[keep], sizes[keep]
    halves = split_halves(hits, sizes, owners, generator=rng(1))
    assert halves.usable.tolist() == [False] * 30 + [True] * 30
    observed, *_ = correlated(score, hits, sizes, owners)
    expected = np.corrcoef(score, shares_of(hits, sizes, owners)[:, 0])[0, 1]
    assert observed.value[0] == pytest.approx(expected)


def test_every_part_is_in_one_half_of_its_person():
    owners = np.repeat([1, 0, 2], [3, 2, 4])[rng(4).permutation(9)]
    hits = rng(5).integers(0, 3, (9, 1))
    halves = split_halves(hits, np.ones(9), owners, n_splits=1, generator=rng(6))
    even = [hits[owners == person, 0].mean() for person in (0, 2)]  # equal halves: mean of all
    assert halves.mean[[0, 2], 0] == pytest.approx(even)


def test_a_share_that_tells_nobody_apart_cannot_be_corrected():
    score, _, sizes, owners, _ = study(people=60)
    hits = rng(9).binomial(sizes, 0.3)[:, None]  # one rate for all
    observed, reliability, corrected, _ = correlated(score, hits, sizes, owners)
    assert np.isfinite(observed.value[0])
    assert reliability.low[0] <= 0
    assert np.isnan([corrected.low[0], corrected.high[0], corrected.error[0]]).all()


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_what_nobody_says_goes_with_nothing(method):
    score, hits, sizes, owners, _ = study(people=40)
    for of_nobody in (np.zeros_like(hits), sizes[:, None]):  # or everybody, always
        *quantities, p = correlated(score, of_nobody, sizes, owners, method=method)
        assert np.isnan(p).all()
        for one in quantities:
            assert np.isnan([one.value, one.low, one.high, one.error]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "kendall"}, "method is 'kendall'; give one of: pearson, spearman"),
        ({"reliability": 0}, "reliability is 0"),
        ({"reliability": 1.2}, "reliability is 1.2"),
    ],
)
def test_what_is_not_allowed_is_named(options, message):
    with pytest.raises(OptionError, match=message):
        correlated(*study(people=20)[:4], **options)
