import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, f1_score, precision_score, recall_score

from saeidioms.stats.classification import (
    StratifiedSample,
    corrected_share,
    estimate,
    f1,
    kappa,
    overall_kappa,
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
    weights = sample.resampled_weights(50, np.random.default_rng(0))
    np.testing.assert_allclose(weights[:, :2].sum(axis=1), 10)
    assert len(np.unique(weights[:, 0])) > 1
    assert (weights[:, 2] == 7).all()


def test_resampling_has_the_variance_of_few_units():
    truth = np.array([0.0, 0, 1, 1, 1])
    sample = StratifiedSample(np.zeros(5, np.int64), np.array([5]))
    weights = sample.resampled_weights(20_000, np.random.default_rng(0))
    assert (weights @ truth / 5).var() == pytest.approx(truth.var(ddof=1) / 5, rel=0.05)


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


def test_intervals_of_a_rare_code_cover_where_the_sample_holds_few_errors():
    """Eight strata drawn unequally, one said; 3% of what was not said is missed, in two of them."""
    sizes = np.array([60, 1500, 100, 200, 300, 400, 200, 240])
    rates = np.array([0.9, 0.005, 0.02, 0, 0, 0, 0, 0])
    strata = np.repeat(np.arange(8), sizes)
    said = strata == 0
    covered, widths = [], []
    for seed in range(200):
        random = np.random.default_rng(seed)
        truth = (random.random(3000) < rates[strata]).astype(float)
        rows = np.concatenate(
            [
                random.choice(np.flatnonzero(strata == h), 12 + 30 * (h == 1), False)
                for h in range(8)
            ]
        )
        sample = StratifiedSample(strata[rows], sizes)
        options = {"generator": np.random.default_rng(seed), **OPTIONS}
        of_all = [statistic(said, truth, np.ones(3000)) for statistic in (precision, recall)]
        found = [
            estimate(statistic, said[rows], truth[rows], sample, **options)
            for statistic in (precision, recall)
        ]
        share = corrected_share(
            *(said, np.arange(3000) // 20, said[rows], truth[rows], sample), **options
        )
        true = [*of_all, truth.mean()]
        covered.append(
            [one.low <= t <= one.high for one, t in zip([*found, share], true, strict=True)]
        )
        widths.append(share.high - share.low)
    assert (np.mean(covered, axis=0) >= 0.92).all()
    assert 0 < np.median(widths) < 0.06


def test_a_sample_without_an_error_does_not_claim_that_there_is_none():
    said = np.arange(40) < 10
    sample = StratifiedSample(1 - said.astype(np.int64), np.array([50, 950]))
    options = {"generator": np.random.default_rng(0), **OPTIONS}
    found = estimate(precision, said, said.astype(float), sample, **options)
    assert found.value == found.high == 1
    assert 0.6 < found.low < 0.9
    found = estimate(recall, said, said.astype(float), sample, **options)
    assert found.value == found.high == 1
    assert found.low < 0.7  # 950 units stand behind 30 in which nothing was missed


def test_where_the_tool_s_yes_was_not_sampled_its_word_stands_in_a_wide_interval():
    of_all = np.arange(100) < 20
    sample = StratifiedSample(np.zeros(30, np.int64), np.array([80]))
    found = corrected_share(
        *(of_all, np.arange(100) // 10, np.zeros(30, bool), np.zeros(30), sample),
        generator=np.random.default_rng(0),
        **OPTIONS,
    )
    assert found.value == pytest.approx(0.2)
    assert found.low < 0.05


def test_overall_kappa_is_that_of_scikit_learn_with_the_same_weights():
    random = np.random.default_rng(0)
    said = random.integers(3, size=120)
    truth = np.where(random.random(120) < 0.6, said, random.integers(3, size=120))
    sample = StratifiedSample(said, np.array([500, 40, 90]))
    options = {"generator": np.random.default_rng(0), **OPTIONS}
    found = overall_kappa(said, np.eye(3)[truth], sample, **options)
    expected = cohen_kappa_score(said, truth, sample_weight=sample.weights)
    assert found.value == pytest.approx(expected)
    assert found.low < expected < found.high


@pytest.mark.parametrize("all_true", [0.0, 1.0])
def test_codes_that_are_all_right_or_all_wrong_are_no_matter_of_rounding(all_true):
    random = np.random.default_rng(0)
    said = np.ones(60, bool)
    for _ in range(50):
        sample = StratifiedSample(np.arange(60) % 7, random.integers(60, 997, size=7))
        options = {"generator": random, **OPTIONS}
        found = estimate(precision, said, np.full(60, all_true), sample, **options)
        assert found.value == pytest.approx(all_true)
        assert 0.02 < found.high - found.low < 0.25
