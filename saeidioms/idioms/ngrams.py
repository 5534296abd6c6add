"""The recurrent phrases of a corpus: runs of words, and runs with one open word inside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from saeidioms.idioms.words import Ints, Words

MAX_WORDS = 6
# Words left and right of the open one.
FRAMES = ((1, 2), (2, 1), (2, 2), (1, 3), (3, 1), (2, 3), (3, 2))
NONE = -1


@dataclass(frozen=True, eq=False)
class Layer:
    """Phrases of one shape: `left` words; or `left` words, an open one, `right` words.

    Attributes
    ----------
    left, right
        Words before and after the open word; `right` is 0 where none is open.
    first
        Number of the layer's first phrase; they are numbered on from there.
    at
        int32 (L,) phrase that begins at each token, or -1.
    example
        int32 (V of the layer,) a token at which each phrase begins.
    """

    left: int
    right: int
    first: int
    at: Ints
    example: Ints

    @property
    def span(self) -> int:
        """Tokens that a phrase of this shape takes up, the open one included."""
        return self.left + self.right + (self.right > 0)

    @property
    def offsets(self) -> Ints:
        """Where the words of a phrase stand, from its first on; the open one is left out."""
        places = np.arange(self.span, dtype=np.int32)
        return places[(places != self.left) | (self.right == 0)]


@dataclass(frozen=True, eq=False)
class Phrases:
    """All V recurrent phrases of U texts.

    Attributes
    ----------
    layers
        By shape; phrases are numbered through, layer by layer.
    held
        (U, V) CSR of ones: which text holds which phrase.
    extensions
        A list of int64 (E, 2), longest phrases first: a phrase, and a phrase that it says more
        than, with one word less at an edge or an open word in place of one.
    """

    layers: list[Layer]
    held: sparse.csr_matrix
    extensions: list[npt.NDArray[np.int64]]

    def __len__(self) -> int:
        return int(self.held.shape[1])


def find_phrases(words: Words, n_texts: int, weights: npt.NDArray, min_units: int) -> Phrases:
    """Find every phrase of up to 6 words that at least `min_units` units hold.

    Longer phrases are only sought where both of their parts are frequent, as no phrase can be
    more frequent than its parts (Agrawal & Srikant 1994, Apriori).

    Parameters
    ----------
    words
        Tokens of U texts.
    n_texts
        U.
    weights
        (U,) number of units that have each text.
    min_units
        The least number of units.
    """
    counts = _Counts(words, weights, min_units)
    runs = [counts.layer(1, 0, words.word.astype(np.int64), 0)]
    for n in range(2, MAX_WORDS + 1):
        before = runs[-1]
        keys = counts.pairs(before.at, _shifted(before.at, 1), n)
        runs.append(counts.layer(n, 0, keys, before.first + len(before.example)))
    layers = list(runs)
    for left, right in FRAMES:
        after = _shifted(runs[right - 1].at, left + 1)
        keys = counts.pairs(runs[left - 1].at, after, left + right + 1)
        layers.append(counts.layer(left, right, keys, layers[-1].first + len(layers[-1].example)))
    return Phrases(layers, _held(layers, words.text, n_texts), _extensions(layers))


@dataclass(frozen=True, eq=False)
class _Counts:
    """What is needed to number the phrases of a shape that enough units hold."""

    words: Words
    weights: npt.NDArray
    min_units: int

    def pairs(self, left: Ints, right: Ints, span: int) -> npt.NDArray[np.int64]:
        """Return one key for each pair of parts within a clause, -1 where there is none."""
        clause = self.words.clause
        within = _shifted(clause, span - 1) == clause
        keys = left.astype(np.int64) << 32 | right.astype(np.int64)
        return np.where((left >= 0) & (right >= 0) & within, keys, NONE)

    def layer(self, left: int, right: int, keys: npt.NDArray[np.int64], first: int) -> Layer:
        """Return the layer of the keys that enough units hold, numbered from `first` on."""
        places = np.flatnonzero(keys >= 0)
        _, example, number = np.unique(keys[places], return_index=True, return_inverse=True)
        pairs = np.unique(number.astype(np.int64) << 32 | self.words.text[places])
        weights = self.weights[pairs & 0xFFFFFFFF]
        kept = np.bincount(pairs >> 32, weights=weights, minlength=len(example)) >= self.min_units
        at = np.full(len(keys), NONE, dtype=np.int32)
        at[places] = np.where(kept, first + np.cumsum(kept) - 1, NONE)[number]
        return Layer(left, right, first, at, places[example[kept]].astype(np.int32))


def _shifted(values: Ints, by: int) -> Ints:
    """Return what stands `by` tokens later."""
    out = np.full(len(values), NONE, dtype=np.int32)
    out[: max(0, len(values) - by)] = values[by:]
    return out


def _held(layers: list[Layer], text: Ints, n_texts: int) -> sparse.csr_matrix:
    places = [np.flatnonzero(layer.at >= 0) for layer in layers]
    rows = np.concatenate([text[own] for own in places])
    columns = np.concatenate([layer.at[own] for layer, own in zip(layers, places, strict=True)])
    shape = (n_texts, layers[-1].first + len(layers[-1].example))
    held = sparse.csr_matrix((np.ones(len(rows), dtype=np.int32), (rows, columns)), shape=shape)
    held.sum_duplicates()
    held.data[:] = 1
    return held


def _extensions(layers: list[Layer]) -> list[npt.NDArray[np.int64]]:
    """Return (phrase, lesser phrase) pairs, read off one place where each phrase stands."""
    by_shape = {(layer.left, layer.right): layer for layer in layers}
    pairs = []
    for layer in sorted(layers, key=lambda layer: (-layer.span, layer.right)):
        own = layer.first + np.arange(len(layer.example), dtype=np.int64)
        for shape, offset in _lesser_shapes(layer.left, layer.right):
            if shape in by_shape:
                lesser = by_shape[shape].at[layer.example + offset].astype(np.int64)
                pairs.append(np.stack([own, lesser], axis=1)[lesser >= 0])
    return pairs


def _lesser_shapes(left: int, right: int) -> list[tuple[tuple[int, int], int]]:
    """Return the shapes of lesser phrases, and where in the phrase they begin.

    A run is not lesser than a phrase with an open word, which is harder to read.
    """
    if right:
        trimmed = [((left - 1, right), 1), ((left, right - 1), 0)]
        return [(shape, offset) for shape, offset in trimmed if min(shape) > 0]
    opened = [((n, left - 1 - n), 0) for n in range(1, left - 1)]
    return [((left - 1, 0), 0), ((left - 1, 0), 1), *opened]
