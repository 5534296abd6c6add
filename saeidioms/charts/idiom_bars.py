"""What is said for each sub-category, in words."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
import plotly.graph_objects as go

from saeidioms.charts.carried import carry
from saeidioms.charts.panels import FOOT, panels
from saeidioms.charts.theme import INK, category_colours, escape, transparent
from saeidioms.errors import InputError
from saeidioms.idioms.words import stems
from saeidioms.taxonomy.taxonomy import Taxonomy

_BAR, _GAP, _FOOT = 25, 40, 48  # pixels
_LONGEST = 42  # characters
_TITLES = {
    "conversations": "Conversations with it: number and bar",
    "count": "Units with it: number and bar",
}


def idiom_bars(
    lexicon: pd.DataFrame,
    taxonomy: Taxonomy,
    *,
    by: Literal["conversations", "count"] = "conversations",
    most: int = 6,
    columns: int = 2,
) -> go.Figure:
    """Draw the idioms of each sub-category that most conversations (or units) hold, as bars.

    Parameters
    ----------
    lexicon
        ``phrase, count, conversations, sub_category``, as `Run.lexicon` has it. A phrase of
        several features is drawn once a sub-category, with its largest number; of phrases that
        hold one another, the most frequent.
    taxonomy
        Gives order and colours.
    by
        Column of the lengths.
    most
        Idioms of each sub-category.

    columns
        Most panels beside each other.

    Returns
    -------
    plotly.graph_objects.Figure
        A panel a sub-category that has idioms, all on one scale, the number at the end of each bar.

    Raises
    ------
    InputError
        If no sub-category has an idiom.
    """
    shown = most_frequent(lexicon, taxonomy, by, most)
    if shown.empty:
        raise InputError("no sub-category has an idiom; there is nothing to draw.")
    names = [name for name in taxonomy.names if name in set(shown["sub_category"])]
    fig = panels(
        [escape(name) for name in names],
        columns,
        _BAR * most,
        gap=_GAP,
        spacing=0.1,
        shared_y=False,
    )
    colours = category_colours(taxonomy)
    for i, name in enumerate(names):
        own = shown[shown["sub_category"] == name]
        colour = colours[taxonomy.category_of(name)]
        place = {"row": i // columns + 1, "col": i % columns + 1}
        rows = list(range(len(own)))
        fig.add_bar(
            orientation="h",
            x=own[by],
            y=rows,
            marker_color=transparent(colour, 0.4),
            customdata=[_hover(row) for row in own.rename(columns={"count": "units"}).itertuples()],
            hovertemplate="%{customdata}<extra></extra>",
            showlegend=False,
            **place,
        )
        fig.add_scatter(
            x=[0] * len(own),
            y=rows,
            text=[f" {escape(_shorten(phrase))}" for phrase in own["phrase"]],
            mode="text",
            textposition="middle right",
            textfont={"size": 13, "color": INK},
            hoverinfo="skip",
            showlegend=False,
            cliponaxis=False,
            **place,
        )
        fig.update_yaxes(
            tickvals=rows, ticktext=[f"{number:,}" for number in own[by]],
            range=[most - 0.4, -0.6], showgrid=False, zeroline=False, tickfont_size=12, **place,
        )  # fmt: skip
    fig.update_xaxes(range=[0, 1.02 * shown[by].max()], visible=False)
    fig.add_annotation(
        text=_TITLES[by], xref="paper", yref="paper", x=0.5, y=0, yshift=-14, yanchor="top",
        showarrow=False,
    )  # fmt: skip
    height = fig.layout.height - FOOT + _FOOT
    fig.update_layout(bargap=0.2, margin_b=_FOOT, height=height)
    one = idiom_bars(lexicon, taxonomy, by=by, most=most, columns=1) if columns > 1 else None
    return carry(fig, shown, narrow=one)


def most_frequent(
    lexicon: pd.DataFrame, taxonomy: Taxonomy, by: Literal["conversations", "count"], most: int
) -> pd.DataFrame:
    """Return the first idioms of each sub-category, by the taxonomy, the longer of equals first.

    Beside an idiom, none is returned that only says more ("I'm sorry to hear that") or less.
    """
    order = {name: place for place, name in enumerate(taxonomy.names)}
    own = lexicon[lexicon["sub_category"].isin(taxonomy.names)]
    own = own.assign(order=own["sub_category"].map(order), length=own["phrase"].str.len())
    ranked = own.sort_values(
        ["order", by, "length", "phrase"], ascending=[True, False, False, True], kind="stable"
    )
    shown: dict[str, list[str]] = {}
    rows = []
    for row, (name, phrase) in enumerate(
        zip(ranked["sub_category"], ranked["phrase"].map(stems), strict=True)
    ):
        before = shown.setdefault(name, [])
        if len(before) < most and not any(phrase in one or one in phrase for one in before):
            before.append(phrase)
            rows.append(row)
    return ranked.iloc[rows].drop(columns=["order", "length"]).reset_index(drop=True)


def _shorten(phrase: str) -> str:
    return phrase if len(phrase) <= _LONGEST else f"{phrase[: _LONGEST - 1]}…"


def _hover(row: Any) -> str:
    return f"“{escape(row.phrase)}”<br>{row.units:,} units, in {row.conversations:,} conversations"
