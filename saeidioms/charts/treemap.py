"""The taxonomy as an area: what is said most takes the most room."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from saeidioms.charts.carried import carry
from saeidioms.charts.theme import (
    INK,
    category_colours,
    escape,
    figure,
    in_lines,
    small,
    transparent,
)
from saeidioms.errors import InputError
from saeidioms.taxonomy.grounds import doubtful, note
from saeidioms.taxonomy.taxonomy import Taxonomy

_HEIGHT, _TALL = 460, 720  # pixels; tall where it is narrow


def treemap(shares: pd.DataFrame, taxonomy: Taxonomy, *, of: str = "messages") -> go.Figure:
    """Draw the taxonomy as tiles within tiles, each sub-category as large as its share.

    A message may hold several sub-categories. It is in the tile of each, so that the area of a
    category is not the share of messages that hold any of it, which its heading gives.

    Parameters
    ----------
    shares
        Overall shares, as `Distribution.shares` returns them. Sub-categories that rest on no
        faithful feature are marked where `saeidioms.taxonomy.grounds` is joined.
    taxonomy
        Gives categories and colours: one hue a category.
    of
        What the shares are of.

    Returns
    -------
    plotly.graph_objects.Figure
        One trace.

    Raises
    ------
    InputError
        If nothing was coded: there is no area to divide.
    """
    rows = shares[shares["level"].isin(["category", "sub_category"])]
    held = rows[(rows["level"] == "sub_category") & (rows["count"] > 0)]
    if held.empty:
        raise InputError("no sub-category occurs; there is nothing to draw.")
    heads = rows[(rows["level"] == "category") & rows["category"].isin(held["category"])]
    colours = category_colours(taxonomy)
    in_doubt, any_of = doubtful(held), "" if of == "expressions" else "any: "
    fig = figure(height=_HEIGHT, margin={"l": 8, "r": 8, "t": 8, "b": 82 if in_doubt else 64})
    fig.add_treemap(
        ids=[*heads["category"].map(_outer), *held["sub_category"].map(_inner)],
        parents=[*[""] * len(heads), *held["category"].map(_outer)],
        labels=[
            *(
                f"<b>{escape(row.category)}</b>  {any_of}{row.share:.1%}"
                for row in heads.itertuples()
            ),
            *(in_lines(name, doubtful=in_doubt) for name in held["sub_category"]),
        ],
        values=[*[0.0] * len(heads), *held["share"]],
        branchvalues="remainder",
        text=[*[""] * len(heads), *(f"{share:.1%}" for share in held["share"])],
        textinfo="label+text",
        customdata=[
            f"<b>{escape(row.sub_category or row.category)}</b><br>{row.share:.1%}, "
            f"{row.count_:,} of {row.n:,} {of}"
            for part in (heads, held)
            for row in part.rename(columns={"count": "count_"}).itertuples()
        ],
        hovertemplate="%{customdata}<extra></extra>",
        marker={
            "colors": [
                *(transparent(colours[name], 0.15) for name in heads["category"]),
                *(transparent(colours[name], 0.5) for name in held["category"]),
            ],
            "line": {"width": 2, "color": "white"},
            "pad": {"t": 26, "l": 4, "r": 4, "b": 4},
        },
        textfont={"color": INK, "size": 14},
        tiling_pad=2,
        sort=False,  # in the order of the other charts
        pathbar_visible=False,
        root_color="white",
    )
    whole = shares[shares["level"] == "uncoded"].iloc[0]
    without = f"; none of these: {whole['share']:.0%}" if of != "expressions" else ""
    notes = [f"Tile: share of {of} that hold it (n = {whole['n']:,}{without})"]
    if of != "expressions":
        notes += [
            "What holds several is in each of their tiles, and in “any” once:",
            "a category’s tiles can take more room than its share.",
        ]
    notes += [note(held)] if in_doubt else []
    fig.add_annotation(
        text="<br>".join(small(line) for line in notes), align="left",
        xref="paper", yref="paper", x=0, y=0, yshift=-8, yanchor="top", xanchor="left",
        showarrow=False,
    )  # fmt: skip
    return carry(fig, rows, narrow=go.Figure(fig).update_layout(height=_TALL))


def _outer(name: str) -> str:
    return f"category {escape(name)}"


def _inner(name: str) -> str:
    return f"sub-category {escape(name)}"
