"""Masks over what could name a person, before a text leaves this machine."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import phonenumbers

EMAIL, URL, PHONE, USER = "[EMAIL]", "[URL]", "[PHONE]", "[USER]"

_EMAIL = re.compile(r"\b[\w.+%-]+@[\w-]+(?:\.[\w-]+)+\b")
_URL = re.compile(
    r"\b(?:https?://|www\.)[^\s<>\"']*[^\s<>\"'.,;:!?)\]]"
    # Without http, only what nobody writes by leaving out a space: "tonight.me too" is no address.
    r"|\b[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|edu|gov|info|co\.uk)\b(?:/[^\s<>\"']*)?"
    r"|\b[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}/[^\s<>\"']+",
    re.IGNORECASE,
)
_HANDLE = re.compile(r"(?<![\w@])@\w[\w.-]*\w")
_FEWEST_DIGITS = 7  # shorter numbers are ages, amounts and years


def mask(texts: Sequence[str], names: Collection[str] = ()) -> list[str]:
    """Return texts with masks in place of what could name a person.

    Parameters
    ----------
    texts
        What participants wrote.
    names
        Of the platform's users, such as the speakers of a corpus; whole words, in any letter case.

    Returns
    -------
    list of str
        With ``[EMAIL]``, ``[URL]``, ``[PHONE]`` and ``[USER]`` (names given, and @handles).
        Telephone numbers are those that `phonenumbers` takes for possible, international or as
        written in the United States. Names that nobody gave, and places, stay.
    """
    known = sorted({name.strip() for name in names if name.strip()}, key=len, reverse=True)
    users = _whole_words(known) if known else None
    return [_mask(text, users) for text in texts]


def _whole_words(names: Sequence[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)", re.IGNORECASE)


def _mask(text: str, users: re.Pattern[str] | None) -> str:
    text = _EMAIL.sub(EMAIL, text)
    text = _URL.sub(URL, text)
    text = _HANDLE.sub(USER, text)
    if users is not None:
        text = users.sub(USER, text)
    return _without_numbers(text)


def _without_numbers(text: str) -> str:
    if sum(character.isdigit() for character in text) < _FEWEST_DIGITS:
        return text
    parts, done = [], 0
    matcher = phonenumbers.PhoneNumberMatcher(text, "US", leniency=phonenumbers.Leniency.POSSIBLE)
    for match in matcher:
        if sum(character.isdigit() for character in match.raw_string) >= _FEWEST_DIGITS:
            parts += [text[done : match.start], PHONE]
            done = match.end
    return "".join([*parts, text[done:]])
