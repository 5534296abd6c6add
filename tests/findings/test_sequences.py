"""Templates: counted by hand, against exact chances, and as planted in the demo corpus."""

import itertools
from math import comb

import numpy as np
import pandas as pd
import pytest

from saeidioms.corpus.readers import read_corpus
from saeidioms.errors import InputError, OptionError
from saeidioms.findings.sequences import ARROW, find_templates, move_sequences
from saeidioms.findings.use_of_templates import template_use
from saeidioms.taxonomy.coding import Codes

NAMES = {
    "s": "expressing sympathy", "u": "demonstrating understanding", "a": "advice-giving",
    "r": "providing reassurance", "o": "self-oriented",
}  # fmt: skip
FEW = {"n_shuffles": 199, "n_boot": 100}


def template(letters):
    return ARROW.join(NAMES[one] for one in letters)


def said(messages, taxonomy, **columns):
    """Messages given by a letter a sentence ("." is not coded), each a conversation of its own."""
    rows = pd.DataFrame({"conversation_id": [f"c{i}" for i in range(len(messages))], **columns})
    rows["text"] = [" ".join(["This is said."] * len(letters)) for letters in messages]
    corpus = read_corpus(rows.assign(role="supporter")).units("sentence")
    assert len(corpus) == sum(map(len, messages))
    letters = np.array(list("".join(messages)))
    names = [NAMES[one] for one in letters if one != "."]
    units = pd.DataFrame({"unit_id": corpus.ids[letters != "."], "sub_category": names})
    units["category"] = units["sub_category"].map(taxonomy.category_of)
    return corpus, Codes(units.assign(strength=1.0), corpus.messages())


def find(messages, taxonomy, **options):
    corpus, codes = said(messages, taxonomy)
    return find_templates(corpus, codes, taxonomy, **{"min_support": 0.01, **FEW, **options})


@pytest.fixture(scope="module")
def planted_templates(support, planted, taxonomy):
    return find_templates(
        support, planted, taxonomy, min_support=0.003, cluster="participant_id", **FEW
    )


def test_units_without_a_code_are_passed_over_and_runs_are_one_move(taxonomy):
    corpus, codes = said(["s.ssu", "a", "aa.a", "usu"], taxonomy)
    found = move_sequences(corpus, codes, taxonomy)
    assert found.wholes.tolist() == [template("su"), template("usu")]
    assert found.messages["conversation_id"].tolist() == ["c0", "c3"]


def test_a_unit_counts_as_its_strongest_code_in_whatever_order_they_stand(taxonomy):
    corpus, codes = said(["su"], taxonomy)
    weak = codes.units.assign(sub_category=NAMES["a"], category="Mis-attuned", strength=0.2)
    both = Codes(pd.concat([weak, codes.units], ignore_index=True), codes.messages)
    assert move_sequences(corpus, both, taxonomy).wholes.tolist() == [template("su")]


def test_support_is_the_number_of_messages_and_not_of_occurrences(taxonomy):
    table = find(["susu", "sua", "aus"], taxonomy).set_index("template")
    assert table.loc[template("su"), ["support", "n", "clusters"]].tolist() == [2, 3, 3]
    assert table.loc[template("su"), "share"] == pytest.approx(2 / 3)
    assert table.loc[template("us"), "support"] == 2


def test_moves_with_another_between_are_no_template(taxonomy):
    table = find(["sau", "sru", "sou"] * 2, taxonomy, min_support=0.9)
    assert table.empty


def test_a_sequence_that_occurs_only_within_a_longer_one_is_left_out(taxonomy):
    table = find(["sua", "sua", "rsua", "rsua", "or", "or", "uao"], taxonomy, min_support=0.2)
    assert set(table["template"]) == {template(one) for one in ("sua", "rsua", "or", "ua")}


def test_expected_support_is_that_of_all_orders_of_each_message(taxonomy):
    messages = ["sua", "sua", "suar", "su", "us", "asu"]

    def chance(letters, wanted):
        orders = ["".join(one) for one in itertools.permutations(letters)]
        return np.mean([wanted in one for one in orders])

    table = find(messages, taxonomy, n_shuffles=4000).set_index("template")
    for wanted in ("su", "sua"):
        exact = sum(chance(one, wanted) for one in messages)
        assert table.loc[template(wanted), "expected"] == pytest.approx(exact, rel=0.05)
    found = table.loc[template("su")]
    assert found["lift"] == pytest.approx(found["support"] / found["expected"])


