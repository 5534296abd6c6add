"""What people are against what they say: planted, and absent as in the demo corpus."""

import dataclasses
import logging

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from saeidioms.corpus.demo import demo_corpus, planted_units
from saeidioms.errors import InputError, OptionError
from saeidioms.findings.trait_scores import traits
from saeidioms.taxonomy.coded import CodedMessages
from saeidioms.taxonomy.coding import Codes
from saeidioms.taxonomy.taxonomy import Taxonomy

ADVICE = "advice-giving"


@pytest.fixture(scope="module")
def taxonomy():
    return Taxonomy.read("empathy")


@pytest.fixture(scope="module")
def demo(taxonomy):
    corpus = demo_corpus().where(role="supporter")
    codes = Codes(planted_units(corpus).assign(strength=1.0), corpus.messages())
    return CodedMessages.join(corpus, codes, taxonomy)


def with_column(coded, name, values):
    return dataclasses.replace(coded, messages=coded.messages.assign(**{name: values}))


def row(table, sub_category):
    return table.set_index("sub_category").loc[sub_category]


def advice_of(demo):
    """Return each person's share of advice, and this as a column of messages."""
    advice = pd.Series(demo.holds[:, demo.taxonomy.names.index(ADVICE)].astype(float))
    of_people = advice.groupby(demo.messages["participant_id"]).mean()
    return of_people, demo.messages["participant_id"].map(of_people).to_numpy()


def test_the_score_of_the_demo_corpus_goes_with_nothing(demo):
    table = traits(demo, "trait_empathy", bound=0.25)
    assert (table["verdict"] != "related").all()
    assert (table["verdict"] == "equivalent to none").sum() >= 12
    assert (table["clusters"] == 240).all()
    assert (table["n"] == len(demo)).all()
    assert (table["halves"] == "conversations").all()


def test_240_people_cannot_show_that_a_correlation_is_below_a_tenth(demo):
    table = traits(demo, "trait_empathy", n_boot=200)
    assert (table["verdict"] == "undecided").all()
    assert (table["ruled_out"] > 0.1).all()


def test_people_count_once_however_much_they_say(demo):
    of_people, _ = advice_of(demo)
    scores = demo.messages.groupby("participant_id")["trait_empathy"].first()
    assert row(traits(demo, "trait_empathy", n_boot=100), ADVICE)["r"] == pytest.approx(
        stats.pearsonr(scores, of_people).statistic
    )


def test_a_planted_relation_is_found_and_only_that_one(demo):
    before = demo.where((demo.messages["time"] == "before").to_numpy(), "time before")
    of_people, share = advice_of(before)
    noise = pd.Series(np.random.default_rng(0).normal(size=240), index=of_people.index)
    score = share + of_people.std() * before.messages["participant_id"].map(noise).to_numpy()
    table = traits(with_column(before, "bossiness", score), "bossiness", bound=0.25, n_boot=1000)
    advice = row(table, ADVICE)
    assert advice["verdict"] == "related"
    assert 0.6 < advice["r"] < 0.8
    assert advice["corrected"] > advice["r"]
    others = table[(table["level"] == "sub_category") & (table["sub_category"] != ADVICE)]
    assert (others["verdict"] != "related").all()


def test_with_a_reliable_score_the_corrected_correlation_is_what_is_tested(demo):
    plain = traits(demo, "trait_empathy", n_boot=200, bound=0.25)
    freed = traits(demo, "trait_empathy", n_boot=200, bound=0.25, reliability=0.8)
    assert freed["r"].tolist() == plain["r"].tolist()
    bounded = freed["ruled_out"].notna()
    assert bounded.sum() >= 12
    assert (freed["ruled_out"] > plain["ruled_out"])[bounded].all()
    assert (freed["verdict"][~bounded] == "undecided").all()
    ratio = (freed["corrected"] / plain["corrected"]).dropna().to_numpy()
    assert len(ratio) >= 12  # the others have a reliability that may be none
    np.testing.assert_allclose(ratio, 1 / np.sqrt(0.8))


def test_people_with_one_conversation_are_halved_by_messages(demo):
    first = demo.where((demo.messages["round"] == 1).to_numpy(), "round 1")
    table = traits(first, "trait_empathy", n_boot=100)
    assert (table["halves"] == "messages").all()
    assert table["reliability"].notna().all()


def test_people_without_a_score_are_left_out_and_said(demo, caplog):
    gone = demo.messages["participant_id"].isin(["P001", "P002"])
    scores = demo.messages["trait_empathy"].where(~gone)
    with caplog.at_level(logging.WARNING):
        table = traits(with_column(demo, "score", scores), "score", n_boot=100)
    assert "2 of 240 people have no score" in caplog.text
    assert (table["clusters"] == 238).all()
    assert (table["n"] == (~gone).sum()).all()


def test_a_sub_category_that_nobody_used_is_undecided(demo):
    holds = demo.holds.copy()
    holds[:, 0] = False
    table = traits(dataclasses.replace(demo, holds=holds), "trait_empathy", n_boot=100)
    never = row(table, demo.taxonomy.names[0])
    assert np.isnan(never["r"])
    assert np.isnan(never["q"])
    assert never["verdict"] == "undecided"


def test_the_same_seed_gives_the_same_table(demo):
    first, again = (traits(demo, "trait_empathy", n_boot=100, seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)


def test_q_is_corrected_over_sub_categories_and_over_categories_apart(demo):
    table = traits(demo, "trait_empathy", n_boot=200)
    for _, family in table.groupby("level"):
        for p, q in (("p", "q"), ("p_equivalence", "q_equivalence")):
            np.testing.assert_allclose(stats.false_discovery_control(family[p]), family[q])


@pytest.mark.parametrize(
    ("score", "options", "message"),
    [
        ("trait_empaty", {}, "did you mean trait_empathy?"),
        ("arm", {}, "the column arm holds no numbers"),
        ("trait_empathy", {"cluster": "person"}, "there is no column person"),
        ("trait_empathy", {"bound": 1.0}, "bound is 1.0"),
        ("trait_empathy", {"bound": 0}, "above 0 and below 1"),
        ("trait_empathy", {"reliability": 0.0}, "reliability is 0.0"),
        ("trait_empathy", {"method": "kendall"}, "method is 'kendall'"),
        ("trait_empathy", {"n_boot": 5}, "n_boot is 5"),
    ],
)
def test_options_that_cannot_be_are_named(demo, score, options, message):
    with pytest.raises(OptionError) as caught:
        traits(demo, score, **options)
    assert message in str(caught.value)


def test_scores_that_cannot_be_correlated_are_named(demo):
    with pytest.raises(InputError, match="P001 has more than one turn"):
        traits(demo, "turn")
    with pytest.raises(InputError, match="everyone's score is 3; nothing can go with it"):
        traits(with_column(demo, "score", 3.0), "score")
    few = demo.messages["participant_id"].isin([f"P00{i}" for i in range(1, 6)])
    with pytest.raises(InputError, match="5 people have a score"):
        traits(with_column(demo, "score", demo.messages["trait_empathy"].where(few)), "score")
