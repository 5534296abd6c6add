"""Formats, columns, and every way in which an input can be wrong."""

import json
import logging

import numpy as np
import pandas as pd
import pytest

from saeidioms.corpus.readers import read_corpus
from saeidioms.errors import InputError, OptionError

ROWS = [
    {"conversation_id": "c1", "turn": 0, "role": "seeker", "text": "I lost my job", "arm": 1},
    {"conversation_id": "c1", "turn": 1, "role": "supporter", "text": "Oh no, really?", "arm": 1},
    {"conversation_id": "c2", "turn": 0, "role": "seeker", "text": 'He said "no"\nto me', "arm": 2},
]


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    "name", ["a.csv", "b.csv", "c.tsv", "d.jsonl", "e.json", "f.parquet", "g.CSV"]
)
def test_every_format_gives_the_same_corpus(name, tmp_path):
    frame, path = pd.DataFrame(ROWS), tmp_path / name
    match name[0]:
        case "a" | "g":
            frame.to_csv(path, index=False)
        case "b":
            frame.to_csv(path, index=False, sep=";", encoding="utf-8-sig")
        case "c":
            frame.to_csv(path, index=False, sep="\t", encoding="utf-16")
        case "d":
            frame.to_json(path, orient="records", lines=True)
        case "e":
            frame.to_json(path, orient="records")
        case "f":
            frame.to_parquet(path)
    corpus = read_corpus(path)
    pd.testing.assert_frame_equal(corpus.table, read_corpus(frame).table)
    assert corpus.table["text"].tolist() == [row["text"] for row in ROWS]
    assert corpus.table["arm"].tolist() == [1, 1, 2]


def test_a_dataset_is_read_through_its_frame():
    datasets = pytest.importorskip("datasets")
    dataset = datasets.Dataset.from_list(ROWS)
    assert read_corpus(dataset).ids.tolist() == ["c1/0", "c1/1", "c2/0"]
    with pytest.raises(InputError, match="has the parts train"):
        read_corpus(datasets.DatasetDict(train=dataset))


def test_lists_are_read():
    assert read_corpus(["a", "b"]).ids.tolist() == ["row-1/0", "row-2/0"]
    assert read_corpus(ROWS).ids.tolist() == ["c1/0", "c1/1", "c2/0"]


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        (
            ["Message", "Sender", "Dialog ID", "msg_idx"],
            ["Message", "Sender", "Dialog ID", "msg_idx"],
        ),
        (
            ["content", "author", "conversationId", "x"],
            ["content", "author", "conversationId", None],
        ),
        (["body", "text", "y", "x"], ["text", None, None, None]),
        (["role", "speaker", "utterance", "thread-id"], ["utterance", "role", "thread-id", None]),
    ],
)
def test_columns_are_found_by_their_names(columns, found):
    report = read_corpus(pd.DataFrame([["a"] * 4], columns=columns)).report
    assert list(report.columns.values()) == found


def test_options_name_columns():
    frame = pd.DataFrame({"text": ["x", "y"], "said": ["a", "b"], "who": ["p", "q"], "g": [1, 1]})
    corpus = read_corpus(frame, text="said", speaker="who", conversation="g")
    assert corpus.texts.tolist() == ["a", "b"]
    assert corpus.ids.tolist() == ["1/0", "1/1"]
    assert corpus.table["input_text"].tolist() == ["x", "y"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"text": "txt"}, "no column `txt` for --text; did you mean `text`"),
        ({"speaker": "roles"}, "no column `roles` for --speaker; did you mean `role`"),
        ({"conversation": "dialog"}, "for --conversation; its columns are: conversation_id, turn"),
        ({"turn": "turns"}, "for --turn; did you mean `turn`"),
    ],
)
def test_a_misspelt_column_gets_the_nearest_name(options, sentence):
    with pytest.raises(InputError, match=sentence):
        read_corpus(ROWS, **options)


def test_what_people_say_in_a_csv_is_text_and_metadata_have_types(write):
    path = write(
        "a.csv",
        "text,role,arm,person,score,told,group\nNA,null,1,007,1.5,true,None\n20,NA,,012,2,False,b\n"
        "None,x,3,1,NA,TRUE,\n",
    )
    table = read_corpus(path).table
    assert table["text"].tolist() == ["NA", "20", "None"]
    assert table["role"].tolist() == ["null", "NA", "x"]
    assert str(table["arm"].dtype) == "Int64"
    assert table["arm"].isna().tolist() == [False, True, False]
    assert table["person"].tolist() == ["007", "012", "1"]
    assert table["score"].tolist()[:2] == [1.5, 2.0]
    assert table["told"].tolist() == [True, False, True]
    assert table["group"].tolist()[:2] == ["None", "b"]
    assert pd.isna(table["group"][2])


