"""Differences beside each other: forest plots and dumbbells."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from saeidioms.charts.grouped import add_key, grouped
from saeidioms.charts.theme import (
    BOTTOM,
    INK,
    ROW,
    TOP,
    category_colours,
    escape,
    figure,
    legend_below,
)
from saeidioms.errors import InputError
from saeidioms.taxonomy.taxonomy import Taxonomy


def forest(
    table: pd.DataFrame,
    taxonomy: Taxonomy,
    *,
    by: str = "group",
    title: str = "Difference in percentage points",
) -> go.Figure:
    """Draw differences with intervals, several groups or analyses to a sub-category.

    Parameters
    ----------
    table
        Differences with ``low`` and ``high``, as `saeidioms.compare`,
        `saeidioms.findings.change` or `saeidioms.findings.replication` return them.
    taxonomy
        Gives order and colours.
    by
        Column of the groups, such as ``group`` or ``analysis``.
    title
        Of the axis.

    Returns
    -------
    plotly.graph_objects.Figure
        One trace a group, and one for each entry of the two legends.

    Raises
    ------
    InputError
        If the table holds no difference.
    OptionError
        If there are more groups than can be told apart.
    """
    rows = _differences(table)
    rows = rows.assign(hover=[_hover(row, row[by]) for _, row in rows.iterrows()])
    groups = {name: escape(name) for name in dict.fromkeys(rows[by])}
    fig = grouped(rows, taxonomy, by=by, value="difference", groups=groups)
    fig.add_vline(x=0, layer="below", line={"color": INK, "width": 1})
    return fig.update_xaxes(title=title, zeroline=False, nticks=7)


def dumbbell(
    table: pd.DataFrame, taxonomy: Taxonomy, *, names: tuple[str, str] | None = None
) -> go.Figure:
    """Draw the shares that a difference is of: from an open point to a filled one.

    Parameters
    ----------
    table
        One group's differences, as `saeidioms.compare` (``baseline_share, share``) or
        `saeidioms.findings.change.within` (``before, after``) return them.
    taxonomy
        Gives order and colours.
    names
        Of the two, for the legend; read from the table if not given.

    Returns
    -------
    plotly.graph_objects.Figure
        A line and two points for each sub-category.

    Raises
    ------
    InputError
        If the table holds no difference, or more than one group's.
    """
    rows = _differences(table)
    if rows["sub_category"].duplicated().any():
        raise InputError(
            "the table holds several rows of a sub-category; a dumbbell shows one group, so choose "
            "its rows."
        )
    first, second = ("before", "after") if "before" in rows else ("baseline_share", "share")
    if names is None:
        own = "group" in rows and "baseline" in rows
        names = (rows["baseline"].iloc[0], rows["group"].iloc[0]) if own else (first, second)
    colours = category_colours(taxonomy)
    plot = ROW * len(rows)
    fig = figure(height=TOP + plot + BOTTOM + 60)
    for _, row in rows.iterrows():
        colour = colours[row["category"]]
        fig.add_scatter(
            x=[row[first], row[second]],
            y=[escape(row["sub_category"])] * 2,
            mode="lines+markers",
            line={"color": colour, "width": 3},
            marker={"size": 12, "color": ["white", colour], "line": {"width": 2, "color": colour}},
            customdata=[_hover(row, f"{names[0]} to {names[1]}")] * 2,
            hovertemplate="%{customdata}<extra></extra>",
            showlegend=False,
        )
    for name, symbol in zip(names, ("circle-open", "circle"), strict=True):
        add_key(fig, escape(name), symbol, INK)
    for category in taxonomy.categories:
        add_key(fig, escape(category.name), "circle", colours[category.name])
        fig.data[-1].legend = "legend2"
    order = [escape(name) for name in taxonomy.names]
    fig.update_yaxes(categoryorder="array", categoryarray=order[::-1])
    fig.update_xaxes(title="Share", tickformat=".0%", rangemode="tozero", nticks=7)
    below = {"orientation": "h", "xanchor": "left", **legend_below(plot, 68)}
    return fig.update_layout(legend2=below, margin_b=BOTTOM + 60)


def _differences(table: pd.DataFrame) -> pd.DataFrame:
    rows = table[table["level"] == "sub_category"].dropna(subset=["difference"])
    if rows.empty:
        raise InputError(
            "the table holds no difference of a sub-category; there is nothing to draw."
        )
    return rows


def _hover(row: Any, group: object) -> str:
    known = f" [{row['low']:+.1f}, {row['high']:+.1f}]" if pd.notna(row["low"]) else ""
    q = f"<br>q = {row['q']:.3f}" if pd.notna(row.get("q")) else ""
    return (
        f"<b>{escape(row['sub_category'])}</b><br>{escape(group)}: "
        f"{row['difference']:+.1f} points{known}{q}"
    )
