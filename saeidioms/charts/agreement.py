"""Agreement of a tool and others with experts, beside that of experts among each other."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from saeidioms.charts.carried import carry
from saeidioms.charts.theme import (
    HUES,
    INK,
    escape,
    figure,
    intervals,
    legend_below,
    transparent,
    with_notes,
)
from saeidioms.findings.experts import PAIRS, REST

_LINE = 22  # pixels between points of a dimension
_PAD = 26  # pixels between dimensions
_HEAD, _FOOT = 16, 128  # pixels above and below
_LOOKS = (("blue", "circle"), ("orange", "diamond"), ("purple", "square"), ("green", "triangle-up"))


def expert_agreement(table: pd.DataFrame) -> go.Figure:
    """Draw who agrees with experts as well as experts do among each other.

    Parameters
    ----------
    table
        As `saeidioms.findings.experts.expert_table` returns it.

    Returns
    -------
    plotly.graph_objects.Figure
        A row a dimension: a band from the lowest to the highest kappa of two experts with a line at
        their median, and below each other the kappas of one expert with the median of the rest and
        of every other group with that of all experts, with intervals.
    """
    dimensions = list(dict.fromkeys(table["dimension"]))
    raters = [name for name in dict.fromkeys(table["raters"]) if name != PAIRS]
    height = 2 * _PAD + _LINE * (len(raters) - 1)
    middle = {name: -height * (i + 0.5) for i, name in enumerate(dimensions)}
    plot = height * len(dimensions)
    fig = figure(height=plot + _HEAD + _FOOT, margin={"t": _HEAD, "b": _FOOT})
    _draw_bands(fig, table[table["raters"] == PAIRS], middle, height / 2 - 6)
    looks = cycle(_LOOKS)
    for i, name in enumerate(raters):
        hue, symbol = ("grey", "line-ns") if name == REST else next(looks)
        colour = INK if name == REST else HUES[hue]
        rows = table[(table["raters"] == name) & table["kappa"].notna()]
        offset = _LINE * ((len(raters) - 1) / 2 - i)
        fig.add_scatter(
            name=escape(name),
            mode="markers",
            x=rows["kappa"],
            y=[middle[dimension] + offset for dimension in rows["dimension"]],
            marker={
                "color": colour, "size": 11, "symbol": symbol,
                "line": {"width": 2.5 if name == REST else 0, "color": colour},
            },
            error_x={
                "type": "data",
                "symmetric": False,
                "array": (rows["high"] - rows["kappa"]).fillna(0),
                "arrayminus": (rows["kappa"] - rows["low"]).fillna(0),
                "color": colour,
                "thickness": 2,
                "width": 0,
            },
            customdata=[_hover(row) for row in rows.itertuples()],
            hovertemplate="%{customdata}<extra></extra>",
        )  # fmt: skip
    known = table[["kappa", "low", "lowest"]].min().min()
    fig.update_xaxes(
        title=with_notes("Agreement beyond chance (kappa)", intervals(table)),
        range=[min(0.0, 1.05 * known if pd.notna(known) else 0.0) - 0.02, 1.02],
        zeroline=True,
    )
    fig.update_yaxes(
        tickvals=list(middle.values()),
        ticktext=[escape(name) for name in middle],
        range=[-plot, 0],
        showgrid=False,
        zeroline=False,
    )
    return carry(fig.update_layout(legend=legend_below(plot, 80)), table)


def _draw_bands(
    fig: go.Figure, pairs: pd.DataFrame, middle: dict[Any, float], reach: float
) -> None:
    """Draw the range of pairs of experts, and their median."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    lines: list[float | None] = []
    heights: list[float | None] = []
    for row in pairs.dropna(subset=["lowest", "highest"]).itertuples():
        low, high = middle[row.dimension] - reach, middle[row.dimension] + reach
        xs += [row.lowest, row.highest, row.highest, row.lowest, row.lowest, None]
        ys += [low, low, high, high, low, None]
        lines += [row.kappa, row.kappa, None]
        heights += [low, high, None]
    fig.add_scatter(
        name="pairs of experts: range, median",
        legendgroup="pairs",
        x=xs,
        y=ys,
        mode="lines",
        fill="toself",
        fillcolor=transparent(HUES["grey"], 0.45),
        line={"width": 1, "color": HUES["grey"]},
        hoverinfo="skip",
    )
    fig.add_scatter(
        legendgroup="pairs",
        showlegend=False,
        x=lines,
        y=heights,
        mode="lines",
        line={"width": 1.5, "color": INK, "dash": "dot"},
        customdata=[
            text
            for row in pairs.dropna(subset=["lowest"]).itertuples()
            for text in [_hover(row)] * 3
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _hover(row: Any) -> str:
    known = f" [{row.low:.2f}, {row.high:.2f}]" if pd.notna(row.low) else ""
    spread = f"<br>pairs from {row.lowest:.2f} to {row.highest:.2f}" if row.raters == PAIRS else ""
    return (
        f"<b>{escape(row.dimension)}</b>, {escape(row.raters)}<br>kappa {row.kappa:.2f}{known} of "
        f"{row.n:,} items{spread}"
    )
