"""Whether what people are, by a score of theirs, shows in what they say."""

from __future__ import annotations

import logging
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from saeidioms.errors import InputError, OptionError
from saeidioms.seeds import generator
from saeidioms.stats.bootstrap import sum_by_cluster
from saeidioms.stats.correlation import Halves, correlate, split_halves
from saeidioms.stats.equivalence import check_bound, ruled_out, two_one_sided
from saeidioms.stats.multiplicity import adjusted_within
from saeidioms.taxonomy.coded import CodedMessages
from saeidioms.taxonomy.distribution import CONVERSATION, check_draws

logger = logging.getLogger(__name__)

RELATED, NONE, UNDECIDED = "related", "equivalent to none", "undecided"
_FEWEST = 10  # people: fewer say nothing of a correlation


def traits(
    coded: CodedMessages,
    score: str,
    *,
    cluster: str = "participant_id",
    reliability: float | None = None,
    bound: float = 0.1,
    method: Literal["pearson", "spearman"] = "pearson",
    level: float = 0.95,
    n_boot: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return how a score of people goes with the share of their messages that hold each category.

    Each person counts once, however much they wrote: the claim is about people, and weighing them
    by messages would make it one about those who write most. That shares of few messages are noisy
    is answered by their reliability instead, which is estimated from random halves of each person's
    conversations (of their messages, where most people have one conversation); see
    `saeidioms.stats.correlation.correlate`. What changes between someone's conversations, such as
    by training in between, counts as noise there: choose messages of one time where that matters.

    A correlation that is not significant is not thereby none. That it is smaller than `bound` is
    tested by two one-sided tests (Lakens 2017, doi:10.1177/1948550617697177). Where the
    reliability of the score is given they test the corrected correlation, since a poor measurement
    would make any relationship look small; else the observed one.

    Parameters
    ----------
    coded
        M messages.
    score
        Numeric column with one value a person, such as ``trait_empathy``.
    cluster
        Column of the people, who are what is drawn again. A conversation without a value stands for
        a person of its own.
    reliability
        Of the score, such as Cronbach's alpha; above 0, at most 1.
    bound
        The smallest correlation that would matter, above 0 and below 1. Cohen's "small" is 0.1,
        which takes some 860 people to rule out with a chance of 0.8; ``ruled_out`` says what yours
        do.
    method
        "pearson", or "spearman" for ranks.
    level, n_boot, seed
        Of the intervals: level, number of draws, seed. Tests are made at 1 - level.

    Returns
    -------
    pandas.DataFrame
        ``level, category, sub_category``; ``r, low, high`` as observed, ``p`` and ``q`` (Benjamini
        and Hochberg over all sub-categories; categories are a family of their own);
        ``reliability`` of the share with ``reliability_low, reliability_high``, and ``halves`` of
        what (conversations or messages); ``corrected, corrected_low, corrected_high``, freed of the
        noise of the share, and of the score where its reliability is given;
        ``p_equivalence, q_equivalence`` (the same families), ``ruled_out`` (correlations of at
        least this size are ruled out, untouched by other tests), ``verdict``, ``n`` messages,
        ``clusters`` people, ``confidence_level``. The verdict is "equivalent to none" where
        q_equivalence is below 1 - level, whether or not the correlation is significant besides;
        "related" where q is; else "undecided".

    Raises
    ------
    OptionError
        If an option is out of range, or a column is not there or not numeric.
    InputError
        If a person has several scores, all have the same, or fewer than ten have one.

    Notes
    -----
    In simulations (300 studies each) whose true correlation is the bound itself, single tests
    called it smaller in 0.03 to 0.08 of studies, those of corrected correlations in 0.02 to 0.06.
    """
    check_draws(level, n_boot)
    check_bound(bound, most=1)
    people = coded.clusters(cluster)
    scores = _score_of_people(coded.column(score), people, score)
    owners = scores.index.get_indexer(pd.Index(people))
    everyone = len(set(people))
    if len(scores) < everyone:
        logger.warning(
            "%d of %d people have no %s and are left out.",
            everyone - len(scores), everyone, score,
        )  # fmt: skip
    coded, owners = coded.where(owners >= 0, f"a {score}"), owners[owners >= 0]
    n = np.bincount(owners)
    shares = sum_by_cluster(coded.indicators, owners) / n[:, None]
    halves, of = _halves(coded, owners, seed)
    observed, share, corrected, p = correlate(
        scores.to_numpy(),
        shares,
        halves,
        reliability=1.0 if reliability is None else reliability,
        method=method,
        level=level,
        n_boot=n_boot,
        generator=generator(seed, f"traits.{score}"),
    )
    table = coded.outcomes
    table["r"], table["low"], table["high"] = observed.value, observed.low, observed.high
    table["p"] = p
    table["q"] = adjusted_within(table["p"], table["level"])
    for name, one in (("reliability", share), ("corrected", corrected)):
        table[name], table[f"{name}_low"], table[f"{name}_high"] = one.value, one.low, one.high
    table.insert(list(table).index("corrected"), "halves", of)
    tested = observed if reliability is None else corrected
    df, alpha = len(n) - 1, 1 - level
    table["p_equivalence"] = two_one_sided(tested.value, tested.error, bound, df)
    table["q_equivalence"] = adjusted_within(table["p_equivalence"], table["level"])
    table["ruled_out"] = ruled_out(tested.value, tested.error, df, alpha=alpha)
    table["verdict"] = np.select(
        [table["q_equivalence"] < alpha, table["q"] < alpha], [NONE, RELATED], UNDECIDED
    )
    table["n"], table["clusters"] = int(n.sum()), len(n)
    table["confidence_level"] = level
    return table


def _score_of_people(values: pd.Series, people: npt.NDArray, name: str) -> pd.Series:
    """Return the score of each person who has one, by name."""
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        raise OptionError(f"the column {name} holds no numbers; give one with a score.")
    finite = values.where(np.isfinite(values.to_numpy(dtype=np.float64, na_value=np.nan)))
    grouped = finite.astype(np.float64).groupby(people)
    several = grouped.nunique() > 1
    if several.any():
        raise InputError(
            f"{several.idxmax()} has more than one {name}; give a column with one value a person, "
            "or another cluster."
        )
    scores = grouped.first().dropna()
    if len(scores) < _FEWEST:
        raise InputError(
            f"{len(scores)} people have a {name}; a correlation needs at least {_FEWEST}."
        )
    if scores.nunique() == 1:
        raise InputError(f"everyone's {name} is {scores.iloc[0]:g}; nothing can go with it.")
    return scores


def _halves(coded: CodedMessages, owners: npt.NDArray[np.int64], seed: int) -> tuple[Halves, str]:
    """Return what halves of each person's speech share, and what was halved."""
    conversations = pd.factorize(coded.messages[CONVERSATION])[0]
    pairs = pd.DataFrame({"owner": owners, "part": conversations})
    several = (pairs.groupby("owner")["part"].nunique() > 1).mean() > 0.5
    # A conversation of two people is a part of each.
    parts = np.arange(len(coded))
    if several:
        parts = pairs.groupby(["owner", "part"]).ngroup().to_numpy()
    sums = sum_by_cluster(np.column_stack([coded.indicators, np.ones(len(coded))]), parts)
    whose = pairs["owner"].groupby(parts).first().to_numpy()
    halves = split_halves(
        sums[:, :-1], sums[:, -1], whose, generator=generator(seed, "traits.halves")
    )
    return halves, "conversations" if several else "messages"
