"""Conversations kept back, so that labels can be tested on what they were not made from."""

from __future__ import annotations

import logging

import numpy as np
import numpy.typing as npt
import pandas as pd

from saeidioms.corpus.corpus import Corpus
from saeidioms.errors import OptionError
from saeidioms.seeds import generator

logger = logging.getLogger(__name__)

FEWEST_CONVERSATIONS = 20
_LARGEST_SHARE = 0.5


def split_conversations(corpus: Corpus, seed: int, share: float = 0.2) -> npt.NDArray[np.bool_]:
    """Return which units are of conversations that examples and idioms are not chosen from.

    Whole conversations are kept back, as what is said in one is alike.

    Parameters
    ----------
    corpus
        N units.
    seed
        Of the choice, which does not depend on the order of the units.
    share
        Of the conversations, 0 to 0.5.

    Returns
    -------
    numpy.ndarray
        (N,) bool; all False with fewer than 20 conversations, of which none can be spared.

    Raises
    ------
    OptionError
        If `share` is out of range.
    """
    if not 0 <= share <= _LARGEST_SHARE:
        raise OptionError(f"held_out is {share}; give a share of 0 to {_LARGEST_SHARE}.")
    number, names = pd.factorize(corpus.conversations, sort=True)
    if share == 0 or len(names) < FEWEST_CONVERSATIONS:
        logger.info(
            "No conversation is held out (of %d; share %g, and %d are needed): the fidelity of "
            "labels is measured on texts that were not shown, but not on unseen conversations.",
            *(len(names), share, FEWEST_CONVERSATIONS),
        )
        return np.zeros(len(corpus), dtype=bool)
    order = generator(seed, "held-out conversations").permutation(len(names))
    return np.isin(number, order[: max(1, round(share * len(names)))])
