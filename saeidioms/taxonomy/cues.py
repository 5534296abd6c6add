"""Cues of form, which embeddings blur: a question, I or you, a command, negation, tense.

Found by closed lists of English words, without a parser: fast, the same everywhere, and open to a
reader's objection. ``question`` and ``exclamation`` also hold for other languages that use the
signs. A taxonomy declares the cues that tell its sub-categories apart; how much each speaks for
which is learnt from the seed expressions (`saeidioms.taxonomy.reading`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_OPENING = r"^\W*(?:(?:so|and|but|ok|okay|well|oh|hmm|then|also)\W+)*"
_AUXILIARY = (
    "(?:do|does|did|are|is|was|were|have|has|had|can|could|would|will|should|may|am)(?:n't)?"
)
_PERSON = "you|u|your|he|she|it|they|we|i|there|that|this|the|any|anyone|someone"
_ASKING = (
    rf"(?:who|what|when|where|why|how|which|whose)\s+(?:{_AUXILIARY}|happened|about|long|many|much)"
)
_COMMANDS = """
    allow apply ask avoid be believe break breathe buy call change check choose come consider
    contact cut do don't drink eat enjoy exercise explain find focus follow forget get give go hang
    hold ignore join keep learn leave let listen look make move never pay pick plan practice put
    reach read remember save see seek send set show sleep spend speak start stay stop take talk tell
    think treat trust try turn use visit wait walk watch work write
""".split()  # fmt: skip
_PAST = """
    was were had did went felt got lost said told made took gave came knew thought found left broke
    been
""".split()


def _words(*words: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(words)})\b", re.IGNORECASE)


CUES: dict[str, re.Pattern[str]] = {
    # Chats often leave the sign out: an inverted verb asks as well.
    "question": re.compile(
        rf"[?？؟]|{_OPENING}(?:{_ASKING}\b|{_AUXILIARY}\s+(?:{_PERSON})\b)", re.IGNORECASE
    ),
    "exclamation": re.compile("[!！]"),
    "I": _words("i", "im", "ive", "me", "my", "mine", "myself"),
    "we": _words("we", "us", "our", "ours", "let's"),
    "you": _words("you", "your", "yours", "yourself", "u", "ur", "youre"),
    "imperative": re.compile(
        rf"{_OPENING}(?:(?:please|just|maybe|perhaps|always|definitely|first)\W+)*"
        rf"(?:{'|'.join(_COMMANDS)})\b(?!\s+(?:is|are|was)\b)",
        re.IGNORECASE,
    ),
    "modal verb": _words(
        *("should", "could", "might", "may", "ought", "must", "can", "need to", "have to"),
        *("had better", "would (?:be|recommend|suggest|try)", "recommend", "suggest", "advise"),
        *("if i were you", "why not", "how about", "what about", "maybe", "perhaps", "try"),
    ),
    "past tense": _words(*_PAST, "used to", r"\w{3,}ed"),
    "future": re.compile(r"\b(?:will|won't|going to|gonna)\b|'ll\b", re.IGNORECASE),
    "negation": _words(
        *("not", "no", "never", "nothing", "none", "nobody", "cannot", "without"),
        *("cant", "dont", "doesnt", "didnt", "isnt", "wont", r"\w+n't"),
    ),
}  # fmt: skip


def find_cues(texts: Sequence[str], names: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return (N, C): 1 where a text holds the cue of that name (of `CUES`), else 0."""
    patterns = [CUES[name] for name in names]
    plain = [text.replace("’", "'") for text in texts]
    found = [[bool(pattern.search(text)) for pattern in patterns] for text in plain]
    return np.array(found, dtype=np.float64).reshape(len(texts), len(names))
