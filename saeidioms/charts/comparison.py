"""Change between groups or times, and over the course of conversations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from saeidioms.charts.carried import carry
from saeidioms.charts.theme import (
    DASHES,
    INK,
    ROW,
    category_colours,
    category_symbols,
    escape,
    figure,
    height_below,
    intervals,
    legend_below,
    name_at_axis,
    transparent,
    with_notes,
)
from saeidioms.taxonomy.grounds import doubtful, note
from saeidioms.taxonomy.taxonomy import Taxonomy

_PARTS = {2: ["first half", "second half"], 3: ["first third", "middle third", "last third"]}
_HEAD, _GAP, _FOOT = 64, 96, 46  # pixels above, between, and of the legend below


def change(
    comparison: pd.DataFrame, taxonomy: Taxonomy, *, panel: str | None = None, columns: int = 4
) -> go.Figure:
    """Draw changes of shares in percentage points: points with intervals, a panel a value.

    The figure of the Lend an Ear study (arXiv 2603.15245): sub-categories down the side in the
    order of change, one colour and symbol a category.

    Parameters
    ----------
    comparison
        As `compare` returns it.
    taxonomy
        Gives the colours.
    panel
        The column of the panels; each group that was compared has panels of its own.
    columns
        Most panels beside each other; two make four panels legible on half a page.

    Returns
    -------
    plotly.graph_objects.Figure
        One trace a panel and category.
    """
    table = comparison[comparison["level"] == "sub_category"].dropna(subset=["difference"])
    if table.empty:
        empty = figure(height=200, xaxis_visible=False, yaxis_visible=False)
        return empty.add_annotation(text="No group has a baseline to compare with", showarrow=False)
    keys = ["group", panel] if panel else ["group"]
    panels = list(table.groupby(keys, sort=False))
    mean = table.groupby("sub_category")["difference"].mean().sort_values()
    order = [escape(name) for name in mean.index]
    colours, symbols = category_colours(taxonomy), category_symbols(taxonomy)
    several = table["group"].nunique() > 1 or panel is None
    lines = -(-len(panels) // columns)
    cols = -(-len(panels) // lines)  # no row is much shorter than the others
    plot = lines * ROW * len(order) + (lines - 1) * _GAP
    fig = make_subplots(
        rows=lines,
        cols=cols,
        shared_yaxes=True,
        horizontal_spacing=0.03,
        vertical_spacing=_GAP / plot if lines > 1 else None,
        subplot_titles=[_heading(key, table, several) for key, _ in panels],
    )
    fig.update_layout(figure().layout)
    fig.update_annotations(yshift=6)
    for i, (_, rows) in enumerate(panels):
        line, column = i // cols + 1, i % cols + 1
        for category in taxonomy.categories:
            part = rows[rows["category"] == category.name]
            fig.add_scatter(
                row=line,
                col=column,
                name=escape(category.name),
                legendgroup=category.name,
                showlegend=i == 0,
                mode="markers",
                x=part["difference"],
                y=[escape(name) for name in part["sub_category"]],
                marker={
                    "color": colours[category.name],
                    "symbol": symbols[category.name],
                    "size": 11,
                },
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": (part["high"] - part["difference"]).fillna(0),
                    "arrayminus": (part["difference"] - part["low"]).fillna(0),
                    "color": colours[category.name],
                    "thickness": 2,
                    "width": 0,
                },
                customdata=[_hover(row) for row in part.itertuples()],
                hovertemplate="%{customdata}<extra></extra>",
            )
        fig.add_vline(x=0, layer="below", line={"color": INK, "width": 1}, row=line, col=column)
    reach = 1.08 * (table[["low", "high", "difference"]].abs().max().max() or 1.0)
    step = _tick(reach)
    fig.update_xaxes(range=[-reach, reach], zeroline=False, tickvals=[-step, 0, step])
    marked = doubtful(table)
    fig.update_yaxes(
        categoryorder="array",
        categoryarray=order,
        tickvals=order,
        ticktext=[name_at_axis(name, marked) for name in mean.index],
        showgrid=True,
    )
    versus = "" if several else f", {_versus(table['group'].iloc[0], table)}"
    title = with_notes(f"Change in percentage points{versus}", intervals(table), note(table))
    below = height_below(title)
    fig.update_layout(
        height=_HEAD + plot + below + _FOOT,
        legend=legend_below(plot, below + 8),
        margin={"t": _HEAD, "b": below + _FOOT},
    )
    fig.add_annotation(
        text=title, xref="paper", yref="paper", x=0.5, y=0, yshift=-30, yanchor="top",
        showarrow=False,
    )  # fmt: skip
    two = change(comparison, taxonomy, panel=panel, columns=2) if cols > 2 else None
    return carry(fig, table, narrow=two)


def over_turns(table: pd.DataFrame, taxonomy: Taxonomy) -> go.Figure:
    """Draw each category's share over the parts of conversations, with bands.

    Parameters
    ----------
    table
        Rows of categories, as `saeidioms.findings.course` returns them.
    taxonomy
        Gives order and colours.

    Returns
    -------
    plotly.graph_objects.Figure
        A band and a line for each category.
    """
    colours, symbols = category_colours(taxonomy), category_symbols(taxonomy)
    fig = figure(height=420)
    for i, category in enumerate(taxonomy.categories):
        rows = table[table["category"] == category.name]
        colour = colours[category.name]
        band = rows.dropna(subset=["low", "high"])
        fig.add_scatter(
            x=[*band["part"], *band["part"][::-1]],
            y=[*band["high"], *band["low"][::-1]],
            fill="toself",
            fillcolor=transparent(colour, 0.2),
            line_width=0,
            mode="lines",
            hoverinfo="skip",
            showlegend=False,
            legendgroup=category.name,
        )
        fig.add_scatter(
            name=escape(category.name),
            legendgroup=category.name,
            x=rows["part"],
            y=rows["share"],
            mode="lines+markers",
            line={"color": colour, "width": 2.5, "dash": DASHES[i % len(DASHES)]},
            marker={"symbol": symbols[category.name], "size": 9},
            customdata=[_interval(row) for row in rows.itertuples()],
            hovertemplate="%{customdata}<extra></extra>",
        )
    parts, bins = sorted(table["part"].unique()), int(table["parts"].max())
    names = _PARTS.get(bins, [f"{part} of {bins}" for part in range(1, bins + 1)])
    fig.update_xaxes(
        title=with_notes("Part of the conversation", intervals(table, "bands: ")),
        tickvals=parts,
        ticktext=[names[part - 1] for part in parts],
        range=[0.85, bins + 0.15],
        showgrid=False,
    )
    fig.update_yaxes(title="Share of messages", tickformat=".0%", rangemode="tozero")
    return carry(fig, table)


def _heading(key: tuple[object, ...], table: pd.DataFrame, several: bool) -> str:
    group, *panel = key
    versus = _versus(group, table)
    if not panel:
        return versus
    return f"{escape(panel[0])}<br><sub>{versus}</sub>" if several else escape(panel[0])


def _versus(group: object, table: pd.DataFrame) -> str:
    return f"{escape(group)} − {escape(table['baseline'].iloc[0])}"


def _tick(reach: float) -> float:
    """Return the largest of 1, 2 and 5 times a power of ten that is well within reach."""
    power = 10.0 ** np.floor(np.log10(reach))
    return max(one for one in (0.5 * power, power, 2 * power, 5 * power) if one <= 0.9 * reach)


def _interval(row: Any) -> str:
    known = f" [{row.low:.1%}, {row.high:.1%}]" if pd.notna(row.low) else ""
    return f"<b>{escape(row.category)}</b><br>{row.share:.1%}{known} of {row.n:,} messages"


def _hover(row: Any) -> str:
    known = f" [{row.low:+.1f}, {row.high:+.1f}], q = {row.q:.3f}" if pd.notna(row.low) else ""
    return (
        f"<b>{escape(row.sub_category)}</b><br>{row.difference:+.1f} points{known}<br>"
        f"{row.baseline_share:.1%} → {row.share:.1%}"
    )
