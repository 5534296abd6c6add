"""Estimates with intervals beside each other: forest plots, dumbbells, who rose and who fell."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from saeidioms.charts.carried import carry
from saeidioms.charts.grouped import add_key, grouped
from saeidioms.charts.theme import (
    INK,
    ROW,
    TOP,
    category_colours,
    escape,
    figure,
    height_below,
    intervals,
    joined,
    legend_below,
    name_at_axis,
    transparent,
    with_notes,
)
from saeidioms.errors import InputError
from saeidioms.taxonomy.grounds import doubtful, note
from saeidioms.taxonomy.taxonomy import Taxonomy

SURE = 0.05  # q below which a point is filled
_BESIDE, _KEY = 150, 54  # pixels of what is written beside a dumbbell, and of the legend below


def forest(
    table: pd.DataFrame,
    taxonomy: Taxonomy,
    *,
    by: str | None = "group",
    value: str = "difference",
    title: str = "Difference in percentage points",
    band: float | None = None,
) -> go.Figure:
    """Draw estimates with intervals, several groups, terms or analyses to a sub-category.

    Parameters
    ----------
    table
        `value`, and ``low, high`` and ``q`` where they are known: as `saeidioms.compare`,
        `saeidioms.traits` and the functions of `saeidioms.findings` return them. Sub-categories
        that rest on no faithful feature are marked where `saeidioms.taxonomy.grounds` is joined.
    taxonomy
        Gives order and colours.
    by
        Column of the groups, such as ``group``, ``term`` or ``analysis``; None where there is none.
        Eight are drawn at most.
    value
        Column of the estimates.
    title
        Of the axis.
    band
        Values of at most this size are shaded: too small to matter.

    Returns
    -------
    plotly.graph_objects.Figure
        One trace a group, and one for each entry of the two legends; points are filled where q is
        below 0.05, open where it is not.

    Raises
    ------
    InputError
        If the table holds no estimate.
    """
    rows = _estimates(table, value)
    notes = [intervals(rows)]
    drawn = rows.assign(hover=[_hover(row, by, value) for _, row in rows.iterrows()])
    if rows["q"].notna().any():
        drawn["sure"] = rows["q"] < SURE
        notes.append(f"filled: q &lt; {SURE}")
    if band is not None:
        notes.append(f"shaded: at most ±{band:g}")
    title = with_notes(title, joined(*notes), note(rows))
    groups = {name: escape(name) for name in dict.fromkeys(rows[by])} if by else {"": ""}
    fig = grouped(drawn, taxonomy, by=by, value=value, groups=groups, title=title)
    fig.add_vline(x=0, layer="below", line={"color": INK, "width": 1})
    if band is not None:
        fig.add_vrect(
            x0=-band, x1=band, layer="below", line_width=0, fillcolor=transparent("#808080", 0.18)
        )
    if by is None:
        fig.update_layout(margin_t=16, height=fig.layout.height - TOP + 16)
    return carry(fig.update_xaxes(zeroline=False, nticks=7), rows)


def reliable_change(summary: pd.DataFrame, taxonomy: Taxonomy) -> go.Figure:
    """Draw which share of people rose (to the right) and fell (to the left) beyond chance.

    Parameters
    ----------
    summary
        Of `saeidioms.findings.reliable.ReliableChange`.
    taxonomy
        Gives order and colours.

    Returns
    -------
    plotly.graph_objects.Figure
        Each group with intervals, and the people whose change is the yardstick; points are filled
        where q is below 0.05.

    Raises
    ------
    InputError
        If the table holds no share.
    """
    rows = _estimates(summary, "share")
    control = rows["baseline"].iloc[0]
    yardstick = rows.drop_duplicates(["sub_category", "change"]).assign(
        group=control, share=lambda own: own["baseline_share"], low=None, high=None, q=1.0
    )
    drawn = pd.concat([rows, yardstick.astype(rows.dtypes)], ignore_index=True)
    drawn["hover"] = [
        f"<b>{escape(row.sub_category)}</b><br>{escape(row.group)}: {row.share:.1%} {row.change}"
        for row in drawn.itertuples()
    ]
    fell = drawn["change"] == "fell"
    for name, end in (("share", "share"), ("low", "high"), ("high", "low")):
        drawn[f"drawn_{name}"] = drawn[name].where(~fell, -drawn[end])
    drawn = drawn.assign(sure=drawn["q"] < SURE, low=drawn["drawn_low"], high=drawn["drawn_high"])
    groups = {name: escape(name) for name in dict.fromkeys(drawn["group"])}
    title = with_notes(
        "← fell    share of people    rose →",
        joined(intervals(rows), f"filled: q &lt; {SURE}, against {escape(control)}"),
        note(rows),
    )
    fig = grouped(drawn, taxonomy, by="group", value="drawn_share", groups=groups, title=title)
    fig.add_vline(x=0, layer="below", line={"color": INK, "width": 1})
    reach = 1.05 * drawn[["drawn_share", "low", "high"]].abs().max().max() or 1.0
    step = next(one for one in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if reach < 4 * one or one == 0.5)
    ticks = [i * step for i in range(-4, 5) if abs(i * step) <= reach]
    fig.update_xaxes(
        range=[-reach, reach],
        tickvals=ticks,
        ticktext=[f"{abs(tick):.0%}" for tick in ticks],
        zeroline=False,
    )
    return carry(fig, rows)


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
        A line and two points for each sub-category, and beside it the difference with its interval.

    Raises
    ------
    InputError
        If the table holds no difference, or more than one group's.
    """
    rows = _estimates(table, "difference")
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
    plot, title = ROW * len(rows), with_notes("Share", note(rows))
    below = height_below(title)
    fig = figure(height=TOP + plot + below + _KEY, margin_b=below + _KEY, margin_r=_BESIDE)
    for _, row in rows.iterrows():
        colour = colours[row["category"]]
        fig.add_scatter(
            x=[row[first], row[second]],
            y=[escape(row["sub_category"])] * 2,
            mode="lines+markers",
            line={"color": colour, "width": 3},
            marker={  # a ring and a dot: where nothing changed, both are seen
                "size": [14, 9],
                "color": ["white", colour],
                "opacity": 1,
                "line": {"width": 2, "color": colour},
            },
            customdata=[_hover(row, None, "difference", f"{names[0]} to {names[1]}")] * 2,
            hovertemplate="%{customdata}<extra></extra>",
            showlegend=False,
        )
        _write_beside(fig, escape(row["sub_category"]), _with_interval(row, "difference", "+z.1f"))
    known = intervals(rows).removesuffix("s")
    heading = f"Points [{known}]" if known else "Points"
    fig.add_annotation(
        text=heading, xref="paper", yref="paper", x=1, y=1, xshift=12, yshift=18,
        xanchor="left", showarrow=False, font_size=12,
    )  # fmt: skip
    for name, symbol in zip(names, ("circle-open", "circle"), strict=True):
        add_key(fig, escape(name), symbol, INK)
    for category in taxonomy.categories:
        add_key(fig, escape(category.name), "circle", colours[category.name])
        fig.data[-1].legend = "legend2"
    order = [escape(name) for name in taxonomy.names]
    fig.update_yaxes(
        categoryorder="array",
        categoryarray=order[::-1],
        tickvals=order,
        ticktext=[name_at_axis(name, doubtful(rows)) for name in taxonomy.names],
    )
    fig.update_xaxes(title=title, tickformat=".0%", rangemode="tozero", nticks=7)
    fig.update_layout(legend2=legend_below(plot, below + 6))
    return carry(fig, rows)


