"""Which phrases are whole: they begin and end where a speaker could."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from saeidioms.idioms.ngrams import Phrases
from saeidioms.idioms.words import Words

Bools = npt.NDArray[np.bool_]

# English function words. Words of other languages count as content, so that there only the
# counts decide.
_DETERMINERS = "a an the my your his their our its this these some any every each no".split()
_LINKS = "and or but nor than as if because while although though of".split()
_DEGREES = "so very really such quite pretty just even also most more".split()
_PREPOSITIONS = (
    "to for with in on at by from into onto over under through about around after before between "
    "during without within against toward towards upon like"
).split()
_AUXILIARIES = (
    "am is are was were be been being do does did have has had can could will would shall should "
    "may might must isn't aren't wasn't weren't don't doesn't didn't haven't hasn't hadn't can't "
    "couldn't won't wouldn't shouldn't get got getting"
).split()
_SUBJECTS = "i you he she it we they that there".split()
_QUESTIONS = "what how where when why who which whose".split()
_CONTRACTED = (
    "i'm you're we're they're he's she's it's that's there's what's who's how's where's i've "
    "you've we've they've i'll you'll we'll they'll he'll she'll it'll that'll i'd you'd we'd "
    "they'd he'd she'd"
).split()
_OBJECTS = "me him her us them mine yours hers too not there's here s t m".split()

_OPEN_END = (*_DETERMINERS, *_LINKS, *_DEGREES)
_LOOSE_END = (*_PREPOSITIONS, *_AUXILIARIES, *_SUBJECTS, *_CONTRACTED, *_QUESTIONS)
_LOOSE_START = (*_LINKS, *_PREPOSITIONS, *_AUXILIARIES, "a", "an", "the", "its")
_FUNCTION = (*_OPEN_END, *_LOOSE_END, *_OBJECTS)
_SLOT = (*_DETERMINERS, *_PREPOSITIONS, "of")

_MOSTLY = 0.5  # share of its occurrences in which a phrase stands at an edge of its clause
_OFTEN = 0.3


def find_whole(words: Words, phrases: Phrases, weights: npt.NDArray) -> tuple[Bools, Bools]:
    """Tell which phrases are whole, and which of these end in an open slot.

    A phrase is whole if it does not begin or end with a word that points outside it. Such words
    are let pass where usage shows that the phrase is whole all the same:

    - a loose beginning (``to``, ``is``) where at least half of the occurrences begin a clause
      ("to be honest", "did you");
    - an open or loose end (``the``, ``with``, ``I``) where the phrase often ends a clause ("me
      too", "what are you up to"); a loose end also where the phrase opens a clause and leaves a
      slot that others fill: of three words or more ("that must have been", "have you tried to"),
      or an auxiliary or question word with its subject ("did you");
    - function words alone ("me too", "what about") where at least half begin or end a clause.

    A phrase of three words or more that ends in a determiner or preposition is whole with a slot
    behind it ("sorry about your *").

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
    first, last, n_words, content = _shape(words, phrases)
    listed = _Lists(words.vocabulary)
    opens = begins >= _MOSTLY
    left = ~listed.has(_LOOSE_START)[first] | opens
    starts_question = listed.has((*_AUXILIARIES, *_QUESTIONS))[first]
    asks = (n_words == 2) & starts_question & listed.has(_SUBJECTS)[last]
    loose = listed.has(_LOOSE_END)[last]
    open_ = listed.has(_OPEN_END)[last]
    right = np.select(
        [open_, loose],
        [ends >= _MOSTLY, (ends >= _OFTEN) | (opens & ((n_words >= 3) | asks))],
        default=True,
    )
    slot = ~right & left & (n_words >= 3) & (content > 0) & listed.has(_SLOT)[last]
    alone = np.where(n_words == 1, opens & (ends >= _MOSTLY), opens | (ends >= _MOSTLY))
    whole = left & (right | slot) & ((content > 0) | alone)
    return whole, slot


class _Lists:
    def __init__(self, vocabulary: list[str]) -> None:
        self._vocabulary = np.array(vocabulary, dtype=object)

    def has(self, listed: tuple[str, ...]) -> Bools:
        """Return for each word of the vocabulary whether it is listed."""
        return np.isin(self._vocabulary.astype(str), listed)


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
    """Return first word, last word, number of words and of content words of each phrase."""
    function = _Lists(words.vocabulary).has(_FUNCTION)
    first, last, n_words, content = [], [], [], []
    for layer in phrases.layers:
        tokens = layer.example[:, None] + layer.offsets
        own = words.word[tokens]
        first.append(own[:, 0])
        last.append(own[:, -1])
        n_words.append(np.full(len(own), own.shape[1]))
        content.append((~function[own]).sum(axis=1))
    return tuple(map(np.concatenate, (first, last, n_words, content)))
