"""Questions about what is said: what two corpora use, and where something is said."""

from __future__ import annotations

import numpy as np
import pandas as pd

from saeidioms import charts
from saeidioms.analyses.common import number, slug, statistics_of
from saeidioms.errors import OptionError
from saeidioms.findings.finding import Finding
from saeidioms.findings.search import search_units, strongest
from saeidioms.findings.usage import Use, difference
from saeidioms.pipeline import advance, resume
from saeidioms.run import Run
from saeidioms.taxonomy.distribution import CONVERSATION, as_text, no_column, own_where_missing

_MEANT = "Features that mean it; first those whose label, definition or idioms hold all its words"


def differ(run: Run, *, other: str, cluster: str | None = None) -> Finding:
    """Return what the corpus of another run uses more, or less, than this one's.

    See `saeidioms.findings.usage`.

    Raises
    ------
    OptionError
        If the two have different dictionaries or codebooks.
    """
    runs = (run, resume(other))
    for one in runs:
        advance(one, "codes")
    same_sae = runs[0].activations.sae_digest == runs[1].activations.sae_digest
    places = [one.codebook.table[["feature", "sub_category"]] for one in runs]
    if not same_sae or not places[0].equals(places[1]):
        what = "codebooks" if same_sae else "dictionaries"
        raise OptionError(
            f"{run.folder.root} and {other} have different {what}; code the second by the first: "
            f"saeidioms apply {run.folder.root} CHATS --out DIR."
        )
    own = statistics_of(run, cluster)
    sets = [use_of(run, one, own["cluster"], f"{place}: ") for place, one in enumerate(runs)]
    table = difference(*sets, level=own["level"])
    method = (
        f"Share of {number(table['n'])} {run.corpus.unit}s of {other} that hold a thing, less that "
        f"of {number(table['baseline_n'])} of {run.folder.root}, in percentage points; "
        f"{100 * own['level']:g}% t intervals, errors by {own['cluster']} "
        f"({number(table['clusters'])} in both). q: Benjamini and Hochberg within each kind. "
        "Nothing is drawn at random."
    )
    title = f"What {runs[1].folder.root.name} says more or less than {run.folder.root.name}"
    figure = charts.effects(table) if len(table) else None
    return Finding(slug("diff", runs[1].folder.root.name), title, method, table, figure)


def use_of(known: Run, run: Run, cluster: str, prefix: str = "") -> Use:
    """Return what the units of a run hold, of the features and idioms that `known` names."""
    return Use.of(
        *(run.corpus, run.activations, run.codes, known.codebook.taxonomy),
        *(known.features, known.lexicon),
        _clusters(run, cluster, prefix),
    )


def find(run: Run, query: str, n: int) -> dict[str, pd.DataFrame]:
    """Return the units nearest to a phrase and the features that mean it, by heading."""
    advance(run, "fidelity")

    def encode(texts: list[str]) -> np.ndarray:
        return np.asarray(run.encode(texts))

    return {
        f"{run.corpus.unit.capitalize()}s nearest to it": search_units(
            query, run.corpus, run.embeddings, encode, n=n
        ),
        _MEANT: run.features.search(query, n=n, encode=encode),
    }


def find_strongest(run: Run, feature: int, n: int) -> dict[str, pd.DataFrame]:
    """Return the units on which a feature is strongest, by heading."""
    advance(run, "fidelity")
    table = strongest(feature, run.corpus, run.activations, run.embeddings, n=n)
    label = run.features[feature].label
    return {f"Feature {feature}: {label}": table}


def _clusters(run: Run, cluster: str, prefix: str) -> np.ndarray:
    """Return the (N,) cluster of each unit; those of different corpora never go together."""
    table = run.corpus.table
    if cluster not in table:
        raise no_column(cluster, list(table.columns))
    own = own_where_missing(as_text(table[cluster]), table[CONVERSATION])
    names: list[str] = own.tolist()
    return np.array([prefix + name for name in names], dtype=object)
