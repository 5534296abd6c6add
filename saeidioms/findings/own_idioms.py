"""The phrases that one person says, against the others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from saeidioms.corpus.corpus import Corpus
from saeidioms.findings.habit import ALIKE, MORE, against_others
from saeidioms.idioms.occurrences import find_occurrences
from saeidioms.stats.multiplicity import adjusted
from saeidioms.taxonomy.distribution import CONVERSATION

Booleans = npt.NDArray[np.bool_]
_FEWEST_TIMES = 2  # messages
_SURE = 0.05  # q of an own idiom
_MOST = 60  # phrases that are compared: a second of work for ten


def own_idioms(
    messages: pd.DataFrame,
    people: npt.NDArray,
    corpus: Corpus,
    lexicon: pd.DataFrame,
    who: str,
    *,
    level: float,
    generator: np.random.Generator,
) -> pd.DataFrame:
    """Return the phrases in two or more of a person's messages, against the others.

    Parameters
    ----------
    messages
        M rows, with ``message_id, conversation_id``.
    people
        (M,) whose each is.
    corpus
        Their units.
    lexicon
        ``phrase, category, sub_category``.
    who
        One of `people`.
    level, generator
        As for `saeidioms.findings.habit.long_run`.

    Returns
    -------
    pandas.DataFrame
        ``phrase, category, sub_category``, the columns of
        `saeidioms.findings.habit.against_others`, and ``q``: the probability that the share is not
        above the mean of people, which is close to a one-sided p (Casella and Berger 1987,
        doi:10.1080/01621459.1987.10478396), corrected for all phrases of the lexicon (Benjamini and
        Hochberg), where those that are not compared have a p of 1. ``against`` is ``"more"`` where
        q, too, is below 0.05. These come first, then what they say more often than others by the
        most. Of phrases in the very same messages the longest alone is kept. No more than 60, those
        that exceed what others lead to expect the most.
    """
    own = people == who
    phrases = lexicon["phrase"].to_numpy(dtype=object)
    where = _said(messages[own], corpus, phrases).groupby("phrase")["message_id"].agg(frozenset)
    where = where[where.map(len) >= _FEWEST_TIMES]
    length = pd.Series(phrases[where.index], index=where.index, dtype=object).str.len()
    where = where[length.sort_values(ascending=False, kind="stable").index].drop_duplicates()
    held = _holding(messages, corpus, phrases[where.index])
    expected = held[~own].mean(axis=0) * own.sum()
    excess = (held[own].sum(axis=0) - expected) / np.sqrt(expected + 1)
    first = np.argsort(-excess, kind="stable")[:_MOST]
    table = (
        lexicon.iloc[where.index[first]][["phrase", "category", "sub_category"]]
        .fillna("")
        .reset_index(drop=True)
    )
    talk = messages[CONVERSATION].to_numpy()
    found = against_others(held[:, first], people, talk, who, level=level, generator=generator)
    doubt = np.ones(len(phrases))
    doubt[where.index[first]] = 1 - found["above"]
    found["q"] = adjusted(doubt)[where.index[first]]
    found["against"] = np.where((found["against"] == MORE) & (found["q"] < _SURE), MORE, ALIKE)
    ranked = found.assign(
        alike=found["against"] == ALIKE, less=found["others_share"] - found["share"]
    )
    rows = ranked.sort_values(["alike", "less"], kind="stable").index
    return table.join(found).loc[rows].reset_index(drop=True)


def _holding(messages: pd.DataFrame, corpus: Corpus, phrases: npt.NDArray) -> Booleans:
    """Return (M, V): which message holds which phrase."""
    said = _said(messages, corpus, phrases)
    held = np.zeros((len(messages), len(phrases)), dtype=bool)
    rows = pd.Index(messages["message_id"]).get_indexer(said["message_id"])
    held[rows, said["phrase"].to_numpy()] = True
    return held


def _said(messages: pd.DataFrame, corpus: Corpus, phrases: npt.NDArray) -> pd.DataFrame:
    """Return ``message_id, phrase``: which messages hold which phrases, by number."""
    units = corpus.table[corpus.table["message_id"].isin(messages["message_id"])]
    found = find_occurrences(units["text"].tolist(), phrases.tolist())
    found["message_id"] = units["message_id"].to_numpy()[found["text"]]
    return found[["message_id", "phrase"]].drop_duplicates()
