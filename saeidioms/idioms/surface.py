"""How phrases are written: the most frequent spelling among their occurrences."""

from __future__ import annotations

from collections import Counter
from functools import cached_property

import numpy as np
import numpy.typing as npt

from saeidioms.idioms.ngrams import Layer, Phrases
from saeidioms.idioms.words import APOSTROPHES, Words

OPEN = "*"
_MOST = 300  # occurrences that are looked at; more do not change the majority


class Surfaces:
    """The spellings of phrases.

    Parameters
    ----------
    texts
        U texts.
    words, phrases
        Their tokens and phrases.
    """

    def __init__(self, texts: npt.NDArray, words: Words, phrases: Phrases) -> None:
        self._texts = texts
        self._words = words
        self._layers = phrases.layers
        self._firsts = [layer.first for layer in phrases.layers]

    def spell(self, phrase: int) -> str:
        """Return the most frequent spelling of a phrase; ``*`` stands for an open word.

        Capitals that only open a sentence do not count, unless the word is "I"; contractions are
        written as such.
        """
        number = int(np.searchsorted(self._firsts, phrase, side="right")) - 1
        layer = self._layers[number]
        order, start = self._occurrences[number]
        own = phrase - layer.first
        places = order[start[own] : start[own + 1]][:_MOST]
        votes = Counter(self._slice(layer, int(place)) for place in places)
        return min(votes, key=lambda spelling: (-votes[spelling], spelling))

    @cached_property
    def _occurrences(self) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
        """Return for each layer the tokens where phrases begin, by phrase, and each one's first."""
        found = []
        for layer in self._layers:
            order = np.argsort(layer.at, kind="stable")
            numbers = layer.first + np.arange(len(layer.example) + 1)
            found.append((order, np.searchsorted(layer.at[order], numbers)))
        return found

    def _slice(self, layer: Layer, place: int) -> str:
        left = self._written(place, layer.left)
        if not layer.right:
            return left
        return f"{left} {OPEN} {self._written(place + layer.left + 1, layer.right)}"

    def _written(self, place: int, n_words: int) -> str:
        words = self._words
        text = self._texts[words.text[place]]
        pieces, done = [], int(words.start[place])
        for token in range(place, place + n_words):
            start, end = int(words.start[token]), int(words.end[token])
            pieces += [text[done:start], _contracted(text[start:end], words.form(token))]
            done = end
        written = " ".join("".join(pieces).split()).translate(APOSTROPHES)
        if words.opens[place] and not _is_i(words.form(place)):
            written = written[:1].lower() + written[1:]
        return written


def _contracted(written: str, form: str) -> str:
    """Return the word as it was written, but ``Dont`` and ``Do not`` as ``Don't``."""
    if "'" not in form or "'" in written.translate(APOSTROPHES):
        return written
    capital = written[:1].isupper() or _is_i(form)
    return form[:1].upper() + form[1:] if capital else form


def _is_i(form: str) -> bool:
    return form == "i" or form.startswith("i'")
