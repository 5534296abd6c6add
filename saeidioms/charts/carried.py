"""The table that a figure was drawn from, carried by the figure itself."""

from __future__ import annotations

import html
import json
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import plotly.io

from saeidioms.charts.theme import escape
from saeidioms.errors import InputError

_PLACE, _NARROW = "table", "narrow"


def carry(figure: go.Figure, table: pd.DataFrame, *, narrow: go.Figure | None = None) -> go.Figure:
    """Return the figure with the table that it shows, in ``layout.meta``.

    Text is escaped there as all other text of a figure is, since figures become web pages.

    Parameters
    ----------
    figure
        What is drawn.
    table
        Of it.
    narrow
        The same with fewer panels beside each other, for one column of a journal, or a telephone.
    """
    columns = {escape(name): [_plain(one) for one in table[name]] for name in table}
    meta: dict[str, Any] = {_PLACE: columns}
    if narrow is not None:
        meta[_NARROW] = json.loads(plotly.io.to_json(narrow.update_layout(meta=None)))
    return figure.update_layout(meta=meta)


def narrowed(figure: go.Figure) -> go.Figure:
    """Return the form of a figure that fits a narrow page: its own one, or the figure itself."""
    meta = figure.layout.meta
    own = isinstance(meta, dict) and _NARROW in meta
    return go.Figure(meta[_NARROW]) if own else figure


def data(figure: go.Figure) -> pd.DataFrame:
    """Return the table that a figure shows.

    Parameters
    ----------
    figure
        Of any function of `saeidioms.charts`; also one that was read again from a finding's
        ``figure.json``.

    Returns
    -------
    pandas.DataFrame
        The rows that are drawn, with every column of the table that the figure was made of.

    Raises
    ------
    InputError
        If the figure is of another making.
    """
    meta = figure.layout.meta
    if not isinstance(meta, dict) or _PLACE not in meta:
        raise InputError("the figure carries no table; only those of saeidioms.charts do.")
    columns = {
        html.unescape(name): [html.unescape(one) if isinstance(one, str) else one for one in column]
        for name, column in meta[_PLACE].items()
    }
    return pd.DataFrame(columns).infer_objects()


def _plain(value: Any) -> bool | float | str | None:
    """Return a value as JSON knows it: missing ones as None."""
    if pd.isna(value):
        return None
    plain = value.item() if hasattr(value, "item") else value
    return plain if isinstance(plain, bool | int | float) else escape(plain)
