"""Differences between groups, by hand and on conversations whose truth is planted."""

import numpy as np
import pandas as pd
import pytest

from saeidioms.corpus.demo import demo_corpus, planted_units
from saeidioms.corpus.readers import read_corpus
from saeidioms.errors import OptionError
from saeidioms.taxonomy.coding import Codes
from saeidioms.taxonomy.comparison import compare
from saeidioms.taxonomy.distribution import distribute
from saeidioms.taxonomy.taxonomy import Taxonomy

ADVICE = "advice-giving"


@pytest.fixture(scope="module")
def taxonomy():
    return Taxonomy.read("empathy")


def coded(corpus, chosen):
    """Code the chosen messages, and no other, as advice-giving."""
    units = pd.DataFrame({"unit_id": corpus.table.loc[chosen, "unit_id"]})
    units = units.assign(category="Mis-attuned", sub_category=ADVICE, strength=1.0)
    return Codes(units, corpus.messages())


@pytest.fixture(scope="module")
def distribution(taxonomy):
    """In 2 arms, 6 people each chat before and after, 4 messages each; coach gives up advice."""
    rows = [
        {
            "conversation_id": f"{arm}{person}{time}", "person": f"{arm}{person}", "arm": arm,
            "time": time, "role": "supporter", "text": f"message {turn}",
            "advice": turn < (3 if time == "before" else 1 + (arm == "control") + person % 2),
        }
        for arm in ("coach", "control")
        for person in range(6)
        for time in ("after", "before")
        for turn in range(4)
    ]  # fmt: skip
    corpus = read_corpus(pd.DataFrame(rows))
    return distribute(corpus, coded(corpus, corpus.table["advice"].astype(bool)), taxonomy)


def test_differences_are_those_by_hand_in_percentage_points(distribution):
    table = compare(distribution, by="time", baseline="before", panel="arm", cluster="person")
    advice = table[table["sub_category"] == ADVICE].set_index("arm")
    assert advice["baseline_share"].tolist() == [0.75, 0.75]
    assert advice["share"].tolist() == pytest.approx([9 / 24, 15 / 24])
    assert advice["difference"].tolist() == pytest.approx([-37.5, -12.5])
    assert advice[["n", "baseline_n", "clusters"]].to_numpy().tolist() == [[24, 24, 6]] * 2
    assert advice["group"].tolist() == ["after"] * 2
    assert ((advice["low"] < advice["difference"]) & (advice["difference"] < advice["high"])).all()
    assert advice.loc["coach", "high"] < 0
    whole = table[(table["level"] == "category") & (table["category"] == "Mis-attuned")]
    assert whole["difference"].tolist() == pytest.approx([-37.5, -12.5])


def test_every_other_group_is_compared_or_the_one_asked_for(distribution):
    everyone = compare(distribution, by="person", baseline="coach0")
    assert everyone["group"].nunique() == 11
    one = compare(distribution, by="person", baseline="coach0", against="coach1")
    assert one["group"].unique().tolist() == ["coach1"]
    assert "arm" not in one


def test_the_baseline_and_the_other_turned_round_turn_the_sign(distribution):
    there = compare(distribution, by="time", baseline="before", cluster="person")
    back = compare(distribution, by="time", baseline="after", cluster="person")
    np.testing.assert_allclose(there["difference"], -back["difference"], atol=1e-12)


def test_q_is_p_corrected_within_its_family(distribution):
    table = compare(distribution, by="time", baseline="before", panel="arm", cluster="person")
    tested = table.dropna(subset=["p"])
    assert (tested["q"] >= tested["p"]).all()
    for _, family in tested.groupby("level"):
        rank = family["p"].rank(method="max")
        assert family["q"].max() <= 1
        smallest = family["p"].idxmin()
        expected = (family["p"] * len(family) / rank).min()
        assert family.loc[smallest, "q"] == pytest.approx(expected)
    assert tested.groupby("level").size().to_dict() == {
        "category": 8, "sub_category": 20, "uncoded": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"by": "time", "baseline": "befor"},
            "no value of time; did you mean before? there are: after, before",
        ),
        ({"by": "time", "baseline": "before", "against": "later"}, "against is 'later'"),
        ({"by": "time", "baseline": "before", "against": "before"}, "are both 'before'"),
        ({"by": "tme", "baseline": "before"}, "no column tme; did you mean time?"),
        ({"by": "time", "baseline": "before", "panel": "arms"}, "did you mean arm?"),
        ({"by": "time", "baseline": "before", "n_boot": 1}, "n_boot is 1"),
    ],
)
def test_what_is_not_there_is_named(distribution, options, message):
    with pytest.raises(OptionError) as caught:
        compare(distribution, **options)
    assert message in str(caught.value)


def test_groups_that_are_numbers_may_be_named_by_numbers(distribution):
    distribution.attributes["round"] = np.arange(len(distribution.attributes)) % 2 + 1
    one, same = (compare(distribution, by="round", baseline=name, n_boot=100) for name in (1, "1"))
    pd.testing.assert_frame_equal(one, same)
    assert set(one["group"]) == {"2"}


def test_a_column_with_one_value_compares_nothing(distribution):
    distribution.attributes["study"] = "one"
    with pytest.raises(OptionError, match="study has only the value 'one'"):
        compare(distribution, by="study", baseline="one")


def test_a_panel_without_the_baseline_has_no_difference(distribution):
    table = compare(distribution, by="arm", baseline="control", panel="person")
    assert table[["difference", "low", "high", "p", "q"]].isna().all(axis=None)


@pytest.fixture(scope="module")
def planted(taxonomy):
    """Changes of the demo corpus, coded by what was planted."""
    corpus = demo_corpus().where(role="supporter")
    codes = Codes(planted_units(corpus).assign(strength=1.0), corpus.messages())
    table = compare(
        distribute(corpus, codes, taxonomy),
        by="time",
        baseline="before",
        panel="arm",
        cluster="participant_id",
    )
    return table[table["level"] == "sub_category"].set_index(["arm", "sub_category"])


@pytest.mark.parametrize("arm", ["coach", "both"])
def test_large_planted_changes_are_found(planted, arm):
    changes = planted.loc[arm]
    assert (changes.loc[[ADVICE, "dismissing emotions", "self-oriented"], "high"] < 0).all()
    assert (changes.loc[["validating emotions", "demonstrating availability"], "low"] > 0).all()
    assert changes.loc["validating emotions", "q"] < 0.05


def test_nothing_is_found_where_nothing_was_planted(planted):
    assert (planted.loc["control", "q"] > 0.05).all()
    assert (planted.xs("expressing sympathy", level="sub_category")["q"] > 0.05).all()
    assert planted.loc["control", "clusters"].unique().tolist() == [60]


def test_hundreds_of_groups_are_not_compared_one_by_one(taxonomy):
    rows = {"conversation_id": [f"c{i}" for i in range(60)], "text": "so sorry"}
    corpus = read_corpus(pd.DataFrame(rows | {"person": [f"p{i}" for i in range(60)]}))
    counted = distribute(corpus, coded(corpus, np.arange(60) % 2 == 0), taxonomy)
    with pytest.raises(OptionError, match="person has 59 values, too many to compare one by one"):
        compare(counted, by="person", baseline="p0")
    compare(counted, by="person", baseline="p0", against="p1", n_boot=100)
