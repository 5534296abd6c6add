import numpy as np
import pytest

from saeidioms.idioms.words import plain_key, read_words, stem


def forms(*texts):
    words = read_words(np.array(texts, dtype=object))
    return [
        [words.form(i) for i in range(len(words.word)) if words.text[i] == text]
        for text in range(len(texts))
    ]


@pytest.mark.parametrize(
    "text", ["I'm so sorry", "im so sorry", "I AM so sorry", "I’m so sorry", "I´m so sorry"]
)
def test_spellings_of_a_contraction_are_one(text):
    assert forms(text) == [["i'm", "so", "sorry"]]


def test_words_that_only_look_like_contractions_stay():
    assert forms("we were ill, well, its id") == [["we", "were", "ill", "well", "it's", "id"]]


def test_stretched_letters_become_the_usual_form():
    assert forms("so good", "sooo goood", "aww", "awwwww") == [
        ["so", "good"], ["so", "good"], ["aww"], ["aww"],
    ]  # fmt: skip


def test_what_is_written_in_full_across_a_clause_is_not_joined():
    assert forms("Who, I? Am sure") == [["who", "i", "am", "sure"]]


def test_clauses_and_sentences_are_told_apart():
    words = read_words(np.array(["Oh no, sorry! What happened?", "Well"], dtype=object))
    assert len(np.unique(words.clause)) == 4
    assert words.opens.tolist() == [True, False, False, True, False, True]


def test_tokens_know_their_place_in_the_text():
    text = "Oh no,  I am sorry 😢 naïve"
    words = read_words(np.array([text], dtype=object))
    written = [text[a:b] for a, b in zip(words.start, words.end, strict=True)]
    assert written == ["Oh", "no", "I am", "sorry", "😢", "naïve"]


def test_scripts_without_spaces_and_with_marks_are_read():
    assert forms("你好吗", "मुझे खेद है", "안녕 친구") == [
        ["你", "好", "吗"], ["मुझे", "खेद", "है"], ["안녕", "친구"],
    ]  # fmt: skip


def test_texts_without_words_have_no_tokens():
    assert forms("...", "?!", "") == [[], [], []]


def test_keys_ignore_case_and_punctuation_but_not_words():
    assert plain_key("Me too!!") == plain_key("me, too") != plain_key("me two")
    assert plain_key("...") != plain_key("?!")


@pytest.mark.parametrize(
    ("one", "other"), [("movies", "movie"), ("studying", "study"), ("baby", "babies")]
)
def test_inflections_share_a_stem(one, other):
    assert stem(one) == stem(other)


@pytest.mark.parametrize("word", ["this", "us", "class", "yes", "thing"])
def test_short_words_keep_their_ending(word):
    assert stem(word) == word
