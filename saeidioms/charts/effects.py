"""Effects of single features, idioms and sub-categories, by name."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from saeidioms.charts.carried import carry
from saeidioms.charts.forest import SURE
from saeidioms.charts.grouped import whiskers
from saeidioms.charts.theme import BOTTOM, HUES, INK, escape, figure, intervals, joined, with_notes
from saeidioms.errors import InputError

_ROW, _TOP = 24, 34  # pixels a name, and above
_LONGEST, _SHORT = 46, 22  # characters of a name, and where it is narrow
_KINDS = {"sub_category": "Sub-categories", "feature": "Features", "idiom": "Idioms"}


def effects(
    table: pd.DataFrame, *, title: str = "Difference in percentage points", most: int = 12
) -> go.Figure:
    """Draw effects of features, idioms and sub-categories with intervals, the largest on top.

    Parameters
    ----------
    table
        ``kind, name, feature, difference, low, high, q``, as
        `saeidioms.findings.usage.difference` and `saeidioms.findings.prediction.predict` return
        them, what matters most first.
    title
        Of the axis.
    most
        Of each kind, the first so many rows are drawn.

    Returns
    -------
    plotly.graph_objects.Figure
        One trace for more and one for less; points are filled where q is below 0.05.

    Raises
    ------
    InputError
        If the table holds no effect.
    """
    known = table.dropna(subset=["difference"])
    if known.empty:
        raise InputError("the table holds no effect; there is nothing to draw.")
    kinds = known["kind"].map(list(_KINDS).index)
    known = known.iloc[kinds.argsort(kind="stable")]
    shown = known.groupby("kind", sort=False).head(most)
    rows, headings = _placed(shown)
    last = int(rows["y"].max())
    fig = figure(height=_TOP + _ROW * (last + 1) + BOTTOM + 42, margin_t=_TOP)
    for more, hue in ((True, "orange"), (False, "blue")):
        own = rows[(rows["difference"] > 0) == more]
        colour = HUES[hue]
        fig.add_scatter(
            mode="markers",
            x=own["difference"],
            y=own["y"],
            error_x=whiskers(own, "difference"),
            marker={
                "size": 9,
                "symbol": "circle" if more else "square",
                "color": [colour if q < SURE else "white" for q in own["q"]],
                "line": {"width": 1.5, "color": colour},
            },
            customdata=[_hover(row) for row in own.itertuples()],
            hovertemplate="%{customdata}<extra></extra>",
            showlegend=False,
        )
    fig.add_vline(x=0, layer="below", line={"color": INK, "width": 1})
    fig.update_yaxes(
        tickvals=[*rows["y"], *headings],
        ticktext=_names(rows, headings, _LONGEST),
        range=[last + 0.6, -0.6],
        showgrid=False,
        zeroline=False,
    )
    counts = [
        f"{len(shown[shown['kind'] == kind])} of {total:,} {_KINDS[kind].lower()}"
        for kind, total in known["kind"].value_counts(sort=False).items()
        if total > most
    ]
    notes = [joined(intervals(shown), f"filled: q &lt; {SURE}"), "; ".join(counts)]
    fig.update_xaxes(title=with_notes(escape(title), *notes), zeroline=False, nticks=7)
    narrow = go.Figure(fig).update_yaxes(ticktext=_names(rows, headings, _SHORT))
    return carry(fig, shown, narrow=narrow.update_xaxes(nticks=4))


def _placed(shown: pd.DataFrame) -> tuple[pd.DataFrame, dict[int, str]]:
    """Return the rows by kind and size, each with its ``y``, and y -> heading of a kind."""
    parts, headings, y = [], {}, 0
    for kind, rows in shown.groupby("kind", sort=False):
        headings[y] = _KINDS[str(kind)]
        ranked = rows.sort_values("difference", ascending=False, kind="stable")
        parts.append(ranked.assign(y=range(y + 1, y + 1 + len(ranked))))
        y += len(ranked) + 1
    return pd.concat(parts), headings


def _names(rows: pd.DataFrame, headings: dict[int, str], longest: int) -> list[str]:
    texts = [_shown(row, longest) for row in rows.itertuples()]
    return texts + [f"<b>{escape(text)}</b>" for text in headings.values()]


def _shown(row: Any, longest: int) -> str:
    name = row.name if len(row.name) <= longest else f"{row.name[: longest - 1]}…"
    return f"{escape(name)} ({row.feature})" if row.kind == "feature" else escape(name)


def _hover(row: Any) -> str:
    known = f" [{row.low:+.3g}, {row.high:+.3g}]" if pd.notna(row.low) else ""
    q = f"<br>q = {row.q:.3f}" if pd.notna(row.q) else ""
    return f"<b>{escape(row.name)}</b><br>{row.difference:+.3g}{known}{q}"
