"""Points with intervals, several groups to a sub-category: what such figures have in common."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from saeidioms.charts.theme import (
    INK,
    TOP,
    category_colours,
    escape,
    figure,
    legend_below,
    transparent,
)
from saeidioms.errors import OptionError
from saeidioms.taxonomy.taxonomy import Taxonomy

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "cross", "pentagon")
_BELOW = 130  # pixels


def grouped(
    table: pd.DataFrame, taxonomy: Taxonomy, *, by: str, value: str, groups: Mapping[str, str]
) -> go.Figure:
    """Draw a value of every sub-category, groups below each other and told by symbols.

    Parameters
    ----------
    table
        ``category, sub_category``, the columns `by` and `value`, ``low, high``, and ``hover``,
        what is shown when pointed at.
    taxonomy
        Gives order and colours.
    by
        Column of the groups.
    value
        Column that is drawn.
    groups
        Group -> its entry in the legend, in order.

    Returns
    -------
    plotly.graph_objects.Figure
        One trace a group, coloured by category, and one for each entry of the two legends.

    Raises
    ------
    OptionError
        If there are more groups than symbols that can be told apart.
    """
    if len(groups) > len(SYMBOLS):
        raise OptionError(
            f"{by} has {len(groups)} groups, and a chart can tell {len(SYMBOLS)} apart; choose a "
            "column with fewer, or read the table."
        )
    colours = category_colours(taxonomy)
    plot = (22 * len(groups) + 16) * len(taxonomy.names)
    fig = figure(height=TOP + plot + _BELOW)
    base = {name: -i for i, name in enumerate(taxonomy.names)}
    for g, (group, entry) in enumerate(groups.items()):
        rows = table[table[by] == group]
        shift = 0.0 if len(groups) == 1 else 0.3 - 0.6 * g / (len(groups) - 1)
        fig.add_scatter(
            legendgroup=escape(group),
            showlegend=False,
            mode="markers",
            x=rows[value],
            y=[base[name] + shift for name in rows["sub_category"]],
            error_x=whiskers(rows, value),
            marker={
                "symbol": SYMBOLS[g],
                "size": 10,
                "color": [colours[name] for name in rows["category"]],
                "line": {"width": 1, "color": INK},
            },
            customdata=rows["hover"],
            hovertemplate="%{customdata}<extra></extra>",
        )
        add_key(fig, entry, SYMBOLS[g], INK)
        fig.data[-1].legendgroup = escape(group)
    for category in taxonomy.categories:
        add_key(fig, escape(category.name), "circle", colours[category.name])
        fig.data[-1].legend = "legend2"
    fig.update_yaxes(
        tickvals=list(base.values()),
        ticktext=[escape(name) for name in base],
        range=[-len(base) + 0.5, 0.5],
        zeroline=False,
        showgrid=False,
    )
    for i in range(1, len(base)):
        fig.add_hline(y=0.5 - i, line={"width": 1, "color": transparent("#808080", 0.25)})
    return fig.update_layout(
        legend={"itemsizing": "constant", "title_text": escape(by) + "  "},
        legend2={
            "orientation": "h",
            "xanchor": "left",
            "itemclick": False,
            "itemdoubleclick": False,
            **legend_below(plot, 88),
        },
        margin_b=_BELOW,
    )


def add_key(fig: go.Figure, name: str, symbol: str, colour: str) -> None:
    """Add an entry to the legend; nothing is drawn."""
    fig.add_scatter(
        name=name, mode="markers", x=[None], y=[None],
        marker={"symbol": symbol, "size": 10, "color": colour},
    )  # fmt: skip


def whiskers(rows: pd.DataFrame, value: str) -> dict[str, object]:
    """Return intervals as plotly draws them; none where a row has none."""
    return {
        "type": "data",
        "symmetric": False,
        "array": (rows["high"] - rows[value]).fillna(0),
        "arrayminus": (rows[value] - rows["low"]).fillna(0),
        "color": INK,
        "thickness": 1.2,
        "width": 4,
    }
