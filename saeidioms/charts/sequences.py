"""Order and company: templates, transitions, and what occurs together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from saeidioms.charts.carried import carry
from saeidioms.charts.theme import (
    BOTTOM,
    INK,
    TOP,
    category_colours,
    escape,
    figure,
    in_lines,
    intervals,
    joined,
    legend_below,
    small,
    transparent,
)
from saeidioms.findings.sequences import ARROW
from saeidioms.taxonomy.taxonomy import Taxonomy

# Blue for less and orange for more: apart to the colour-blind, and the orange is lighter in grey.
_LESS, _EVEN, _MORE = "#4466bb", "#ffffff", "#ee7733"
_MOST = 2.0  # binary logarithm of the lift at which the colour is full: four times
_CELL = 40  # pixels
_SURE = 0.05  # q below which a number is bold
_BLOCK = 46  # pixels a row of blocks
_NODE, _PAD = 60, 36  # pixels a node, and between nodes, so that names in two lines do not touch
_NAMES, _OUTER = 150, ("right", "left")  # pixels of names beside nodes; how they are set there
_COARSE = 0.03  # longest bar whose axis needs no decimals
_UNCODED = "#bbbbbb"


def cooccurrence(table: pd.DataFrame, taxonomy: Taxonomy) -> go.Figure:
    """Draw how much more or less often two sub-categories occur together than by chance.

    Parameters
    ----------
    table
        As `saeidioms.findings.pairs.cooccurrence` returns it.
    taxonomy
        Gives the order.

    Returns
    -------
    plotly.graph_objects.Figure
        A half matrix of lifts, written in the cells; bold where q is below 0.05.
    """
    names = list(taxonomy.names)
    hover = [
        f"<b>{escape(row.sub_category)}</b> and <b>{escape(row.other)}</b><br>lift {row.lift:.2f} "
        f"[{row.low:.2f}, {row.high:.2f}], q = {row.q:.3f}<br>{row.count_:,} messages, "
        f"{row.expected:.1f} expected"
        for row in table.rename(columns={"count": "count_"}).itertuples()
    ]
    cells = table.assign(row=table["other"], column=table["sub_category"], hover=hover)
    fig = _lifts(cells, names[1:], names[:-1])
    note = f"n = {table['n'].iloc[0]:,} messages; bold: q &lt; {_SURE}"
    fig.update_xaxes(title=f"Messages with both, over those expected<br><sub>{note}</sub>")
    return carry(fig, table)


def transition_map(table: pd.DataFrame, taxonomy: Taxonomy) -> go.Figure:
    """Draw how much more or less often one sub-category follows another than by chance.

    Parameters
    ----------
    table
        The table of `saeidioms.findings.following.transitions`.
    taxonomy
        Gives the order.

    Returns
    -------
    plotly.graph_objects.Figure
        What goes before down the side, what follows below; lifts in the cells, bold where q (of
        the shuffles within conversations) is below 0.05.
    """
    hover = [
        f"<b>{escape(row.sub_category)}</b> → <b>{escape(row.next)}</b><br>{row.count_:,} times, "
        f"{row.share:.1%} of what follows<br>lift {row.lift:.2f}, q = {row.q:.3f}"
        for row in table.rename(columns={"count": "count_"}).itertuples()
    ]
    cells = table.assign(row=table["sub_category"], column=table["next"], hover=hover)
    order = [*taxonomy.names, "uncoded"]
    before, after = (
        [name for name in order if name in set(table[side])] for side in ("sub_category", "next")
    )
    fig = _lifts(cells, before, after)
    note = f"n = {table['n'].iloc[0]:,} pairs of messages; bold: q &lt; {_SURE}"
    fig.update_xaxes(
        title=f"What follows, over what shuffled conversations hold<br><sub>{note}</sub>"
    )
    return carry(fig, table)


def sankey(table: pd.DataFrame, taxonomy: Taxonomy, *, least: float = 0.005) -> go.Figure:
    """Draw what follows what as bands whose width is how often.

    Parameters
    ----------
    table
        The table of `saeidioms.findings.following.transitions`.
    taxonomy
        Gives order and colours.
    least
        Bands of a smaller share of all pairs are left out, and the figure says of how many pairs.

    Returns
    -------
    plotly.graph_objects.Figure
        Bands have the colour of what goes before.
    """
    shown = table[table["count"] >= max(1, least * table["n"].iloc[0])]
    colours = category_colours(taxonomy)
    order = [*taxonomy.names, "uncoded"]
    before, after = (
        [name for name in order if name in set(shown[side])] for side in ("sub_category", "next")
    )
    shade = [
        colours[taxonomy.category_of(name)] if name in taxonomy.names else _UNCODED
        for name in before + after
    ]
    totals = [
        table.loc[table[side] == name, "count"].sum() / table["n"].iloc[0]
        for side, names in (("sub_category", before), ("next", after))
        for name in names
    ]
    labels = [
        f"{in_lines(name, 18)} {total:.0%}"
        for name, total in zip(before + after, totals, strict=True)
    ]
    middles = [
        *_middles(shown, "sub_category", before, plot := _NODE * max(len(before), len(after))),
        *_middles(shown, "next", after, plot),
    ]
    fig = figure(height=plot + TOP + BOTTOM, margin_l=_NAMES, margin_r=_NAMES)
    fig.add_sankey(
        arrangement="fixed",
        node={
            "label": [""] * len(labels),  # names stand outside, clear of the bands
            "customdata": labels,
            "color": shade,
            "x": [0.001] * len(before) + [0.999] * len(after),
            "y": middles,
            "pad": _PAD,
            "thickness": 14,
            "line": {"width": 0},
            "hovertemplate": "%{customdata}<extra></extra>",
        },
        link={
            "source": [before.index(name) for name in shown["sub_category"]],
            "target": [len(before) + after.index(name) for name in shown["next"]],
            "value": shown["count"].tolist(),
            "color": [transparent(shade[before.index(one)], 0.35) for one in shown["sub_category"]],
            "customdata": shown["share"].tolist(),
            "hovertemplate": "%{value:,} pairs, %{customdata:.1%} of what follows<extra></extra>",
        },
    )
    left_out = int(table["count"].sum() - shown["count"].sum())
    notes = [f"n = {table['n'].iloc[0]:,} pairs of messages"]
    if left_out:
        notes += [f"not drawn: {left_out:,} in bands of less than {least:.1%} of all each"]
    sides = [0] * len(before) + [1] * len(after)
    for x, text, middle in zip(sides, labels, middles, strict=True):
        fig.add_annotation(
            text=text, xref="paper", yref="paper", x=x, y=1 - middle, yanchor="middle",
            xanchor=_OUTER[x], xshift=18 * x - 9, align=_OUTER[x], showarrow=False, font_size=13,
        )  # fmt: skip
    for x, text in ((0, "Message"), (1, "Next message")):
        fig.add_annotation(
            text=f"<b>{text}</b>", xref="paper", yref="paper", x=x, y=1, yshift=16,
            yanchor="bottom", xanchor=_OUTER[x], xshift=18 * x - 9, showarrow=False,
        )  # fmt: skip
    fig.add_annotation(
        text="<br>".join(map(small, notes)), xref="paper", yref="paper", x=0.5, y=0, yshift=-10,
        yanchor="top", showarrow=False,
    )  # fmt: skip
    return carry(fig, shown)


def templates(table: pd.DataFrame, taxonomy: Taxonomy, *, most: int = 20) -> go.Figure:
    """Draw templates as blocks in their order, coloured by category, with their shares as bars.

    Parameters
    ----------
    table
        As `saeidioms.findings.sequences.find_templates` returns it, or the rows one wants.
    taxonomy
        Gives the colours.
    most
        Only the first so many rows are drawn.

    Returns
    -------
    plotly.graph_objects.Figure
        A row a template; at its end share, interval and lift.
    """
    if table.empty:
        empty = figure(height=200, xaxis_visible=False, yaxis_visible=False)
        return empty.add_annotation(text="No sequence is frequent enough", showarrow=False)
    shown = table.head(most).reset_index(drop=True)
    longest = int(shown["length"].max())
    reach = 1.08 * shown["high"].fillna(shown["share"]).max()
    colours = category_colours(taxonomy)
    plot = _BLOCK * len(shown)
    fig = figure(height=plot + 168, bargap=0.5)
    names: list[tuple[float, int, str]] = []
    for row, template in enumerate(shown["template"]):
        for place, name in enumerate(template.split(ARROW)):
            colour = colours[taxonomy.category_of(name)]
            fig.add_shape(
                type="rect", layer="below", xref="x", yref="y",
                x0=place + 0.04, x1=place + 0.96, y0=row - 0.4, y1=row + 0.4,
                line={"width": 1.5, "color": colour}, fillcolor=transparent(colour, 0.3),
            )  # fmt: skip
            names.append((place + 0.5, row, in_lines(name)))
    x, y, text = zip(*names, strict=True)
    fig.add_scatter(
        x=x, y=y, text=text, mode="text", textfont={"size": 11, "color": INK}, showlegend=False,
        hoverinfo="skip",
    )  # fmt: skip
    fig.add_bar(
        orientation="h", xaxis="x2", yaxis="y", y=list(range(len(shown))), x=shown["share"],
        marker_color="#888888", showlegend=False,
        error_x={
            "type": "data", "symmetric": False, "color": INK, "thickness": 1.2, "width": 4,
            "array": (shown["high"] - shown["share"]).fillna(0),
            "arrayminus": (shown["share"] - shown["low"]).fillna(0),
        },
        customdata=[
            f"<b>{escape(row.template)}</b><br>{row.support:,} of {row.n:,} messages, "
            f"{row.expected:.1f} if shuffled<br>lift {row.lift:.2f}, q = {row.q:.3f}"
            for row in shown.itertuples()
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip
    fig.add_scatter(
        xaxis="x2", yaxis="y", mode="text", textposition="middle right", showlegend=False,
        x=shown["high"].fillna(shown["share"]), y=list(range(len(shown))), cliponaxis=False,
        text=[f" ×{lift:.1f}" if np.isfinite(lift) else "" for lift in shown["lift"]],
        hoverinfo="skip",
    )  # fmt: skip
    used = {taxonomy.category_of(one) for row in shown["template"] for one in row.split(ARROW)}
    for category in taxonomy.categories:
        if category.name in used:
            fig.add_scatter(
                name=escape(category.name), mode="markers", x=[None], y=[None],
                marker={"symbol": "square", "size": 12, "color": colours[category.name]},
            )  # fmt: skip
    split = longest / (longest + 1.2)
    fig.update_layout(
        xaxis={"domain": [0, split - 0.01], "range": [0, longest], "visible": False},
        xaxis2={
            "domain": [split + 0.01, 0.95], "range": [0, reach], "anchor": "y", "nticks": 4,
            "tickformat": ".0%" if reach > _COARSE else ".1%", "showgrid": False,
            "title": "Share of messages",
        },
        yaxis={"range": [len(shown) - 0.4, -0.6], "visible": False},
        legend=legend_below(plot, 60) | {"itemclick": False, "itemdoubleclick": False},
    )  # fmt: skip
    note = (
        f"n = {shown['n'].iloc[0]:,} messages with two moves or more, "
        f"{shown['clusters'].iloc[0]:,} clusters"
    )
    if len(table) > len(shown):
        note += f"; {len(shown)} of {len(table)} sequences"
    times = "×: over the same moves in shuffled order"
    note += f"<br>{joined(times, intervals(shown, 'whiskers: '))}"
    fig.add_annotation(
        text=f"<sub>{note}</sub>", xref="paper", yref="paper", x=0, y=0, yshift=-140,
        align="left", xanchor="left", showarrow=False,
    )  # fmt: skip
    fig.update_layout(margin_b=152, margin_t=16)
    return carry(fig, shown)


def _lifts(cells: pd.DataFrame, rows: list[str], columns: list[str]) -> go.Figure:
    """Return a heat map of the ``lift`` of cells by ``row`` and ``column``, with the numbers."""
    held = cells[cells["lift"].notna()]
    bounded = np.log2(held["lift"].clip(2.0**-_MOST, 2.0**_MOST))
    fig = figure(height=_CELL * len(rows) + 220, margin_t=20)
    fig.add_heatmap(
        x=[columns.index(name) for name in held["column"]],
        y=[rows.index(name) for name in held["row"]],
        z=bounded,
        zmin=-_MOST,
        zmax=_MOST,
        colorscale=[[0, _LESS], [0.5, _EVEN], [1, _MORE]],
        xgap=2,
        ygap=2,
        customdata=held["hover"],
        hovertemplate="%{customdata}<extra></extra>",
        colorbar={
            "tickvals": [-2, -1, 0, 1, 2],
            "ticktext": ["≤ ¼", "½", "1", "2", "≥ 4"],
            "title": {"text": "lift"},
            "thickness": 14,
            "len": 0.8,
            "outlinewidth": 0,
        },
    )
    for cell, depth in zip(held.itertuples(), bounded.abs(), strict=True):
        text = _number(cell.lift)
        dark = depth > 0.75 * _MOST and cell.lift < 1
        fig.add_annotation(
            x=columns.index(cell.column), y=rows.index(cell.row), showarrow=False,
            text=f"<b>{text}</b>" if cell.q < _SURE else text,
            font={"size": 12, "color": "white" if dark else INK},
        )  # fmt: skip
    fig.update_xaxes(
        tickvals=list(range(len(columns))), ticktext=[escape(name) for name in columns],
        tickangle=-40, showgrid=False, zeroline=False, range=[-0.5, len(columns) - 0.5],
    )  # fmt: skip
    fig.update_yaxes(
        tickvals=list(range(len(rows))), ticktext=[escape(name) for name in rows],
        showgrid=False, zeroline=False, range=[len(rows) - 0.5, -0.5],
    )  # fmt: skip
    return fig


def _number(lift: float) -> str:
    return f"{lift:.0f}" if lift >= 10 else f"{lift:.1f}" if lift >= 1 else f"{lift:.2f}"


def _middles(table: pd.DataFrame, side: str, names: list[str], plot: float) -> list[float]:
    """Return where the middle of each node lies, 0 to 1: in their order, so far apart as names."""
    sizes = table.groupby(side)["count"].sum().reindex(names).to_numpy(np.float64)
    most = max(table["sub_category"].nunique(), table["next"].nunique())
    pixels = sizes / sizes.sum() * (plot - _PAD * (most - 1))
    gap = (plot - pixels.sum()) / max(len(names) - 1, 1)
    middles = np.cumsum(pixels + gap) - gap - pixels / 2
    return (middles / plot).clip(0.001, 0.999).tolist()