def test_p_is_that_of_a_coin_where_messages_hold_two_moves(taxonomy):
    table = find(["su"] * 9 + ["us"] * 3, taxonomy, n_shuffles=4000).set_index("template")
    exact = sum(comb(12, k) for k in range(9, 13)) / 2**12
    assert table.loc[template("su"), "p"] == pytest.approx(exact, abs=0.015)
    assert table.loc[template("us"), "p"] > 0.9


def test_frequent_moves_in_random_order_make_no_template(taxonomy):
    false = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        messages = ["".join(rng.permutation(list("suaro"))[:4]) for _ in range(60)]
        table = find(messages, taxonomy, min_support=0.05, n_shuffles=99, seed=seed)
        false += (table["q"] < 0.05).any()
    assert false <= 3


def test_the_planted_order_within_messages_is_found(planted_templates):
    found = planted_templates[planted_templates["q"] < 0.05]["template"]
    early_before_late = f"{NAMES['s']}{ARROW}{NAMES['u']}"
    assert early_before_late in set(found)
    assert f"{NAMES['u']}{ARROW}{NAMES['s']}" not in set(found)
    assert f"{NAMES['r']}{ARROW}{NAMES['s']}" not in set(found)
    assert planted_templates["length"].max() >= 3
    assert (found.str.count(ARROW) + 1 >= 2).all()


def test_every_found_order_of_two_is_one_that_was_planted(planted_templates, support):
    place = {
        "expressing sympathy": 0, "validating emotions": 1, "demonstrating understanding": 2,
        "self-oriented": 3, "encouraging elaboration": 3, "dismissing emotions": 4,
        "affirming": 5, "advice-giving": 6, "providing reassurance": 7,
        "demonstrating availability": 8,
    }  # fmt: skip
    found = planted_templates[planted_templates["q"] < 0.05]
    for one in found["template"]:
        places = [place[name] for name in one.split(ARROW)]
        assert all(after - before > -2 for before, after in itertools.pairwise(places))


def test_the_same_seed_gives_the_same_table(taxonomy):
    messages = ["sua", "sau", "su", "us"] * 3
    pd.testing.assert_frame_equal(find(messages, taxonomy), find(messages, taxonomy))


def use(messages, taxonomy, templates=("su",), **options):
    columns = {"arm": [arm for arm, _ in messages]}
    corpus, codes = said([one for _, one in messages], taxonomy, **columns)
    wanted = [template(one) for one in templates]
    options = {"by": "arm", "n_boot": 100, **options}
    return template_use(corpus, codes, taxonomy, wanted, **options).set_index(["measure", "arm"])


def test_coverage_is_the_share_of_messages_that_hold_a_template(taxonomy):
    table = use([("x", "su"), ("x", "sua"), ("x", "us"), ("y", "asua"), ("y", "ua")], taxonomy)
    assert table.loc[("coverage", "x"), "value"] == pytest.approx(2 / 3)
    assert table.loc[("coverage", "y"), "value"] == 1 / 2
    assert table.loc[("coverage", "x"), "n"] == 3


def test_novelty_is_what_the_baseline_never_says(taxonomy):
    messages = [("x", "su"), ("x", "ua"), ("y", "su"), ("y", "su"), ("y", "ao"), ("y", "oa")]
    table = use(messages, taxonomy, baseline="x")
    assert table.loc[("novelty", "y"), "value"] == 1 / 2
    assert ("novelty", "x") not in table.index
    assert table.loc[("novelty", "y"), "sample"] == 2


def test_novelty_is_measured_against_references_of_one_size(taxonomy):
    messages = [("x", "su"), *[("y", one) for one in ("su", "ua", "ao")]]
    table = use(messages, taxonomy)
    # One of three messages of y is drawn: it is "su" in a third of all draws.
    assert table.loc[("novelty", "x"), "value"] == pytest.approx(2 / 3)
    assert table.loc[("novelty", "y"), "value"] == pytest.approx(2 / 3)
    assert table.loc["novelty", "sample"].tolist() == [1, 1]


