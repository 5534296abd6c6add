"""How large a dictionary a corpus carries, and how many features a unit may use."""

from __future__ import annotations

import logging
import math

import numpy as np
import numpy.typing as npt

from saeidioms.errors import InputError, OptionError
from saeidioms.seeds import generator

logger = logging.getLogger(__name__)

LARGEST, FEWEST_FIRINGS = 2048, 36
FEW_ROWS = 200
HELD_OUT, MOST_HELD_OUT = 0.1, 100_000


def choose_size(n_rows: int, width: int) -> tuple[int, int]:
    """Choose the dictionary size and the sparsity from the size of the corpus.

    The number of distinct recurrent expressions grows about as the square root of the amount of
    text (Heaps' law), so ``n_features`` is the power of two nearest to ``3 sqrt(n_rows)``, at
    most 2048, and lowered until a feature fires on 36 units on average. ``k`` is
    ``sqrt(n_features) / 2`` (8 of 256, 16 of 1024), but at least 4 (below 16 features: a quarter).
    It is near what `saeidioms.sae.sweep.sweep` recommends for thousands to
    tens of thousands of sentences.

    Parameters
    ----------
    n_rows
        Number of units.
    width
        Width D of their embeddings; k stays below it.

    Returns
    -------
    n_features : int
    k : int

    Examples
    --------
    >>> choose_size(700, 384), choose_size(8_000, 384), choose_size(85_000, 384)
    ((64, 4), (256, 8), (1024, 16))
    """
    n_features = min(LARGEST, 2 ** round(math.log2(3 * math.sqrt(max(1, n_rows)))))
    while n_features > 2 and n_rows * _sparsity(n_features, width) < FEWEST_FIRINGS * n_features:
        n_features //= 2
    k = _sparsity(n_features, width)
    if n_rows < FEW_ROWS:
        logger.warning(
            "Only %d texts: what recurs among so few is hardly told from chance; give some "
            "hundreds, or take shares and labels as a first look.",
            n_rows,
        )
    return n_features, k


def _sparsity(n_features: int, width: int) -> int:
    k = max(round(math.sqrt(n_features) / 2), min(4, n_features // 4))
    return max(1, min(k, n_features, width))


def check_sizes(n_features: int | None, k: int | None) -> None:
    """Refuse, of what is known already, more active features than there are.

    Raises
    ------
    OptionError
        If k is more than `n_features`.
    """
    if n_features is not None and k is not None and k > n_features:
        raise OptionError(
            f"k={k} is more than n_features={n_features}: a row cannot use more features than "
            "there are; lower k or raise n_features."
        )


def split_rows(
    n_rows: int, groups: npt.ArrayLike | None, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the rows to train on and the rows held out: a tenth, in whole groups.

    At most 100,000 are held out, which is enough for any figure.

    Parameters
    ----------
    n_rows
        Number of rows, at least 2.
    groups
        (n_rows,) labels such as conversations, whose rows stay together; None: every row for
        itself.
    seed
        Of the random choice.

    Raises
    ------
    InputError
        If `groups` has another length.
    """
    labels = None if groups is None else np.asarray(groups)
    if labels is not None and len(labels) != n_rows:
        raise InputError(
            f"groups has {len(labels)} entries but there are {n_rows} rows; give one label a row."
        )
    wanted = min(HELD_OUT * n_rows, MOST_HELD_OUT)
    if labels is None:
        order = generator(seed, "sae.split").permutation(n_rows)
        n_held_out = max(1, int(wanted))
        return np.sort(order[n_held_out:]), np.sort(order[:n_held_out])
    labels = np.unique(labels, return_inverse=True)[1]
    sizes = np.bincount(labels)
    if len(sizes) < 2:
        logger.warning("all rows are of one group, so single rows of it are held out.")
        return split_rows(n_rows, None, seed)
    room = max(wanted, sizes.min())
    chosen = np.zeros(len(sizes), dtype=bool)
    for group in generator(seed, "sae.split").permutation(len(sizes)):
        if sizes[group] <= room:
            chosen[group] = True
            room -= sizes[group]
    return np.flatnonzero(~chosen[labels]), np.flatnonzero(chosen[labels])
