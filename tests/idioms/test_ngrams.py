import re

import numpy as np
import pytest

from saeidioms.idioms.ngrams import find_phrases
from saeidioms.idioms.words import read_words

TEXTS = np.array(
    ["so sorry to hear that", "sorry to hear that again", "glad to hear it", "sorry, to hear"] * 2,
    dtype=object,
)


def names(words, phrases):
    found = []
    for layer in phrases.layers:
        for token in layer.example:
            own = [words.form(i) for i in token + layer.offsets]
            found.append(
                " ".join(own[: layer.left] + ["*"] * bool(layer.right) + own[layer.left :])
            )
    return found


@pytest.fixture(scope="module")
def counted():
    words = read_words(TEXTS)
    weights = np.arange(1, len(TEXTS) + 1)
    phrases = find_phrases(words, len(TEXTS), weights, 3)
    return words, weights, phrases


def test_counts_are_those_of_a_search_in_the_texts(counted):
    words, weights, phrases = counted
    found = names(words, phrases)
    assert {"sorry to hear that", "to hear", "sorry * hear that", "glad to hear it"} <= set(found)
    for name, count in zip(found, weights @ phrases.held, strict=True):
        pattern = re.compile(rf"\b{re.escape(name)}\b".replace(r"\*", r"\w+"))
        assert count == sum(w for w, t in zip(weights, TEXTS, strict=True) if pattern.search(t))


def test_phrases_do_not_cross_a_clause(counted):
    words, _, phrases = counted
    own = names(words, phrases).index("sorry to")
    assert phrases.held[:, [own]].toarray().ravel().tolist() == [1, 1, 0, 0, 1, 1, 0, 0]


def test_rare_phrases_are_left_out():
    words = read_words(TEXTS)
    phrases = find_phrases(words, len(TEXTS), np.ones(len(TEXTS), dtype=int), 5)
    assert "sorry" in names(words, phrases)
    assert "again" not in names(words, phrases)


def test_extensions_name_the_phrases_within_a_phrase(counted):
    words, _, phrases = counted
    found = names(words, phrases)
    pairs = {(found[a], found[b]) for part in phrases.extensions for a, b in part.tolist()}
    assert ("sorry to hear", "to hear") in pairs
    assert ("sorry to hear that", "sorry * hear that") in pairs
    assert not any("*" in longer and "*" not in lesser for longer, lesser in pairs)


def test_texts_without_words_hold_nothing():
    texts = np.array(["...", "?!"], dtype=object)
    assert len(find_phrases(read_words(texts), 2, np.ones(2, dtype=int), 1)) == 0
