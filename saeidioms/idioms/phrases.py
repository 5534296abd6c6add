"""The idioms of a feature: whole phrases that set the units it fires on apart from the rest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from saeidioms.corpus.corpus import Corpus
from saeidioms.idioms.contrast import contrast
from saeidioms.idioms.edges import find_whole
from saeidioms.idioms.ngrams import Phrases, find_phrases
from saeidioms.idioms.surface import OPEN, Surfaces
from saeidioms.idioms.words import Words, read_words, stem

IDIOM_COLUMNS = (
    ("feature", "int64"), ("phrase", "str"), ("count", "int64"), ("conversations", "int64"),
    ("feature_count", "int64"), ("z", "float64"), ("example", "str"),
)  # fmt: skip

_MIN_UNITS = 3
_MIN_CONVERSATIONS = 3
_MIN_Z = 1.96  # two-sided 5%
_MIN_SHARE = 0.005  # of the units that a feature fires on
_FRAGMENT = 0.5  # a phrase is a fragment if one extension makes up this share of its units
_COVERED = 0.6  # a phrase is redundant if related idioms hold this share of its units
_VARIANT = 1 / 3  # a longer variant of an idiom must make up this share of the idiom's units
_PER_WORD = 0.15  # what a further word adds to the score: the longer phrase says more
_FRAME = 0.6  # a phrase with an open word must tell much more than one without
_LONG = 4  # words; of phrases so long that differ in one word, the better one is kept
_CANDIDATES = 60


def idioms_of_features(corpus: Corpus, matrix: sparse.csr_matrix, n_idioms: int) -> pd.DataFrame:
    """Return the idioms of `saeidioms.idioms.features.FeatureTable`.

    A phrase is an idiom of a feature if

    - at least 3 units of 3 conversations hold it, and the feature fires on at least 3 of them,
      which are at least 0.5% of all that it fires on;
    - it sets the feature's units apart: z at least 1.96 (`saeidioms.idioms.contrast.log_odds`);
    - it is whole: it begins and ends where a speaker could
      (`saeidioms.idioms.edges.find_whole`), and no longer whole phrase makes up half of its units
      within the feature, as "sorry to hear that" does of "hear" (a pattern closed up to a
      tolerance: Cheng, Ke & Ng 2006, doi:10.1109/ICDM.2006.1);
    - better idioms that share half of its words do not already hold 60% of its units.

    Parameters
    ----------
    corpus
        N units.
    matrix
        (N, F) activations.
    n_idioms
        The most idioms for a feature.
    """
    text_of, texts = pd.factorize(corpus.texts)
    weights = np.bincount(text_of, minlength=len(texts))
    words = read_words(texts)
    phrases = find_phrases(words, len(texts), weights, _MIN_UNITS)
    conversations = _count_conversations(corpus, text_of, phrases)
    whole, slot = find_whole(words, phrases, weights)
    enough = conversations >= min(_MIN_CONVERSATIONS, len(set(corpus.conversations)))
    firing, strongest = _by_text(matrix, text_of, len(texts))
    found = contrast(phrases, whole, firing, weights)
    fired = np.asarray(firing.sum(axis=0)).ravel()[found["feature"]]
    kept = (found["z"] >= _MIN_Z) & (found["longer"] < _FRAGMENT)
    kept &= found["feature_count"] >= _MIN_SHARE * fired
    found = found[kept & (whole & enough)[found["phrase"]]]
    chooser = _Chooser(words, phrases, firing, strongest, n_idioms)
    parts = [chooser.choose(int(name), rows) for name, rows in found.groupby("feature", sort=True)]
    chosen = pd.concat([found.iloc[:0].assign(text=0), *parts])
    numbers = chosen["phrase"].to_numpy(np.int64)
    surfaces = Surfaces(texts, words, phrases)
    spelt = {n: surfaces.spell(n) + f" {OPEN}" * bool(slot[n]) for n in np.unique(numbers).tolist()}
    table = chosen.assign(
        phrase=[spelt[n] for n in numbers.tolist()],
        count=(weights @ phrases.held)[numbers],
        conversations=conversations[numbers],
        example=[" ".join(texts[n].split()) for n in chosen["text"].tolist()],
    )
    return (
        table[[name for name, _ in IDIOM_COLUMNS]]
        .astype(dict(IDIOM_COLUMNS))
        .reset_index(drop=True)
    )


def _count_conversations(corpus: Corpus, text_of: npt.NDArray, phrases: Phrases) -> npt.NDArray:
    """Return in how many conversations each phrase occurs."""
    of, names = pd.factorize(corpus.conversations)
    shape = (len(names), phrases.held.shape[0])
    ones = np.ones(len(of), dtype=np.int32)
    holds = sparse.csr_matrix((ones, (of, text_of)), shape=shape) @ phrases.held
    return np.bincount(holds.indices, minlength=len(phrases))


def _by_text(
    matrix: sparse.csr_matrix, text_of: npt.NDArray, n_texts: int
) -> tuple[sparse.csc_matrix, sparse.csc_matrix]:
    """Return (U, F) number of units with each text that fire, and their strongest activation."""
    n_features = matrix.shape[1]
    rows = matrix.tocoo()
    keys = rows.col.astype(np.int64) * n_texts + text_of[rows.row]
    found, inverse, number = np.unique(keys, return_inverse=True, return_counts=True)
    highest = np.zeros(len(found), dtype=np.float32)
    np.maximum.at(highest, inverse, rows.data)
    ends = np.searchsorted(found, np.arange(n_features + 1) * n_texts)
    where = (found % n_texts, ends)
    shape = (n_texts, n_features)
    return (
        sparse.csc_matrix((number.astype(np.int64), *where), shape=shape),
        sparse.csc_matrix((highest, *where), shape=shape),
    )


class _Chooser:
    """Chooses the idioms of one feature after the other, the most telling first."""

    def __init__(
        self,
        words: Words,
        phrases: Phrases,
        firing: sparse.csc_matrix,
        strongest: sparse.csc_matrix,
        n_idioms: int,
    ) -> None:
        stems, _ = pd.factorize(np.array([stem(form) for form in words.vocabulary], dtype=object))
        self._stem = stems[words.word]
        self._layers = phrases.layers
        self._firsts = np.array([layer.first for layer in phrases.layers])
        worth = [
            (1 + _PER_WORD * (len(layer.offsets) - 1)) * (_FRAME if layer.right else 1)
            for layer in phrases.layers
        ]
        self._worth = np.repeat(worth, [len(layer.example) for layer in phrases.layers])
        self._holders = phrases.held.T.tocsr()
        self._firing = firing
        self._strongest = strongest
        self._n_idioms = n_idioms
        self._place = np.full(firing.shape[0], -1, dtype=np.int64)

    def choose(self, feature: int, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the chosen `rows` in order, with ``text``: the strongest that holds the phrase."""
        numbers = rows["phrase"].to_numpy(np.int64)
        score = rows["z"].to_numpy() * self._worth[numbers]
        order = np.lexsort((numbers, -score))[:_CANDIDATES]
        rows, spoken = rows.iloc[order], [self._spoken(n) for n in numbers[order].tolist()]
        part = slice(*self._firing.indptr[feature : feature + 2])
        texts, units = self._firing.indices[part], self._firing.data[part]
        held = self._held(texts, rows["phrase"].to_numpy())
        sizes = held @ units
        chosen = _without_redundant(spoken, held, units, sizes)[: self._n_idioms]
        activation = np.where(held[chosen], self._strongest.data[part], -1)
        return rows.iloc[chosen].assign(text=texts[activation.argmax(axis=1)])

    def _held(self, texts: npt.NDArray, numbers: npt.NDArray) -> npt.NDArray[np.bool_]:
        """Return bool (phrases, texts): which of these texts holds which of these phrases."""
        self._place[texts] = np.arange(len(texts))
        held = np.zeros((len(numbers), len(texts)), dtype=bool)
        for row, number in enumerate(numbers):
            span = slice(*self._holders.indptr[number : number + 2])
            places = self._place[self._holders.indices[span]]
            held[row, places[places >= 0]] = True
        self._place[texts] = -1
        return held

    def _spoken(self, number: int) -> tuple[int, ...]:
        """Return the words of a phrase, as numbers of their stems."""
        layer = self._layers[int(np.searchsorted(self._firsts, number, side="right")) - 1]
        tokens = layer.example[number - layer.first] + layer.offsets
        return tuple(self._stem[tokens].tolist())


