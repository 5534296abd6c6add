"""What dictionaries of several sizes explain, and how stable they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from saeidioms.charts.carried import carry
from saeidioms.charts.theme import BOTTOM, INK, SYMBOLS, TOP, figure

if TYPE_CHECKING:
    from saeidioms.sae.sweep import Sweep

PANEL, GAP = 260, 70  # pixels


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
    sizes = found.table.groupby("n_features")
    # Dark for small, light for large: sizes have an order, and so does this scale, in grey too.
    colours = sample_colorscale("Viridis", np.linspace(0, 0.85, len(sizes)).tolist())
    for number, (n_features, rows) in enumerate(sizes):
        looks = {
            "mode": "lines+markers",
            "name": f"{n_features:,}",
            "legendgroup": str(n_features),
            "line": {"color": colours[number], "width": 2},
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
    return carry(fig, found.table)


def _mark(fig: go.Figure, found: Sweep) -> None:
    table = found.table.set_index(["n_features", "k"])
    best = table.loc[found.recommended]
    ring = {"size": 20, "color": "rgba(0,0,0,0)", "line": {"color": INK, "width": 2}}
    shared = {"mode": "markers", "marker": ring, "hoverinfo": "skip"}
    fig.add_scatter(x=[best["l0"]], y=[best["explained_variance"]], name="recommended", **shared)
    below = {"xaxis": "x2", "yaxis": "y2", "showlegend": False}
    fig.add_scatter(x=[best["l0"]], y=[best["stability"]], **shared, **below)
