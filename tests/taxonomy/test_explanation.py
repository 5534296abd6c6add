"""New text is coded as a corpus is, and its reasons add up to its strength."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.special import softmax

from saeidioms.errors import InputError
from saeidioms.taxonomy.codebook import Codebook
from saeidioms.taxonomy.cues import find_cues
from saeidioms.taxonomy.explanation import explain
from saeidioms.taxonomy.taxonomy import Taxonomy

WORDS = ("sorry", "tried", "hello")


class Words:
    """One feature a word: the encoder counts it, the dictionary passes it on."""

    def transform(self, X):
        return sparse.csr_matrix(X)


def encode(texts):
    return np.array([[float(word in text.lower()) for word in WORDS] for text in texts])


@pytest.fixture
def book():
    taxonomy = Taxonomy.read("empathy")
    rows = [
        ("expressing sympathy", "", 6.0),
        ("advice-giving", "", 5.0),
        ("", "greetings", 4.0),
    ]
    table = pd.DataFrame(
        {
            "feature": range(3),
            "label": [f"says {word}" for word in WORDS],
            "category": ["Affective", "Mis-attuned", ""],
            "sub_category": [place for place, _, _ in rows],
            "outside": [place for _, place, _ in rows],
            "weight": [weight for _, _, weight in rows],
            "also": "",
            "confidence": 0.9,
            "source": "offline",
            "note": "",
        }
    )
    groups = len(taxonomy.names) + len(taxonomy.outside)
    question = np.zeros(groups)
    question[taxonomy.names.index("advice-giving")] = 1.5
    return Codebook(table, taxonomy, np.zeros(groups), {"question": question})


def test_each_sentence_has_its_code_words_and_reasons(book):
    found = explain("I'm so sorry. Have you tried yoga? Hello! Blue.", book, Words(), encode)
    assert found.units["sub_category"].tolist() == ["expressing sympathy", "advice-giving", "", ""]
    (span,) = found.units["words"][0]
    assert found.units["text"][0][span.start : span.end] == "sorry"
    reasons = found.reasons[found.reasons["unit"] == 1]
    assert reasons[["feature", "reason", "evidence"]].values.tolist() == [
        [1, "says tried", 5.0],
        [-1, "question", 1.5],
    ]


def test_the_reasons_add_up_to_the_strength(book):
    text = "Have you tried yoga?"
    found = explain(text, book, Words(), encode)
    odds = encode([text]) @ book.evidence + find_cues([text], ["question"]) @ np.array(
        list(book.cues.values())
    )
    column = book.groups.index("advice-giving")
    assert found.reasons["evidence"].sum() == pytest.approx(odds[0, column])
    assert found.units["strength"][0] == pytest.approx(softmax(odds[0])[column])


def test_what_is_shown_names_codes_and_marks_words(book):
    found = explain("I'm so sorry <b>. Hello", book, Words(), encode)
    html = found._repr_html_()
    assert "expressing sympathy" in repr(found)
    assert ">sorry</mark> &lt;b&gt;" in html or ">sorry </mark>&lt;b&gt;" in html
    assert "says sorry (0, +6.0)" in html


def test_a_message_can_be_one_unit(book):
    found = explain("Sorry. Tried?", book, Words(), encode, unit="message")
    assert set(found.units["unit"]) == {0}
    assert set(found.units["sub_category"]) == {"expressing sympathy", "advice-giving"}


def test_an_empty_text_is_refused(book):
    with pytest.raises(InputError, match="there is no text"):
        explain("  ", book, Words(), encode)
