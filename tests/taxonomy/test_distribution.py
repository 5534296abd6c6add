"""Counts per conversation and shares, against counting by hand."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from saeidioms.corpus.readers import read_corpus
from saeidioms.errors import OptionError
from saeidioms.taxonomy.coding import Codes
from saeidioms.taxonomy.distribution import distribute
from saeidioms.taxonomy.taxonomy import Taxonomy

SYMPATHY, VALIDATING, ADVICE = "expressing sympathy", "validating emotions", "advice-giving"

# conversation, person, arm, mood (varies), message of one or more sentences
ROWS = [
    ("b", "p1", "coach", "low", "I am sorry. That sounds hard. I am so sorry."),
    ("b", "p1", "coach", "high", "You should quit."),
    ("b", "p1", "coach", "high", "Okay."),
    ("a", "p1", "control", "low", "You should sleep. That sounds hard."),
    ("a", "p1", "control", "low", "Well."),
    ("c", "p2", None, "low", "Sorry. You should call."),
]
# unit -> what it expresses; the first sentence of a/0 expresses two things
CODED = [
    ("b/0#0", SYMPATHY),
    ("b/0#1", VALIDATING),
    ("b/0#2", SYMPATHY),
    ("b/1#0", ADVICE),
    ("a/0#0", ADVICE),
    ("a/0#0", VALIDATING),
    ("a/0#1", VALIDATING),
    ("c/0#0", SYMPATHY),
    ("c/0#1", ADVICE),
]


@pytest.fixture(scope="module")
def taxonomy():
    return Taxonomy.read("empathy")


@pytest.fixture(scope="module")
def corpus():
    columns = ["conversation_id", "person", "arm", "mood", "text"]
    return read_corpus(pd.DataFrame(ROWS, columns=columns).assign(role="supporter")).units()


@pytest.fixture(scope="module")
def codes(corpus, taxonomy):
    units = pd.DataFrame(CODED, columns=["unit_id", "sub_category"])
    units["category"] = units["sub_category"].map(taxonomy.category_of)
    shuffled = units.assign(strength=0.9).sample(frac=1, random_state=0)
    return Codes(shuffled, corpus.messages())


def counted(corpus, codes, taxonomy, of="messages"):
    distribution = distribute(corpus, codes, taxonomy, of)
    table = pd.DataFrame(distribution.counts, columns=taxonomy.names)
    table[[category.name for category in taxonomy.categories]] = distribution.category_counts
    table["uncoded"], table["exposure"] = distribution.uncoded, distribution.exposure
    table.index = distribution.attributes["conversation_id"]
    return table[[SYMPATHY, VALIDATING, ADVICE, "Affective", "Mis-attuned", "uncoded", "exposure"]]


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        # a message counts once, however many of its sentences express the same
        ("messages", {"b": [1, 1, 1, 1, 1, 1, 3], "a": [0, 1, 1, 1, 1, 1, 2],
                      "c": [1, 0, 1, 1, 1, 0, 1]}),
        ("units", {"b": [2, 1, 1, 3, 1, 1, 5], "a": [0, 2, 1, 2, 1, 1, 3],
                   "c": [1, 0, 1, 1, 1, 0, 2]}),
        ("expressions", {"b": [2, 1, 1, 3, 1, 0, 4], "a": [0, 2, 1, 2, 1, 0, 3],
                         "c": [1, 0, 1, 1, 1, 0, 2]}),
    ],
)  # fmt: skip
def test_counts_are_those_by_hand_in_the_order_of_the_corpus(corpus, codes, taxonomy, of, expected):
    table = counted(corpus, codes, taxonomy, of)
    assert table.index.tolist() == ["b", "a", "c"]
    assert {name: row.tolist() for name, row in table.iterrows()} == expected


def test_a_conversation_without_codes_keeps_its_row(corpus, codes, taxonomy):
    some = Codes(codes.units[~codes.units["unit_id"].str.startswith("a")], codes.messages)
    assert counted(corpus, some, taxonomy).loc["a"].tolist() == [0, 0, 0, 0, 0, 2, 2]


def test_no_codes_at_all_are_shares_of_zero(corpus, codes, taxonomy):
    shares = distribute(corpus, Codes(codes.units[:0], codes.messages), taxonomy).shares()
    assert shares.set_index("level")["share"].loc["uncoded"] == 1
    assert (shares.loc[shares["level"] != "uncoded", "share"] == 0).all()


def test_something_else_cannot_be_counted(corpus, codes, taxonomy):
    with pytest.raises(OptionError, match="of is 'words'; give messages, units or expressions"):
        distribute(corpus, codes, taxonomy, "words")


def test_shares_are_ratios_of_sums_and_hold_their_numbers(corpus, codes, taxonomy):
    shares = distribute(corpus, codes, taxonomy).shares()
    assert len(shares) == 4 + 10 + 1
    assert shares["level"].drop_duplicates().tolist() == ["category", "sub_category", "uncoded"]
    rows = shares.set_index("sub_category")
    assert rows.loc[ADVICE, "share"] == pytest.approx(3 / 6)
    assert rows.loc[ADVICE, ["category", "count", "n", "clusters"]].tolist() == [
        "Mis-attuned", 3, 6, 3,
    ]  # fmt: skip
    affective = shares[(shares["level"] == "category") & (shares["category"] == "Affective")]
    assert affective["count"].item() == 3
    assert shares.iloc[-1][["share", "count"]].tolist() == [pytest.approx(2 / 6), 2]
    known = shares.dropna(subset=["low"])
    assert ((known["low"] <= known["share"]) & (known["share"] <= known["high"])).all()


def test_shares_of_expressions_add_up_to_one(corpus, codes, taxonomy):
    shares = distribute(corpus, codes, taxonomy, "expressions").shares()
    totals = shares.groupby("level")["share"].sum()
    assert totals["category"] == pytest.approx(1)
    assert totals["sub_category"] == pytest.approx(1)


def test_groups_are_told_apart_and_a_missing_value_is_one(corpus, codes, taxonomy):
    shares = distribute(corpus, codes, taxonomy).shares(by="arm")
    advice = shares[shares["sub_category"] == ADVICE].set_index("arm")
    assert advice.index.tolist() == ["coach", "control", "missing"]
    assert advice["share"].tolist() == pytest.approx([1 / 3, 1 / 2, 1])
    assert advice["n"].tolist() == [3, 2, 1]
    assert advice["low"].isna().all()  # one conversation each


def test_whole_numbers_with_gaps_are_named_without_a_point(corpus, codes, taxonomy):
    distribution = distribute(corpus, codes, taxonomy)
    distribution.attributes["round"] = [1.0, np.nan, 2.0]
    assert list(distribution.groups("round")) == ["1", "missing", "2"]


def test_numbers_too_large_to_be_exact_are_names_too(corpus, codes, taxonomy):
    distribution = distribute(corpus, codes, taxonomy)
    distribution.attributes["account"] = [1e20, np.nan, 2.0]
    assert list(distribution.groups("account")) == ["1e+20", "missing", "2.0"]


def test_people_are_resampled_as_a_whole(corpus, codes, taxonomy):
    shares = distribute(corpus, codes, taxonomy).shares(cluster="person")
    nothing = shares[shares["sub_category"] == "affirming"].iloc[0]
    assert nothing["clusters"] == 2
    assert nothing["high"] == pytest.approx(proportion_confint(0, 2, method="beta")[1])


def test_conversations_without_a_person_stand_for_themselves(corpus, codes, taxonomy):
    distribution = distribute(corpus, codes, taxonomy)
    distribution.attributes["person"] = [None, "p1", None]
    assert distribution.shares(cluster="person")["clusters"].unique().tolist() == [3]


def test_an_outcome_that_follows_people_is_less_sure_by_person(taxonomy):
    frame = pd.DataFrame(
        [
            {"conversation_id": f"{person}-{chat}", "person": person, "text": f"hm {turn}"}
            for person in range(20)
            for chat in range(5)
            for turn in range(2)
        ]
    )
    corpus = read_corpus(frame.assign(role="supporter"))
    gives = corpus.table[corpus.table["person"] < 8]
    units = pd.DataFrame({"unit_id": gives["unit_id"], "category": "Mis-attuned"})
    codes = Codes(units.assign(sub_category=ADVICE, strength=1.0), corpus.messages())
    distribution = distribute(corpus, codes, taxonomy)

    def width(cluster):
        row = distribution.shares(cluster=cluster).set_index("sub_category").loc[ADVICE]
        assert row["share"] == pytest.approx(0.4)
        return row["high"] - row["low"]

    assert width("person") == pytest.approx(width("conversation_id") * np.sqrt(5), rel=0.15)


def test_a_column_that_varies_cannot_group_and_says_so(corpus, codes, taxonomy):
    distribution = distribute(corpus, codes, taxonomy)
    assert distribution.varying == ("mood",)
    assert list(distribution.attributes) == ["conversation_id", "person", "arm"]
    with pytest.raises(OptionError, match=r"mood varies within conversations.*person, arm"):
        distribution.shares(by="mood")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "arms"}, "no column arms; did you mean arm?"),
        ({"by": "xyz"}, "no column xyz; choose of: conversation_id, person, arm"),
        ({"cluster": "peron"}, "no column peron; did you mean person?"),
        ({"level": 95}, "level is 95; give a number between 0 and 1"),
        ({"n_boot": 10}, "n_boot is 10; give at least 100"),
    ],
)
def test_impossible_options_are_named(corpus, codes, taxonomy, options, message):
    with pytest.raises(OptionError) as caught:
        distribute(corpus, codes, taxonomy).shares(**options)
    assert message in str(caught.value)


def test_a_column_that_is_called_like_a_result_must_be_renamed(corpus, codes, taxonomy):
    distribution = distribute(corpus, codes, taxonomy)
    distribution.attributes["share"] = ["x", "y", "z"]
    with pytest.raises(OptionError, match="the column share has a name that results use"):
        distribution.shares(by="share")


def test_the_seed_decides_the_intervals(corpus, codes, taxonomy):
    distribution = distribute(corpus, codes, taxonomy)
    pd.testing.assert_frame_equal(distribution.shares(seed=3), distribution.shares(seed=3))
    other = distribution.shares(seed=4)
    assert other["share"].equals(distribution.shares(seed=3)["share"])
