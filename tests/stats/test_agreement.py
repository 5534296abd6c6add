"""Agreement of coders: as published, and not defined rather than wrong where there is none."""

import numpy as np
import pytest

from saeidioms.errors import InputError, OptionError
from saeidioms.stats.agreement import (
    Estimate,
    bootstrap_estimate,
    cohen_kappa,
    gwet_ac,
    krippendorff_alpha,
)

_ = None
KRIPPENDORFF = [  # Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, section C
    [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
    [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
]
GWET = [  # Gwet (2014), the four raters of his R package irrCAC (cac.raw4raters)
    [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, _],
    [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 3],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
]
ABSTRACTORS = [[13, 0, 0], [0, 20, 7], [0, 4, 56]]  # Gwet (2014), cont3x3abstractors
PREGNANCIES = ["Ectopic", "AIU", "NIU"]


def of_table(table, names):
    """Return the ratings of two coders whose cross table this is."""
    first, second = np.indices((len(names), len(names)))
    times = np.ravel(table)
    return np.array(
        [np.repeat(np.array(names, object)[side.ravel()], times) for side in (first, second)]
    )


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    ("level", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_alpha_is_that_of_krippendorffs_example(level, alpha):
    assert krippendorff_alpha(KRIPPENDORFF, level) == pytest.approx(alpha, abs=5e-4)


def test_names_in_a_given_order_have_the_ordinal_alpha_of_their_ranks():
    order = ["never", "rarely", "sometimes", "often", "always"]
    named = [[None if rating is None else order[rating - 1] for rating in row] for row in GWET]
    ranks = krippendorff_alpha(GWET, "ordinal")
    assert krippendorff_alpha(named, "ordinal", categories=order) == pytest.approx(ranks)
    assert krippendorff_alpha(named, "ordinal") != pytest.approx(ranks)  # sorted by letter


def test_ac1_is_that_of_gwets_four_raters_with_missing_ratings():
    assert gwet_ac(GWET) == pytest.approx(0.77544, abs=5e-6)


@pytest.mark.parametrize(("weights", "ac"), [(None, 0.84933), ("quadratic", 0.94024)])
def test_ac1_and_ac2_are_those_of_gwets_abstractors(weights, ac):
    ratings = of_table(ABSTRACTORS, PREGNANCIES)
    assert gwet_ac(ratings, weights, categories=PREGNANCIES) == pytest.approx(ac, abs=5e-6)


def test_kappa_is_that_of_cohen_1960():
    first, second = of_table([[88, 14, 18], [10, 40, 10], [2, 6, 12]], ["a", "b", "c"])
    assert cohen_kappa(first, second) == pytest.approx(0.492, abs=5e-4)


@pytest.mark.parametrize(("weights", "power"), [("linear", 1), ("quadratic", 2)])
def test_weighted_kappa_weighs_by_distance_in_the_given_order(weights, power):
    table = np.array([[12, 5, 2], [3, 10, 5], [1, 4, 8]])
    chance = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    distance = np.abs(np.subtract.outer(range(3), range(3))) ** power
    names = ["low", "middle", "high"]
    kappa = cohen_kappa(*of_table(table, names), weights, categories=names)
    assert kappa == pytest.approx(1 - (distance * table).sum() / (distance * chance).sum())


def test_quadratic_kappa_of_equal_margins_is_their_correlation():
    # Fleiss and Cohen (1973): with equal margins quadratic kappa is Pearson's correlation.
    first, second = of_table([[10, 5, 1], [5, 10, 5], [1, 5, 10]], [1, 2, 3])
    correlation = np.corrcoef(first.astype(float), second.astype(float))[0, 1]
    assert cohen_kappa(first, second, "quadratic") == pytest.approx(correlation)


def test_items_that_one_of_the_two_left_out_do_not_count_in_kappa():
    first = ["a", "b", "a", "b", None, "a"]
    second = ["a", "b", "b", "b", "a", np.nan]
    assert cohen_kappa(first, second) == cohen_kappa(first[:4], second[:4])


def test_the_number_of_categories_changes_what_chance_gives_ac1():
    few = gwet_ac(GWET)
    many = gwet_ac(GWET, categories=range(1, 11))
    assert many > few


COEFFICIENTS = {
    "alpha": krippendorff_alpha,
    "ordinal alpha": lambda ratings: krippendorff_alpha(ratings, "ordinal"),
    "interval alpha": lambda ratings: krippendorff_alpha(ratings, "interval"),
    "kappa": lambda ratings: cohen_kappa(ratings[0], ratings[-1]),
    "quadratic kappa": lambda ratings: cohen_kappa(ratings[0], ratings[-1], "quadratic"),
    "AC1": gwet_ac,
    "AC2": lambda ratings: gwet_ac(ratings, "quadratic"),
}


@pytest.mark.parametrize("coefficient", COEFFICIENTS.values(), ids=COEFFICIENTS)
@pytest.mark.parametrize(
    "ratings",
    [
        [[1, 1, 1], [1, 1, 1]],
        [[1, 2, None, None], [None, None, 1, 2]],
        [[None, None], [None, None]],
        [[], []],
    ],
    ids=["one category", "no item twice", "nothing", "no items"],
)
def test_where_agreement_is_not_defined_it_is_nan(coefficient, ratings):
    assert np.isnan(coefficient(ratings))


@pytest.mark.parametrize("coefficient", [krippendorff_alpha, gwet_ac])
def test_one_coder_agrees_with_nobody(coefficient):
    assert np.isnan(coefficient([[1, 2, 1, 2]]))


@pytest.mark.parametrize("coefficient", COEFFICIENTS.values(), ids=COEFFICIENTS)
def test_full_agreement_is_one_and_that_of_chance_near_zero(coefficient):
    ratings = rng().integers(1, 5, size=(2, 4000))
    assert coefficient([ratings[0], ratings[0]]) == pytest.approx(1)
    assert coefficient(ratings) == pytest.approx(0, abs=0.06)


def test_what_cannot_be_compared_is_refused_with_the_mend():
    with pytest.raises(OptionError, match="nominal, ordinal, interval"):
        krippendorff_alpha([[1], [1]], "ratio")
    with pytest.raises(OptionError, match="'linear' or 'quadratic'"):
        cohen_kappa([1], [1], "cubic")
    with pytest.raises(OptionError, match="'linear' or 'quadratic'"):
        gwet_ac([[1], [1]], "cubic")
    with pytest.raises(InputError, match="a row a coder"):
        krippendorff_alpha([1, 2, 3])
    with pytest.raises(InputError, match="one rating an item"):
        cohen_kappa([1, 2], [1])
    with pytest.raises(InputError, match="'c' is no category; there are: a, b"):
        gwet_ac([["a", "c"], ["a", "b"]], categories=["a", "b"])
    with pytest.raises(InputError, match="needs numbers"):
        krippendorff_alpha([["a", "b"], ["a", "b"]], "interval")


def test_the_interval_of_a_mean_is_that_of_the_textbook():
    values = rng(1).normal(size=400)
    found = bootstrap_estimate(lambda rows: values[rows].mean(), 400, generator=rng())
    margin = 1.96 * values.std() / np.sqrt(400)
    assert found.value == values.mean()
    assert found.low == pytest.approx(values.mean() - margin, abs=0.01)
    assert found.high == pytest.approx(values.mean() + margin, abs=0.01)


def test_items_of_one_cluster_are_drawn_together():
    clusters = np.repeat([f"c{i}" for i in range(20)], 25)
    values = np.repeat(rng(1).normal(size=20), 25)
    shuffled = rng(2).permutation(500)
    alone = bootstrap_estimate(lambda rows: values[rows].mean(), 500, generator=rng())
    together = bootstrap_estimate(
        lambda rows: values[shuffled][rows].mean(), 500, clusters[shuffled], generator=rng()
    )
    wider = (together.high - together.low) / (alone.high - alone.low)
    assert wider == pytest.approx(5, rel=0.2)  # the root of 25 items that say one thing


def test_a_wider_level_has_a_wider_interval():
    def spread(level):
        found = bootstrap_estimate(
            lambda rows: krippendorff_alpha(np.array(KRIPPENDORFF, object)[:, rows]),
            12,
            level=level,
            n_boot=300,
            generator=rng(),
        )
        return found.high - found.low

    assert spread(0.99) > spread(0.8) > 0


def test_draws_in_which_nothing_is_defined_are_left_out():
    ratings = np.array([["a"] * 9 + ["b"], ["a"] * 9 + ["b"]], dtype=object)
    found = bootstrap_estimate(
        lambda rows: krippendorff_alpha(ratings[:, rows]), 10, n_boot=200, generator=rng()
    )
    assert found == Estimate(1.0, 1.0, 1.0)


def test_where_no_draw_is_defined_the_ends_are_nan():
    found = bootstrap_estimate(lambda rows: np.nan, 5, n_boot=10, generator=rng())
    assert np.isnan([found.value, found.low, found.high]).all()


def test_no_items_and_a_lone_cluster_have_no_interval():
    nothing = bootstrap_estimate(lambda rows: 1.0, 0, generator=rng())
    alone = bootstrap_estimate(lambda rows: 1.0, 3, ["a", "a", "a"], generator=rng())
    assert np.isnan([nothing.value, nothing.low, nothing.high]).all()
    assert alone.value == 1
    assert np.isnan([alone.low, alone.high]).all()


def test_each_item_needs_a_cluster():
    with pytest.raises(InputError, match="2 clusters were given for 3 items"):
        bootstrap_estimate(lambda rows: 1.0, 3, ["a", "b"], generator=rng())
