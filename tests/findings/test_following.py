"""What follows what: by hand, against statsmodels and scipy, and as planted."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency

from saeidioms.corpus.readers import read_corpus
from saeidioms.errors import InputError, OptionError
from saeidioms.findings.following import transitions
from saeidioms.taxonomy.coding import Codes

NAMES = {
    "s": "expressing sympathy", "u": "demonstrating understanding", "a": "advice-giving",
    "r": "providing reassurance",
}  # fmt: skip


def chats(*moves, roles="p"):
    """Chats given by a letter a message ("." is not coded); roles take turns."""
    rows = [
        (f"c{i}", roles[turn % len(roles)], f"said {turn}", NAMES.get(letter))
        for i, letters in enumerate(moves)
        for turn, letter in enumerate(letters)
    ]
    frame = pd.DataFrame(rows, columns=["conversation_id", "role", "text", "move"])
    corpus = read_corpus(frame.drop(columns="move"))
    messages = corpus.messages().assign(sub_category=frame["move"].to_numpy())
    return corpus, Codes(pd.DataFrame(), messages)


def follow(*moves, taxonomy, roles="p", **options):
    corpus, codes = chats(*moves, roles=roles)
    return transitions(corpus, codes, taxonomy, **{"n_shuffles": 199, **options})


def counts(found):
    return found.table.pivot(index="sub_category", columns="next", values="count")


@pytest.fixture(scope="module")
def planted_transitions(support, planted, taxonomy):
    """Of the demo corpus, each message by the first sub-category planted in it."""
    owner = support.table.set_index("unit_id")["message_id"]
    of = planted.units.assign(message_id=owner.loc[planted.units["unit_id"]].to_numpy())
    first = of.drop_duplicates("message_id").set_index("message_id")["sub_category"]
    messages = planted.messages
    codes = Codes(planted.units, messages.assign(sub_category=messages["message_id"].map(first)))
    return transitions(support, codes, taxonomy, n_shuffles=499)


def test_pairs_are_counted_within_conversations_only(taxonomy):
    found = follow("sua", "su", "r.", taxonomy=taxonomy)
    table = counts(found)
    assert table.loc[NAMES["s"], NAMES["u"]] == 2
    assert table.loc[NAMES["u"], NAMES["a"]] == 1
    assert table.loc[NAMES["r"], "uncoded"] == 1
    assert table.to_numpy().sum() == 4
    assert found.table["n"].unique().tolist() == [4]
    assert found.table["clusters"].unique().tolist() == [3]


def test_a_role_and_the_next_are_told_from_others(taxonomy):
    # q: s a u, p: u r in turns; only what p says directly after q counts.
    found = follow("suaru", taxonomy=taxonomy, roles="qp", first="q", second="p")
    table = counts(found)
    assert table.loc[NAMES["s"], NAMES["u"]] == 1
    assert table.loc[NAMES["a"], NAMES["r"]] == 1
    assert table.to_numpy().sum() == 2


def test_one_role_follows_itself_over_what_others_say(taxonomy):
    found = follow("s.u.a", taxonomy=taxonomy, roles="qp", first="q", second="q")
    table = counts(found)
    assert table.loc[NAMES["s"], NAMES["u"]] == 1
    assert table.loc[NAMES["u"], NAMES["a"]] == 1
    assert table.to_numpy().sum() == 2


def test_reference_statistics_are_those_of_scipy(taxonomy):
    rng = np.random.default_rng(0)
    moves = ["".join(rng.choice(list("sua"), 6)) for _ in range(40)]
    found = follow(*moves, taxonomy=taxonomy)
    table = found.table
    pearson, p, df, expected = chi2_contingency(counts(found), correction=False)
    overall = found.overall.iloc[0]
    assert overall[["pearson", "pearson_p", "df"]].tolist() == pytest.approx([pearson, p, df])
    grid = table.pivot(index="sub_category", columns="next", values="expected_overall")
    np.testing.assert_allclose(grid, expected)
    rows, columns = (counts(found).sum(axis=axis).to_numpy() / 200 for axis in (1, 0))
    residual = (counts(found) - expected) / np.sqrt(expected * np.outer(1 - rows, 1 - columns))
    found_residual = table.pivot(index="sub_category", columns="next", values="residual")
    np.testing.assert_allclose(found_residual, residual)
    assert table.groupby("sub_category")["share"].sum().tolist() == pytest.approx([1, 1, 1])


def test_expected_is_the_mean_of_all_orders_of_a_conversation(taxonomy):
    found = follow(*["ssu"] * 30, taxonomy=taxonomy, n_shuffles=2000)
    # ssu, sus, uss: s-s in two of the three, s-u in two, u-s in two, once each.
    expected = found.table.set_index(["sub_category", "next"])["expected"]
    for one, other in ("ss", "su", "us"):
        if (NAMES[one], NAMES[other]) in expected:
            assert expected[(NAMES[one], NAMES[other])] == pytest.approx(20, rel=0.03)


def test_what_follows_by_rule_is_found(taxonomy):
    rng = np.random.default_rng(1)
    moves = ["".join("su" if one else "ar" for one in rng.integers(2, size=4)) for _ in range(40)]
    found = follow(*moves, taxonomy=taxonomy, roles="qp", first="q", second="p")
    table = found.table.set_index(["sub_category", "next"])
    assert table.loc[(NAMES["s"], NAMES["u"]), "lift"] > 1.2
    assert table.loc[(NAMES["s"], NAMES["u"]), "q"] < 0.05
    assert table.loc[(NAMES["s"], NAMES["r"]), "count"] == 0
    assert found.overall["p"].iloc[0] == pytest.approx(1 / 200)


def test_conversations_that_differ_in_kind_make_nothing_follow(taxonomy):
    rng = np.random.default_rng(2)
    moves = ["".join(rng.choice(list(kind), 8)) for kind in ("su", "ar") for _ in range(20)]
    found = follow(*moves, taxonomy=taxonomy)
    assert found.overall["pearson_p"].iloc[0] < 1e-9  # what takes pairs for independent is fooled
    assert found.overall["p"].iloc[0] > 0.05
    assert (found.table["q"] > 0.05).all()


def test_p_of_the_whole_is_uniform_where_nothing_follows(taxonomy):
    p = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        moves = ["".join(rng.choice(list("suar"), 5)) for _ in range(15)]
        found = follow(*moves, taxonomy=taxonomy, n_shuffles=99, seed=seed)
        p.append(found.overall["p"].iloc[0])
    assert 0.35 < np.mean(p) < 0.65
    assert np.mean(np.array(p) <= 0.1) < 0.26


def test_the_planted_order_of_messages_is_found(planted_transitions):
    table = planted_transitions.table.set_index(["sub_category", "next"])
    sympathy, help_ = "expressing sympathy", "demonstrating availability"
    late_then_early = table.loc[(help_, sympathy)]
    assert late_then_early["lift"] < 0.5
    assert late_then_early["q"] < 0.05
    assert table.loc[(sympathy, "demonstrating understanding"), "lift"] > 1
    assert planted_transitions.overall["p"].iloc[0] < 0.01
    assert planted_transitions.table["count"].sum() == planted_transitions.overall["n"].iloc[0]


def test_the_same_seed_gives_the_same_numbers(taxonomy):
    one, other = (follow("suar", "urs", taxonomy=taxonomy, seed=4) for _ in range(2))
    pd.testing.assert_frame_equal(one.table, other.table)


def test_one_state_only_is_no_error_and_shows_nothing(taxonomy):
    found = follow("sss", "ss", taxonomy=taxonomy)
    assert found.table[["count", "lift", "p"]].iloc[0].tolist() == [3, 1, 1]
    assert np.isnan(found.overall["pearson"].iloc[0])
    assert np.isnan(found.table["residual"].iloc[0])


def test_a_role_without_codes_is_named_with_the_way_out(taxonomy):
    with pytest.raises(InputError, match=r"no message of q has a code.*first and second as p"):
        follow(".s.u", taxonomy=taxonomy, roles="qp", first="q", second="p")


def test_conversations_of_one_message_are_refused(taxonomy):
    with pytest.raises(InputError, match="nothing follows anything"):
        follow("s", "u", taxonomy=taxonomy)


def test_codes_of_another_taxonomy_are_refused(taxonomy):
    corpus, codes = chats("su")
    other = Codes(codes.units, codes.messages.assign(sub_category="humming"))
    with pytest.raises(InputError, match="'humming'"):
        transitions(corpus, other, taxonomy)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"first": "p"}, "both first and second"),
        ({"first": "p", "second": "z"}, "second is 'z'"),
        ({"n_shuffles": 5}, "n_shuffles is 5"),
    ],
)
def test_options_that_do_not_fit_are_refused(taxonomy, options, message):
    with pytest.raises(OptionError, match=message):
        follow("su", taxonomy=taxonomy, **options)


def test_a_corpus_without_any_code_is_refused(taxonomy):
    with pytest.raises(InputError, match=r"no message of p has a code.*code the whole corpus\."):
        follow("..", "..", taxonomy=taxonomy)
