import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, f1_score, precision_score, recall_score

from saeidioms.stats.classification import (
    StratifiedSample,
    corrected_share,
    estimate,
    f1,
    kappa,
    precision,
    recall,
)

OPTIONS = {"level": 0.95, "n_boot": 400}


def drawn(said, per_stratum, random):
    """Draw so many units where the tool said yes, and where it said no."""
    strata = said.astype(np.int64)
    rows = [
        random.choice(np.flatnonzero(strata == stratum), n, replace=False)
        for stratum, n in enumerate(per_stratum)
    ]
    rows = np.concatenate(rows)
    return rows, StratifiedSample(strata[rows], np.bincount(strata))


def population(random, sensitivity=0.6, specificity=0.8, prevalence=0.2, n=6000):
    """Units of 300 conversations that differ, what is true of them, and what a tool says."""
    clusters = np.repeat(np.arange(300), n // 300)
    chance = np.clip(prevalence + 0.1 * random.standard_normal(300), 0, 1)[clusters]
    truth = random.random(n) < chance
    said = random.random(n) < np.where(truth, sensitivity, 1 - specificity)
    return clusters, truth.astype(float), said


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (precision, precision_score),
        (recall, recall_score),
        (f1, f1_score),
        (kappa, cohen_kappa_score),
    ],
)
def test_figures_are_those_of_scikit_learn_with_the_same_weights(ours, theirs):
    random = np.random.default_rng(0)
    truth, said = random.random((2, 80)) < 0.4
    weights = random.random(80)
    assert ours(said, truth.astype(float), weights) == pytest.approx(
        theirs(truth, said, sample_weight=weights)
    )


def test_a_sampled_unit_stands_for_those_of_its_stratum():
    sample = StratifiedSample(np.array([0, 0, 1]), np.array([10, 7]))
    assert sample.weights.tolist() == [5, 5, 7]
    draws = sample.draws(50, np.random.default_rng(0))
    assert (draws[:, 2] == 2).all()
    assert set(draws[:, :2].ravel()) == {0, 1}


def test_rates_of_an_uneven_sample_are_those_of_all_units():
    random = np.random.default_rng(1)
    _, truth, said = population(random, n=60_000)
    rows, sample = drawn(said, (2000, 2000), random)
    found = estimate(
        recall, said[rows], truth[rows], sample, generator=np.random.default_rng(0), **OPTIONS
    )
    assert found.value == pytest.approx(recall(said, truth, np.ones(len(said))), abs=0.05)
    assert recall(said[rows], truth[rows], np.ones(len(rows))) > found.high  # unweighted: far off


def test_a_share_is_corrected_without_bias_and_its_interval_covers():
    covered, values, naive = [], [], []
    for seed in range(200):
        random = np.random.default_rng(seed)
        clusters, truth, said = population(random)
        rows, sample = drawn(said, (100, 60), random)
        found = corrected_share(
            *(said, clusters, said[rows], truth[rows], sample),
            generator=np.random.default_rng(seed),
            **OPTIONS,
        )
        covered.append(found.low <= 0.2 <= found.high)
        values.append(found.value)
        naive.append(said.mean())
    assert np.mean(values) == pytest.approx(0.2, abs=0.01)
    assert np.mean(naive) > 0.27
    assert 0.9 <= np.mean(covered) <= 0.99


def test_where_the_tool_is_right_the_sample_changes_nothing():
    said = np.arange(100) % 4 == 0
    rows = np.arange(0, 100, 5)
    sample = StratifiedSample(np.zeros(20, np.int64), np.array([100]))
    found = corrected_share(
        *(said, np.arange(100) // 10, said[rows], said[rows].astype(float), sample),
        generator=np.random.default_rng(0),
        **OPTIONS,
    )
    assert found.value == 0.25
    assert found.low < 0.25 < found.high


def test_what_never_occurs_has_no_rate():
    nothing = np.zeros(10, bool)
    sample = StratifiedSample(np.zeros(10, np.int64), np.array([50]))
    found = estimate(
        precision,
        nothing,
        nothing.astype(float),
        sample,
        generator=np.random.default_rng(0),
        **OPTIONS,
    )
    assert np.isnan([found.value, found.low, found.high]).all()
    assert np.isnan(kappa(nothing, np.zeros(10), np.ones(10)))


def test_coders_who_differ_count_by_halves():
    said = np.array([True, True, False, False])
    two = np.array([1.0, 0.5, 0.5, 0.0])
    weights = np.ones(4)
    assert precision(said, two, weights) == 0.75
    assert recall(said, two, weights) == 0.75
    each = [kappa(said, np.array(one, float), weights) for one in ([1, 0, 1, 0], [1, 1, 0, 0])]
    assert each[0] < kappa(said, two, weights) < each[1]
