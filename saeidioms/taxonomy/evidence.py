"""Which words of a unit carry its code: what its log-odds lose when they are left out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy import sparse

from saeidioms.display import Span
from saeidioms.errors import InputError, OptionError
from saeidioms.idioms.words import read_words
from saeidioms.progress import bar
from saeidioms.taxonomy.codebook import Codebook
from saeidioms.taxonomy.cues import find_cues
from saeidioms.taxonomy.placing import Encode
from saeidioms.taxonomy.schema import nearest

Window = tuple[int, int]  # first word, and the one behind the last
Falls = dict[Window, float]

_BLOCK = 512  # units whose occlusions are embedded together
_FIRST_WINDOWS = 12  # the most with which a unit is first looked over
_MOST = 0.7  # share of the greatest fall that the chosen words must explain
_LEFT = 0.4  # share of the evidence with which, without these words, more are looked for
_PHRASES = 2
_DECIMALS = 3
# A sign at the end of a sentence is evidence too. The point of "3.5" or "e.g." is none.
_SIGN = re.compile(r"[。！？…।؟]+|[.!?]+(?!\w)")


class Transformer(Protocol):
    """The part of a sparse autoencoder that tells which features fire."""

    def transform(self, X: Any) -> sparse.csr_matrix:
        """Return the (n, F) activations of (n, D) embeddings."""
        ...


def carrying_words(
    texts: Sequence[str],
    places: Sequence[str],
    codebook: Codebook,
    sae: Transformer,
    encode: Encode,
    *,
    max_words: int = 4,
) -> list[list[Span]]:
    """Find the few words of each unit without which its code would lose most of its log-odds.

    Occlusion (Zeiler & Fergus 2014, arXiv 1311.2901): the unit is embedded and coded again
    without each of some runs of words, first overlapping ones of `max_words` (twice, four times
    ... as many where the unit is long), then ever shorter ones within the run whose loss costs the
    place the most. The shortest run is taken that explains 70% of the greatest fall. Where over
    40% of the evidence is left without it, as in "Oh no, I'm so sorry", a second is sought in
    the rest.

    Parameters
    ----------
    texts
        n units.
    places
        (n,) the sub-category, or outside group, that each unit has; a unit of two is given twice.
    codebook
        The places of the F features.
    sae
        What turned the embeddings into activations of these features.
    encode
        Texts to (n, D) embeddings, by the encoder of the corpus: its ``encode``, rather than
        `saeidioms.embed`, which would keep every fragment on disk.
    max_words
        The most words of a run; the signs that end a sentence count as words.

    Returns
    -------
    list of list of Span
        For each unit its carrying words, in order; a word's span reaches to the next carrying
        word where they adjoin. The weight is the share of the evidence (log-odds of the unit over
        those of an empty one) that falls with the run, for the word of the run that explains most
        of it; for the others in proportion. Empty where nothing speaks for the place.

    Raises
    ------
    InputError
        If texts and places are not as many, or a place is not in the codebook.
    OptionError
        If `max_words` is less than 1.

    Notes
    -----
    A unit of up to 26 words costs at most 22 embeddings (itself, 12 runs, 9 shorter ones within
    the best), a second run 21 more, and every doubling of the length 3 more in each; on ESConv it
    is 21 a sentence on average. The same fragment is embedded once in a block of 512 units.
    """
    if max_words < 1:
        raise OptionError(f"max_words is {max_words}; it must be at least 1.")
    if len(texts) != len(places):
        raise InputError(f"{len(texts)} texts and {len(places)} places were given; give one each.")
    for row, place in enumerate(places):
        if place not in codebook.groups:
            raise InputError(
                f"text {row} has the place {place!r}, which the codebook does not know; "
                f"{nearest(place, codebook.groups)}it has: {', '.join(codebook.groups)}."
            )
    found: list[list[Span]] = []
    with bar("finding the words that carry codes", total=len(texts), unit="unit") as shown:
        for start in range(0, len(texts), _BLOCK):
            units = [_Unit.read(text) for text in texts[start : start + _BLOCK]]
            columns = [codebook.groups.index(place) for place in places[start : start + _BLOCK]]
            odds = _Odds(codebook, sae, encode)
            found += _carrying(units, columns, odds, max_words)
            shown.update(len(units))
    return found


@dataclass(frozen=True)
class _Unit:
    """A text with its words: the characters where each begins and ends, and which are signs."""

    text: str
    words: tuple[tuple[int, int, bool], ...]

    @classmethod
    def read(cls, text: str) -> _Unit:
        read = read_words(np.array([text], dtype=object))
        spans = list(zip(read.start.tolist(), read.end.tolist(), strict=True))
        words = [(start, end, False) for start, end in spans]
        words += [(*match.span(), True) for match in _SIGN.finditer(text)]
        if not words and text.strip():  # nothing but dashes, say
            words = [(text.index(text.strip()), len(text.rstrip()), False)]
        return cls(text, tuple(sorted(words)))

    def keeping(self, kept: Sequence[int]) -> str:
        """Return the text of some words, each with what stands between it and the next one."""
        if len(kept) == len(self.words):
            return self.text
        ends = [start for start, _, _ in self.words[1:]] + [len(self.text)]
        rest = ""
        for word in kept:
            start, _, sign = self.words[word]
            rest = (rest.rstrip() if sign else rest) + self.text[start : ends[word]]
        return rest.strip()

    def spans(self, weights: dict[int, float]) -> list[Span]:
        """Return the spans of the words with these weights."""
        spans = []
        for word, weight in sorted(weights.items()):
            start, end, _ = self.words[word]
            end = self.words[word + 1][0] if word + 1 in weights else end
            spans.append(Span(start, end, round(float(weight), _DECIMALS)))
        return spans


@dataclass(frozen=True)
class _Odds:
    """Texts to the log-odds of places, as `saeidioms.taxonomy.coding.code` reads them."""

    codebook: Codebook
    sae: Transformer
    encode: Encode

    def __call__(self, texts: Sequence[str], columns: Sequence[int]) -> npt.NDArray[np.float64]:
        """Return (n,), up to a constant: the log-odds of the place in each column for each text.

        In an empty text no feature fires and no cue holds: its log-odds are the codebook's base.
        """
        distinct = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        filled = [text for text in distinct if text]
        scores = np.tile(self.codebook.base, (len(distinct), 1))
        if filled:
            activations = self.sae.transform(np.asarray(self.encode(filled), np.float32))
            cues = self.codebook.cues
            form = np.array(list(cues.values())).reshape(len(cues), scores.shape[1])
            evidence = np.asarray(activations @ self.codebook.evidence)
            evidence = evidence + find_cues(filled, list(cues)) @ form
            scores[[distinct[text] for text in filled]] += evidence
        rows = np.array([distinct[text] for text in texts], dtype=np.int64)
        return np.asarray(scores[rows, columns], np.float64)


def _carrying(
    units: list[_Unit], columns: list[int], odds: _Odds, max_words: int
) -> list[list[Span]]:
    """Return the spans of each unit, for the place in its column."""
    now = odds([unit.text if unit.words else "" for unit in units], columns)
    nothing = odds([""] * len(units), columns)
    total = now - nothing
    weights: list[dict[int, float]] = [{} for _ in units]
    left = [list(range(len(unit.words))) for unit in units]
    seeking = [i for i in range(len(units)) if total[i] > 0]
    for _ in range(_PHRASES):
        falls = _falls(seeking, units, left, now, columns, odds, max_words)
        again = []
        for i, own in zip(seeking, falls, strict=True):
            run = _shortest(own, max_words)
            if run is None:
                continue
            share = min(own[run] / total[i], 1.0)
            weights[i] |= {left[i][word]: share * part for word, part in _parts(own, run).items()}
            left[i] = left[i][: run[0]] + left[i][run[1] :]
            now[i] -= own[run]
            if now[i] - nothing[i] > _LEFT * total[i]:
                again.append(i)
        seeking = again
    return [unit.spans(own) for unit, own in zip(units, weights, strict=True)]


def _falls(
    rows: list[int],
    units: list[_Unit],
    left: list[list[int]],
    now: npt.NDArray[np.float64],
    columns: list[int],
    odds: _Odds,
    max_words: int,
) -> list[Falls]:
    """Return for the units of these rows how far the log-odds fall without each window tried.

    Windows count the words that are `left`, with which the log-odds are `now`.
    """
    falls: list[Falls] = [{} for _ in rows]
    windows = [_first_windows(len(left[row]), max_words) for row in rows]
    while any(windows):
        tried = [(i, window) for i, own in enumerate(windows) for window in own]
        texts = [
            units[rows[i]].keeping(left[rows[i]][:first] + left[rows[i]][last:])
            for i, (first, last) in tried
        ]
        owners = [rows[i] for i, _ in tried]
        fallen = now[owners] - odds(texts, [columns[row] for row in owners])
        for (i, window), fall in zip(tried, fallen.tolist(), strict=True):
            falls[i][window] = fall
        windows = [_finer(own, last, max_words) for own, last in zip(falls, windows, strict=True)]
    return falls


def _first_windows(n_words: int, max_words: int) -> list[Window]:
    """Return overlapping windows over all words, the shortest of which there are few enough."""
    if n_words <= max_words:
        return [(0, n_words)] if n_words else []
    length = max_words
    while -(-(n_words - length) // _step(length)) >= _FIRST_WINDOWS:
        length *= 2
    return _overlapping(0, n_words, length)


def _finer(falls: Falls, last: list[Window], max_words: int) -> list[Window]:
    """Return the windows to try next, within the one of the `last` that costs most."""
    if not last:
        return []
    first, end = max(last, key=lambda window: falls[window])
    if end - first > max_words:
        return _overlapping(first, end, max(max_words, (end - first) // 2))
    return [
        (one, other)
        for one in range(first, end)
        for other in range(one + 1, end + 1)
        if (one, other) not in falls
    ]


def _overlapping(first: int, end: int, length: int) -> list[Window]:
    starts = [*range(first, end - length, _step(length)), end - length]
    return [(start, start + length) for start in starts]


def _step(length: int) -> int:
    return max(1, length // 2)


def _shortest(falls: Falls, max_words: int) -> Window | None:
    """Return the shortest window that explains most of the greatest fall; None without a fall."""
    short = {window: fall for window, fall in falls.items() if window[1] - window[0] <= max_words}
    greatest = max(short.values(), default=0.0)
    if greatest <= 0:
        return None
    enough = [window for window, fall in short.items() if fall >= _MOST * greatest]
    return min(enough, key=lambda window: (window[1] - window[0], -falls[window], window))


def _parts(falls: Falls, run: Window) -> dict[int, float]:
    """Return for each word of a run, 0 to 1, the most that it explains within it, in proportion.

    A window explains its fall by all of its words alike.
    """
    most = dict.fromkeys(range(*run), 0.0)
    for (first, end), fall in falls.items():
        if run[0] <= first and end <= run[1]:
            for word in range(first, end):
                most[word] = max(most[word], fall / (end - first))
    return {word: part / max(most.values()) for word, part in most.items()}
