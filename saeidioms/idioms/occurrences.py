"""Where given phrases stand in texts, found as `saeidioms.idioms.ngrams` counts them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from saeidioms.idioms.surface import OPEN
from saeidioms.idioms.words import Words, read_words

Ints = npt.NDArray[np.int64]

_OPEN_WORD = re.compile(rf"(?:^|\s){re.escape(OPEN)}(?=\s|$)")
_COLUMNS = ("text", "phrase", "start", "end", "n_words")


def find_occurrences(texts: Sequence[str], phrases: Sequence[str]) -> pd.DataFrame:
    """Return every occurrence of every phrase, whatever its spelling, within a clause.

    Parameters
    ----------
    texts
        U texts.
    phrases
        V phrases as the table of idioms writes them: ``*`` within one stands for any one word; at
        the end, for that it goes on.

    Returns
    -------
    pandas.DataFrame
        int64 ``text`` and ``phrase`` (their numbers), ``start`` and ``end`` (characters of the
        text), ``n_words``; by text, phrase and start.
    """
    parts = [[part for part in _OPEN_WORD.split(phrase) if part.strip()] for phrase in phrases]
    written = [part for own in parts for part in own]
    words = read_words(np.array([*texts, *written], dtype=object))
    ends = np.searchsorted(words.text, np.arange(len(texts), len(texts) + len(written) + 1))
    tokens = (words.word[slice(*ends[i : i + 2])] for i in range(len(written)))
    shapes: dict[tuple[int, ...], list[tuple[int, npt.NDArray]]] = defaultdict(list)
    for phrase, own in enumerate(parts):
        forms = [next(tokens) for _ in own]
        if forms and all(map(len, forms)):
            shapes[_offsets([len(part) for part in forms])].append((phrase, np.concatenate(forms)))
    found = [
        _of_shape(words, int(ends[0]), np.array(offsets), group)
        for offsets, group in shapes.items()
    ]
    table = pd.concat([pd.DataFrame(columns=list(_COLUMNS), dtype=np.int64), *found])
    return table.sort_values(["text", "phrase", "start"], ignore_index=True)


def _offsets(lengths: list[int]) -> tuple[int, ...]:
    """Return where the words of a phrase stand, with one open word between its parts."""
    places: list[int] = []
    for length in lengths:
        first = places[-1] + 2 if places else 0
        places += range(first, first + length)
    return tuple(places)


def _of_shape(
    words: Words, n_tokens: int, offsets: Ints, group: list[tuple[int, npt.NDArray]]
) -> pd.DataFrame:
    """Return the occurrences of phrases that all have their words at the same offsets."""
    forms = np.stack([own for _, own in group]).astype(np.int64)
    word, clause = words.word[:n_tokens].astype(np.int64), words.clause[:n_tokens]
    span = int(offsets[-1])
    places = np.arange(max(0, n_tokens - span))
    places = places[clause[places] == clause[places + span]]
    # Word by word, one number stands for all words of a phrase so far.
    phrase, place = np.zeros(len(forms), dtype=np.int64), np.zeros(len(places), dtype=np.int64)
    size = len(words.vocabulary)
    for column, offset in enumerate(offsets):
        known, phrase = np.unique(phrase * size + forms[:, column], return_inverse=True)
        here = place * size + word[places + offset]
        place = np.minimum(np.searchsorted(known, here), len(known) - 1)
        held = known[place] == here
        places, place = places[held], place[held]
    numbers = pd.DataFrame({"form": phrase, "phrase": [number for number, _ in group]})
    met = pd.DataFrame({"form": place, "place": places}).merge(numbers, on="form")
    first = met["place"].to_numpy(np.int64)
    columns = (
        words.text[first],
        met["phrase"],
        words.start[first],
        words.end[first + span],
        np.full(len(met), span + 1),
    )
    return pd.DataFrame(
        {name: np.asarray(own, np.int64) for name, own in zip(_COLUMNS, columns, strict=True)}
    )
