import re
from html import unescape

import numpy as np
import pandas as pd
import pytest

from saeidioms.display import Span, highlighted
from saeidioms.embedding.encoders import load_encoder
from saeidioms.errors import InputError, OptionError
from saeidioms.sae.autoencoder import SparseAutoencoder
from saeidioms.taxonomy.codebook import COLUMNS, Codebook
from saeidioms.taxonomy.evidence import carrying_words
from saeidioms.taxonomy.taxonomy import Taxonomy

VOCABULARY = ["so", "sorry", "?", "hello"]
DICTIONARY = {  # what each feature counts, and its place
    "expressing sympathy": ["so", "sorry"],
    "encouraging elaboration": ["?"],
    "greetings": ["hello"],
}
SYMPATHY = "expressing sympathy"

SAID = [  # sentences, where a reader puts them, and a word that carries it
    ("I'm so sorry to hear that, my bus was late too.", SYMPATHY, "sorry"),
    ("My condolences, by the way the parcel came today.", SYMPATHY, "condolences"),
    (
        "It was raining on Tuesday when we met, what happened then?",
        "encouraging elaboration",
        "what",
    ),
    ("You are so strong, and the kettle is on.", "affirming", "strong"),
    ("Hello there, the train to Leeds was on time.", "greetings", "Hello"),
    ("Thank you so much, the lamp is in the kitchen.", "thanks", "Thank"),
    ("The shop closes at five, take care and goodbye!", "farewells", "goodbye"),
    ("The kettle is on, and maybe you should try some yoga.", "advice-giving", "try"),
    ("In the garden I thought that it will all be okay soon.", "providing reassurance", "will"),
    ("I'm always here for you, even when the bus is late.", "demonstrating availability", "here"),
]


def codebook_of(places, weight=8.0, cues=()):
    taxonomy = Taxonomy.read("empathy")
    inside = [place if place in taxonomy.names else "" for place in places]
    table = pd.DataFrame(
        {
            "feature": np.arange(len(places)),
            "label": "",
            "category": [taxonomy.category_of(place) if place else "" for place in inside],
            "sub_category": inside,
            "outside": [place if place not in inside else "" for place in places],
            "weight": weight,
            "also": "",
            "confidence": 0.9,
            "source": "offline",
            "note": "",
        }
    )
    n_places = len(taxonomy.names) + len(taxonomy.outside)
    book = Codebook(table[list(COLUMNS)], taxonomy, np.zeros(n_places))
    form = {cue: 8.0 * np.eye(n_places)[book.groups.index(place)] for cue, place in cues}
    return Codebook(book.table, taxonomy, book.base, form)


def count_words(texts):
    """Stand in for an encoder: how often each word of the vocabulary occurs."""
    words = [re.findall(r"[\w']+|\?", text.lower()) for text in texts]
    return np.array([[own.count(word) for word in VOCABULARY] for own in words], np.float32)


@pytest.fixture(scope="module")
def codebook():
    return codebook_of(list(DICTIONARY))


@pytest.fixture(scope="module")
def sae():
    rows = [[float(word in own) for word in VOCABULARY] for own in DICTIONARY.values()]
    zeros = np.zeros(len(rows)), np.zeros(len(VOCABULARY))
    return SparseAutoencoder.from_weights(rows, zeros[0], rows, zeros[1], sparsity="relu")


def marked(text, spans):
    """Return the marked parts of a text, adjoining spans taken together."""
    parts, end = [], -1
    for span in spans:
        part = text[span.start : span.end]
        parts = [*parts[:-1], parts[-1] + part] if span.start == end else [*parts, part]
        end = span.end
    return parts


@pytest.mark.parametrize(
    "text",
    [
        "I was so sorry when the bus came.",
        "So sorry!",
        "When the bus came I was late, and she was (as they said) so sorry",
        " ".join(["the bus was late and then it came"] * 9) + " and we were so sorry for them.",
    ],
)
def test_the_planted_phrase_carries_the_code_and_nothing_else_does(text, codebook, sae):
    (spans,) = carrying_words([text], [SYMPATHY], codebook, sae, count_words)
    assert [part.lower() for part in marked(text, spans)] == ["so sorry"]
    assert [span.weight for span in spans] == [1.0, 1.0]


def test_the_same_unit_has_other_words_for_another_code(codebook, sae):
    text = "Hello, I am so sorry, what happened?"
    places = [SYMPATHY, "encouraging elaboration", "greetings"]
    found = carrying_words([text] * 3, places, codebook, sae, count_words)
    assert [marked(text, spans) for spans in found] == [["so sorry"], ["?"], ["Hello"]]


def test_nothing_is_left_of_a_unit_of_one_word(codebook, sae):
    texts = [" Sorry ", "?", "…", "—", " "]
    places = [SYMPATHY, *["encouraging elaboration"] * 4]
    found = carrying_words(texts, places, codebook, sae, count_words)
    assert found == [[Span(1, 6, 1.0)], [Span(0, 1, 1.0)], [], [], []]


def test_words_said_twice_are_told_apart_by_where_they_stand(codebook, sae):
    text = "Sorry 😀, the bus à l’école n’était pas là: désolé, sorry."
    (spans,) = carrying_words([text], [SYMPATHY], codebook, sae, count_words)
    assert spans == [
        Span(0, 5, pytest.approx(0.5, abs=0.1)),
        Span(text.rindex("sorry"), text.rindex("sorry") + 5, pytest.approx(0.5, abs=0.1)),
    ]


