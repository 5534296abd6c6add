"""Which phrases are whole: they begin and end where a speaker could."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from saeidioms.idioms.ngrams import Phrases
from saeidioms.idioms.words import Words

Bools = npt.NDArray[np.bool_]


def _listed(words: str) -> tuple[str, ...]:
    return tuple(words.split())


# English function words. Words of other languages count as content, so that there only the
# counts decide.
_ARTICLES = ("a", "an")
_DETERMINERS = _listed(
    "a an the my your his their our its this these those some any every each no other"
)
_LINKS = _listed("and or but nor than as if because while although though of")
_DEGREES = _listed("so very really such quite pretty just even also most more")
_PREPOSITIONS = _listed(
    "to for with in on at by from into onto over under through about around after before between "
    "during without within against toward towards upon like"
)
_AUXILIARIES = _listed(
    "am is are was were be been being do does did have has had can could will would shall should "
    "may might must isn't aren't wasn't weren't don't doesn't didn't haven't hasn't hadn't can't "
    "couldn't won't wouldn't shouldn't get got getting"
)
_SUBJECTS = _listed("i you he she it we they that there")
_QUESTIONS = _listed("what how where when why who which whose")
_CONTRACTED = _listed(
    "i'm you're we're they're he's she's it's that's there's what's who's how's where's i've "
    "you've we've they've i'll you'll we'll they'll he'll she'll it'll that'll i'd you'd we'd "
    "they'd he'd she'd"
)
_OBJECTS = _listed("me him her us them mine yours hers too not here up out off down own s t m")

_OPEN_END = (*_DETERMINERS, *_LINKS, *_DEGREES)
_LOOSE_END = (*_PREPOSITIONS, *_AUXILIARIES, *_SUBJECTS, *_CONTRACTED, *_QUESTIONS)
_LOOSE_START = (
    *(*_LINKS, *_PREPOSITIONS, *_AUXILIARIES, *_SUBJECTS, *_CONTRACTED),
    *("a", "an", "the", "its", "me", "him", "her", "us", "them"),
)
_FUNCTION = (*_OPEN_END, *_LOOSE_END, *_OBJECTS)
_SLOT = (*_DETERMINERS, *_PREPOSITIONS, "of")

_MOSTLY = 0.5  # share of its occurrences in which a phrase stands at an edge of its clause
_OFTEN = 0.3
_HARDLY = 0.15


def find_whole(words: Words, phrases: Phrases, weights: npt.NDArray) -> tuple[Bools, Bools]:
    """Tell which phrases are whole, and which of these end in an open slot.

    A phrase is whole if it does not begin or end with a word that points outside it. Such words
    are let pass where usage shows that the phrase is whole all the same:

    - a loose beginning (``to``, ``is``, ``you``) where the phrase often begins a clause ("to be
      honest", "at least", "you can do it");
    - an open or loose end (``the``, ``with``, ``I``) where the phrase often ends a clause ("me
      too", "what are you up to"); a loose end also where the phrase opens a clause and leaves a
      slot that others fill, of three words or more ("that must have been", "have you tried to");
    - function words alone ("me too", "what about") where at least half begin or end a clause.

    Numbers and single letters alone are never whole.

    A phrase of three words or more that ends in a determiner or preposition, or in an article and
    one word but hardly ever a clause, is whole with a slot behind it ("sorry about your *",
    "that's a good *").

    Parameters
    ----------
    words, phrases
        Of U texts.
    weights
        (U,) number of units that have each text.

    Returns
    -------
    whole, slot
        bool (V,) each.
    """
    begins, ends = _shares(words, phrases, weights)
    first, before_last, last, n_words, content = _shape(words, phrases)
    lists = _Lists(words.vocabulary)
    opens = begins >= _MOSTLY
    left = ~lists.has(_LOOSE_START)[first] | (begins >= _OFTEN)
    right = np.select(
        [lists.has(_OPEN_END)[last], lists.has(_LOOSE_END)[last]],
        [ends >= _MOSTLY, (ends >= _OFTEN) | (opens & (n_words >= 3))],
        default=True,
    )
    described = lists.has(_ARTICLES)[before_last] & (ends < _HARDLY)
    wants_more = (~right & lists.has(_SLOT)[last]) | (right & described)
    slot = left & wants_more & (n_words >= 3) & (content > 0)
    closes = ends >= _MOSTLY
    single = (n_words == 1) & ~lists.says_something()[first]
    alone = np.where(n_words == 1, opens & closes, ~_open_inside(phrases) & (opens | closes))
    whole = left & (right | slot) & ((content > 0) | alone) & ~single
    return whole, slot


class _Lists:
    def __init__(self, vocabulary: list[str]) -> None:
        self._vocabulary = np.array(vocabulary, dtype=object)

    def has(self, listed: tuple[str, ...]) -> Bools:
        """Return for each word of the vocabulary whether it is listed."""
        return np.isin(self._vocabulary.astype(str), listed)

    def says_something(self) -> Bools:
        """Return for each word whether it can be a phrase alone: no number, no single letter."""
        words = self._vocabulary.tolist()
        told = [not word.isnumeric() and (len(word) > 1 or not word.isalpha()) for word in words]
        return np.array(told, dtype=bool)


def _open_inside(phrases: Phrases) -> Bools:
    sizes = [len(layer.example) for layer in phrases.layers]
    return np.repeat([layer.right > 0 for layer in phrases.layers], sizes)


def _shares(words: Words, phrases: Phrases, weights: npt.NDArray) -> tuple[npt.NDArray, ...]:
    """Return in which share of its occurrences each phrase begins, and ends, a clause."""
    change = words.clause[1:] != words.clause[:-1]
    first = np.concatenate([[True], change])[: len(words.clause)]
    last = np.concatenate([change, [True]])[: len(words.clause)]
    begins, ends, total = np.zeros((3, len(phrases)))
    for layer in phrases.layers:
        places = np.flatnonzero(layer.at >= 0)
        number, weight = layer.at[places], weights[words.text[places]]
        begins += np.bincount(number, weight * first[places], len(phrases))
        ends += np.bincount(number, weight * last[places + layer.span - 1], len(phrases))
        total += np.bincount(number, weight, len(phrases))
    return begins / total, ends / total


def _shape(words: Words, phrases: Phrases) -> tuple[npt.NDArray, ...]:
    """Return first, last but one and last word, number of words and of content words."""
    function = _Lists(words.vocabulary).has(_FUNCTION)
    columns: list[tuple[npt.NDArray, ...]] = []
    for layer in phrases.layers:
        tokens = layer.example[:, None] + layer.offsets
        own = words.word[tokens]
        length = np.full(len(own), own.shape[1])
        before_last = own[:, max(0, own.shape[1] - 2)]
        columns.append((own[:, 0], before_last, own[:, -1], length, (~function[own]).sum(axis=1)))
    return tuple(map(np.concatenate, zip(*columns, strict=True)))
