"""What occurs together: by hand, against scipy, and where nothing can be known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats.contingency import association

from saeidioms.errors import InputError, OptionError
from saeidioms.findings.pairs import cooccurrence

ADVICE, SELF, SYMPATHY = "advice-giving", "self-oriented", "expressing sympathy"


def pair(table, one, other):
    rows = table[table["sub_category"].isin([one, other]) & table["other"].isin([one, other])]
    assert len(rows) == 1
    return rows.iloc[0]


def draw(seed, chats=60, together=0.0):
    """Ten messages a chat; advice and self-orientation together beyond chance, or not."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"conversation_id": np.repeat([f"c{i}" for i in range(chats)], 10)})
    advice = rng.random(len(rows)) < 0.3
    own = np.where(rng.random(len(rows)) < together, advice, rng.random(len(rows)) < 0.3)
    return rows, advice, own.astype(bool)


def test_counts_lift_and_phi_are_those_by_hand(make):
    rows = pd.DataFrame({"conversation_id": ["a", "a", "b", "b", "c", "c", "d", "d"]})
    advice = np.array([1, 1, 1, 1, 0, 0, 0, 0], dtype=bool)
    own = np.array([1, 1, 1, 0, 1, 0, 0, 0], dtype=bool)
    table = cooccurrence(make(rows, advice_giving=advice, self_oriented=own), n_boot=100)
    found = pair(table, ADVICE, SELF)
    assert (found["count"], found["expected"], found["lift"]) == (3, 2, 1.5)
    assert (found["n"], found["clusters"]) == (8, 4)
    assert found["phi"] == pytest.approx(np.corrcoef(advice, own)[0, 1])
    assert found["low"] < found["lift"] < found["high"]


def test_phi_is_as_large_as_that_of_scipy_for_every_pair(coded):
    table = cooccurrence(coded, n_boot=100)
    names = list(coded.taxonomy.names)
    for row in table.itertuples():
        one, other = (coded.holds[:, names.index(name)] for name in (row.sub_category, row.other))
        counts = pd.crosstab(one, other).to_numpy()
        assert abs(row.phi) == pytest.approx(association(counts, method="cramer"))


def test_every_two_sub_categories_stand_once_in_the_order_of_the_taxonomy(coded, taxonomy):
    table = cooccurrence(coded, n_boot=100)
    names = list(taxonomy.names)
    pairs = list(zip(table["sub_category"], table["other"], strict=True))
    assert pairs == [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    assert (table["category"] == table["sub_category"].map(taxonomy.category_of)).all()
    assert (table["other_category"] == table["other"].map(taxonomy.category_of)).all()
    assert (table["q"] >= table["p"]).all()


def test_what_goes_together_is_found_and_what_does_not_is_not(make):
    rows, advice, own = draw(0, together=0.5)
    rng = np.random.default_rng(1)
    sympathy = rng.random(len(rows)) < 0.3
    coded = make(
        rows, **{ADVICE.replace("-", "_"): advice, "self_oriented": own, SYMPATHY: sympathy}
    )
    table = cooccurrence(coded)
    together = pair(table, ADVICE, SELF)
    assert together["low"] > 1
    assert together["q"] < 0.001
    assert pair(table, ADVICE, SYMPATHY)["low"] < 1 < pair(table, ADVICE, SYMPATHY)["high"]


def test_intervals_hold_lift_one_nearly_as_often_as_they_say_where_nothing_goes_together(make):
    held = []
    for seed in range(60):
        rows, advice, own = draw(seed, chats=40)
        coded = make(rows, advice_giving=advice, self_oriented=own)
        found = pair(cooccurrence(coded, n_boot=200, seed=seed), ADVICE, SELF)
        held.append(found["low"] <= 1 <= found["high"])
    assert np.mean(held) > 0.86


def test_messages_repeated_within_their_clusters_make_nothing_surer(make):
    rows, advice, own = draw(3, together=0.2)
    twice = np.repeat(np.arange(len(rows)), 2)
    once = pair(cooccurrence(make(rows, advice_giving=advice, self_oriented=own)), ADVICE, SELF)
    again = make(
        rows.iloc[twice].reset_index(drop=True), advice_giving=advice[twice],
        self_oriented=own[twice],
    )  # fmt: skip
    double = pair(cooccurrence(again), ADVICE, SELF)
    assert double["lift"] == pytest.approx(once["lift"])
    assert double["p"] == pytest.approx(once["p"], rel=0.2)


def test_two_that_never_meet_have_an_upper_end_and_a_p_but_no_false_certainty(make):
    rows = pd.DataFrame({"conversation_id": [f"c{i}" for i in range(200)]})
    half = np.arange(200) % 2 == 0
    table = cooccurrence(make(rows, advice_giving=half, self_oriented=~half), n_boot=100)
    found = pair(table, ADVICE, SELF)
    assert (found["lift"], found["low"]) == (0, 0)
    assert 0 < found["high"] < 1
    assert found["p"] < 0.001
    few = make(rows[:4], advice_giving=half[:4], self_oriented=~half[:4])
    found = pair(cooccurrence(few, n_boot=100), ADVICE, SELF)
    assert found["high"] > 1
    assert found["p"] > 0.05


def test_what_does_not_occur_has_no_lift(make):
    rows, advice, _ = draw(0)
    found = pair(cooccurrence(make(rows, advice_giving=advice), n_boot=100), ADVICE, SELF)
    assert found["count"] == 0
    assert found[["lift", "low", "high", "phi", "p", "q"]].isna().all()


def test_one_cluster_gives_no_interval(make):
    rows, advice, own = draw(0, chats=1)
    table = cooccurrence(make(rows, advice_giving=advice, self_oriented=own), n_boot=100)
    assert table[["low", "high", "p", "q"]].isna().all().all()


def test_a_taxonomy_of_one_sub_category_is_refused(make, taxonomy):
    coded = make(pd.DataFrame({"conversation_id": ["a"]}))
    small = replace(taxonomy, sub_categories=taxonomy.sub_categories[:1])
    with pytest.raises(InputError, match="two are needed"):
        cooccurrence(replace(coded, taxonomy=small, holds=coded.holds[:, :1]))


def test_a_misspelt_column_is_refused_with_the_nearest(make):
    with pytest.raises(OptionError, match="did you mean conversation_id"):
        cooccurrence(make(pd.DataFrame({"conversation_id": ["a"]})), cluster="conversationid")
