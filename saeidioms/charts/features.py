"""Where the features lie among each other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from saeidioms.charts.carried import carry
from saeidioms.charts.theme import HUES, category_colours, category_symbols, escape, figure
from saeidioms.idioms.feature import WEAK
from saeidioms.idioms.features import FeatureTable
from saeidioms.taxonomy.codebook import Codebook

_SHOWN = ["feature", "label", "category", "sub_category", "density", "fidelity"]
FEWEST = 4  # features that a map makes sense for


def feature_map(features: FeatureTable, codebook: Codebook, *, seed: int = 0) -> go.Figure:
    """Draw every living feature as a point: near ones fire on texts of similar meaning.

    The map is a t-SNE (van der Maaten and Hinton 2008) of the features' centroids by cosine;
    distances between far points mean little.

    Parameters
    ----------
    features
        Centroids, labels and densities.
    codebook
        Categories, for the colours.
    seed
        Of the projection.

    Returns
    -------
    plotly.graph_objects.Figure
        One trace a category, and one of the unassigned; a point's area grows with the share of
        units that its feature fires on. Points of weak labels are open.
    """
    table = features.placed(codebook.table).table
    table = table[table["n_units"] > 0]
    fig = figure(height=680)
    fig.update_xaxes(visible=False)
    fig.update_yaxes(visible=False)
    if len(table) < FEWEST:
        fig.add_annotation(text="Too few features for a map", showarrow=False)
        return carry(fig, table[_SHOWN])
    places = _project(features.centroids[table["feature"]], seed)
    table[["x", "y"]] = places
    low, high = places.min(axis=0), places.max(axis=0)
    fig.update_xaxes(range=[low[0] - 1, high[0] + 1])
    fig.update_yaxes(range=[low[1] - 1, high[1] + 1])
    groups = [*category_colours(codebook.taxonomy).items(), ("", HUES["grey"])]
    symbols = category_symbols(codebook.taxonomy) | {"": "circle"}
    for category, colour in reversed(groups):
        rows = table[table["category"] == category]
        rows = rows.sort_values("fidelity", ascending=False, na_position="first")  # closed in front
        weak = rows["fidelity"] < WEAK
        symbol = symbols[category]
        fig.add_scatter(
            name=escape(category) or "unassigned",
            ids=[str(number) for number in rows["feature"]],
            x=rows["x"],
            y=rows["y"],
            mode="markers",
            marker={
                "color": colour,
                "size": 5 + 14 * np.sqrt(rows["density"] / table["density"].max()),
                "opacity": 0.85,
                "symbol": np.where(weak, f"{symbol}-open", symbol),
                "line": {
                    "width": np.where(weak, 1.5, 0.5),
                    "color": np.where(weak, colour, "white"),
                },
            },
            customdata=[_hover(row) for _, row in rows.iterrows()],
            hovertemplate="%{customdata}<extra></extra>",
        )
    fig.update_layout(legend={"traceorder": "reversed", "itemsizing": "constant"})
    fig.add_annotation(
        text="<sub>Area: share of units that it fires on; open: weak label</sub>",
        xref="paper", yref="paper", x=0.5, y=0, yshift=-28, showarrow=False,
    )  # fmt: skip
    return carry(fig, table[[*_SHOWN, "x", "y"]])


def _project(centroids: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(centroids) - 1) / 3)
    projection = TSNE(perplexity=perplexity, metric="cosine", init="random", random_state=seed)
    return np.asarray(projection.fit_transform(np.asarray(centroids, dtype=np.float32)))


def _hover(row: pd.Series) -> str:
    place = row["sub_category"] or "unassigned"
    return (
        f"<b>{row['feature']}: {escape(row['label'])}</b><br>{escape(place)}, "
        f"fires on {row['density']:.2%} of units"
        + (", weak label" if row["fidelity"] < WEAK else "")
    )
