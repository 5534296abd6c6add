"""Change between groups or times, and over the course of conversations."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from saeidioms.charts.theme import INK, ROW, category_colours, escape, figure, transparent
from saeidioms.taxonomy.taxonomy import Taxonomy


def change(comparison: pd.DataFrame, taxonomy: Taxonomy, *, panel: str | None = None) -> go.Figure:
    """Draw changes of shares in percentage points: points with intervals, a panel a value.

    The figure of the Lend an Ear study (arXiv 2603.15245): sub-categories down the side in the
    order of change, one colour a category.

    Parameters
    ----------
    comparison
        As `compare` returns it.
    taxonomy
        Gives the colours.
    panel
        The column of the panels; each group that was compared has panels of its own.

    Returns
    -------
    plotly.graph_objects.Figure
        One trace a panel and category.
    """
    table = comparison[comparison["level"] == "sub_category"]
    keys = ["group", panel] if panel else ["group"]
    panels = list(table.groupby(keys, sort=False))
    mean = table.groupby("sub_category")["difference"].mean().sort_values()
    order = [escape(name) for name in mean.index]
    colours = category_colours(taxonomy)
    fig = make_subplots(
        cols=len(panels),
        shared_yaxes=True,
        horizontal_spacing=0.03,
        subplot_titles=[_heading(key, table) for key, _ in panels],
    )
    fig.update_layout(figure(height=ROW * len(order) + 190).layout)
    for column, (_, rows) in enumerate(panels, start=1):
        for category in taxonomy.categories:
            part = rows[rows["category"] == category.name]
            fig.add_scatter(
                row=1,
                col=column,
                name=escape(category.name),
                legendgroup=category.name,
                showlegend=column == 1,
                mode="markers",
                x=part["difference"],
                y=[escape(name) for name in part["sub_category"]],
                marker={"color": colours[category.name], "size": 10},
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
        fig.add_vline(x=0, line={"color": INK, "width": 1}, row=1, col=column)
    reach = 1.08 * table[["low", "high", "difference"]].abs().max().max()
    fig.update_xaxes(range=[-reach, reach], zeroline=False, nticks=5)
    fig.update_yaxes(categoryorder="array", categoryarray=order)
    fig.update_layout(
        legend={"y": -0.16 - 0.2 / len(order), "yanchor": "top"},
        margin={"t": 40, "b": 110},
    )
    fig.add_annotation(
        text="Change in percentage points",
        xref="paper", yref="paper", x=0.5, y=0, yshift=-44, yanchor="bottom", showarrow=False,
    )  # fmt: skip
    return fig


def over_turns(table: pd.DataFrame, taxonomy: Taxonomy) -> go.Figure:
    """Draw each category's share over the parts of conversations, with bands.

    Parameters
    ----------
    table
        As `saeidioms.over_turns` returns it.
    taxonomy
        Gives order and colours.
    """
    colours = category_colours(taxonomy)
    dashes = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"]
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
        )
        fig.add_scatter(
            name=escape(category.name),
            x=rows["part"],
            y=rows["share"],
            mode="lines+markers",
            line={"color": colour, "width": 2.5, "dash": dashes[i % len(dashes)]},
            hovertemplate=f"{escape(category.name)}, part %{{x}}: %{{y:.1%}}<extra></extra>",
        )
    parts = sorted(table["part"].unique())
    fig.update_xaxes(title=f"Part of the conversation, of {len(parts)}", tickvals=parts)
    fig.update_yaxes(title="Share of messages", tickformat=".0%", rangemode="tozero")
    return fig


def _heading(key: tuple[object, ...], table: pd.DataFrame) -> str:
    group, *panel = key
    versus = f"{escape(group)} − {escape(table['baseline'].iloc[0])}"
    return f"{escape(panel[0])}<br><sub>{versus}</sub>" if panel else versus


def _hover(row: object) -> str:
    values = row._asdict()  # type: ignore[attr-defined]
    return (
        f"<b>{escape(values['sub_category'])}</b><br>"
        f"{values['difference']:+.1f} points [{values['low']:+.1f}, {values['high']:+.1f}], "
        f"q = {values['q']:.3f}<br>"
        f"{values['baseline_share']:.1%} → {values['share']:.1%}"
    )