def _without_redundant(
    spoken: list[tuple[int, ...]],
    held: npt.NDArray[np.bool_],
    units: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
) -> list[int]:
    """Return the phrases, best first, that earlier ones and longer ones do not make redundant."""
    chosen: list[int] = []
    for one, words in enumerate(spoken):
        related = [other for other in chosen if _related(words, spoken[other])]
        if any(_alike(words, spoken[other]) for other in related):
            continue
        covering = [
            other
            for other in related
            if not (_within(spoken[other], words) and sizes[one] >= _VARIANT * sizes[other])
        ]
        if _share_held(held, units, one, covering) < _COVERED:
            chosen.append(one)
    kept = []
    for one in chosen:
        longer = [
            other
            for other in chosen
            if _within(spoken[one], spoken[other]) and sizes[other] >= _VARIANT * sizes[one]
        ]
        if _share_held(held, units, one, longer) < _COVERED:
            kept.append(one)
    return kept


def _share_held(
    held: npt.NDArray[np.bool_], units: npt.NDArray[np.int64], one: int, others: list[int]
) -> float:
    """Return in which share of the units that hold `one` any of the others is held too."""
    if not others:
        return 0.0
    own = held[one]
    return float((held[others].any(axis=0) & own) @ units / (own @ units))


def _related(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Tell whether two phrases share at least half of the words of the shorter one."""
    return 2 * len(set(one) & set(other)) >= min(len(set(one)), len(set(other)))


def _alike(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Tell whether two phrases are the same but for inflection, or long and but for one word."""
    if len(one) != len(other):
        return False
    return sum(a != b for a, b in zip(one, other, strict=True)) <= (len(one) >= _LONG)


def _within(shorter: tuple[int, ...], longer: tuple[int, ...]) -> bool:
    """Tell whether the words of one phrase are, in their order, among those of a longer one."""
    rest = iter(longer)
    return len(shorter) < len(longer) and all(word in rest for word in shorter)
