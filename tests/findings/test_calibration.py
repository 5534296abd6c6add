"""Calibrated ratings, on simulated raters who follow a known rule."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.isotonic import IsotonicRegression

from saeidioms.corpus.demo import demo_corpus, planted_units
from saeidioms.errors import InputError, OptionError
from saeidioms.findings.calibration import calibrate, conversation_shares
from saeidioms.stats.agreement import cohen_kappa
from saeidioms.taxonomy.coded import CodedMessages
from saeidioms.taxonomy.coding import Codes
from saeidioms.taxonomy.taxonomy import Taxonomy

OF = {"advice": {"advising": 1}, "warmth": {"coldness": -1, "care": 1}, "luck": {"care": 1}}


def simulate(conversations=300, noise=0.5, seed=0):
    """Return features, ratings and people: two scales follow the features, one is chance."""
    draw = np.random.default_rng(seed)
    index = pd.Index([f"c{i}" for i in range(conversations)])
    features = pd.DataFrame(
        draw.random((conversations, 3)), index, columns=["advising", "care", "coldness"]
    )

    def rated(ideal):
        return np.clip(np.round(ideal + noise * draw.normal(size=conversations)), 1, 5)

    ratings = pd.DataFrame(
        {
            "advice": rated(1 + 4 * features["advising"] ** 2),
            "warmth": rated(3 + 2 * (features["care"] - features["coldness"])),
            "luck": draw.integers(1, 6, conversations).astype(float),
        },
        index,
    )
    people = pd.Series(np.arange(conversations) // 3, index)
    return features, ratings, people


@pytest.fixture(scope="module")
def made():
    return simulate()


@pytest.fixture(scope="module")
def calibration(made):
    features, ratings, people = made
    return calibrate(features, ratings, OF, clusters=people)


def test_predictions_follow_the_rule_of_the_raters(calibration):
    new = simulate(seed=5)[0].rename(lambda name: f"new {name}")
    predicted = calibration.predict(new)
    assert predicted.index.tolist() == new.index.tolist()
    assert predicted.columns.tolist() == list(OF)
    assert np.abs(predicted["advice"] - (1 + 4 * new["advising"] ** 2)).mean() < 0.25
    assert np.abs(predicted["warmth"] - (3 + 2 * (new["care"] - new["coldness"]))).mean() < 0.25
    assert predicted.min().min() >= 1
    assert predicted.max().max() <= 5


def test_predictions_are_those_of_isotonic_regression(made, calibration):
    features, ratings, _ = made
    score = features["care"] - features["coldness"]
    fitted = IsotonicRegression(out_of_bounds="clip").fit(score, ratings["warmth"])
    new = simulate(seed=6)[0]
    new.loc["c0", ["care", "coldness"]] = [9, 0]  # beyond all that was seen
    expected = fitted.predict(new["care"] - new["coldness"])
    np.testing.assert_allclose(calibration.predict(new)["warmth"], expected)
    assert (
        calibration.predict(new).loc["c0", "warmth"]
        == calibration.steps.query("scale == 'warmth'")["rating"].max()
    )


def test_ratings_never_go_against_the_sign(calibration):
    for _, steps in calibration.steps.groupby("scale"):
        assert (np.diff(steps["score"]) > 0).all()
        assert (np.diff(steps["rating"]) >= 0).all()
    cold = pd.DataFrame({"advising": 0.5, "care": 0.5, "coldness": np.linspace(0, 1, 20)})
    assert (np.diff(calibration.predict(cold)["warmth"]) <= 0).all()


def test_the_table_tells_what_follows_the_features_from_chance(calibration):
    table = calibration.table.set_index("scale")
    good, chance = table.loc[["advice", "warmth"]], table.loc["luck"]
    assert (good["low"] > 0.6).all()
    assert (good["spearman"] > 0.7).all()
    assert (good["gain_low"] > 0).all()
    assert (good["error"] < good["constant_error"]).all()
    assert chance["low"] < 0.05
    assert abs(chance["spearman"]) < 0.2
    assert chance["gain_low"] < 0
    assert (table["n"] == 300).all()
    assert (table["clusters"] == 100).all()


def test_figures_are_of_conversations_that_were_held_out():
    """With as many steps as ratings a map fits chance; held-out ratings show that it is chance."""
    draw = np.random.default_rng(0)
    features = pd.DataFrame({"noise": draw.random(40)})
    ratings = pd.DataFrame({"luck": draw.integers(1, 6, 40).astype(float)})
    found = calibrate(features, ratings, {"luck": {"noise": 1}})
    fitted = found.predict(features)["luck"]
    within = stats.spearmanr(fitted, ratings["luck"]).statistic
    assert found.table.loc[0, "spearman"] < within - 0.1


def test_a_person_is_never_on_both_sides():
    """People whose ratings are their own: their other conversations would give them away."""
    draw = np.random.default_rng(0)
    people = np.repeat(np.arange(40), 5)
    features = pd.DataFrame({"who": draw.random(40)[people]})
    ratings = pd.DataFrame({"luck": draw.integers(1, 6, 40)[people].astype(float)})
    apart = calibrate(features, ratings, {"luck": {"who": 1}}, clusters=pd.Series(people))
    together = calibrate(features, ratings, {"luck": {"who": 1}})
    assert apart.table.loc[0, "kappa"] < together.table.loc[0, "kappa"]
    assert apart.table.loc[0, "clusters"] == 40


def test_kappa_is_that_of_the_points_nearest_to_predictions():
    features, ratings, _ = simulate(noise=0.0)
    found = calibrate(features, ratings, {"advice": {"advising": 1}}, folds=300)
    table = found.table.loc[0]
    score = features["advising"].to_numpy()
    held = [
        IsotonicRegression(out_of_bounds="clip")
        .fit(np.delete(score, i), np.delete(ratings["advice"].to_numpy(), i))
        .predict(score[i : i + 1])[0]
        for i in range(300)
    ]
    nearest = np.floor(np.array(held) + 0.5)
    expected = cohen_kappa(ratings["advice"], nearest, "quadratic", categories=range(1, 6))
    assert table["kappa"] == pytest.approx(expected)
    assert table["error"] == pytest.approx(np.abs(ratings["advice"] - held).mean())


def test_conversations_without_a_rating_are_left_out_of_that_scale(made):
    features, ratings, people = made
    partly = ratings.copy()
    partly.iloc[:60, 0] = np.nan
    found = calibrate(features, partly.iloc[::-1], OF, clusters=people, n_boot=100)
    assert found.table["n"].tolist() == [240, 300, 300]
    only = calibrate(features.loc[partly.index[60:]], partly.iloc[60:], OF, clusters=people)
    pd.testing.assert_frame_equal(
        only.steps.query("scale == 'advice'"), found.steps.query("scale == 'advice'")
    )


def test_the_same_seed_gives_the_same_table(made, calibration):
    features, ratings, people = made
    again = calibrate(features, ratings, OF, clusters=people)
    pd.testing.assert_frame_equal(again.table, calibration.table)


def test_shares_of_conversations_are_those_of_their_messages():
    corpus = demo_corpus().where(role="supporter")
    codes = Codes(planted_units(corpus).assign(strength=1.0), corpus.messages())
    coded = CodedMessages.join(corpus, codes, Taxonomy.read("empathy"))
    shares = conversation_shares(coded)
    assert shares.shape == (720, 10)
    rows = (coded.messages["conversation_id"] == "P001-1").to_numpy()
    assert shares.loc["P001-1"].tolist() == coded.holds[rows].mean(axis=0).tolist()
    draw = np.random.default_rng(0)
    ideal = 1 + 6 * shares["advice-giving"] + 0.5 * draw.normal(size=720)
    ratings = pd.DataFrame({"advice": np.clip(np.round(ideal), 1, 5)}, shares.index)
    found = calibrate(shares, ratings, {"advice": {"advice-giving": 1}})
    assert found.table.loc[0, "low"] > 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"of": {}}, "of is empty"),
        ({"of": {"advise": {"advising": 1}}}, "no column advise; did you mean advice?"),
        ({"of": {"advice": {"advice": 1}}}, "no column advice; choose of: advising"),
        ({"of": {"advice": {"advising": 2}}}, "give columns with 1 or -1"),
        ({"of": {"advice": {}}}, "give columns with 1 or -1"),
        ({"folds": 1}, "folds is 1, but 300 clusters"),
        ({"folds": 301}, "folds is 301, but 300 clusters"),
        ({"n_boot": 3}, "n_boot is 3"),
    ],
)
def test_options_that_cannot_be_are_named(made, options, message):
    features, ratings, _ = made
    with pytest.raises(OptionError) as caught:
        calibrate(features, ratings, **({"of": OF} | options))
    assert message in str(caught.value)


def test_data_that_cannot_be_are_named(made, calibration):
    features, ratings, people = made
    with pytest.raises(InputError, match=r"c7 is rated 9\.0 on advice; give numbers from 1 to 5"):
        calibrate(features, ratings.assign(advice=ratings["advice"].where(
            ratings.index != "c7", 9.0)), OF)  # fmt: skip
    with pytest.raises(InputError, match="c0 was rated but has no features"):
        calibrate(features.iloc[1:], ratings, OF)
    with pytest.raises(InputError, match="c0 stands twice in the features"):
        calibrate(pd.concat([features, features[:1]]), ratings, OF)
    with pytest.raises(InputError, match="clusters lack a rated conversation"):
        calibrate(features, ratings, OF, clusters=people[1:])
    gap = features.copy()
    gap.loc["c3", "care"] = np.nan
    with pytest.raises(InputError, match="the feature care of c3 is no number"):
        calibrate(gap, ratings, OF)
    with pytest.raises(OptionError, match="no column care; did you mean cared"):
        calibration.predict(features.rename(columns={"care": "cared"}))
