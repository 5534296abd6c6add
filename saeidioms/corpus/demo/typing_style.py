"""How people type: a writer's habits, and slips of the finger."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from saeidioms.corpus.demo.bank import pick

_LONG_WORD = re.compile(r"[a-z]{5,}")


@dataclass(frozen=True)
class Writer:
    """A person's ways of typing, as probabilities per sentence or message."""

    lower_case: float
    no_apostrophes: float
    slip: float
    no_full_stop: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Writer:
        """Return one of the kinds of writers: six in ten are careful."""
        return pick(
            [
                *[cls(lower_case=0.02, no_apostrophes=0.03, slip=0.02, no_full_stop=0.10)] * 6,
                *[cls(lower_case=0.10, no_apostrophes=0.30, slip=0.07, no_full_stop=0.35)] * 2,
                cls(lower_case=0.90, no_apostrophes=0.30, slip=0.05, no_full_stop=0.60),
                cls(lower_case=0.85, no_apostrophes=0.85, slip=0.12, no_full_stop=0.80),
            ],
            rng,
        )

    def type(self, sentence: str, rng: np.random.Generator) -> str:
        """Return the sentence as this person types it."""
        lower, bare, slip, loud, trail = rng.random(5)
        if lower < self.lower_case:
            sentence = sentence.lower()
        if bare < self.no_apostrophes:
            sentence = sentence.replace("'", "")
        if slip < self.slip:
            sentence = _slip(sentence, rng)
        if loud < 0.08 and sentence.endswith("!"):
            sentence += "!"
        if trail < 0.04 and sentence.endswith("."):
            sentence = sentence.rstrip(".") + "..."
        return sentence

    def finish(self, sentence: str, rng: np.random.Generator) -> str:
        """Return the last sentence of a message, perhaps without its full stop."""
        leave_out = rng.random() < self.no_full_stop
        return sentence.rstrip(".") if leave_out else sentence


def _slip(sentence: str, rng: np.random.Generator) -> str:
    """Swap two letters of a word, or leave one out."""
    words = list(_LONG_WORD.finditer(sentence))
    if not words:
        return sentence
    word = pick(words, rng)
    at = word.start() + 1 + int(rng.random() * (len(word[0]) - 2))
    swapped = sentence[at + 1] + sentence[at] if rng.random() < 0.6 else sentence[at + 1]
    return sentence[:at] + swapped + sentence[at + 2 :]
