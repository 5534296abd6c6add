"""How many conversations a difference needs."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from saeidioms.charts.carried import carry
from saeidioms.charts.panels import panels
from saeidioms.charts.theme import (
    INK,
    category_colours,
    escape,
    intervals,
    joined,
    transparent,
    with_notes,
)
from saeidioms.errors import InputError
from saeidioms.taxonomy.taxonomy import Taxonomy

_PANEL = 120  # pixels
_MOST_TICKS = 4


def power_curve(
    table: pd.DataFrame,
    taxonomy: Taxonomy,
    *,
    needed: pd.DataFrame | None = None,
    wanted: float = 0.8,
) -> go.Figure:
    """Draw how likely a difference is found with so many conversations, a panel an outcome.

    Parameters
    ----------
    table, needed
        Of `saeidioms.findings.sample_size.PowerAnalysis`; with `needed`, the conversations that
        suffice are written in each panel.
    taxonomy
        Gives order and colours.
    wanted
        Power that is planned for: a line.

    Returns
    -------
    plotly.graph_objects.Figure
        A band and a line a sub-category (a category, where only such are in the table), all on one
        scale; conversations on a logarithmic one.

    Raises
    ------
    InputError
        If the table is empty.
    """
    level = "sub_category" if (table["level"] == "sub_category").any() else "category"
    rows = table[table["level"] == level]
    if rows.empty:
        raise InputError("the table holds no power; there is nothing to draw.")
    names = list(dict.fromkeys(rows[level]))
    colours = category_colours(taxonomy)
    fig = panels([escape(name) for name in names], 3, _PANEL)
    for i, name in enumerate(names):
        own = rows[rows[level] == name]
        colour = colours[own["category"].iloc[0]]
        place = {"row": i // 3 + 1, "col": i % 3 + 1}
        fig.add_scatter(
            x=[*own["conversations"], *own["conversations"][::-1]],
            y=[*own["high"], *own["low"][::-1]],
            fill="toself",
            fillcolor=transparent(colour, 0.25),
            line_width=0,
            mode="lines",
            hoverinfo="skip",
            showlegend=False,
            **place,
        )
        fig.add_scatter(
            x=own["conversations"],
            y=own["power"],
            mode="lines+markers",
            line={"color": colour, "width": 2.2},
            marker_size=6,
            customdata=[_hover(row) for row in own.itertuples()],
            hovertemplate="%{customdata}<extra></extra>",
            showlegend=False,
            **place,
        )
        fig.add_hline(y=wanted, line={"width": 1.2, "dash": "dot", "color": INK}, **place)
        if needed is not None:
            _write(fig, needed[needed[level].eq(name) & needed["level"].eq(level)], own, place)
    ticks = _ticks(sorted(rows["conversations"].unique()))
    fig.update_xaxes(
        type="log", tickvals=ticks, ticktext=[f"{tick:,}" for tick in ticks], showgrid=False
    )
    fig.update_yaxes(range=[0, 1.04], tickformat=".0%", nticks=4)
    for text, where in (
        (
            with_notes(
                "Conversations",
                joined(f"dotted: a power of {wanted:.0%}", intervals(rows, "bands: ")),
            ),
            {"x": 0.5, "y": 0, "yshift": -36, "yanchor": "top"},
        ),
        ("Power", {"x": 0, "y": 0.5, "xshift": -64, "textangle": -90, "xanchor": "center"}),
    ):
        fig.add_annotation(text=text, xref="paper", yref="paper", showarrow=False, **where)
    fig.update_layout(margin_l=84, margin_b=86, height=fig.layout.height - 38)
    return carry(fig, rows)


def _write(fig: go.Figure, needed: pd.DataFrame, own: pd.DataFrame, place: dict[str, Any]) -> None:
    """Write how many conversations suffice, in the corner that the curve leaves free."""
    enough, most = needed["conversations"].iloc[0], own["conversations"].max()
    text = f"{enough:,.0f} needed" if pd.notna(enough) else f"{most:,} are too few"
    early = own["power"].iloc[-1] > 0.5
    fig.add_annotation(
        text=text, xref="x domain", yref="y domain", x=0.97, y=0.06 if early else 0.6,
        xanchor="right", yanchor="bottom", showarrow=False, font_size=12, **place,
    )  # fmt: skip


def _ticks(numbers: list[int]) -> list[int]:
    """Return the first and every second or so of the numbers, at most four."""
    return [int(one) for one in numbers[:: -(-len(numbers) // _MOST_TICKS)]]


def _hover(row: Any) -> str:
    return (
        f"{row.conversations:,} conversations, {row.clusters:,} clusters<br>power {row.power:.1%} "
        f"[{row.low:.1%}, {row.high:.1%}]"
    )