def test_rows_that_cannot_be_used_are_counted_and_keep_their_place():
    frame = pd.DataFrame(
        {
            "conversation_id": ["a"] * 6,
            "text": ["hi", np.nan, 5, "  ", "x" * 21, "bye"],
        }
    )
    corpus = read_corpus(frame, max_chars=20)
    assert corpus.table["turn"].tolist() == [0, 5]
    report = corpus.report
    assert (report.rows, report.kept) == (6, 2)
    assert report.dropped == {"empty": 1, "not text": 2, "over 20 characters": 1}
    assert report.examples == {"empty": [4], "not text": [2, 3], "over 20 characters": [5]}
    assert "dropped 4 of 6 rows: 1 empty (row 4), 2 not text (rows 2, 3)" in report.sentence()
    assert json.loads(json.dumps(report.to_dict())) == report.to_dict()


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([3, 1, 5], [1, 3, 5]),  # whole and different: kept, in order
        ([1, 0, 1], [0, 1, 2]),  # twice the same
        ([0.5, 1.5, 0.1], [0, 1, 2]),
        (["2024-05-01T10:02", "2024-05-01T10:01", "2024-05-01T10:03"], [0, 1, 2]),
        (pd.to_datetime(["2024-05-02", "2024-05-01", "2024-05-03"]), [0, 1, 2]),
    ],
)
def test_turns_are_numbers_of_the_input_or_places(turns, expected):
    frame = pd.DataFrame({"conversation_id": ["a"] * 3, "text": list("xyz"), "turn": turns})
    table = read_corpus(frame).table
    assert table["turn"].tolist() == expected
    by_turn = frame.sort_values("turn", kind="stable")["text"].tolist()
    assert table["text"].tolist() == by_turn


def test_a_number_that_runs_through_all_conversations_is_no_turn():
    frame = pd.DataFrame({"thread": list("aabb"), "text": list("wxyz"), "index": [0, 1, 2, 3]})
    assert read_corpus(frame).table["turn"].tolist() == [0, 1, 0, 1]


def test_turns_without_order_follow_the_rows(caplog):
    frame = pd.DataFrame({"thread": ["a", "a"], "text": ["x", "y"], "turn": ["late", "early"]})
    assert read_corpus(frame).texts.tolist() == ["x", "y"]
    assert "name another with --turn NAME" in caplog.text


def test_a_row_without_conversation_is_its_own(write):
    path = write("a.csv", "conversation_id,text\nc,hi\n,alone\nc,bye\n")
    assert read_corpus(path).ids.tolist() == ["c/0", "c/1", "row-2/0"]


def test_ids_are_read_as_written():
    frame = pd.DataFrame({"chat_id": [2.0, np.nan, 3.0], "text": list("abc")})
    assert read_corpus(frame).conversations.tolist() == ["2", "row-2", "3"]
    rows = [{"chat_id": 20241031145103738386, "text": "a"}, {"chat_id": "x", "text": "b"}]
    assert read_corpus(rows).conversations.tolist() == ["20241031145103738386", "x"]


def test_mixed_and_nested_metadata_become_text(tmp_path):
    frame = pd.DataFrame(
        {"text": ["a", "b", "c"], "mixed": [1, "x", None], "tags": [["p", 1], None, {"q": 2}]}
    )
    corpus = read_corpus(frame)
    assert corpus.table["mixed"].tolist()[:2] == ["1", "x"]
    assert corpus.table["tags"].tolist()[::2] == ['["p", 1]', '{"q": 2}']
    corpus.save(tmp_path)


def test_half_a_surrogate_pair_is_replaced(write):
    path = write("a.jsonl", '{"text": "oh \\ud83d no", "mood": "\\udc00"}')
    corpus = read_corpus(path)
    assert corpus.texts.tolist() == ["oh \ufffd no"]
    assert corpus.table["mood"].tolist() == ["\ufffd"]


def test_text_that_is_not_utf8_is_read_with_a_warning(write, caplog):
    path = write("a.csv", "text\nCafé, “yes”\n".replace(",", ";").encode("cp1252"))
    assert read_corpus(path).texts.tolist() == ["Café; “yes”"]
    assert "was read as Windows-1252" in caplog.text


def test_a_very_long_field_is_read(write):
    path = write("a.csv", f"text\n{'a ' * 100_000}\n")
    assert len(read_corpus(path, max_chars=300_000).texts[0]) == 199_999


def test_a_named_index_is_data():
    frame = pd.DataFrame({"text": ["a"]}, index=pd.Index(["k"], name="conversation_id"))
    assert read_corpus(frame).conversations.tolist() == ["k"]


CONVERSATION = {
    "id": "k",
    "arm": 2,
    "messages": [{"role": "u", "content": "hi"}, {"role": "v", "content": "yo"}],
}


@pytest.mark.parametrize(
    "value",
    [[CONVERSATION], CONVERSATION, {"version": 1, "data": [CONVERSATION]}],
    ids=["list", "one", "wrapped"],
)
def test_turns_in_a_list_become_rows(write, value):
    table = read_corpus(write("a.json", json.dumps(value))).table
    assert table["unit_id"].tolist() == ["k/0", "k/1"]
    assert table["role"].tolist() == ["u", "v"]
    assert table["text"].tolist() == ["hi", "yo"]
    assert table["arm"].tolist() == [2, 2]


