"""Power is as theory has it where theory knows, and alpha where there is nothing to find."""

import dataclasses
import logging

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from saeidioms.corpus.demo import demo_corpus, planted_units
from saeidioms.errors import InputError, OptionError
from saeidioms.findings.sample_size import power
from saeidioms.taxonomy.coded import CodedMessages
from saeidioms.taxonomy.coding import Codes
from saeidioms.taxonomy.taxonomy import Taxonomy

ADVICE = "advice-giving"
TIME = {"by": "time", "baseline": "before", "cluster": "participant_id"}
ARM = {"by": "arm", "baseline": "control", "against": "coach"}


@pytest.fixture(scope="module")
def taxonomy():
    return Taxonomy.read("empathy")


@pytest.fixture(scope="module")
def demo(taxonomy):
    corpus = demo_corpus().where(role="supporter")
    codes = Codes(planted_units(corpus).assign(strength=1.0), corpus.messages())
    return CodedMessages.join(corpus, codes, taxonomy)


def made(taxonomy, *, clusters, size, share, spread=0.0, seed=0):
    """Return messages of two arms that hold advice by the beta-distributed rates of clusters."""
    draw = np.random.default_rng(seed)
    rates = np.full(clusters, share)
    if spread:
        rates = draw.beta(share * (1 / spread - 1), (1 - share) * (1 / spread - 1), clusters)
    owners = np.repeat(np.arange(clusters), size)
    messages = pd.DataFrame({"conversation_id": [f"c{i}" for i in owners]})
    messages["arm"] = np.where(owners % 2, "coach", "control")
    holds = np.zeros((len(messages), len(taxonomy.names)), dtype=bool)
    holds[:, taxonomy.names.index(ADVICE)] = draw.random(len(owners)) < rates[owners]
    return CodedMessages(messages, holds, taxonomy)


def test_without_a_difference_alpha_is_found(demo):
    table = power(demo, **TIME, difference=0, conversations=[90, 270], n_simulations=600).table
    assert table["power"].mean() == pytest.approx(0.05, abs=0.012)
    assert table["power"].max() < 0.09
    strict = power(
        demo, **TIME, difference=0, conversations=[270], n_simulations=600, alpha=0.2
    ).table
    assert strict["power"].mean() == pytest.approx(0.2, abs=0.03)


def test_the_power_of_independent_messages_is_that_of_the_textbook(taxonomy):
    coded = made(taxonomy, clusters=4000, size=1, share=0.2)
    found = power(
        coded, **ARM, difference=10, outcome=ADVICE, conversations=[200, 400], n_simulations=2000
    )
    assert found.needed["icc"].isna().all()
    p0, p1 = found.needed.loc[0, ["baseline_share", "share"]]
    for row in found.table.itertuples():
        n = row.conversations / 2
        error = np.sqrt(p0 * (1 - p0) / n + p1 * (1 - p1) / n)
        expected = stats.norm.sf(stats.norm.ppf(0.975) - 0.1 / error)
        assert row.power == pytest.approx(expected, abs=0.04)
        assert row.low < row.power < row.high


def test_alike_messages_need_as_many_more_as_the_design_effect_says(taxonomy):
    options = dict(**ARM, difference=10, outcome=ADVICE, conversations=[40, 80, 160, 320])
    alone = power(made(taxonomy, clusters=1000, size=10, share=0.3), **options).needed.loc[0]
    alike = power(
        made(taxonomy, clusters=1000, size=10, share=0.3, spread=0.15), **options
    ).needed.loc[0]
    assert alone["icc"] == pytest.approx(0, abs=0.02)
    assert alike["icc"] == pytest.approx(0.15, abs=0.03)
    assert alike["design_effect"] == pytest.approx(1 + 9 * alike["icc"], rel=0.1)
    ratio = alike["conversations"] / alone["conversations"]
    assert ratio == pytest.approx(1 + 9 * alike["icc"], rel=0.3)


def test_people_before_and_after_need_fewer_conversations_than_people_in_arms(demo):
    options = {"difference": 6, "outcome": ADVICE, "conversations": [80, 160, 320, 640]}
    people = power(demo, **TIME, **options).needed.loc[0]
    arms = power(demo, **ARM, cluster="participant_id", **options).needed.loc[0]
    assert people["design_effect"] < arms["design_effect"]
    assert not people["conversations"] > 0.8 * arms["conversations"]
    assert people["clusters"] == pytest.approx(people["conversations"] / 3, abs=1)


