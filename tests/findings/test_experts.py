"""Experts, tools and crowds on simulated ratings whose agreement is known."""

import itertools
import logging

import numpy as np
import pandas as pd
import pytest

from saeidioms.analyses.experts import agree_with_experts
from saeidioms.errors import InputError, OptionError
from saeidioms.findings.experts import expert_table
from saeidioms.stats.agreement import cohen_kappa, gwet_ac, krippendorff_alpha

EXPERTS = ["ann", "bob", "cat"]
OTHERS = {"tool": ["tool"], "crowd": ["w1", "w2", "w3"]}
NOISE = {"ann": 0.5, "bob": 0.7, "cat": 0.9, "tool": 0.4, "w1": 2.5, "w2": 2.5, "w3": 3.0}
ROLES = {"experts": EXPERTS, "others": OTHERS}


def simulate(items=80, dimensions=("warmth", "advice"), seed=0):
    """Return ratings in long form: a truth of five points, and each coder's noise around it."""
    draw = np.random.default_rng(seed)
    parts = []
    for dimension in dimensions:
        truth = draw.normal(3, 1.1, items)
        for coder, noise in NOISE.items():
            rating = np.clip(np.round(truth + noise * draw.normal(size=items)), 1, 5).astype(int)
            part = pd.DataFrame({"item": range(items), "chat": np.arange(items) // 4})
            parts.append(part.assign(coder=coder, dimension=dimension, rating=rating))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def ratings():
    return simulate()


@pytest.fixture(scope="module")
def table(ratings):
    return expert_table(ratings, **ROLES).set_index(["dimension", "raters"])


def columns_of(ratings, dimension):
    own = ratings[ratings["dimension"] == dimension]
    return own.pivot(index="item", columns="coder", values="rating")


@pytest.mark.parametrize("dimension", ["warmth", "advice"])
def test_kappas_are_those_of_pairs_and_of_medians(ratings, table, dimension):
    wide = columns_of(ratings, dimension)
    pairs = [
        cohen_kappa(wide[one], wide[other], "quadratic", categories=range(1, 6))
        for one, other in itertools.combinations(EXPERTS, 2)
    ]
    row = table.loc[(dimension, "experts")]
    assert row["kappa"] == pytest.approx(np.median(pairs))
    assert row[["lowest", "highest"]].tolist() == pytest.approx([min(pairs), max(pairs)])
    middle, halves = wide[EXPERTS].median(axis=1), np.arange(1, 5.5, 0.5)
    for name, coders in OTHERS.items():
        own = wide[coders].median(axis=1)
        expected = cohen_kappa(middle, own, "quadratic", categories=halves)
        assert table.loc[(dimension, name), "kappa"] == pytest.approx(expected)
    each = [
        cohen_kappa(
            wide[one], wide[[o for o in EXPERTS if o != one]].median(axis=1),
            "quadratic", categories=halves,
        )
        for one in EXPERTS
    ]  # fmt: skip
    rest = table.loc[(dimension, "an expert and the rest"), "kappa"]
    assert rest == pytest.approx(np.median(each))


@pytest.mark.parametrize("scale", ["nominal", "ordinal", "interval"])
def test_alpha_and_ac_are_those_of_the_scale(ratings, scale):
    table = expert_table(ratings, **ROLES, scale=scale, n_boot=100).set_index(
        ["dimension", "raters"]
    )
    rows = columns_of(ratings, "warmth")[EXPERTS].to_numpy().T
    weights = None if scale == "nominal" else "quadratic"
    row = table.loc[("warmth", "experts")]
    assert row["alpha"] == pytest.approx(krippendorff_alpha(rows, scale))
    assert row["ac"] == pytest.approx(gwet_ac(rows, weights, categories=range(1, 6)))


def test_a_good_tool_is_told_from_a_poor_crowd(table):
    for dimension in ("warmth", "advice"):
        own = table.loc[dimension]
        assert own.loc["tool", "low"] > own.loc["crowd", "high"]
        assert own.loc["tool", "kappa"] > own.loc["experts", "kappa"]
        assert own.loc["an expert and the rest", "kappa"] > own.loc["experts", "lowest"]
        assert (own["low"] < own["kappa"]).all()
        assert (own["kappa"] < own["high"]).all()


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    truth = expert_table(simulate(20_000, ["warmth"], seed=1), **ROLES, n_boot=100)
    truth = truth.set_index("raters")["kappa"]
    held = []
    for seed in range(50):
        found = expert_table(simulate(60, ["warmth"], seed=seed + 10), **ROLES, n_boot=200)
        found = found.set_index("raters")
        held.append((found["low"] <= truth) & (truth <= found["high"]))
    assert np.mean(held) > 0.88
    assert np.mean(held) < 0.995


def test_items_of_a_chat_are_drawn_together():
    """Every item of a chat is the same one: four times the items say nothing more."""
    once = simulate(30, ["warmth"])
    copies = [once.assign(item=once["item"] + 30 * i, chat=once["item"]) for i in range(4)]
    often = pd.concat(copies, ignore_index=True)
    alone = expert_table(once, **ROLES, seed=1).set_index("raters")
    naive = expert_table(often, **ROLES, seed=1).set_index("raters")
    honest = expert_table(often, **ROLES, cluster="chat", seed=1).set_index("raters")
    width = {name: (t["high"] - t["low"])["tool"] for name, t in
             (("alone", alone), ("naive", naive), ("honest", honest))}  # fmt: skip
    assert width["honest"] == pytest.approx(width["alone"], rel=0.05)
    assert width["naive"] < 0.7 * width["alone"]
    assert honest["clusters"].tolist() == [30] * 4
    assert honest["n"].tolist() == [120] * 4


def test_three_forms_of_the_same_ratings_give_the_same_table(ratings, table):
    by_coder = ratings.pivot(
        index=["item", "dimension"], columns="coder", values="rating"
    ).reset_index()
    by_dimension = ratings.pivot(
        index=["item", "coder"], columns="dimension", values="rating"
    ).reset_index()
    for form in (by_coder, by_dimension, ratings.sample(frac=1, random_state=0)):
        found = expert_table(form, **ROLES).set_index(["dimension", "raters"])
        pd.testing.assert_frame_equal(found.loc[table.index], table)


def test_ratings_without_a_dimension_are_of_one(ratings):
    wide = columns_of(ratings, "warmth").reset_index()
    found = expert_table(wide, **ROLES, n_boot=100)
    assert found["dimension"].unique().tolist() == ["rating"]


def test_empty_cells_are_ratings_not_given(ratings):
    wide = columns_of(ratings, "warmth").astype(float)
    wide.loc[:9, "tool"] = np.nan
    wide.loc[:4, EXPERTS] = np.nan
    wide.loc[5, ["ann", "bob"]] = np.nan
    found = expert_table(wide.reset_index(), **ROLES, n_boot=100).set_index("raters")
    assert found["n"].to_dict() == {
        "experts": 74, "an expert and the rest": 74, "tool": 70, "crowd": 75,
    }  # fmt: skip


def test_a_dimension_that_a_tool_did_not_rate_has_no_kappa_for_it(ratings):
    partly = ratings[(ratings["coder"] != "tool") | (ratings["dimension"] == "warmth")]
    found = expert_table(partly, **ROLES, n_boot=100).set_index(["dimension", "raters"])
    gone = found.loc[("advice", "tool")]
    assert gone[["kappa", "low", "alpha", "ac"]].isna().all()
    assert gone["n"] == 0


def test_names_are_compared_by_majority():
    rows = [("a", "x", "x", "y", "x"), ("b", "y", "y", "y", "y"), ("c", "x", "y", "z", "x"),
            ("d", "z", "z", "x", "z"), ("e", "x", "x", "x", "y")]  # fmt: skip
    wide = pd.DataFrame(rows, columns=["item", "ann", "bob", "cat", "tool"])
    found = expert_table(
        wide, experts=EXPERTS, others={"tool": ["tool"]}, scale="nominal", n_boot=100
    ).set_index("raters")
    assert found.loc["tool", "n"] == 4  # c has no majority
    expected = cohen_kappa(["x", "y", "z", "x"], ["x", "y", "z", "y"])
    assert found.loc["tool", "kappa"] == pytest.approx(expected)


def test_fractions_have_no_ac_and_need_the_interval_scale(ratings):
    half = ratings.assign(rating=ratings["rating"] / 2)
    with pytest.raises(InputError, match="'interval' takes fractions"):
        expert_table(half, **ROLES)
    found = expert_table(half, **ROLES, scale="interval", n_boot=100)
    assert found["ac"].isna().all()
    whole = expert_table(ratings, **ROLES, scale="interval", n_boot=100)
    assert found["kappa"].tolist() == pytest.approx(whole["kappa"].tolist())
    assert found["alpha"].dropna().tolist() == pytest.approx(whole["alpha"].dropna().tolist())


def test_points_that_nobody_used_change_ac_alone(ratings, table):
    wider = expert_table(ratings, **ROLES, points=(0, 6)).set_index(["dimension", "raters"])
    assert wider["kappa"].tolist() == pytest.approx(table["kappa"].tolist())
    row = ("warmth", "experts")
    assert wider.loc[row, "alpha"] == pytest.approx(table.loc[row, "alpha"])
    assert wider.loc[row, "ac"] > table.loc[row, "ac"]


def test_coders_without_a_role_are_said(ratings, caplog):
    with caplog.at_level(logging.WARNING):
        expert_table(ratings, experts=EXPERTS, others={"tool": ["tool"]}, n_boot=100)
    assert "without a role are left out: w1, w2, w3" in caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": "ratio"}, "scale is 'ratio'; give one of: nominal, ordinal, interval"),
        ({"experts": ["ann"]}, "experts names only ann"),
        ({"experts": "ann"}, "experts is the text 'ann'; give a list"),
        ({"others": {"tool": "tool"}}, "tool is the text 'tool'; give a list"),
        ({"others": {"tool": []}}, "tool names no coder"),
        ({"experts": ["ann", "bobb"]}, "there is no rating by bobb; did you mean bob?"),
        ({"others": {"tool": ["ann"]}}, "ann is an expert and named again"),
        ({"others": {"experts": ["tool"]}}, "others names 'experts', which results use"),
        ({"cluster": "chats"}, "there is no column chats; did you mean chat?"),
        ({"n_boot": 1}, "n_boot is 1"),
    ],
)
def test_options_that_cannot_be_are_named(ratings, options, message):
    with pytest.raises(OptionError) as caught:
        expert_table(ratings, **(ROLES | options))
    assert message in str(caught.value)


