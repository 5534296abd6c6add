"""Points with intervals, several groups to a sub-category: what such figures have in common."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from saeidioms.charts.theme import (
    INK,
    ROW,
    SYMBOLS,
    TOP,
    category_colours,
    escape,
    figure,
    height_below,
    legend_below,
    name_at_axis,
    transparent,
)
from saeidioms.taxonomy.grounds import doubtful
from saeidioms.taxonomy.taxonomy import Taxonomy

_LINE, _PAD = 14, 16  # pixels a group, and between sub-categories
_KEY = 46  # pixels of the legend of categories


def grouped(
    table: pd.DataFrame,
    taxonomy: Taxonomy,
    *,
    by: str | None,
    value: str,
    groups: Mapping[str, str],
    title: str,
) -> go.Figure:
    """Draw a value of every sub-category, groups below each other and told by symbols.

    Parameters
    ----------
    table
        ``category, sub_category``, the columns `by` and `value`, ``low, high``, and ``hover``,
        what is shown when pointed at; points are open where a column ``sure`` is False.
    taxonomy
        Gives order and colours.
    by
        Column of the groups; None where there is none.
    value
        Column that is drawn.
    groups
        Group -> its entry in the legend, in order. As many are drawn as can be told apart, which
        is eight; how many there are is said.

    title
        Of the axis.

    Returns
    -------
    plotly.graph_objects.Figure
        One trace a group, coloured by category, and one for each entry of the two legends.
    """
    drawn = list(groups)[: len(SYMBOLS)]
    colours = category_colours(taxonomy)
    height = max(_LINE * len(drawn) + _PAD, ROW)
    plot = height * len(taxonomy.names)
    below = height_below(title)
    fig = figure(height=TOP + plot + below + _KEY)
    base, marked = {name: -i for i, name in enumerate(taxonomy.names)}, doubtful(table)
    for g, group in enumerate(drawn):
        rows = table if by is None else table[table[by] == group]
        shift = _LINE * ((len(drawn) - 1) / 2 - g) / height
        own = rows["category"].map(colours)
        sure = rows.get("sure", pd.Series(True, rows.index))
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
                "color": own.where(sure, "white"),
                "line": {"width": 1.5, "color": own if "sure" in rows else INK},
            },
            customdata=rows["hover"],
            hovertemplate="%{customdata}<extra></extra>",
        )
        if by is not None:
            add_key(fig, groups[group], SYMBOLS[g], INK)
            fig.data[-1].legendgroup = escape(group)
    for category in taxonomy.categories:
        add_key(fig, escape(category.name), "circle", colours[category.name])
        fig.data[-1].legend = "legend2"
    fig.update_yaxes(
        tickvals=list(base.values()),
        ticktext=[name_at_axis(name, marked) for name in base],
        range=[-len(base) + 0.5, 0.5],
        zeroline=False,
        showgrid=False,
    )
    for i in range(1, len(base)):
        fig.add_hline(y=0.5 - i, line={"width": 1, "color": transparent("#808080", 0.25)})
    shown = f" ({len(drawn)} of {len(groups):,})" if len(groups) > len(drawn) else ""
    return fig.update_layout(
        legend={"itemsizing": "constant", "title_text": f"{escape(by)}{shown}  " if by else None},
        legend2={
            "itemclick": False,
            "itemdoubleclick": False,
            **legend_below(plot, below),
        },
        margin_b=below + _KEY,
    ).update_xaxes(title=title)


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
        "visible": bool(rows["low"].notna().any()),
        "symmetric": False,
        "array": (rows["high"] - rows[value]).fillna(0),
        "arrayminus": (rows[value] - rows["low"]).fillna(0),
        "color": INK,
        "thickness": 1.2,
        "width": 4,
    }
