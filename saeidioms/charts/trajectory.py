"""The course of conversations: what they are made of, and each share with its band."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from saeidioms.charts.carried import carry
from saeidioms.charts.panels import FOOT, HEAD, LEGEND, panels
from saeidioms.charts.theme import (
    DASHES,
    INK,
    category_colours,
    escape,
    in_lines,
    intervals,
    joined,
    legend_below,
    marked,
    shades,
    transparent,
    with_notes,
)
from saeidioms.taxonomy.grounds import doubtful, note
from saeidioms.taxonomy.taxonomy import Taxonomy

_PARTS = {2: ["first", "second"], 3: ["first", "middle", "last"]}
_PANEL = 130  # pixels of a panel
_AREA = 330  # pixels of a panel of areas
_NAME = 17  # pixels between names
_BESIDE = 205  # pixels of the names
_NOTE = 18  # pixels of a note below
_MOST_TICKS = 8


def stacked_area(
    table: pd.DataFrame,
    taxonomy: Taxonomy,
    *,
    by: str | None = None,
    turns: bool = False,
    columns: int = 2,
) -> go.Figure:
    """Draw what messages are made of as conversations go on: sub-categories on top of each other.

    Heights are shares of all that messages hold, so that they add up to all of it although a
    message may hold several; `lines` shows shares of messages, with their bands.

    Parameters
    ----------
    table
        As `saeidioms.findings.course.trajectory` returns it. Sub-categories that rest on no
        faithful feature are marked where `saeidioms.taxonomy.grounds` is joined.
    taxonomy
        Gives order and colours: one hue a category, paler for each next member.
    by
        The column of the groups, each of which has a panel; None where there is none. Of more than
        six the largest are drawn.
    turns
        Whether parts are turns, the last one all later ones.
    columns
        Most panels beside each other.

    Returns
    -------
    plotly.graph_objects.Figure
        One trace a sub-category and panel, named beside the last panel of a line.

    """
    rows = table[table["level"] == "sub_category"]
    groups, left_out = _groups(rows, by)
    titles = [escape(f"{by}: {name}") if by else "" for name in groups]
    fig = panels(titles, columns, _AREA, spacing=0.12)
    shade = shades(taxonomy)
    for i, group in enumerate(groups):
        own = rows if by is None else rows[rows[by] == group]
        held = own.pivot(index="part", columns="sub_category", values="share")
        heights = held.div(held.sum(axis=1).where(lambda total: total > 0), axis=0).fillna(0)
        line, column = divmod(i, columns)
        for member in taxonomy.sub_categories[::-1]:
            height = heights[member.name]
            fig.add_scatter(
                row=line + 1,
                col=column + 1,
                name=escape(member.name),
                x=heights.index,
                y=height,
                stackgroup="one",
                mode="lines",
                line={"width": 1.2, "color": "white"},
                fillcolor=shade[member.name],
                showlegend=False,
                hovertemplate=f"{escape(member.name)}: %{{y:.1%}}<extra></extra>",
            )
        if column == min(len(groups), columns) - 1:
            _write_beside(fig, heights.iloc[-1], taxonomy, doubtful(rows), line + 1, column + 1)
    fig.update_xaxes(showgrid=False)
    fig.update_yaxes(range=[0, 1], tickformat=".0%", showgrid=False, zeroline=False)
    fig.update_layout(margin_r=_BESIDE)
    for category in taxonomy.categories:
        fig.add_scatter(
            name=escape(category.name), mode="markers", x=[None], y=[None],
            marker={
                "symbol": "square", "size": 12, "color": category_colours(taxonomy)[category.name],
            },
        )  # fmt: skip
    _finish(fig, rows, "Share of what messages hold", turns, left_out)
    look: dict[str, Any] = {"by": by, "turns": turns, "columns": 1}
    narrow = stacked_area(table, taxonomy, **look) if columns > 1 and len(groups) > 1 else None
    return carry(fig, rows, narrow=narrow)


def lines(
    table: pd.DataFrame,
    taxonomy: Taxonomy,
    *,
    by: str | None = None,
    turns: bool = False,
    columns: int = 3,
) -> go.Figure:
    """Draw the share of messages that hold each sub-category as conversations go on, with bands.

    Parameters
    ----------
    table
        As `saeidioms.findings.course.trajectory` returns it. Sub-categories that rest on no
        faithful feature are marked where `saeidioms.taxonomy.grounds` is joined.
    taxonomy
        Gives order and colours.
    by
        The column of the groups, told apart by their dashes; None where there is none. Of more than
        six the largest are drawn.
    turns
        Whether parts are turns, the last one all later ones.
    columns
        Most panels beside each other.

    Returns
    -------
    plotly.graph_objects.Figure
        A panel a sub-category, all on one scale; a band and a line a group.

    """
    rows = table[table["level"] == "sub_category"]
    groups, left_out = _groups(rows, by)
    names = list(taxonomy.names)
    in_doubt = doubtful(rows)
    most, spacing = (30, 0.06) if columns > 2 else (20, 0.14)  # two are for a narrow page
    titles = [in_lines(name, most, in_doubt) for name in names]
    fig = panels(titles, columns, _PANEL, spacing=spacing)
    colours = category_colours(taxonomy)
    for i, name in enumerate(names):
        line, column = divmod(i, columns)
        colour = colours[taxonomy.category_of(name)]
        of_name = rows[rows["sub_category"] == name]
        for g, group in enumerate(groups):
            own = of_name if by is None else of_name[of_name[by] == group]
            band = own.dropna(subset=["low", "high"])
            place = {"row": line + 1, "col": column + 1}
            fig.add_scatter(
                x=[*band["part"], *band["part"][::-1]],
                y=[*band["high"], *band["low"][::-1]],
                fill="toself",
                fillcolor=transparent(colour, 0.25 / len(groups) ** 0.5),
                line_width=0,
                mode="lines",
                hoverinfo="skip",
                showlegend=False,
                **place,
            )
            fig.add_scatter(
                x=own["part"],
                y=own["share"],
                mode="lines",
                line={"color": colour, "width": 2.2, "dash": DASHES[g]},
                customdata=[_interval(row, group) for row in own.itertuples()],
                hovertemplate="%{customdata}<extra></extra>",
                showlegend=False,
                **place,
            )
    if by is not None:
        for g, group in enumerate(groups):
            fig.add_scatter(
                name=escape(group), mode="lines", x=[None], y=[None],
                line={"color": INK, "width": 2.2, "dash": DASHES[g]},
            )  # fmt: skip
    most = rows[["share", "high"]].max().max()
    fig.update_yaxes(range=[0, 1.05 * (most or 1)], tickformat=".0%", nticks=4)
    fig.update_xaxes(showgrid=False)
    _finish(fig, rows, "Share of messages", turns, left_out, intervals(rows, "bands: "))
    look: dict[str, Any] = {"by": by, "turns": turns, "columns": 2}
    return carry(fig, rows, narrow=lines(table, taxonomy, **look) if columns > 2 else None)


def _groups(rows: pd.DataFrame, by: str | None) -> tuple[list[str], str]:
    """Return the names of the groups that are drawn, and what to say of others.

    There is one group of no name where there are none.
    """
    if by is None:
        return [""], ""
    sizes = rows.groupby(by, sort=False)["n"].max()
    if len(sizes) <= len(DASHES):
        return list(sizes.index), ""
    largest = sizes.nlargest(len(DASHES)).index
    return list(largest), f"the largest {len(DASHES)} of {len(sizes):,} groups of {escape(by)}"


def _finish(fig: go.Figure, rows: pd.DataFrame, what: str, turns: bool, *notes: str) -> None:
    """Name the parts below the lowest panels, and say what is drawn."""
    bins = int(rows["parts"].max())
    if turns:
        step = -(-bins // _MOST_TICKS)
        ticks = [part for part in range(1, bins + 1) if (bins - part) % step == 0]
        texts = [str(part) if part < bins else f"{part}+" for part in ticks]
    else:
        ticks = list(range(1, bins + 1))
        texts = _PARTS.get(bins, [f"{part} of {bins}" for part in ticks])
    fig.update_xaxes(tickvals=ticks, ticktext=texts, range=[1, bins] if bins > 1 else [0.5, 1.5])
    fig.update_yaxes(title=None)
    unit = "Message of the conversation" if turns else "Part of the conversation"
    text = with_notes(unit, joined(*notes), note(rows))
    fig.add_annotation(
        text=text, xref="paper", yref="paper", x=0.5, y=0,
        yshift=-36, yanchor="top", showarrow=False,
    )  # fmt: skip
    fig.add_annotation(
        text=what, xref="paper", yref="paper", x=0, y=0.5, xshift=-64, textangle=-90,
        xanchor="center", showarrow=False,
    )  # fmt: skip
    fig.update_layout(margin_l=84)
    if note(rows):
        legend = legend_below(fig.layout.height - HEAD - FOOT, LEGEND + _NOTE)
        fig.update_layout(
            height=fig.layout.height + _NOTE, margin_b=FOOT + _NOTE, legend_y=legend["y"]
        )


def _write_beside(
    fig: go.Figure,
    heights: pd.Series,
    taxonomy: Taxonomy,
    in_doubt: set[str],
    row: int,
    col: int,
) -> None:
    """Write the names to the right of a panel, at the middle of their areas, but apart."""
    names = list(taxonomy.names[::-1])
    tops = heights[names].cumsum()
    middles = (tops - heights[names] / 2).to_numpy() * _AREA
    middles = middles.clip(_NAME / 2, _AREA - _NAME / 2)
    for i in range(1, len(middles)):
        middles[i] = max(middles[i], middles[i - 1] + _NAME)
    middles[-1] = min(middles[-1], max(_AREA - _NAME / 2, _NAME * (len(middles) - 0.5)))
    for i in range(len(middles) - 1, 0, -1):
        middles[i - 1] = min(middles[i - 1], middles[i] - _NAME)
    for name, middle in zip(names, middles, strict=True):
        fig.add_annotation(
            x=1, xref="x domain", y=middle / _AREA, yref="y domain", row=row, col=col,
            text=marked(escape(name), name in in_doubt), xanchor="left", yanchor="middle",
            xshift=6, showarrow=False, font_size=12,
        )  # fmt: skip


def _interval(row: Any, group: str) -> str:
    known = f" [{row.low:.1%}, {row.high:.1%}]" if pd.notna(row.low) else ""
    head = f"<b>{escape(row.sub_category)}</b>{', ' + escape(group) if group else ''}"
    return f"{head}<br>{row.share:.1%}{known} of {row.n:,} messages"
