"""Texts as words: one integer a token, spelling variants taken together, surface forms kept."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]

_MARKS = "".join(chr(c) for c in range(0x300, 0x3100) if unicodedata.category(chr(c))[0] == "M")
# Scripts written without spaces: every character is a token, and phrases are runs of them.
_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"
_LETTERS = rf"(?:(?![{_UNSPACED}])[^\W_][{_MARKS}]*)+"
_TOKEN = re.compile(
    rf"(?P<alone>(?:[{_UNSPACED}])[{_MARKS}]*|[\u2600-\u27bf\U0001f300-\U0001faff]\ufe0f?"
    r"|[:;]-?[()DP](?!\w))"
    rf"|(?P<word>{_LETTERS}(?:['’`´]{_LETTERS})*)"
    r"|(?P<end>[.!?…\n\r。！？।؟]+)"
    r"|(?P<pause>[,;:()\"“”–—、，；：]+|\s-+\s)"
)
APOSTROPHES = str.maketrans("’`´", "'''")
_STRETCHED = re.compile(r"([^\W\d_])\1{2,}")

# English contractions, as they are typed without the apostrophe and as they are written in full.
# "its" is nearly always "it's" in chats; were, well, ill, id, hell are left out: other words.
_CONTRACTIONS = {
    "i'm": "im", "you're": "youre", "they're": "theyre", "it's": "its",
    "he's": "hes", "she's": "shes", "that's": "thats", "what's": "whats", "where's": "wheres",
    "how's": "hows", "who's": "whos", "there's": "theres", "here's": "heres", "let's": "lets",
    "i've": "ive", "you've": "youve", "we've": "weve", "they've": "theyve", "you'll": "youll",
    "they'll": "theyll", "it'll": "itll", "that'll": "thatll", "you'd": "youd",
    "they'd": "theyd", "don't": "dont", "doesn't": "doesnt", "didn't": "didnt", "can't": "cant",
    "couldn't": "couldnt", "wouldn't": "wouldnt", "shouldn't": "shouldnt", "won't": "wont",
    "isn't": "isnt", "aren't": "arent", "wasn't": "wasnt", "weren't": "werent",
    "hasn't": "hasnt", "haven't": "havent", "hadn't": "hadnt", "ain't": "aint",
}  # fmt: skip
_RESTORED = {bare: word for word, bare in _CONTRACTIONS.items()} | {"cannot": "can't"}
_FULL = {
    ("i", "am"): "i'm", ("you", "are"): "you're", ("we", "are"): "we're",
    ("they", "are"): "they're", ("it", "is"): "it's", ("that", "is"): "that's",
    ("what", "is"): "what's", ("do", "not"): "don't", ("does", "not"): "doesn't",
    ("did", "not"): "didn't", ("i", "will"): "i'll", ("you", "will"): "you'll",
    ("it", "will"): "it'll", ("they", "will"): "they'll",
}  # fmt: skip

_ENDINGS = (
    ("'s", ""), ("ies", "y"), ("ied", "y"), ("sses", "ss"), ("ss", "ss"), ("us", "us"),
    ("is", "is"), ("ing", ""), ("es", ""), ("ed", ""), ("s", ""),
)  # fmt: skip
_LAST = str.maketrans({"y": "i", "e": ""})
_STEM = 3  # letters that must be left


@dataclass(frozen=True, eq=False)
class Words:
    """The tokens of U texts, one after the other.

    Attributes
    ----------
    vocabulary
        Normal form of each word: lower case, contractions with their apostrophe.
    word
        int32 (L,) word of each token.
    text
        int32 (L,) text that the token is in, ascending.
    start, end
        int32 (L,) characters of the token in its text.
    opens
        bool (L,) whether the token opens a sentence.
    clause
        int32 (L,) number of the clause that the token is in; phrases do not cross clauses.
    """

    vocabulary: list[str]
    word: Ints
    text: Ints
    start: Ints
    end: Ints
    opens: npt.NDArray[np.bool_]
    clause: Ints

    def form(self, token: int) -> str:
        """Return the normal form of a token."""
        return self.vocabulary[self.word[token]]


def read_words(texts: npt.NDArray) -> Words:
    """Cut texts into words and take the variants of a word together.

    Variants are letter case, apostrophes (``dont``, ``don’t``), contractions written in full
    (``I am``) and stretched letters (``sooo``), which become the more frequent of the forms with
    one and with two letters.
    """
    numbers: dict[str, int] = {}
    rows: list[tuple[int, int, int, int, bool, int]] = []
    clause = 0
    for number, text in enumerate(texts):
        before, opens = "", True
        clause += 1
        for match in _TOKEN.finditer(text):
            kind = match.lastgroup
            if kind == "end" or kind == "pause":
                opens = opens or kind == "end"
                before = ""
                clause += 1
                continue
            form = unicodedata.normalize("NFC", match.group()).translate(APOSTROPHES).casefold()
            form = _RESTORED.get(form, form)
            joined = _FULL.get((before, form))
            start = match.start()
            if joined is not None:
                form = joined
                _, _, start, _, opens, _ = rows.pop()
            word = numbers.setdefault(form, len(numbers))
            rows.append((word, number, start, match.end(), opens, clause))
            before, opens = form, False
    columns = np.array(rows, dtype=np.int32).reshape(-1, 6).T
    vocabulary = list(numbers)
    word = _without_stretching(vocabulary, columns[0])[columns[0]]
    return Words(
        vocabulary, word, columns[1], columns[2], columns[3], columns[4].astype(bool), columns[5]
    )


def stem(form: str) -> str:
    """Return an English word without the endings of inflection; others as they are."""
    for ending, left in _ENDINGS:
        if form.endswith(ending) and len(form) - len(ending) + len(left) >= _STEM:
            form = form[: len(form) - len(ending)] + left
            break
    return form[:-1] + form[-1:].translate(_LAST) if len(form) > _STEM else form


def stems(phrase: str) -> str:
    """Return the stems of a phrase's words, a space around each: what lies within is found so."""
    return f" {' '.join(stem(word) for word in phrase.casefold().split())} "


def plain_key(text: str) -> str:
    """Return what texts are compared by when letter case and punctuation do not matter."""
    words = [match.group().casefold() for match in _TOKEN.finditer(text) if _is_word(match)]
    return " ".join(words) or text.strip()


def count_words(text: str) -> int:
    """Return the number of words of a text."""
    return sum(map(_is_word, _TOKEN.finditer(text)))


def _is_word(match: re.Match[str]) -> bool:
    return match.lastgroup in ("word", "alone")


def _without_stretching(vocabulary: list[str], word: Ints) -> Ints:
    """Return for each word the word that stands for it."""
    counts = Counter(dict(enumerate(np.bincount(word, minlength=len(vocabulary)).tolist())))
    number = {form: i for i, form in enumerate(vocabulary)}
    target = np.arange(len(vocabulary), dtype=np.int32)
    for i, form in enumerate(vocabulary):
        if _STRETCHED.search(form):
            shorter = [_STRETCHED.sub(r"\1" * n, form) for n in (1, 2)]
            known = [number[_RESTORED.get(one, one)] for one in shorter if one in number]
            if known:
                target[i] = max(known, key=lambda one: counts[one])
    return target