def test_turns_of_bare_texts_are_read(write):
    path = write("a.json", '[{"dialog": ["hi", "yo"]}, {"dialog": []}, {"dialog": ["so"]}]')
    corpus = read_corpus(path)
    assert corpus.ids.tolist() == ["conversation-1/0", "conversation-1/1", "conversation-3/0"]
    assert corpus.report.dropped == {"not text": 1}


def test_a_folder_of_texts_is_one_conversation_a_file(write, tmp_path):
    write("chats/one.txt", "Anna: hi\n\nBen: hello\nmy friend\nAnna:  I lost: all\nBen: oh")
    write("chats/two.txt", "Recorded on Monday\nCoach 1: so?\r\nAnna: well")
    write("chats/three.txt", "")
    corpus = read_corpus(tmp_path / "chats")
    assert corpus.table["conversation_id"].tolist() == ["one"] * 4 + ["two"] * 3
    assert corpus.table["role"].tolist() == ["anna", "ben", "anna", "ben", "", "coach 1", "anna"]
    assert corpus.texts[1] == "hello\nmy friend"
    assert corpus.texts[2] == "I lost: all"
    assert corpus.report.dropped == {"not text": 1}


def test_a_word_before_a_colon_is_no_speaker(write):
    cell = "Seeker: hi\nSupporter: yo\n" * 60 + "Seeker: so\nMy point: leave\nSupporter: ok"
    corpus = read_corpus(write("a.txt", cell))
    assert set(corpus.table["role"]) == {"seeker", "supporter"}
    assert corpus.texts[-2] == "so\nMy point: leave"


def test_messages_with_colons_are_no_transcripts():
    frame = pd.DataFrame({"text": ["Note: call him", "Dear me: no", "So: yes"]})
    assert len(read_corpus(frame)) == 3


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", "", "is empty"),
        ("a.csv", "text,role\n", "has columns but no rows"),
        ("a.csv", "who,what\nx,y\n", "its columns are: who, what; name the one that .* --text"),
        ("a.csv", "text,role\na,b\nc\n", "line 3: 1 values where the header has 2"),
        ("a.csv", 'text,role\n"a\nb",c\nd,e,f\n', "line 4: 3 values where the header has 2"),
        ("a.csv", 'text,role\na,b\n"c,d\ne,f\n', "line 3: the row that begins here is malformed"),
        ("a.csv", "text,role\n,a\n ,b\n", "no usable message in column `text`: dropped 2 of 2"),
        ("a.csv", b"PK\x03\x04\x00\x00", "is a binary file"),
        ("a.csv", b"\x89\x81\x8d\x01", "is a binary file"),
        ("a.jsonl", '{"text": "a"}\n\n{"text": }\n', "line 3 is not valid JSON"),
        ("a.jsonl", '{"text": "a"}\n["b"]\n', "line 2 holds a list"),
        ("a.json", '{"text": ', "is not valid JSON"),
        ("a.json", '{"a": {"b": {"c": "d"}}}', "nested in a way that is not known"),
        ("a.json", "[[1]]", "nested in a way that is not known"),
        ("a.json", "3", "holds a number"),
        ("a.parquet", b"PAR1", "is damaged or no Parquet file"),
        ("a.txt", "no one speaks", "has no turns opened by `Name: `"),
        ("a.xlsx", b"PK", "does not tell its format by its ending; name it with --format"),
    ],
)  # fmt: skip
def test_a_wrong_file_gets_its_sentence(write, name, content, sentence):
    path = write(name, content)
    with pytest.raises(InputError, match=sentence) as caught:
        read_corpus(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_gets_its_sentence(write, tmp_path):
    write("chats.csv", "text\nhi\n")
    with pytest.raises(InputError, match=r"chat\.csv does not exist \(there is .*chats\.csv\)"):
        read_corpus(tmp_path / "chat.csv")


def test_a_folder_without_texts_gets_its_sentence(tmp_path):
    with pytest.raises(InputError, match=r"without \.txt files"):
        read_corpus(tmp_path)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"max_chars": 0}, "--max-chars is 0"), ({"format": "cvs"}, "did you mean csv")],
)
def test_a_wrong_option_gets_its_sentence(write, options, sentence):
    with pytest.raises(OptionError, match=sentence):
        read_corpus(write("a.csv", "text\nhi\n"), **options)


def test_what_is_no_source_gets_its_sentence():
    with pytest.raises(InputError, match="type int cannot be read"):
        read_corpus(5)


def test_one_message_is_a_corpus(write, caplog):
    with caplog.at_level(logging.INFO):
        corpus = read_corpus(write("a.csv", "text\nhi\n"))
    assert len(corpus) == 1
    assert "Read 1 message in 1 conversation" in caplog.text
