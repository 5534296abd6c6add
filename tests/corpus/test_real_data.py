"""Every file of the shared folder is read whole."""

import logging

import pandas as pd
import pytest

from saeidioms.corpus.readers import read_corpus


@pytest.mark.parametrize(
    ("name", "messages", "conversations", "roles"),
    [
        ("lend_an_ear.csv", 680, 50, {"seeker": 365, "supporter": 315}),
        ("lend_an_ear_transcripts.csv", 680, 50, {"seeker": 365, "supporter": 315}),
        ("empathetic_dialogues.parquet", 107_247, 24_856, {"seeker": 55_984, "supporter": 51_263}),
        ("empathetic_intents_manual.csv", 506, 506, {"": 506}),
        ("esconv_dev.csv", 6_328, 211, {"seeker": 3_244, "supporter": 3_084}),
        ("empathy_tactics_val.csv", 286, 286, {"": 286}),
        ("esconv_failed.json", 5_230, 196, {"seeker": 2_853, "supporter": 2_377}),
    ],
)
def test_a_real_file_is_read_whole(data_folder, name, messages, conversations, roles, caplog):
    with caplog.at_level(logging.INFO):
        corpus = read_corpus(data_folder / name)
    assert len(corpus) == messages
    assert corpus.report.rows == corpus.report.kept == messages
    assert corpus.report.conversations == corpus.table["conversation_id"].nunique() == conversations
    assert corpus.table["role"].value_counts().to_dict() == roles
    assert corpus.table["unit_id"].is_unique
    assert corpus.report.sentence() in caplog.messages


def test_transcripts_are_the_same_chats(data_folder):
    rows = read_corpus(data_folder / "lend_an_ear.csv").table
    transcripts = read_corpus(data_folder / "lend_an_ear_transcripts.csv").table
    pd.testing.assert_frame_equal(rows, transcripts)


def test_ids_of_twenty_digits_stay_as_they_are(data_folder):
    ids = read_corpus(data_folder / "lend_an_ear.csv").conversations
    assert ids[0] == "20241031145103738386"


def test_esconv_keeps_what_is_said_of_turns_and_conversations(data_folder):
    corpus = read_corpus(data_folder / "esconv_failed.json")
    assert "ESConv" in corpus.report.format
    table = corpus.table
    assert (table["role"][table["strategy"].notna()] == "supporter").all()
    assert table["strategy"].notna().sum() == 2_377
    constant = table.groupby("conversation_id")[["emotion_type", "problem_type", "situation"]]
    assert (constant.nunique() == 1).all(axis=None)
    assert table["survey_score.seeker.initial_emotion_intensity"].between(1, 5).all()


def test_the_sentence_of_a_file_with_several_texts_is_the_text(data_folder):
    corpus = read_corpus(data_folder / "empathy_tactics_val.csv")
    assert corpus.report.columns["text"] == "sentence"
    assert {"response_id", "response", "validation"} <= set(corpus.metadata)
    assert corpus.table["validation"].dtype == "int64"