def test_variety_is_the_mean_number_of_different_sequences_in_samples(taxonomy):
    own = ["su", "su", "su", "ua", "ua", "ao"]
    table = use([("x", one) for one in own] + [("y", "su")] * 4, taxonomy)
    draws = [len(set(drawn)) for drawn in itertools.combinations(own, 3)]
    assert table.loc[("variety", "x"), "sample"] == 3
    assert table.loc[("variety", "x"), "value"] == pytest.approx(np.mean(draws))
    assert table.loc[("variety", "y"), "value"] == pytest.approx(1)
    assert table.loc[("variety", "y"), "low"] == pytest.approx(1)


def test_a_group_twice_as_large_with_the_same_habits_does_not_vary_more(taxonomy):
    rng = np.random.default_rng(0)
    kinds = ["".join(one) for one in itertools.permutations("suar", 2)]
    small, large = rng.choice(kinds, 100), rng.choice(kinds, 400)
    messages = [("x", one) for one in small] + [("y", one) for one in large]
    table = use(messages, taxonomy, sample=20)
    x, y = (table.loc[("variety", arm)] for arm in "xy")
    assert x["low"] < y["value"] < x["high"]


def test_a_group_with_too_few_messages_has_no_variety_and_that_is_said(taxonomy, caplog):
    table = use([("x", "su")] * 5 + [("y", "ua")] * 2, taxonomy, sample=4)
    assert np.isnan(table.loc[("variety", "y"), "value"])
    assert "1 of 2 groups have fewer than 4 messages" in caplog.text


def test_arms_and_people_of_the_demo_corpus_have_their_numbers(
    support, planted, taxonomy, planted_templates
):
    found = planted_templates.loc[planted_templates["q"] < 0.05, "template"]
    arms = template_use(
        *(support, planted, taxonomy, found), by="arm", baseline="control",
        cluster="participant_id", n_boot=100,
    )  # fmt: skip
    assert arms.groupby("measure").size().to_dict() == {"coverage": 4, "novelty": 3, "variety": 4}
    assert arms["value"].between(arms["low"], arms["high"]).all()
    people = template_use(support, planted, taxonomy, found, by="participant_id", n_boot=100)
    assert (people["measure"] == "variety").sum() == people["participant_id"].nunique()
    variety = people[people["measure"] == "variety"]
    assert (variety["sample"] == 2).all()
    assert variety["value"].dropna().between(1 - 1e-9, 2 + 1e-9).all()


def test_whole_messages_as_units_are_refused(taxonomy):
    corpus, codes = said(["su"], taxonomy)
    with pytest.raises(InputError, match="have no order within"):
        find_templates(corpus.units("message"), codes, taxonomy)


def test_messages_of_one_move_each_are_refused(taxonomy):
    with pytest.raises(InputError, match="no message holds two"):
        find(["s", "aa", "."], taxonomy)


def test_a_code_that_the_taxonomy_has_not_is_named(taxonomy):
    corpus, codes = said(["su"], taxonomy)
    other = Codes(codes.units.assign(sub_category="humming"), codes.messages)
    with pytest.raises(InputError, match="'humming'"):
        move_sequences(corpus, other, taxonomy)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_support": 0}, "min_support is 0"),
        ({"max_length": 1}, "max_length is 1"),
        ({"max_length": 40}, "too long for 10 sub-categories"),
        ({"n_shuffles": 10}, "n_shuffles is 10"),
        ({"cluster": "person"}, "there is no column person"),
    ],
)
def test_options_of_templates_out_of_range_are_refused(taxonomy, options, message):
    with pytest.raises(OptionError, match=message):
        find(["su", "su"], taxonomy, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "arms"}, "did you mean arm"),
        ({"by": "role"}, "only the value 'supporter'"),
        ({"baseline": "z"}, "no value of arm"),
        ({"templates": ()}, "templates is empty"),
        ({"sample": 1}, "sample is 1"),
    ],
)
def test_options_of_use_out_of_range_are_refused(taxonomy, options, message):
    with pytest.raises(OptionError, match=message):
        use([("x", "su"), ("y", "su")], taxonomy, **options)


def test_a_template_of_unknown_moves_is_refused_with_the_nearest(taxonomy):
    corpus, codes = said(["su", "us"], taxonomy, arm=["x", "y"])
    with pytest.raises(OptionError, match="advice-giving"):
        template_use(corpus, codes, taxonomy, ["advice giving"], by="arm")
