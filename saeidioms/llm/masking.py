"""Masks over what could name a person, before a text leaves this machine."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence

import phonenumbers

_EMAIL = r"(?<![\w.+%-])[\w.+%-]+@(?:[\w-]+\.)+[\w-]*\w"
_PATH = r"[^\s<>\"']*[^\s<>\"'.,;:!?)\]]"
_HOST = r"(?<![\w.@-])(?:[\w-]+\.)+"
# Without http, only endings that do not come from leaving out a space, as in "tonight.me too".
_URL = (
    rf"(?<!\w)(?:https?://|ftp://|www\.){_PATH}"
    rf"|{_HOST}(?:com|org|net|edu|gov|info|(?:co|ac|org)\.uk)\b(?:[:/]{_PATH})?"
    rf"|{_HOST}(?:app|be|co|de|gg|io|ly|me|tv|uk)/\w{_PATH}"
)
# "@5pm" is a time, and "@ home" a place.
_HANDLE = r"(?<![\w@./])@(?!\d+(?:[ap]m)?\b)\w(?:[\w.-]*\w)?|(?<![\w/])/?u/[\w-]{3,20}\b"

PHONE = "[PHONE]"
_FEWEST_DIGITS = 7  # of a telephone number; shorter ones are ages, amounts and years
_DIGITS = r"(?:[ ()/.-]{0,2}\d)"
# Numbers that begin with 0 are no amounts, but may be dates; others are told by the word before.
_PHONE = re.compile(
    r"(?<![\w.,:/-])(?!\d\d[-/. ]\d\d[-/. ](?:19|20)\d\d\b)"
    rf"0\d{_DIGITS}{{7,13}}(?!\w)"
    r"|(?P<told>\b(?:call|text|phone|telephone|tel|ring|dial|mobile|cell|whatsapp|fax|number)\b"
    rf"[^\d\n$€£#]{{0,12}}?)\+?\(?\d{_DIGITS}{{6,14}}(?!\w)",
    re.IGNORECASE,
)


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
        With ``[EMAIL]``, ``[URL]``, ``[PHONE]`` and ``[USER]`` (names given, @handles, and u/names
        of Reddit). Telephone numbers are those that `phonenumbers
        <https://github.com/daviddrysdale/python-phonenumbers>`_ takes for valid, international or
        as written in the United States; those of nine digits or more from 0 on; and any of seven
        after a word such as "call". Names that nobody gave, and places, stay.

    Examples
    --------
    >>> mask(["Anna, mail me: x@y.org or +44 20 7946 0958, 24/7"], names=["anna"])
    ['[USER], mail me: [EMAIL] or [PHONE], 24/7']
    """
    words = _words(names)
    return [_without_numbers(words.sub(_mask, text)) for text in texts]


def _words(names: Collection[str]) -> re.Pattern[str]:
    """Return all but numbers in one pattern, so that no mask is looked through for another."""
    users = _HANDLE
    # Letters with accents can be written as one character or as two.
    forms = {unicodedata.normalize(form, name) for name in names for form in ("NFC", "NFD")}
    known = sorted({form.strip() for form in forms} - {""}, key=lambda form: (-len(form), form))
    if known:
        users += rf"|(?<!\w)(?:{'|'.join(map(re.escape, known))})(?![\w\u0300-\u036f])"
    return re.compile(f"(?P<EMAIL>{_EMAIL})|(?P<URL>{_URL})|(?P<USER>{users})", re.IGNORECASE)


def _mask(found: re.Match[str]) -> str:
    return f"[{found.lastgroup}]"


def _without_numbers(text: str) -> str:
    if sum(character.isdigit() for character in text) < _FEWEST_DIGITS:
        return text
    text = _PHONE.sub(lambda found: (found["told"] or "") + PHONE, text)
    parts, done = [], 0
    for match in phonenumbers.PhoneNumberMatcher(text, "US"):
        parts += [text[done : match.start], PHONE]
        done = match.end
    return "".join([*parts, text[done:]])
