"""The demo corpus is what its design declares, and knows what is planted in it."""

import re
import zlib

import numpy as np
import pandas as pd
import pytest
import yaml

from saeidioms.corpus.demo import demo_corpus, demo_frame, planted_rates, planted_units
from saeidioms.corpus.demo.bank import load_bank, realise
from saeidioms.corpus.readers import read_corpus
from saeidioms.errors import OptionError
from saeidioms.resources import find_config

BANK = load_bank()
SUB_CATEGORY = {idiom.id: idiom.sub_category for idiom in BANK.idioms}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return demo_frame()


@pytest.fixture(scope="module")
def support(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["role"] == "supporter"]


def planted(support: pd.DataFrame) -> pd.DataFrame:
    """One row an expression: the message's columns, its idiom and sub-category."""
    rows = support.assign(idiom=support["planted"].str.split(";")).explode("idiom")
    rows = rows[rows["idiom"] != ""]
    return rows.assign(sub_category=rows["idiom"].map(SUB_CATEGORY))


def realisations(idiom) -> set[str]:
    rng = np.random.default_rng(0)
    return {
        realise(template, words, rng)
        for template in idiom.templates
        for words in BANK.scenarios.values()
        for _ in range(6)
    }


def holds(sentence: str, phrase: str, between: int = 0) -> bool:
    gap = rf"(?:\W+\w+){{0,{between}}}?\W+"
    words = gap.join(map(re.escape, phrase.split()))
    return re.search(rf"\b{words}\b", sentence.lower()) is not None


# The bank


def test_at_least_60_idioms_and_5_of_each_sub_category():
    assert len(SUB_CATEGORY) == len(BANK.idioms) >= 60
    assert len(BANK.sub_categories) == 10
    for name in BANK.sub_categories:
        assert len(BANK.idioms_of(name)) >= 5


def test_shares_add_up_and_no_change_takes_away_more_than_there_is():
    kept = 1 - BANK.design["from_habits"] / 100
    for setting in ("personal", "workplace"):
        usual = BANK.shares(setting)
        assert usual.sum() == pytest.approx(1)
        for arm in BANK.design["arms"]:
            change = BANK.shares(setting, arm, "after") - usual
            assert change.sum() == pytest.approx(0)
            assert (usual + change / kept >= -1e-9).all()
            assert set(BANK.design["change"][arm]) <= set(BANK.sub_categories)


def test_the_sub_categories_are_those_of_the_shipped_taxonomy():
    taxonomy = yaml.safe_load(find_config("empathy", "taxonomies").read_text(encoding="utf-8"))
    shipped = {
        sub_category["name"]: category["name"]
        for category in taxonomy["categories"]
        for sub_category in category["sub_categories"]
    }
    assert shipped == {name: BANK.category_of(name) for name in BANK.sub_categories}


@pytest.mark.parametrize("idiom", BANK.idioms, ids=lambda idiom: idiom.id)
def test_realisations_are_many_sound_sentences_that_hold_the_idiom_and_no_other(idiom):
    sentences = realisations(idiom)
    assert len(idiom.templates) >= 8
    assert len(sentences) >= 40
    foreign = [
        phrase
        for other in BANK.idioms
        if other.sub_category != idiom.sub_category
        for phrase in other.phrases
    ]
    for sentence in sentences:
        assert any(holds(sentence, phrase, between=3) for phrase in idiom.phrases), sentence
        assert not [phrase for phrase in foreign if holds(sentence, phrase)], sentence
        # one sentence, properly ended, with nothing left over from the notation
        assert re.fullmatch(r"[A-Z][^.!?(){}|]+(?:\.|!|\?|\.\.\.)", sentence), sentence
        assert not re.search(r"  | [,.!?]|,,|,[.!?]", sentence), sentence