def test_what_is_needed_lies_between_the_numbers_tried(demo):
    found = power(demo, **TIME, difference=6, outcome=ADVICE, conversations=[400, 100, 200, 800])
    table, needed = found.table, found.needed.loc[0, "conversations"]
    assert table["conversations"].tolist() == [100, 200, 400, 800]
    enough = table.loc[table["power"] >= 0.8, "conversations"].min()
    tried_before = table.loc[table["power"] < 0.8, "conversations"].max()
    assert tried_before < needed <= enough


def test_numbers_that_all_suffice_or_none_are_said_so(demo):
    options = {**TIME, "outcome": ADVICE, "n_simulations": 100}
    easy = power(demo, **options, difference=40, conversations=[300, 600])
    assert easy.needed.loc[0, "conversations"] == 300
    hard = power(demo, **options, difference=1, conversations=[30, 60])
    assert np.isnan(hard.needed.loc[0, "conversations"])


def test_every_outcome_has_its_rows(demo):
    found = power(demo, **TIME, difference=3, conversations=[30, 60], n_simulations=100)
    names = ["level", "category", "sub_category"]
    pd.testing.assert_frame_equal(found.needed[names], demo.outcomes)
    assert len(found.table) == 2 * len(demo.outcomes)
    assert found.table["clusters"].unique().tolist() == [10, 20]
    whole = power(demo, **TIME, difference=3, outcome="Affective", conversations=[30])
    assert whole.table[names].to_numpy().tolist() == [["category", "Affective", ""]]


def test_messages_of_no_group_are_in_no_simulation(demo):
    before = demo.where((demo.messages["time"] == "before").to_numpy(), "time before")
    halved = before.messages.assign(
        time=before.messages["time"].where(before.messages.index % 2 == 0)
    )
    with pytest.raises(OptionError, match="nothing to compare 'before' with"):
        power(dataclasses.replace(before, messages=halved), **TIME, difference=5)
    gaps = demo.messages["time"].where(demo.messages["round"] != 3)
    options = {"difference": 5, "conversations": [60], "n_simulations": 100}
    found = power(
        dataclasses.replace(demo, messages=demo.messages.assign(time=gaps)), **TIME, **options
    )
    two = demo.where((demo.messages["round"] != 3).to_numpy(), "rounds 1 and 2")
    pd.testing.assert_frame_equal(found.table, power(two, **TIME, **options).table)


def test_the_same_seed_gives_the_same_power(demo):
    options = {**TIME, "difference": 3, "conversations": [60], "n_simulations": 100}
    first, again = (power(demo, **options, seed=5).table for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    assert not first["power"].equals(power(demo, **options, seed=6).table["power"])


def test_outcomes_that_cannot_change_so_much_are_left_out_and_named(demo, caplog):
    options = {**TIME, "difference": -15, "conversations": [60], "n_simulations": 100}
    with caplog.at_level(logging.WARNING):
        found = power(demo, **options)
    assert "self-oriented" not in set(found.table["sub_category"])
    assert "cannot change by -15 points" in caplog.text
    assert "self-oriented" in caplog.text
    with pytest.raises(OptionError, match="self-oriented cannot change so much"):
        power(demo, **options, outcome="self-oriented")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "tme"}, "did you mean time?"),
        ({"baseline": "befor"}, "baseline is 'befor', which is no value of time"),
        ({"against": "later"}, "against is 'later'"),
        ({"against": "before"}, "nothing to compare 'before' with"),
        ({"cluster": "person"}, "there is no column person"),
        ({"outcome": "advice giving"}, "did you mean advice-giving?"),
        ({"difference": 120}, "give percentage points"),
        ({"difference": np.nan}, "give percentage points"),
        ({"alpha": 0}, "alpha is 0"),
        ({"level": 95}, "level is 95"),
        ({"n_simulations": 10}, "n_simulations is 10"),
        ({"conversations": []}, "conversations is empty"),
        ({"conversations": [3]}, "conversations holds 3"),
        ({"conversations": [-5]}, "conversations holds -5"),
    ],
)
def test_options_that_cannot_be_are_named(demo, options, message):
    with pytest.raises(OptionError) as caught:
        power(demo, **({"difference": 5} | TIME | options))
    assert message in str(caught.value)


def test_a_group_of_one_cluster_cannot_plan_a_study(demo):
    alone = demo.messages["conversation_id"] == demo.messages["conversation_id"].iloc[0]
    messages = demo.messages.assign(group=np.where(alone, "one", "rest"))
    with pytest.raises(InputError, match="the group 'one' of group is in one conversation_id only"):
        power(
            dataclasses.replace(demo, messages=messages), by="group", baseline="one", difference=5
        )
