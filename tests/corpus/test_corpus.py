"""A corpus: filtered, cut, stored, and never changed."""

import numpy as np
import pandas as pd
import pytest

from saeidioms.corpus.corpus import Corpus
from saeidioms.corpus.readers import read_corpus
from saeidioms.errors import ArtifactError, InputError, OptionError


@pytest.fixture
def chats():
    return read_corpus(
        pd.DataFrame(
            {
                "conversation_id": ["b", "b", "b", "a", "a"],
                "turn": [0, 1, 2, 0, 1],
                "role": ["Seeker", "supporter", "supporter", "Seeker", "supporter"],
                "text": ["I lost it.", "Oh no! what happened?", "", "hi", "Hello.. you ok? :)"],
                "arm": ["coach", "coach", "coach", "video", "video"],
                "time": [1, 1, 1, 2, 2],
                "when": pd.to_datetime(["2024-05-01"] * 5),
                "score": [0.5, None, 1.5, 2.5, 3.5],
                "seen": [True, None, False, True, True],
            }
        )
    )


def test_messages_are_units_with_whole_texts(chats):
    assert chats.ids.tolist() == ["b/0", "b/1", "a/0", "a/1"]
    assert chats.table["unit_id"].tolist() == chats.table["message_id"].tolist()
    assert chats.table["end"].tolist() == [len(text) for text in chats.texts]
    assert chats.metadata == ["arm", "time", "when", "score", "seen"]
    assert chats.conversations.tolist() == ["b", "b", "a", "a"]


def test_sentences_point_into_their_messages(chats):
    sentences = chats.units("sentence")
    assert sentences.texts.tolist() == [
        "I lost it.", "Oh no!", "what happened?", "hi", "Hello..", "you ok? :)",
    ]  # fmt: skip
    assert sentences.ids.tolist() == ["b/0#0", "b/1#0", "b/1#1", "a/0#0", "a/1#0", "a/1#1"]
    assert sentences.table["arm"].tolist() == ["coach"] * 3 + ["video"] * 3
    assert sentences.messages()["text"].tolist() == chats.texts.tolist()


def test_cutting_again_changes_nothing(chats):
    sentences = chats.units("sentence")
    assert sentences.units("sentence") is sentences
    assert chats.units("message") is chats
    pd.testing.assert_frame_equal(sentences.units("message").table, chats.table)


def test_an_unknown_unit_is_refused(chats):
    with pytest.raises(OptionError, match="--unit is sentence or message"):
        chats.units("word")


@pytest.mark.parametrize(
    ("columns", "ids"),
    [
        ({"role": "SUPPORTER"}, ["b/1", "a/1"]),
        ({"role": "seeker", "arm": "video"}, ["a/0"]),
        ({"time": 1}, ["b/0", "b/1"]),
        ({"time": "1"}, ["b/0", "b/1"]),
        ({"arm": ["coach", "video"], "seen": True}, ["b/0", "a/0", "a/1"]),
        ({"conversation_id": "a"}, ["a/0", "a/1"]),
    ],
)
def test_where_keeps_the_asked_rows(chats, columns, ids):
    assert chats.where(**columns).ids.tolist() == ids


def test_where_on_sentences_keeps_their_messages_alone(chats):
    support = chats.units("sentence").where(role="supporter")
    assert support.messages()["message_id"].tolist() == ["b/1", "a/1"]


def test_where_and_units_can_be_exchanged(chats):
    one = chats.where(role="supporter").units("sentence")
    other = chats.units("sentence").where(role="supporter")
    assert one.digest == other.digest


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"role": "suporter"}, r"no role 'suporter'; did you mean supporter\? .*Seeker \(2\)"),
        ({"rle": "x"}, r"no column rle; did you mean role\? .*arm, time"),
        ({"role": "Seeker", "score": 3.5}, "no message with role='Seeker', score=3.5 all at once"),
    ],
)
def test_where_says_what_there_is(chats, columns, sentence):
    with pytest.raises(InputError, match=sentence):
        chats.where(**columns)


def test_where_without_roles_says_how_to_name_them():
    with pytest.raises(InputError, match=r"no role column.*--speaker NAME"):
        read_corpus(["hello"]).where(role="supporter")


@pytest.mark.parametrize("unit", ["message", "sentence"])
def test_a_stored_corpus_comes_back_equal(chats, unit, tmp_path):
    corpus = chats.where(role="supporter").units(unit)
    corpus.save(tmp_path / "corpus")
    loaded = Corpus.load(tmp_path / "corpus")
    pd.testing.assert_frame_equal(loaded.table, corpus.table)
    pd.testing.assert_frame_equal(loaded.messages(), corpus.messages())
    assert (loaded.unit, loaded.report, loaded.digest) == (unit, corpus.report, corpus.digest)


def test_a_damaged_or_missing_file_is_named(chats, tmp_path):
    chats.save(tmp_path)
    (tmp_path / "units.parquet").write_bytes(b"PAR1")
    with pytest.raises(ArtifactError, match=r"units\.parquet cannot be read"):
        Corpus.load(tmp_path)
    (tmp_path / "units.parquet").unlink()
    with pytest.raises(ArtifactError, match=r"units\.parquet is missing"):
        Corpus.load(tmp_path)


def test_the_digest_follows_every_value(chats):
    digests = {chats.digest, chats.units("sentence").digest, chats.where(time=1).digest}
    for column, value in {"text": "other", "role": "x", "arm": None, "score": 9.0}.items():
        table = chats.table.copy()
        table.loc[0, column] = value
        digests.add(Corpus(table, "message", chats.report).digest)
    assert len(digests) == 7


def test_the_digest_tells_apart_where_values_end():
    def digest(first, second):
        return read_corpus(pd.DataFrame({"text": [first, second]})).digest

    assert digest("ab", "c") != digest("a", "bc")


def test_the_arrays_cannot_be_written(chats):
    for array in (chats.texts, chats.ids, chats.conversations):
        assert array.dtype == np.dtype(object)
        with pytest.raises(ValueError, match="read-only"):
            array[0] = "other"


def test_the_messages_are_a_copy(chats):
    messages = chats.messages()
    messages["text"] = "gone"
    assert "gone" not in chats.texts