def test_no_realisation_is_shared_by_two_idioms():
    owner = {}
    for idiom in BANK.idioms:
        for sentence in realisations(idiom):
            bare = re.sub(r"\W", "", sentence.lower())
            assert owner.setdefault(bare, idiom.id) == idiom.id, sentence


def test_every_slot_has_a_word_in_every_scenario():
    templates = " ".join(template for idiom in BANK.idioms for template in idiom.templates)
    for words in BANK.scenarios.values():
        for slot in set(re.findall(r"\{(\w+)\}", templates)):
            assert len(set(words[slot])) >= 2


# The table


def test_the_design_is_the_studys(frame, support):
    people = frame.groupby("participant_id")
    assert len(people) == 240
    assert people["arm"].first().value_counts().to_dict() == dict.fromkeys(
        ("control", "video", "coach", "both"), 60
    )
    chats = frame.groupby("conversation_id").first()
    assert len(chats) == 720
    assert set(zip(chats["round"], chats["time"], strict=True)) == {
        (1, "before"),
        (2, "after"),
        (3, "after"),
    }
    assert chats.groupby("setting")["scenario"].nunique().to_dict() == {
        "personal": 2,
        "workplace": 3,
    }
    assert (people["scenario"].nunique() == 3).all()
    assert len(support) >= 4000
    assert set(frame["role"]) == {"supporter", "seeker"}
    assert people["trait_empathy"].nunique().eq(1).all()
    assert frame["trait_empathy"].between(1, 5).all()


def test_roles_take_turns_from_0(frame):
    turns = frame.groupby("conversation_id")["turn"]
    assert (frame["turn"] == turns.cumcount()).all()
    assert ((frame["turn"] % 2 == 0) == (frame["role"] == "seeker")).all()


def test_a_seed_gives_the_same_table_and_another_seed_another(frame):
    pd.testing.assert_frame_equal(demo_frame(seed=0), frame)
    other = demo_frame(seed=1, participants=8)
    assert not set(other["text"]) >= set(demo_frame(seed=0, participants=8)["text"])


def test_more_participants_add_rows_and_change_none(frame):
    few = demo_frame(participants=12)
    pd.testing.assert_frame_equal(few, frame.iloc[: len(few)])


def test_the_table_is_the_same_on_every_machine():
    text = demo_frame(seed=0, participants=2).to_csv(index=False, lineterminator="\n")
    assert zlib.crc32(text.encode()) == 582819942  # changes with every word of the bank


def test_messages_say_something_and_differ(support):
    assert support["text"].nunique() > 0.85 * len(support)
    length = support["text"].str.len()
    assert 40 < length.median() < 110
    assert length.max() < 400
    assert support["text"].str.strip().equals(support["text"])
    assert length.min() > 0
    assert not support["text"].str.contains(r"[{}|]").any()


def test_every_idiom_occurs_often_enough_to_be_found(support):
    counts = planted(support)["idiom"].value_counts()
    assert set(counts.index) == set(SUB_CATEGORY)
    assert counts.min() >= 15


def test_a_message_holds_at_most_three_idioms_and_none_twice(support):
    idioms = support.loc[support["planted"] != "", "planted"].str.split(";")
    assert idioms.map(len).max() == 3
    assert idioms.map(lambda names: len(set(names)) == len(names)).all()
    assert 0.05 < (support["planted"] == "").mean() < 0.2


def test_participants_below_one_are_refused():
    with pytest.raises(OptionError, match="at least 1"):
        demo_frame(participants=0)


# What is planted


def test_declared_rates_add_up_and_change_only_where_planted():
    rates = planted_rates()
    assert rates.groupby(["arm", "time"])["share"].sum().tolist() == pytest.approx([1] * 8)
    shares = rates.pivot_table("share", "sub_category", ["arm", "time"], aggfunc="sum")
    for arm, change in BANK.design["change"].items():
        difference = 100 * (shares[arm, "after"] - shares[arm, "before"])
        expected = {name: change.get(name, 0) for name in shares.index}
        assert difference.to_dict() == pytest.approx(expected)
    assert not BANK.design["change"]["control"]
    assert all("expressing sympathy" not in change for change in BANK.design["change"].values())


