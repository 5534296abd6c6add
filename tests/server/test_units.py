import numpy as np
import pytest

from saeidioms.errors import OptionError
from saeidioms.run import Run
from saeidioms.server.units import MAX_CHARACTERS, Units


@pytest.fixture(scope="module")
def run(finished):
    return Run(finished)


@pytest.fixture(scope="module")
def units(run):
    return Units.of(run.corpus, run.activations, run.unlabelled)


def test_pages_hold_every_example_once_from_strong_to_weak(run, units):
    column = run.activations.matrix[:, [3]].toarray().ravel()
    pages = [units.examples(3, start, 7) for start in range(0, int((column > 0).sum()), 7)]
    rows = [unit for page in pages for unit in page["rows"]]
    assert {page["total"] for page in pages} == {len(rows)} == {np.count_nonzero(column)}
    assert sorted(unit["row"] for unit in rows) == np.flatnonzero(column).tolist()
    strengths = [unit["activation"] for unit in rows]
    assert strengths == sorted(strengths, reverse=True)
    assert strengths == [round(float(column[unit["row"]]), 4) for unit in rows]


def test_an_example_tells_where_it_comes_from(run, units):
    unit = units.examples(3, 0, 1)["rows"][0]
    row = run.corpus.table.iloc[unit["row"]]
    assert unit["unit_id"] == row["unit_id"]
    assert unit["message_id"] == row["message_id"]
    assert unit["conversation_id"] == row["conversation_id"]
    assert unit["context"]["arm"] == row["arm"]
    assert unit["context"]["turn"] == str(row["turn"])


def test_idioms_are_marked_in_examples(run, units):
    feature = int(run.unlabelled.idioms["feature"].iloc[0])
    phrases = run.unlabelled.idioms.query("feature == @feature")["phrase"].tolist()
    marked = {
        unit["text"][start:end].lower()
        for unit in units.examples(feature, 0, 200)["rows"]
        for start, end in unit["spans"]
    }
    assert marked
    assert any(phrase in marked for phrase in phrases)


def test_search_is_literal_and_looks_past_letter_case(run, units):
    texts = run.corpus.texts
    for wanted in ("SORRY", "<script>", "{{7*7}}", ".*", "${7*7} {%", "café", "😀 so"):
        found = units.search(wanted, 0, 200)
        there = [i for i, text in enumerate(texts) if wanted.lower() in text.lower()]
        assert found["total"] == len(there), wanted
        assert [unit["row"] for unit in found["rows"]] == there[:200]
        for unit in found["rows"]:
            start, end = unit["spans"][0]
            assert unit["text"][start:end].lower() == wanted.lower()


def test_pages_of_a_search_do_not_overlap(units):
    whole = [unit["row"] for unit in units.search("sorry", 0, 200)["rows"]]
    parts = [units.search("sorry", start, 4)["rows"] for start in range(0, len(whole), 4)]
    assert [unit["row"] for part in parts for unit in part] == whole


def test_a_long_message_is_cut_around_the_hit_and_given_whole_when_asked(units, long_message):
    (unit,) = units.search("sorry <b>word", 0, 5)["rows"]
    assert len(unit["text"]) == MAX_CHARACTERS
    assert unit["length"] == len(long_message)
    assert units.text(unit["row"]) == long_message


def test_a_unit_that_was_found_tells_which_features_fire(run, units, attacks):
    unit = units.search(attacks[0][:20], 0, 1)["rows"][0]
    column = run.activations.matrix[[unit["row"]]].toarray().ravel()
    assert unit["features"][0][0] == int(column.argmax())


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda units: units.search("  "), "is empty; give a word"),
        (lambda units: units.search("a", -1), "start is -1"),
        (lambda units: units.search("a", 0, 5000), "1 to 200"),
        (lambda units: units.examples(16), "no feature 16; give 0 to 15"),
        (lambda units: units.text(-1), "no unit -1"),
    ],
)
def test_what_is_asked_wrongly_is_refused_in_a_sentence(units, ask, sentence):
    with pytest.raises(OptionError, match=sentence):
        ask(units)
