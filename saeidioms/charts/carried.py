"""The table that a figure was drawn from, carried by the figure itself."""

from __future__ import annotations

import html
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from saeidioms.charts.theme import escape
from saeidioms.errors import InputError

_PLACE = "table"


def carry(figure: go.Figure, table: pd.DataFrame) -> go.Figure:
    """Return the figure with the table that it shows, in ``layout.meta``.

    Text is escaped there as all other text of a figure is, since figures become web pages.
    """
    columns = {escape(name): [_plain(one) for one in table[name]] for name in table}
    return figure.update_layout(meta={_PLACE: columns})


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