def test_planted_idioms_come_at_the_declared_rates():
    frame = demo_frame(seed=5, participants=800)
    support = frame[frame["role"] == "supporter"]
    messages = support.groupby(["arm", "time"]).size()
    found = planted(support).groupby(["arm", "time", "sub_category"]).size().unstack()
    found = found.div(messages, axis=0)
    declared = planted_rates().pivot_table("rate", ["arm", "time"], "sub_category", aggfunc="sum")
    # people's habits double the variance of counts: this is over four standard errors
    assert (found - declared[found.columns]).abs().max().max() < 0.06
    assert (found - declared[found.columns]).abs().mean().mean() < 0.012


def test_people_differ_more_than_chance(support):
    expressions = planted(support)
    advice = expressions["sub_category"].eq("advice-giving")
    people = advice.groupby(expressions["participant_id"]).agg(["sum", "count"])
    share = advice.mean()
    spread = (people["sum"] - share * people["count"]) ** 2
    chance = people["count"] * share * (1 - share)
    assert spread.sum() / chance.sum() > 1.5


def test_trait_empathy_tells_nothing_about_expression(support):
    people = support.groupby("participant_id").agg(
        trait=("trait_empathy", "first"),
        advice=("planted", lambda rows: rows.str.contains("you-should|have-you-tried").mean()),
    )
    assert abs(people["trait"].corr(people["advice"])) < 0.15


def test_spans_point_at_the_sentence_that_realises_the_idiom(support):
    phrases = {idiom.id: idiom.phrases for idiom in BANK.idioms}
    hits = []
    for text, spans in zip(support["text"], support["planted_spans"], strict=True):
        end = 0
        for span in filter(None, spans.split(";")):
            name, first, last = re.fullmatch(r"([\w-]+):(\d+)-(\d+)", span).groups()
            assert end <= int(first) < int(last) <= len(text)
            end = int(last)
            sentence = text[int(first) : end]
            assert sentence == sentence.strip()
            hits.append(any(holds(sentence, phrase, between=3) for phrase in phrases[name]))
    assert np.mean(hits) > 0.9  # the rest is typos


# The corpus


def test_the_corpus_says_that_it_is_synthetic_and_keeps_every_row(frame):
    corpus = demo_corpus()
    assert "synthetic" in corpus.report.sentence()
    assert len(corpus) == len(frame)
    assert {"arm", "time", "planted", "planted_spans"} <= set(corpus.metadata)
    assert "synthetic" in demo_corpus.__doc__
    assert "synthetic" in demo_frame.__doc__


def test_truth_of_sentences_agrees_with_truth_of_messages():
    messages = demo_corpus(participants=16).where(role="supporter")
    sentences = messages.units("sentence")
    truth = planted_units(sentences).merge(sentences.table[["unit_id", "message_id"]])
    by_sentence = truth.drop_duplicates(["message_id", "idiom"])
    whole = planted_units(messages).rename(columns={"unit_id": "message_id"})
    key = ["message_id", "idiom"]
    left, right = (
        table[key].sort_values(key).to_records(index=False).tolist()
        for table in (by_sentence, whole)
    )
    assert left == right
    assert len(truth) < 1.1 * len(by_sentence)  # few realisations are cut in two
    assert (truth["unit_id"].value_counts() == 1).mean() > 0.85


def test_truth_survives_a_csv_file(tmp_path):
    frame = demo_frame(participants=4)
    frame.to_csv(tmp_path / "chats.csv", index=False)
    truth = planted_units(read_corpus(tmp_path / "chats.csv").units("sentence"))
    pd.testing.assert_frame_equal(truth, planted_units(read_corpus(frame).units("sentence")))
