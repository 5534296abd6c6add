"""The idioms of a corpus, each with the sub-category that the units holding it are coded with."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from saeidioms.corpus.corpus import Corpus
from saeidioms.idioms.features import FeatureTable
from saeidioms.idioms.occurrences import find_occurrences
from saeidioms.taxonomy.coding import Codes

# Mean strength from which an idiom belongs to a sub-category. In the demo, of the units behind the
# idioms shown first 85% to 91% truly hold it (81% to 86% from 0.3 on); from 0.5 on the figure of
# ESConv shows a quarter fewer.
_MEANT = 0.4


def lexicon(features: FeatureTable, corpus: Corpus, codes: Codes) -> pd.DataFrame:
    """Return the idioms of the corpus (of two words or more), each with its place.

    The place is what the units that hold the idiom express on average, not that of the feature: a
    feature fires on other things beside, and "how are you" is no praise for having come to one
    that mostly fires on praise.

    Parameters
    ----------
    features
        With idioms.
    corpus
        N units.
    codes
        Of these units.

    Returns
    -------
    pandas.DataFrame
        ``phrase, count, conversations, feature, category, sub_category``, the most frequent
        first. ``feature`` is the one that the phrase sets apart most (highest z).
        ``category`` and ``sub_category`` are those of the highest mean strength over the units
        that hold the phrase; "" where that is below 0.4.
    """
    idioms = features.idioms
    several = idioms[idioms["phrase"].str.contains(" ", regex=False)]
    ranked = several.sort_values(["z", "feature"], ascending=[False, True], kind="stable")
    distinct = ranked.drop_duplicates("phrase")
    distinct = distinct.sort_values(["count", "phrase"], ascending=[False, True], kind="stable")
    table = distinct[["phrase", "count", "conversations", "feature"]].reset_index(drop=True)
    names, means = _mean_strengths(table["phrase"].tolist(), corpus, codes)
    place = np.where(means.max(axis=1) >= _MEANT, names[means.argmax(axis=1)], "").tolist()
    units = codes.units.drop_duplicates("sub_category")
    category = {"": ""} | dict(zip(units["sub_category"], units["category"], strict=True))
    columns = {"category": [category[name] for name in place], "sub_category": place}
    return table.join(pd.DataFrame(columns, dtype="str"))


def _mean_strengths(
    phrases: list[str], corpus: Corpus, codes: Codes
) -> tuple[np.ndarray, np.ndarray]:
    """Return the S names of sub-categories and (phrases, S) their mean strength."""
    sub, names = pd.factorize(codes.units["sub_category"], sort=True)
    row = pd.Index(corpus.ids).get_indexer(codes.units["unit_id"])
    shape = (len(corpus), max(1, len(names)))
    strength = codes.units["strength"].to_numpy(np.float64)
    strengths = sparse.csr_matrix((strength, (row, sub)), shape=shape)
    found = find_occurrences(corpus.texts.tolist(), phrases)[["text", "phrase"]].drop_duplicates()
    places = (found["phrase"], found["text"])
    holds = sparse.csr_matrix((np.ones(len(found)), places), shape=(len(phrases), len(corpus)))
    sums = (holds @ strengths).toarray()
    counts = np.asarray(holds.sum(axis=1)).reshape(-1, 1)
    return np.array([*names] or [""], dtype=object), sums / np.maximum(counts, 1)
