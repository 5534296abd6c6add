"""A figure carries the table that it shows."""

import json

import pandas as pd
import plotly.graph_objects as go
import plotly.io
import pytest

from saeidioms import charts
from saeidioms.charts.carried import carry
from saeidioms.errors import InputError
from saeidioms.taxonomy.comparison import compare


@pytest.fixture(scope="module")
def drawn(distribution, taxonomy):
    """(figure, rows that it shows) by name."""
    overall = distribution.shares(n_boot=100)
    groups = distribution.shares(by="arm", n_boot=100)
    changes = compare(distribution, by="arm", baseline="a", n_boot=100)

    def members(table):
        return table[table["level"] == "sub_category"]

    return {
        "distribution": (charts.distribution(overall, taxonomy), members(overall)),
        "by_group": (charts.by_group(groups, taxonomy, by="arm"), members(groups)),
        "change": (charts.change(changes, taxonomy), members(changes)),
        "forest": (charts.forest(changes, taxonomy), members(changes)),
        "treemap": (charts.treemap(overall, taxonomy), overall[overall["level"] != "uncoded"]),
    }


@pytest.mark.parametrize("name", ["distribution", "by_group", "change", "forest", "treemap"])
def test_the_table_of_a_figure_is_that_of_its_rows_with_names_as_they_were(drawn, name):
    figure, rows = drawn[name]
    found = charts.data(figure)
    pd.testing.assert_frame_equal(
        found[list(rows.columns)],
        rows.reset_index(drop=True),
        check_dtype=False,
        check_categorical=False,
    )


def test_a_figure_read_again_from_its_file_has_its_table_still(drawn):
    figure, rows = drawn["forest"]
    again = go.Figure(json.loads(plotly.io.to_json(figure, engine="json")))
    assert charts.data(again)["sub_category"].tolist() == rows["sub_category"].tolist()
    assert charts.data(again)["low"].tolist() == pytest.approx(rows["low"].tolist())


def test_the_table_is_no_way_around_the_escaping_of_names(drawn):
    for figure, _ in drawn.values():
        assert "<script" not in json.dumps(figure.to_plotly_json(), default=str)


def test_what_is_missing_stays_missing():
    table = pd.DataFrame({"x": [1.5, None], "n": pd.array([3, None], dtype="Int64"), "<i>": "&lt;"})
    found = charts.data(carry(go.Figure(), table))
    assert found["x"].isna().tolist() == found["n"].isna().tolist() == [False, True]
    assert found["<i>"].tolist() == ["&lt;", "&lt;"]
    assert found["n"][0] == 3


def test_a_figure_of_another_making_carries_none():
    with pytest.raises(InputError, match="the figure carries no table"):
        charts.data(go.Figure())
