import unicodedata

import pandas as pd
import pytest

from saeidioms.llm.masking import mask


def masked(text, *names):
    (one,) = mask([text], names)
    return one


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to anna.smith+x@mail.example.org.", "write to [EMAIL]."),
        ("<jürgen@müller.example>", "<[EMAIL]>"),
        ("mailto:a@b.io?subject=hi", "mailto:[EMAIL]?subject=hi"),
        ("see https://example.org/a?b=c#d, it helps", "see [URL], it helps"),
        ("(www.example.org)", "([URL])"),
        ("ftp://files.example/x", "[URL]"),
        ("x" * 100 + "@example.org", "[EMAIL]"),
        ("Self-help.org is good", "[URL] is good"),
        ("reddit.com/r/eyebleach.", "[URL]."),
        ("watch youtu.be/dQw4w9WgXcQ!", "watch [URL]!"),
        ("ask @anna_92, or u/some-one", "ask [USER], or [USER]"),
    ],
)
def test_addresses_and_handles_are_masked(text, expected):
    assert masked(text) == expected


@pytest.mark.parametrize(
    "number",
    [
        *("+49 30 901820", "+44 20 7946 0958", "+919876543210", "00 49 30 901820"),
        *("(212) 555-0142", "212-555-0142", "212.555.0142", "2125550142", "+1 (212) 555-0142"),
        *("1-800-273-8255", "07700 900123", "06 12 34 56 78", "030 901820"),
    ],
)
def test_telephone_numbers_are_masked_with_nothing_round_them(number):
    assert masked(f"it is {number}, any time") == "it is [PHONE], any time"


@pytest.mark.parametrize("word", ["call", "Text me at", "my number is", "tel:", "WhatsApp"])
def test_a_short_number_is_masked_where_a_word_tells_what_it_is(word):
    assert masked(f"{word} 555-0142 now") == f"{word} [PHONE] now"
    assert masked("555-0142 of them") == "555-0142 of them"


@pytest.mark.parametrize(
    "text",
    [
        *("in 2019", "1990-1995", "from 2019 2020 to 2021", "2019/2020", "1950s-1960s"),
        *("I am 34 and she is 27", "24/7", "9-5", "18 to 25, 26 to 35", "5-10 15-20 years"),
        *("$1,000,000", "$1500000", "1,500,000", "1000000 people", "0.3333333", "3.14159265"),
        *("01/02/2020 10:30", "01-02-2020 10", "2020-01-02 10:30", "10:30-11:45"),
        *("I call $1500000 a lot", "text 741741", "the number of the dead is 1000000"),
        *("1, 2, 3, 4, 5, 6, 7, 8, 9, 10", "1 2 3 4 5 6 7", "ISBN 978-3-16-148410-0"),
        *("tonight.me too", "he was sad.he/she left", "e.g. this", "and/or", "3.5/5", "Mr.Smith"),
        *("meet @5pm", "@ home", "10@20", "@", "a @ b", "I am OK...really", "hello.World"),
    ],
)
def test_what_names_nobody_stays(text):
    assert masked(text) == text


def test_names_given_are_masked_as_whole_words_in_any_case():
    text = "ann, ANN and Ann's Anna met Zoë-Ann in Annapolis"
    expected = "[USER], [USER] and [USER]'s Anna met [USER]-[USER] in Annapolis"
    assert masked(text, "Ann", "zoË") == expected


def test_the_longer_of_two_names_is_masked_as_one():
    assert masked("Ann Lee wrote", "Ann", "Ann Lee") == "[USER] wrote"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_name_is_found_however_its_accents_are_written(form):
    text = unicodedata.normalize(form, "Hi José!")
    for given in ("NFC", "NFD"):
        assert masked(text, unicodedata.normalize(given, "josé")) == "Hi [USER]!"
    assert masked(text, "Jose") == text


def test_names_are_taken_by_the_letter():
    assert masked("a.b said axb", "a.b") == "[USER] said axb"
    assert masked("nothing (here)", "", "  ") == "nothing (here)"


def test_a_name_like_a_mask_breaks_no_mask():
    text = "email a@b.org or call +44 20 7946 0958, says user"
    expected = "[USER] [EMAIL] or call [PHONE], says [USER]"
    assert masked(text, "email", "url", "phone", "user") == expected


def test_texts_keep_their_order_and_number_and_masking_twice_changes_nothing():
    texts = ["a@b.org", "", "plain", "@me @you", "call 555-0142"]
    once = mask(texts)
    assert once == ["[EMAIL]", "", "plain", "[USER] [USER]", "call [PHONE]"]
    assert mask(once) == once


@pytest.mark.parametrize("piece", ["a.", "a@", "@a", "a-", "www.", "call ", "0 ", "1 2 ", "u/"])
def test_long_texts_of_one_piece_are_read_to_their_end(piece):
    text = piece * 20_000 + " x@y.org"
    assert masked(text).endswith(" [EMAIL]")


def test_of_real_messages_only_web_addresses_are_masked(data_folder):
    texts = pd.read_csv(data_folder / "esconv_dev.csv")["text"].tolist()
    changed = [(old, new) for old, new in zip(texts, mask(texts), strict=True) if old != new]
    assert len(changed) == 3
    for (old, new), address in zip(
        changed, ("self-help.org", "healthyplace.com", "Chewy.com"), strict=True
    ):
        assert new == old.replace(address, "[URL]")
