"""Small multiples: panels of one size in lines, each under its name."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from saeidioms.charts.theme import figure, legend_below

HEAD, GAP, FOOT = 48, 60, 124  # pixels above, between and below
LEGEND = 78  # pixels below panels at which the legend starts


def panels(
    titles: Sequence[str],
    most: int,
    height: int,
    *,
    gap: int = GAP,
    spacing: float = 0.06,
    shared_x: bool = True,
    shared_y: bool = True,
) -> go.Figure:
    """Return empty panels in lines of at most so many, each so many pixels high.

    Parameters
    ----------
    titles
        Escaped, one a panel.
    most
        Panels beside each other.
    height, gap
        Of a panel, and between lines of panels, in pixels.
    spacing
        Between panels beside each other, as a share of the width.
    shared_x, shared_y
        Whether all panels have one scale.
    """
    columns = min(most, len(titles))
    rows = -(-len(titles) // columns)
    plot = rows * height + (rows - 1) * gap
    fig = make_subplots(
        rows=rows,
        cols=columns,
        shared_xaxes="all" if shared_x else False,
        shared_yaxes="all" if shared_y else False,
        horizontal_spacing=spacing,
        vertical_spacing=gap / plot if rows > 1 else None,
        subplot_titles=titles,
    )
    fig.update_layout(figure(height=plot + HEAD + FOOT).layout)
    fig.update_layout(
        margin={"t": HEAD, "b": FOOT},
        legend=legend_below(plot, LEGEND) | {"traceorder": "normal"},
    )
    for i in range(len(titles) - columns, len(titles)):  # the lowest of each column
        fig.update_xaxes(showticklabels=True, row=i // columns + 1, col=i % columns + 1)
    return fig.update_annotations(font_size=13)