def _estimates(table: pd.DataFrame, value: str) -> pd.DataFrame:
    """Return the rows of sub-categories that have a value, with intervals and q where known."""
    rows = table[table["level"] == "sub_category"].dropna(subset=[value])
    if rows.empty:
        raise InputError(f"the table holds no {value} of a sub-category; there is nothing to draw.")
    missing = [name for name in ("low", "high", "q") if name not in rows]
    return rows.assign(**dict.fromkeys(missing, float("nan")))


def _write_beside(fig: go.Figure, y: Any, text: str) -> None:
    fig.add_annotation(
        text=text, xref="paper", x=1, y=y, xshift=12, xanchor="left", showarrow=False, font_size=12
    )


def _with_interval(row: Any, value: str, shape: str) -> str:
    known = f" [{row['low']:{shape}}, {row['high']:{shape}}]" if pd.notna(row["low"]) else ""
    return f"{row[value]:{shape}}{known}".replace("-", "−")


def _hover(row: Any, by: str | None, value: str, group: str = "") -> str:
    points = value == "difference"
    q = f"<br>q = {row['q']:.3f}" if pd.notna(row["q"]) else ""
    name = f"{escape(row[by] if by else group)}: " if by or group else ""
    estimate = _with_interval(row, value, "+z.1f" if points else "+z.2f")
    unit = " points" if points else ""
    return f"<b>{escape(row['sub_category'])}</b><br>{name}{estimate}{unit}{q}"
