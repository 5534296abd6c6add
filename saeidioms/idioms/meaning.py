"""Find features by what they mean."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from saeidioms.errors import OptionError
from saeidioms.idioms.words import plain_key

Encode = Callable[[list[str]], npt.NDArray[np.float32]]


def search_features(
    query: str,
    table: pd.DataFrame,
    idioms: pd.DataFrame,
    centroids: npt.NDArray[np.float32],
    encode: Encode,
    *,
    n: int,
) -> pd.DataFrame:
    """Return the features that mean what a phrase means.

    Parameters
    ----------
    query
        What to look for, in words.
    table, idioms, centroids
        Of a `saeidioms.FeatureTable` with labels.
    encode
        Texts to embeddings of unit length, by the encoder of the corpus.
    n
        How many.

    Returns
    -------
    pandas.DataFrame
        ``feature, label, similarity, all_words, density, fidelity``. Those whose label, definition
        or idioms hold all words of the query (``all_words``) come first, then by ``similarity``:
        the mean of the cosines with what the feature fires on (its centroid) and with the nearest
        of its label, definition and idioms. Flagged features are left out.

    Raises
    ------
    OptionError
        If the query is empty, or n below 1.
    """
    wanted = vector_of(query, encode, n)
    table = table[table["flag"].fillna("") == ""]
    own = table[["feature", "label", "definition"]].melt("feature", value_name="said")
    phrases = idioms[["feature", "phrase"]].rename(columns={"phrase": "said"})
    said = pd.concat([own[["feature", "said"]], phrases], ignore_index=True)
    said = said[(said["said"] != "") & said["feature"].isin(table["feature"])]
    near = np.asarray(encode(said["said"].tolist()), dtype=np.float32) @ wanted
    words = plain_key(query).split()
    holds = [set(words) <= set(plain_key(text).split()) for text in said["said"]]
    by_feature = said.assign(near=near.astype(np.float64), holds=holds).groupby("feature")
    nearest = by_feature["near"].max().reindex(table["feature"]).to_numpy()
    fires = centroids[table["feature"].to_numpy()].astype(np.float64) @ wanted
    found = table[["feature", "label", "density", "fidelity"]].assign(
        similarity=(nearest + fires) / 2,
        all_words=by_feature["holds"].any().reindex(table["feature"]).to_numpy(),
    )
    ranked = found.sort_values(["all_words", "similarity"], ascending=False, kind="stable")
    columns = ["feature", "label", "similarity", "all_words", "density", "fidelity"]
    return ranked[columns].head(n).reset_index(drop=True)


def vector_of(query: str, encode: Encode, n: int) -> npt.NDArray[np.float32]:
    """Return the (D,) embedding of a query, once query and number are checked."""
    check_number(n)
    if not isinstance(query, str) or not query.strip():
        raise OptionError("the query is empty; give some words.")
    return np.asarray(encode([query]), dtype=np.float32)[0]


def check_number(n: int) -> None:
    """Raise OptionError if a number of results is below 1."""
    if n < 1:
        raise OptionError(f"n is {n}; it must be at least 1.")