def test_ratings_that_cannot_be_are_named(ratings):
    def refused(changed, message, **options):
        with pytest.raises(InputError) as caught:
            expert_table(changed, **ROLES, **options)
        assert message in str(caught.value)

    refused(ratings.rename(columns={"item": "id"}), "no column 'item'")
    refused(pd.concat([ratings, ratings[:1]]), "ann rated item 0 twice on warmth")
    words = ratings.assign(rating=ratings["rating"].astype(object))
    words.loc[3, "rating"] = "much"
    refused(words, "ann rated item 3 on warmth as much, which is no number")
    refused(ratings.assign(rating=ratings["rating"] + 1), "outside the points 1 to 5",
            points=(1, 5))  # fmt: skip
    refused(ratings.assign(item=ratings["item"].where(ratings["item"] > 0)), "'item' of the")
    mixed = ratings.assign(chat=np.arange(len(ratings)))
    refused(mixed, "an item is in several values of chat", cluster="chat")


def test_an_ordinal_scale_of_a_hundred_points_is_an_interval_scale(ratings):
    wide = ratings.assign(rating=ratings["rating"] * 20)
    with pytest.raises(OptionError, match="give 'interval' for more than 25"):
        expert_table(wide, **ROLES)
    found = expert_table(wide, **ROLES, scale="interval", n_boot=100)
    assert found.loc[found["raters"] == "tool", "ac"].notna().all()


def test_ratings_that_are_not_there_are_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv cannot be read as CSV \(No such file"):
        agree_with_experts(tmp_path / "none.csv", experts=["a", "b"], others=["c"])
