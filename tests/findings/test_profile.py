"""One person against the others: by hand, by other libraries, and by simulated people."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from saeidioms.corpus.readers import read_corpus
from saeidioms.errors import InputError, OptionError
from saeidioms.findings import habit, profile
from saeidioms.findings.by_conversation import change, course
from saeidioms.findings.habit import against_others, design_effects, long_run
from saeidioms.taxonomy.coded import CodedMessages
from saeidioms.taxonomy.coding import Codes

LEXICON = pd.DataFrame(
    [
        ("hang in there", "Motivational", "providing reassurance"),
        ("in there", "Motivational", "providing reassurance"),
        ("so sorry", "Affective", "expressing sympathy"),
        ("all the best", None, None),
    ],
    columns=["phrase", "category", "sub_category"],
)
SAID = {"Hang in there!": "providing reassurance", "So sorry, really.": "expressing sympathy"}


def chats(people):
    """Rows of a corpus: person -> conversations -> texts."""
    return pd.DataFrame(
        {"participant_id": person, "conversation_id": f"{person}-{number}", "round": number}
        | {"role": "supporter", "text": text}
        for person, talks in people.items()
        for number, texts in enumerate(talks, start=1)
        for text in texts
    )


def coded_by_text(frame, taxonomy):
    """Return corpus, codes and coded messages, in which every text of `SAID` is coded."""
    corpus = read_corpus(frame)
    name = corpus.table["text"].map(SAID)
    said = corpus.table[name.notna()]
    units = pd.DataFrame({"unit_id": said["unit_id"], "sub_category": name.dropna()})
    units["category"] = units["sub_category"].map(taxonomy.category_of)
    units["strength"] = 0.5 + said["turn"] / 100
    codes = Codes(units.reset_index(drop=True), corpus.messages())
    return corpus, codes, CodedMessages.join(corpus, codes, taxonomy)


@pytest.fixture(scope="module")
def people():
    """Thirty who are alike, one who hangs on in every message, one of whom nothing is coded."""
    usual = ["Hang in there!", "So sorry, really.", *["What happened then?"] * 6]
    alike = {f"p{i:02d}": [usual, usual] for i in range(30)}
    return alike | {"fan": [["Hang in there!"] * 8] * 2, "mute": [["Ok."]], "one": [usual[:1]]}


@pytest.fixture(scope="module")
def small(people, taxonomy):
    return coded_by_text(chats(people), taxonomy)


@pytest.fixture(scope="module")
def ask(small):
    """Ask for a profile, drawing less often."""
    corpus, codes, coded = small
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(habit, "_DRAWS", 2000)
        yield lambda who, **options: profile(coded, corpus, codes, LEXICON, who=who, **options)


@pytest.fixture(scope="module")
def fan(ask):
    return ask("fan", order="round")


@pytest.fixture
def quick(monkeypatch):
    """Draw less often, where people are many."""
    monkeypatch.setattr(habit, "_DRAWS", 2000)


def rows(table):
    return table.set_index("sub_category")


def test_a_share_in_the_long_run_is_that_of_numerical_integration():
    y, n = np.array([1.0, 0, 4, 2]), np.array([6.0, 3, 9, 5])

    at = (np.arange(600) + 0.5) / 600
    mean, alike = np.meshgrid(at, at)
    a, b = mean * (1 - alike) / alike, (1 - mean) * (1 - alike) / alike
    likely = np.prod([stats.betabinom.pmf(*pair, a, b) for pair in zip(y, n, strict=True)], axis=0)

    def expected(value):
        return (likely * value).sum() / likely.sum()

    drawn = {"level": 0.95, "generator": np.random.default_rng(0)}
    found = long_run(y[:, None], n[:, None], 2, **drawn).iloc[0]
    assert found["estimate"] == pytest.approx(expected((a + 4) / (a + b + 9)), abs=0.005)
    assert found["reliability"] == pytest.approx(expected(9 / (a + b + 9)), abs=0.01)
    assert found["above"] == pytest.approx(expected(special.betaincc(a + 4, b + 5, mean)), abs=0.01)
    below = expected(special.betainc(a + 4, b + 5, found["low"]))
    assert below == pytest.approx(0.025, abs=0.005)


def test_a_design_effect_is_pearsons_statistic_over_its_expectation():
    held = np.array([1, 1, 1, 0, 0, 0, 1, 0, 0, 0], bool)
    talk = np.array(list("aaaabbbbbb"))
    table = pd.crosstab(talk, held)
    chi = stats.chi2_contingency(table, correction=False).statistic
    found = design_effects(held[:, None], np.zeros(10, np.int64), talk)
    assert found == pytest.approx([max(1.0, chi * 9 / 10)])
    assert design_effects(held[:, None], np.arange(10), talk).tolist() == [1.0]


def test_intervals_hold_the_long_run_of_simulated_people(quick):
    rng = np.random.default_rng(3)
    truth = rng.beta(2, 8, 80)
    owner = np.repeat(np.arange(80), 20)
    held = (rng.random(1600) < truth[owner])[:, None]
    people, talk = np.array([f"{i:02d}" for i in owner]), owner * 4 + np.tile(np.arange(4), 400)
    found = pd.concat(
        against_others(held, people, talk, f"{i:02d}", level=0.95, generator=rng) for i in range(60)
    )
    inside = (found["low"] <= truth[:60]) & (truth[:60] <= found["high"])
    assert 0.87 <= inside.mean() <= 1
    middle = np.median(truth)
    assert (truth[:60][found["against"] == "more"] > middle).all()
    assert (truth[:60][found["against"] == "less"] < middle).all()
    assert 5 <= (found["against"] != "").sum() <= 40


def test_in_the_demo_an_estimate_foretells_the_last_conversation_better_than_the_count(
    coded, quick
):
    control = coded.where(coded.groups("arm") == "control", "control")
    last = control.groups("round") == "3"
    people, talk = control.groups("participant_id"), control.groups("conversation_id")
    held = control.holds[:, [control.taxonomy.names.index("advice-giving")]]
    errors = []
    for who in sorted(set(people))[:40]:
        known = against_others(
            *(held[~last], people[~last], talk[~last], who),
            level=0.95,
            generator=np.random.default_rng(0),
        ).iloc[0]
        later = held[last & (people == who)].mean()
        errors.append([(known[name] - later) ** 2 for name in ("estimate", "share")])
    estimate, counted = np.mean(errors, axis=0)
    assert estimate < 0.9 * counted


def test_someone_unlike_the_others_says_more_and_less_than_most(fan):
    table = rows(fan.shares)
    assert table.loc["providing reassurance", ["count", "n", "share"]].tolist() == [16, 16, 1.0]
    assert table.loc["providing reassurance", "against"] == "more"
    assert table.loc["providing reassurance", "others_share"] == pytest.approx(61 / 482)
    alike = table.drop(["providing reassurance", ""])
    assert set(alike["against"]) <= {"", "less"}
    assert (table["low"] <= table["estimate"]).all()
    assert (table["estimate"] <= table["high"]).all()


def test_people_who_are_alike_are_neither_more_nor_less(ask):
    assert set(ask("p03").shares["against"]) == {""}


def test_one_message_is_drawn_to_the_others_and_says_so(ask):
    found = ask("one")
    share = rows(found.shares).loc["providing reassurance"]
    assert share["share"] == 1.0
    assert share["estimate"] < 0.6
    assert "1 message in 1 conversation:" in found.uncertainty
    assert "percentage point" in found.uncertainty
    assert len(found.change) == 0


def test_where_nobody_has_two_conversations_it_is_said_that_these_may_differ(people, taxonomy):
    talks = {person: talks[:1] for person, talks in people.items()}
    corpus, codes, coded = coded_by_text(chats(talks), taxonomy)
    found = profile(coded, corpus, codes, LEXICON, who="fan")
    assert "8 messages in 1 conversation:" in found.uncertainty
    assert found.uncertainty.endswith("two conversations, how far these differ is not in it.")


def test_a_person_without_any_code_has_a_profile(ask):
    found = ask("mute")
    assert (found.n_messages, found.n_coded) == (1, 0)
    assert found.shares["count"].tolist() == [0] * len(found.shares)
    assert len(found.examples) == len(found.idioms) == 0


def test_idioms_are_the_persons_phrases_the_longest_of_those_in_the_same_messages(fan, ask):
    first = fan.idioms.iloc[0]
    assert fan.idioms["phrase"].tolist() == ["hang in there"]
    assert first[["count", "n", "against"]].tolist() == [16, 16, "more"]
    assert first["q"] < 0.01
    alike = ask("p03").idioms
    assert set(alike["phrase"]) == {"hang in there", "so sorry"}
    assert set(alike["against"]) == {""}


def test_a_rare_phrase_is_not_someones_own_for_being_said_by_few(taxonomy, quick):
    rng = np.random.default_rng(1)
    phrases = [f"w{chr(97 + i // 26)}{chr(97 + i % 26)} it is" for i in range(200)]
    lexicon = pd.DataFrame({"phrase": phrases, "category": "", "sub_category": ""})
    talks = {f"p{i:02d}": [rng.choice(phrases, 15).tolist()] for i in range(40)}
    talks["much"] = [rng.choice(phrases, 400).tolist()]
    corpus, codes, coded = coded_by_text(chats(talks), taxonomy)
    found = profile(coded, corpus, codes, lexicon, who="much").idioms
    assert len(found) == 60
    assert (found["against"] == "").all()


def test_examples_are_own_sentences_of_each_kind_strongest_first_and_none_twice(
    coded, support, planted
):
    lexicon = LEXICON.iloc[:0]
    found = profile(coded, support, planted, lexicon, who="P005", n_examples=2).examples
    own = support.table[support.table["participant_id"] == "P005"]
    assert set(found["text"]) <= set(own["text"])
    assert found.groupby("sub_category").size().max() == 2
    assert not found.duplicated(["sub_category", "text"]).any()
    strongest = found.groupby("sub_category")["strength"]
    assert strongest.apply(lambda values: values.is_monotonic_decreasing).all()


def test_a_change_is_the_test_for_trend_of_the_messages(make):
    rng = np.random.default_rng(0)
    part = np.repeat([3, 1, 2], [8, 6, 7])
    held = rng.random(21) < part / 4
    talks = [{"conversation_id": f"c{i}", "round": i} for i in part]
    coded = make(talks, affirming=held)
    parts = course(coded, "round", 0.95)
    assert parts["at"].unique().tolist() == ["1", "2", "3"]
    found = rows(change(parts, np.ones(14), 0.95)).loc["affirming"]
    fit = stats.linregress(part, held)
    assert found["difference"] == pytest.approx(200 * fit.slope)
    assert found["p"] == pytest.approx(stats.chi2.sf(20 * fit.rvalue**2, 1))
    wider = rows(change(parts, np.full(14, 4.0), 0.95)).loc["affirming"]
    z = stats.norm.isf([found["p"] / 2, wider["p"] / 2])
    assert z[0] == pytest.approx(2 * z[1])


def test_what_rises_for_sure_is_said_to_rise_and_what_never_varies_has_no_p(make):
    talks = [{"conversation_id": f"c{i // 20}"} for i in range(60)]
    coded = make(talks, affirming=np.arange(60) >= 30)
    table = rows(change(course(coded, None, 0.95), np.ones(14), 0.95))
    assert table.loc["affirming", "direction"] == "rose"
    assert np.isnan(table.loc["self-oriented", "q"])
    assert table.loc["self-oriented", "direction"] == ""


def test_a_profile_is_plain_json_and_the_same_every_time(ask, fan):
    plain = json.dumps(fan.to_dict(), allow_nan=False)
    assert plain == json.dumps(ask("fan", order="round").to_dict(), allow_nan=False)
    back = json.loads(plain)
    assert back["who"] == "fan"
    assert back["taxonomy"] == "empathy"
    assert repr(fan) == "<Profile of fan: messages 16, conversations 2>"
    assert fan.uncertainty in fan._repr_html_()
    assert [row["part"] for row in back["course"]] == [1] * 14 + [2] * 14
    assert pd.DataFrame(back["shares"])["count"].tolist() == fan.shares["count"].tolist()


def test_numbers_name_people_as_they_are_written(people, taxonomy):
    frame = chats({"1": people["p00"], "2": people["fan"]}).astype({"participant_id": float})
    frame.loc[0, "participant_id"] = None
    corpus, codes, coded = coded_by_text(frame, taxonomy)
    found = profile(coded, corpus, codes, LEXICON, who="2")
    assert (found.n_messages, found.n_others) == (16, 1)
    assert rows(found.shares).loc["providing reassurance", "others_share"] == pytest.approx(1 / 15)


@pytest.mark.parametrize(
    ("asked", "error", "sentence"),
    [
        ({"who": "fann"}, OptionError, "no participant_id 'fann'; did you mean fan"),
        ({"who": "fan", "column": "participant"}, OptionError, "did you mean participant_id"),
        ({"who": "supporter", "column": "role"}, InputError, "supporter is the only role"),
        ({"who": "fan", "order": "text"}, InputError, "conversation one-1 has no|no or several"),
        ({"who": "fan", "order": "role"}, OptionError, "'supporter', which tells no order"),
        ({"who": "fan", "n_examples": 0}, OptionError, "n_examples is 0"),
        ({"who": "fan", "level": 95}, OptionError, "level is 95"),
    ],
)
def test_a_mistake_is_one_sentence(ask, asked, error, sentence):
    if asked.get("order") == "text":
        asked = asked | {"who": "p01"}
    with pytest.raises(error, match=sentence):
        ask(**asked)
