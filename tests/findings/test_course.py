"""Shares over the course of conversations, by hand and as planted in the demo corpus."""

import numpy as np
import pandas as pd
import pytest

from saeidioms.errors import OptionError
from saeidioms.findings.course import trajectory

OLD = ["category", "part", "parts", "share", "low", "high", "n", "clusters"]


def chats(*lengths):
    rows = [(f"c{i}", turn) for i, length in enumerate(lengths) for turn in range(length)]
    return pd.DataFrame(rows, columns=["conversation_id", "turn"])


def shares(table, name="advice-giving"):
    rows = table[table["sub_category"] == name]
    return rows.set_index("part")["share"].tolist()


def test_a_message_is_in_the_part_that_holds_its_middle(make):
    rows = chats(6, 3)
    coded = make(rows, advice_giving=rows["turn"].to_numpy() == 2)
    table = trajectory(coded, parts=3, n_boot=100)
    # Of the six, the third is in the middle third; of the three, it is in the last.
    assert shares(table) == [0, 1 / 3, 1 / 3]
    assert table["n"].unique().tolist() == [3]
    assert table["parts"].unique().tolist() == [3]


def test_later_turns_are_pooled_with_the_last(make):
    rows = chats(5, 2)
    coded = make(rows, advice_giving=rows["turn"].to_numpy() >= 3)
    table = trajectory(coded, turns=3, n_boot=100)
    assert shares(table) == [0, 0, 2 / 3]
    own = table[table["sub_category"] == "advice-giving"].set_index("part")
    assert own["n"].tolist() == [2, 2, 3]
    assert own["clusters"].tolist() == [2, 2, 1]


def test_a_part_that_holds_no_message_is_left_out(make):
    table = trajectory(make(chats(1, 1), advice_giving=[True, False]), n_boot=100)
    assert table["part"].unique().tolist() == [2]


def test_categories_and_sub_categories_stand_in_columns_that_charts_know(make, taxonomy):
    table = trajectory(make(chats(4, 4), advice_giving=[True] * 8), parts=2, n_boot=100)
    assert set(OLD) | {"level", "sub_category", "confidence_level"} == set(table)
    whole = table[table["level"] == "category"]
    assert whole["category"].unique().tolist() == [one.name for one in taxonomy.categories]
    assert (whole["sub_category"] == "").all()
    assert len(table) == 2 * (len(taxonomy.categories) + len(taxonomy.names))


def test_groups_are_told_apart(make):
    rows = chats(2, 2).assign(arm=["a", "a", "b", "b"])
    coded = make(rows, advice_giving=[True, False, False, True])
    table = trajectory(coded, parts=2, by="arm", n_boot=100)
    advice = table[table["sub_category"] == "advice-giving"].set_index(["arm", "part"])["share"]
    assert advice.to_dict() == {("a", 1): 1, ("a", 2): 0, ("b", 1): 0, ("b", 2): 1}


def test_sympathy_comes_early_and_offers_of_help_late_as_planted(coded):
    table = trajectory(coded, turns=5, cluster="participant_id", n_boot=200)
    ends = table.set_index(["sub_category", "part"])
    assert (
        ends.loc[("expressing sympathy", 1), "low"] > ends.loc[("expressing sympathy", 5), "high"]
    )
    help_ = "demonstrating availability"
    assert ends.loc[(help_, 1), "high"] < ends.loc[(help_, 5), "low"]
    assert (np.diff(shares(table, "expressing sympathy")) < 0).all()
    assert (table["low"] <= table["share"]).all()
    assert (table["share"] <= table["high"]).all()


def test_the_share_over_all_parts_is_that_of_the_corpus(coded):
    table = trajectory(coded, parts=4, n_boot=100)
    rows = table[table["level"] == "sub_category"]
    mean = (rows["share"] * rows["n"]).groupby(rows["sub_category"]).sum() / len(coded)
    np.testing.assert_allclose(mean[list(coded.taxonomy.names)], coded.holds.mean(axis=0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parts": 0}, "parts is 0"),
        ({"turns": 0}, "turns is 0"),
        ({"by": "arms"}, "there is no column arms"),
        ({"by": "part"}, "rename it"),
        ({"cluster": "person"}, "there is no column person"),
        ({"n_boot": 3}, "n_boot is 3"),
    ],
)
def test_options_out_of_range_are_refused_with_what_is_allowed(make, options, message):
    with pytest.raises(OptionError, match=message):
        trajectory(make(chats(2)), **options)
