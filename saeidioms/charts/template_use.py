"""How far groups follow templates, what they say that others do not, and its variety."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from saeidioms.charts.carried import carry
from saeidioms.charts.grouped import whiskers
from saeidioms.charts.panels import panels
from saeidioms.charts.theme import INK, escape, in_lines, intervals, joined, small

_ROW = 26  # pixels a group
_MOST = 30  # groups that are drawn
_GAP = 88  # pixels between panels below each other
_FOOT = 34  # pixels of ticks and what is said below
_ARE_SHARES = ("coverage", "novelty")


def template_use(table: pd.DataFrame, *, by: str, columns: int = 3) -> go.Figure:
    """Draw coverage, novelty and variety of each group as points with intervals.

    Parameters
    ----------
    table
        As `saeidioms.findings.use_of_templates.template_use` returns it.
    by
        The column of the groups, from top to bottom in their order; of more than thirty, those
        with most messages are drawn, and the figure says of how many.
    columns
        Most panels beside each other.

    Returns
    -------
    plotly.graph_objects.Figure
        A panel a measure, each on a scale of its own.
    """
    sizes = table.groupby(by, sort=False)["n"].first()
    groups = list(sizes.index)
    if len(groups) > _MOST:
        largest = set(sizes.nlargest(_MOST).index)
        groups = [name for name in groups if name in largest]
    rows = table[table[by].isin(groups)]
    measures = list(dict.fromkeys(rows["measure"]))
    fig = panels(
        [_heading(name, rows[rows["measure"] == name]) for name in measures],
        columns,
        _ROW * len(groups) + _ROW,
        gap=_GAP,
        spacing=0.08,
        shared_x=False,
    )
    for i, measure in enumerate(measures):
        row, col = i // columns + 1, i % columns + 1
        own = rows[rows["measure"] == measure].dropna(subset=["value"])
        fig.add_scatter(
            row=row,
            col=col,
            x=own["value"],
            y=[escape(name) for name in own[by]],
            error_x=whiskers(own, "value"),
            mode="markers",
            marker={"color": INK, "size": 9},
            customdata=[_hover(one, measure) for one in own.to_dict("records")],
            hovertemplate="%{y}<br>%{customdata}<extra></extra>",
            showlegend=False,
            cliponaxis=False,
        )
        fig.update_xaxes(
            row=row,
            col=col,
            tickformat=".0%" if measure in _ARE_SHARES else None,
            nticks=5,
            rangemode="tozero",
            showticklabels=True,
        )
    order = [escape(name) for name in groups]
    fig.update_yaxes(
        categoryorder="array",
        categoryarray=order[::-1],
        tickvals=order,
        ticktext=[in_lines(str(name), 18) for name in groups],
        range=[-0.7, len(order) - 0.3],
        showgrid=True,
    )
    left_out = f"the largest {_MOST} of {len(sizes):,}" if len(sizes) > len(groups) else ""
    said = joined(f"by {escape(by)}", left_out, intervals(rows))
    fig.add_annotation(
        text=small(said), xref="paper", yref="paper", x=0.5, y=0,
        yshift=-_FOOT, yanchor="top", showarrow=False,
    )  # fmt: skip
    unused = fig.layout.margin.b - 2 * _FOOT
    fig.update_layout(height=fig.layout.height - unused, margin_b=2 * _FOOT)
    return carry(fig, rows, narrow=template_use(table, by=by, columns=1) if columns > 1 else None)


def _heading(measure: str, rows: pd.DataFrame) -> str:
    sample = f"{rows['sample'].iloc[0]:,}"
    said = {
        "coverage": "share that follow a template",
        "novelty": f"share unlike {sample} of the others",
        "variety": f"sequences in {sample} messages",
    }
    return f"{measure.capitalize()}<br>{small(said[measure])}"


def _hover(row: dict[str, Any], measure: str) -> str:
    shape = ".1%" if measure in _ARE_SHARES else ".3g"
    known = f" [{row['low']:{shape}}, {row['high']:{shape}}]" if row["low"] == row["low"] else ""
    return f"{measure} {row['value']:{shape}}{known}, {row['n']:,} messages"
