"""Messages are cut into sentences as chats write them, and no character is lost."""

import numpy as np
import pytest

from saeidioms.corpus.readers import read_corpus
from saeidioms.corpus.sentences import split_sentences
from saeidioms.seeds import generator


def pieces(text):
    _, start, end = split_sentences([text])
    return [text[a:b].strip() for a, b in zip(start, end, strict=True)]


def assert_tiles(texts, owner, start, end):
    """Every text is the sentences of its own, end to end, none empty."""
    assert (start < end).all()
    assert np.array_equal(np.unique(owner), np.arange(len(texts)))
    first = np.r_[True, owner[1:] != owner[:-1]]
    last = np.r_[first[1:], True]
    assert (start[first] == 0).all()
    assert (start[~first] == end[:-1][~first[1:]]).all()
    assert (end[last] == [len(text) for text in texts]).all()


@pytest.mark.parametrize(
    "sentences",
    [
        ["oh no!", "what happened?"],
        ["Oh no!", "I'm sorry to hear that.", "What position was it?"],
        ["im sorry.", "what happened"],
        ["really?", "that's awful"],
        ["oh no..", "i hope nothing bad happened!"],
        ["that sucks…", "so sorry"],
        ["what?!", "yes"],
        ["Wait!!", "really??", "yes."],
        ["It scares me.", "I've seen it."],
        ["oh no.", "that is sad."],
        ["So do I.", "It helps."],
        ["I met Mr. Smith, e.g. at work.", "He left."],
        ["Dr.Phil is here.", "he says hi"],
        ["We buy pens, paper, etc. for them."],
        ["It costs 3.5 dollars in the U.S. today."],
        ["No. 5 is alive"],
        ["Look at reddit.com/r/eyebleach or a.b@mail.org now"],
        ["See https://a.org/x.html?y=z.", "it helps"],
        ["I just got fired. :)", "You too?"],
        ["that's bad :(", "I am sorry"],
        ["Yes. (^_^)", "Thanks!"],
        [":) hello there. :D"],
        ["<3 <3"],
        [".."],
        ["1. Talk to him.", "2. Leave it."],
        ["hello", "how are you"],
        ["Take\tcare"],
    ],
    ids=lambda sentences: " | ".join(sentences),
)
def test_chat_is_cut_where_a_reader_would(sentences):
    separators = {"1. Talk to him.": "\n", "hello": "\n", "im sorry.": "", "really?": ""}
    text = "".join(one + separators.get(one, " ") for one in sentences).strip()
    assert pieces(text) == sentences


def test_a_line_wrapped_by_an_editor_goes_on():
    line = "I was thinking about the way that you told him about the trouble"
    assert pieces(f"{line}\nand what he said to you.") == [f"{line}\nand what he said to you."]


def test_windows_line_breaks_part_lines():
    assert pieces("A thing\r\nAnother") == ["A thing", "Another"]


def test_random_texts_lose_no_character():
    random = generator(0, "texts")
    parts = [
        "oh no", "I", "Mr.", "e.g.", "me.", "no.", ".", "..", "...", "…", "?", "!", "?!", ":)",
        "(^_^)", "<3", ":D", "😀", "👍🏽", "\n", "\r\n", "\n\n", " ", "  ", "\t", "\u00a0",
        "\u2028", '"', "“", "”", "(", ")", "1.", "20", "www.a.com", "é", "e\u0301", "漢字。",
        "\u200d", "-", "*",
    ]  # fmt: skip
    texts = ["".join(random.choice(parts, size=random.integers(1, 25))) for _ in range(3000)]
    assert_tiles(texts, *split_sentences(texts))


def test_long_runs_lose_no_character():
    """Patterns that look back again and again over a run would take minutes here."""
    runs = [
        "a" + run * 10_000 + " b" for run in (" ", ".", "?!", ":)", "b.c", "a@", "(", "\n", "1.")
    ]
    assert_tiles(runs, *split_sentences(runs))


def test_random_characters_lose_no_character():
    random = generator(0, "characters")
    codes = random.choice(
        [*range(1, 0x250), *range(0x2000, 0x2100), *range(0x1F600, 0x1F650)], size=(1000, 30)
    )
    texts = ["".join(map(chr, row)) for row in codes]
    assert_tiles(texts, *split_sentences(texts))


@pytest.mark.parametrize(
    "name",
    ["empathetic_dialogues.parquet", "esconv_dev.csv", "esconv_failed.json", "lend_an_ear.csv",
     "empathy_tactics_val.csv", "empathetic_intents_manual.csv"],
)  # fmt: skip
def test_real_messages_lose_no_character(data_folder, name):
    corpus = read_corpus(data_folder / name)
    sentences = corpus.units("sentence").table
    place = {message: number for number, message in enumerate(corpus.table["message_id"])}
    owner = sentences["message_id"].map(place).to_numpy()
    assert_tiles(corpus.texts, owner, sentences["start"].to_numpy(), sentences["end"].to_numpy())
    assert sentences["unit_id"].is_unique
    slices = [
        corpus.texts[o][a:b].strip()
        for o, a, b in zip(owner, sentences["start"], sentences["end"], strict=True)
    ]
    assert sentences["text"].tolist() == slices


def test_sentences_of_experts_are_kept_whole(data_folder):
    """The sentences of this file were cut by its authors: nearly none is to be cut again."""
    corpus = read_corpus(data_folder / "empathy_tactics_val.csv")
    assert len(corpus.units("sentence")) <= 1.03 * len(corpus)