def test_a_point_within_a_number_is_no_end_of_a_sentence(codebook, sae):
    text = "It took 3.5 hours?!"
    (spans,) = carrying_words([text], ["encouraging elaboration"], codebook, sae, count_words)
    assert marked(text, spans) == ["?!"]


def test_features_that_speak_against_the_place_leave_no_words(codebook, sae):
    found = carrying_words(["The bus came.", "Hello."], [SYMPATHY] * 2, codebook, sae, count_words)
    assert found == [[], []]


def test_a_cue_of_form_carries_a_code_too(sae):
    book = codebook_of(list(DICTIONARY), weight=0.0, cues=[("question", "self-oriented")])
    text = "The bus came late, no?"
    (spans,) = carrying_words([text], ["self-oriented"], book, sae, count_words)
    assert marked(text, spans) == ["?"]


def test_longer_runs_are_found_where_they_are_allowed(codebook, sae):
    text = "She was late and so very sorry."
    short, long = (
        carrying_words([text], [SYMPATHY], codebook, sae, count_words, max_words=n)[0]
        for n in (1, 4)
    )
    assert marked(text, short) == ["so", "sorry"]
    assert marked(text, long) == ["so very sorry"]
    assert [span.weight for span in long] == [1.0, pytest.approx(2 / 3, abs=0.01), 1.0]


def test_a_unit_has_the_same_words_alone_and_among_others(codebook, sae):
    texts = ["I was so sorry.", "Sorry about the bus, so sorry.", "So it goes. Hello?"] * 200
    together = carrying_words(texts, [SYMPATHY] * len(texts), codebook, sae, count_words)
    alone = [
        carrying_words([text], [SYMPATHY], codebook, sae, count_words)[0] for text in texts[:3]
    ]
    assert together == alone * 200


@pytest.mark.parametrize(("n_words", "most"), [(1, 1), (4, 10), (12, 15), (26, 22), (100, 28)])
def test_a_run_costs_no_more_texts_than_stated(n_words, most, codebook, sae):
    texts = []

    def encode(new):
        texts.extend(new)
        return count_words(new)

    text = " ".join([*(f"word{i}" for i in range(n_words - 1)), "sorry"])
    carrying_words([text], [SYMPATHY], codebook, sae, encode)
    assert len(texts) <= most


def test_no_units_have_no_words(codebook, sae):
    assert carrying_words([], [], codebook, sae, count_words) == []


def test_what_does_not_fit_is_refused(codebook, sae):
    with pytest.raises(InputError, match="1 texts and 0 places were given"):
        carrying_words(["so"], [], codebook, sae, count_words)
    with pytest.raises(InputError, match=r"text 1 .* 'affirm'.*did you mean affirming"):
        carrying_words(["so", "so"], [SYMPATHY, "affirm"], codebook, sae, count_words)
    with pytest.raises(OptionError, match="max_words is 0; it must be at least 1"):
        carrying_words(["so"], [SYMPATHY], codebook, sae, count_words, max_words=0)


def test_marked_text_is_safe_and_whole():
    text = "<script>alert('so')</script> & sorry"
    html = highlighted(text, [Span(31, 36, 0.5), Span(0, 8, 1.0)])
    assert html.count("<mark ") == html.count("</mark>") == 2
    assert ", 0.50)" in html
    assert "<script" not in html
    assert unescape(re.sub(r"</?mark[^>]*>", "", html)) == text


def test_a_text_without_spans_is_only_escaped():
    assert highlighted("a < b", []) == "a &lt; b"


@pytest.mark.parametrize("spans", [[Span(0, 9, 1.0)], [Span(0, 3, 1.0), Span(2, 4, 1.0)]])
def test_spans_of_another_text_are_refused(spans):
    with pytest.raises(InputError, match="overlaps another or lies outside of the text"):
        highlighted("sorry", spans)


@pytest.fixture(scope="module")
def real_words():
    """Read the sentences with a dictionary whose features are the mean seeds of the places."""
    encode = load_encoder("all-MiniLM-L6-v2", precision="float32").encode
    taxonomy = Taxonomy.read("empathy")
    holders = [(sub.name, sub.expressions) for sub in taxonomy.sub_categories]
    holders += [(group.name, group.seeds) for group in taxonomy.outside]
    means = np.array([encode(list(seeds)).mean(axis=0) for _, seeds in holders])
    center = means.mean(axis=0)
    rows = means - center
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    sae = SparseAutoencoder.from_weights(
        rows, np.full(len(rows), -0.05), rows, center, sparsity="relu"
    )
    book = codebook_of([name for name, _ in holders], weight=15.0)
    texts, places, _ = zip(*SAID, strict=True)
    return carrying_words(texts, places, book, sae, encode)


def test_in_real_sentences_the_words_that_a_reader_would_mark_carry_the_code(real_words):
    for (text, place, word), spans in zip(SAID, real_words, strict=True):
        assert word in " ".join(marked(text, spans)), (place, marked(text, spans))


def test_in_real_sentences_what_is_beside_the_point_carries_nothing(real_words):
    beside = ("bus", "parcel", "raining", "kettle", "Leeds", "kitchen", "shop", "garden")
    for (text, _, _), spans in zip(SAID, real_words, strict=True):
        assert all(0 <= span.start < span.end <= len(text) for span in spans)
        assert all(0 <= span.weight <= 1 for span in spans)
        assert not any(word in part for part in marked(text, spans) for word in beside)
