"""How often each sub-category occurs: overall, and by group."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from saeidioms.charts.carried import carry
from saeidioms.charts.grouped import grouped, whiskers
from saeidioms.charts.theme import (
    ROW,
    SYMBOLS,
    TOP,
    category_colours,
    escape,
    figure,
    height_below,
    intervals,
    name_at_axis,
    with_notes,
)
from saeidioms.taxonomy.grounds import doubtful, note
from saeidioms.taxonomy.taxonomy import Taxonomy

IDIOMS_SHOWN = 5


def distribution(
    shares: pd.DataFrame,
    taxonomy: Taxonomy,
    *,
    of: str = "messages",
    idioms: pd.DataFrame | None = None,
) -> go.Figure:
    """Draw the share of every sub-category as bars with intervals, coloured by category.

    Parameters
    ----------
    shares
        Overall shares, as `Distribution.shares` returns them. Sub-categories that rest on no
        faithful feature are marked where `saeidioms.taxonomy.grounds` is joined.
    taxonomy
        Gives order and colours.
    of
        What the shares are of, for the axis.
    idioms
        The lexicon; the most frequent idioms of a sub-category are shown when pointed at.

    Returns
    -------
    plotly.graph_objects.Figure
        One trace a category.
    """
    table = shares[shares["level"] == "sub_category"].set_index("sub_category")
    colours = category_colours(taxonomy)
    title = _axis(shares, of)
    below = height_below(title)
    fig = figure(height=TOP + ROW * len(table) + below, margin_b=below, bargap=0.45)
    for category in taxonomy.categories:
        rows = table[table["category"] == category.name]
        fig.add_bar(
            orientation="h",
            name=escape(category.name),
            y=[escape(name) for name in rows.index],
            x=rows["share"],
            marker_color=colours[category.name],
            error_x=whiskers(rows, "share"),
            customdata=[_hover(name, row, idioms) for name, row in rows.iterrows()],
            hovertemplate="%{customdata}<extra></extra>",
        )
    ends = table["high"].fillna(table["share"]).fillna(0)  # a share of nothing is none
    fig.add_scatter(
        x=ends,
        y=[escape(name) for name in table.index],
        text=[f" {share:.1%}" if pd.notna(share) else " –" for share in table["share"]],
        mode="text",
        textposition="middle right",
        hoverinfo="skip",
        showlegend=False,
        cliponaxis=False,
    )
    order, marked = [escape(name) for name in taxonomy.names], doubtful(table.reset_index())
    fig.update_yaxes(
        categoryorder="array",
        categoryarray=order[::-1],
        tickvals=order,
        ticktext=[name_at_axis(name, marked) for name in taxonomy.names],
        showgrid=False,
    )
    fig.update_xaxes(
        title=title,
        tickformat=".0%",
        range=[0, 1.2 * (ends.max() if ends.max() > 0 else 1)],
        nticks=6,
        showgrid=False,  # the shares are written at the bars
    )
    return carry(fig, table.reset_index())


def by_group(
    shares: pd.DataFrame, taxonomy: Taxonomy, *, by: str, of: str = "messages"
) -> go.Figure:
    """Draw the share of every sub-category as points with intervals, groups below each other.

    Parameters
    ----------
    shares
        Shares by group, as `Distribution.shares` returns them with `by`.
    taxonomy
        Gives order and colours.
    by
        The column of the groups; the largest eight are drawn where there are more.
    of
        What the shares are of, for the axis.

    Returns
    -------
    plotly.graph_objects.Figure
        One trace a group, coloured by category, and one for each entry of the two legends.
    """
    table = shares[shares["level"] == "sub_category"]
    hover = [
        f"<b>{escape(row['sub_category'])}</b><br>{escape(row[by])}: {_numbers(row)}"
        for _, row in table.iterrows()
    ]
    sizes = table.groupby(by, sort=False)["n"].first()
    if len(sizes) > len(SYMBOLS):
        sizes = sizes.sort_values(ascending=False, kind="stable")
    groups = {str(name): f"{escape(name)} (n = {n:,})" for name, n in sizes.items()}
    fig = grouped(
        table.assign(hover=hover), taxonomy, by=by, value="share", groups=groups,
        title=_axis(shares, of),
    )  # fmt: skip
    fig.update_xaxes(tickformat=".0%", rangemode="tozero", nticks=6)
    return carry(fig, table)


def _hover(name: object, row: pd.Series, idioms: pd.DataFrame | None) -> str:
    lines = [f"<b>{escape(name)}</b>", _numbers(row)]
    if idioms is not None:
        own = idioms[idioms["sub_category"] == name].sort_values("count", ascending=False)
        lines += [
            f"“{escape(idiom.phrase)}” {idiom.count:,}"
            for idiom in own.head(IDIOMS_SHOWN).itertuples(index=False, name="Idiom")
        ]
    return "<br>".join(lines)


def _numbers(row: pd.Series) -> str:
    if not row["n"]:
        return "none"
    known = pd.notna(row["low"])
    why = "one cluster" if row["clusters"] < 2 else "clusters all alike"
    interval = f"[{row['low']:.1%}, {row['high']:.1%}]" if known else f"({why}: no interval)"
    return f"{row['share']:.1%} {interval}, {row['count']:,} of {row['n']:,}"


def _axis(shares: pd.DataFrame, of: str) -> str:
    whole = shares[shares["level"] == "uncoded"]  # one row a group
    mark = note(shares)
    if whole.empty:  # shares that were corrected by a sample
        return with_notes(f"Share of {of}", intervals(shares), mark)
    uncoded = whole["share"].iloc[0]
    without = ""
    if len(whole) == 1 and of != "expressions" and pd.notna(uncoded):  # which all are coded
        without = f"; uncoded {uncoded:.0%}"
    fewest, most = whole["clusters"].min(), whole["clusters"].max()
    clusters = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
    each = "" if len(whole) == 1 else " each"
    return with_notes(
        f"Share of {of}",
        f"n = {whole['n'].sum():,}{without}",
        f"{intervals(shares) or 'no intervals'}: {clusters} clusters resampled{each}",
        mark,
    )
