"""What dictionaries of several sizes explain, and how stable they are."""

from __future__ import annotations

import plotly.graph_objects as go

from saeidioms.charts.theme import BOTTOM, HUES, INK, TOP, figure
from saeidioms.sae.sweep import Sweep

PANEL, GAP = 260, 70  # pixels
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "pentagon", "star-triangle-up")


def frontier(found: Sweep) -> go.Figure:
    """Draw explained variance and stability against L0, one line a dictionary size.

    Parameters
    ----------
    found
        What `saeidioms.sae.sweep.sweep` returned.

    Returns
    -------
    plotly.graph_objects.Figure
        Two panels, above each other; a ring marks the recommended setting.
    """
    height = 2 * PANEL + GAP
    fig = figure(height=TOP + height + BOTTOM)
    upper = (PANEL + GAP) / height
    ticks = sorted(found.table["k"].unique())
    axis = {"type": "log", "tickvals": ticks, "ticktext": [f"{k:g}" for k in ticks]}
    share = {"tickformat": ".0%"}
    fig.update_layout(
        xaxis=axis | {"anchor": "y", "matches": "x2"},
        yaxis=share | {"domain": [upper, 1], "title": "Explained variance"},
        xaxis2=axis | {"anchor": "y2", "title": "Active features in a row (L0)"},
        yaxis2=share | {"domain": [0, 1 - upper], "title": "Stable features", "range": [0, 1.03]},
        legend={"title": "Features "},
    )
    colours = [colour for name, colour in HUES.items() if name != "grey"]
    for number, (n_features, rows) in enumerate(found.table.groupby("n_features")):
        looks = {
            "mode": "lines+markers",
            "name": f"{n_features:,}",
            "legendgroup": str(n_features),
            "line": {"color": colours[number % len(colours)], "width": 2},
            "marker": {"size": 9, "symbol": SYMBOLS[number % len(SYMBOLS)]},
            "customdata": rows[["k", "dead_share", "redundancy", "bits", "mean_cosine"]],
            "hovertemplate": (
                f"{n_features:,} features, k = %{{customdata[0]}}: %{{y:.1%}}<br>"
                "dead %{customdata[1]:.1%}, redundant %{customdata[2]:.3f} a feature<br>"
                "%{customdata[3]:.0f} bits a row, mean cosine %{customdata[4]:.2f}<extra></extra>"
            ),
        }
        fig.add_scatter(x=rows["l0"], y=rows["explained_variance"], **looks)
        fig.add_scatter(
            x=rows["l0"], y=rows["stability"], xaxis="x2", yaxis="y2", showlegend=False, **looks
        )
    _mark(fig, found)
    return fig


def _mark(fig: go.Figure, found: Sweep) -> None:
    table = found.table.set_index(["n_features", "k"])
    best = table.loc[found.recommended]
    ring = {"size": 20, "color": "rgba(0,0,0,0)", "line": {"color": INK, "width": 2}}
    shared = {"mode": "markers", "marker": ring, "hoverinfo": "skip"}
    fig.add_scatter(x=[best["l0"]], y=[best["explained_variance"]], name="recommended", **shared)
    below = {"xaxis": "x2", "yaxis": "y2", "showlegend": False}
    fig.add_scatter(x=[best["l0"]], y=[best["stability"]], **shared, **below)
