"""Stretches of words to mark in units: an idiom of the feature, or something else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from saeidioms.idioms.features import FeatureTable
from saeidioms.idioms.occurrences import find_occurrences
from saeidioms.idioms.words import plain_key, read_words
from saeidioms.seeds import generator

_TRIED = 200  # texts of a feature in which idioms are looked for
_COLUMNS = {"feature": "int64", "text": "int64", "start": "int64", "end": "int64", "right": "bool"}


def draw_marks(
    features: FeatureTable,
    texts: npt.NDArray,
    firing: Sequence[npt.NDArray[np.integer]],
    *,
    most: int,
    seed: int,
) -> pd.DataFrame:
    """Mark an idiom of a feature in some texts, and in each as many other words elsewhere.

    An idiom that the label quotes is not marked: it would be found by its letters alone.

    Parameters
    ----------
    features
        F features with labels.
    texts
        (P,) texts.
    firing
        For each feature, the texts to choose from, by their places.
    most
        The most texts of a feature.
    seed
        Of the choices.

    Returns
    -------
    pandas.DataFrame
        ``feature, text, start, end, right``: the characters that are marked in a text, and whether
        they are an idiom; two rows for each text, in random order within a feature.
    """
    tried = [
        np.sort(generator(seed, f"texts to mark of feature {number}").permutation(own)[:_TRIED])
        for number, own in enumerate(firing)
    ]
    places, text = np.unique(np.concatenate([[], *tried]).astype(np.int64), return_inverse=True)
    feature = np.repeat(np.arange(len(tried)), [len(own) for own in tried])
    idioms, phrases = _idioms(features)
    found = find_occurrences(texts[places].tolist(), phrases)
    fires = pd.DataFrame({"feature": feature, "text": text})
    held = fires.merge(found, on="text").merge(idioms, on=["feature", "phrase"])
    held = held.sort_values(["feature", "text", "phrase", "start"], ignore_index=True)
    marker = _Marker(texts[places])
    marks: list[tuple[Any, ...]] = []
    for number, own in held.groupby("feature", sort=True):
        rng = generator(seed, f"marks of feature {number}")
        drawn: list[tuple[Any, ...]] = []
        for one in rng.permutation(own.loc[~own["quoted"], "text"].unique()).tolist():
            if len(drawn) < 2 * most:
                stretches = marker.mark(one, own[own["text"] == one], rng)
                drawn += [(number, places[one], *stretch) for stretch in stretches]
        marks += [drawn[at] for at in rng.permutation(len(drawn))]
    return pd.DataFrame(marks, columns=list(_COLUMNS)).astype(_COLUMNS)


def _idioms(features: FeatureTable) -> tuple[pd.DataFrame, list[str]]:
    """Return ``feature, phrase, quoted``, where phrase is a number; and the phrases."""
    phrase, phrases = pd.factorize(features.idioms["phrase"])
    labels = [f" {plain_key(label)} " for label in features.table["label"]]
    spoken = [f" {plain_key(one)} " for one in phrases]
    idioms = features.idioms[["feature"]].assign(phrase=phrase)
    pairs = zip(idioms["feature"].tolist(), phrase.tolist(), strict=True)
    return idioms.assign(quoted=[spoken[n] in labels[of] for of, n in pairs]), phrases.tolist()


class _Marker:
    """Finds the right and the wrong stretch in texts."""

    def __init__(self, texts: npt.NDArray) -> None:
        self._words = read_words(texts)
        self._first = np.searchsorted(self._words.text, np.arange(len(texts) + 1))

    def mark(
        self, text: int, held: pd.DataFrame, rng: np.random.Generator
    ) -> list[tuple[int, int, bool]]:
        """Return the stretch of an idiom, and one that touches none; nothing where all do."""
        right = held[~held["quoted"]].iloc[0]
        last = int(right["n_words"]) - 1
        span = slice(*self._first[text : text + 2])
        start, end, clause = (
            column[span] for column in (self._words.start, self._words.end, self._words.clause)
        )
        firsts, lasts = start[: len(start) - last], end[last:]
        clear = clause[: len(clause) - last] == clause[last:]
        for low, high in zip(held["start"], held["end"], strict=True):
            clear &= (lasts <= low) | (firsts >= high)
        choice = np.flatnonzero(clear)
        if not len(choice):
            return []
        place = rng.choice(choice)
        wrong = (int(firsts[place]), int(lasts[place]), False)
        return [(int(right["start"]), int(right["end"]), True), wrong]
