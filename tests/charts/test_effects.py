"""Effects of named things: their order, what is left out, and how names are shown."""

import json

import numpy as np
import pandas as pd
import pytest

from saeidioms import charts
from saeidioms.errors import InputError

EVIL = "<b>x</b>"


@pytest.fixture
def table():
    """Fifteen features before three sub-categories; the largest effects first."""
    size = np.linspace(3, 1, 15)
    features = pd.DataFrame({"kind": "feature", "name": EVIL, "feature": range(15)})
    features["difference"] = size * np.where(np.arange(15) % 2, -1, 1)
    members = pd.DataFrame({"kind": "sub_category", "name": ["a" * 60, "b", "c"]})
    members = members.assign(feature=pd.NA, difference=[1.0, -2.0, 0.5])
    both = pd.concat([features, members], ignore_index=True)
    both = both.assign(low=both["difference"] - 1, high=both["difference"] + 1, q=0.01)
    both.loc[16, ["low", "high", "q"]] = np.nan
    return both


def names(fig):
    return list(fig.layout.yaxis.ticktext)


def test_kinds_stand_below_each_other_each_under_its_heading(table):
    fig = charts.effects(table)
    ticks = sorted(zip(fig.layout.yaxis.tickvals, names(fig), strict=True))
    headings = [text for _, text in ticks if text.startswith("<b>")]
    assert headings == ["<b>Sub-categories</b>", "<b>Features</b>"]
    assert ticks[0][1] == "<b>Sub-categories</b>"
    assert [text for _, text in ticks[1:4]] == ["a" * 45 + "…", "c", "b"]  # by difference


def test_of_many_the_first_are_drawn_and_the_figure_says_of_how_many(table):
    fig = charts.effects(table, most=12)
    assert sum(len(trace.x) for trace in fig.data) == 12 + 3
    assert "12 of 15 features" in fig.layout.xaxis.title.text
    assert "sub-categories" not in fig.layout.xaxis.title.text
    assert len(charts.data(fig)) == 15


def test_more_and_less_differ_in_colour_and_shape(table):
    more, less = charts.effects(table).data
    assert min(more.x) > 0 > max(less.x)
    assert more.marker.symbol != less.marker.symbol


def test_what_has_no_interval_is_an_open_point_without_whiskers(table):
    alone = table.iloc[[16]]
    _, less = charts.effects(alone).data
    assert list(less.marker.color) == ["white"]
    assert not less.error_x.visible
    assert "nan" not in less.customdata[0]


def test_names_are_shown_as_they_are(table):
    page = json.dumps(charts.effects(table, title=EVIL).to_plotly_json(), default=str)
    assert EVIL not in page
    assert "&lt;b&gt;x&lt;/b&gt; (3)" in page


def test_no_effect_is_refused(table):
    with pytest.raises(InputError, match="nothing to draw"):
        charts.effects(table.assign(difference=np.nan))
