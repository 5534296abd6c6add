"""Forest plots and dumbbells show what the table holds, and refuse what they cannot show."""

import json

import numpy as np
import pandas as pd
import pytest

from saeidioms import charts
from saeidioms.charts.theme import category_colours
from saeidioms.errors import InputError
from saeidioms.taxonomy.comparison import compare

EVIL = "<b>x</b>"


def written(fig):
    """All that a figure holds, as text; its own JSON escapes markup a second time."""
    return json.dumps(fig.to_plotly_json(), default=str)


@pytest.fixture(scope="module")
def changes(distribution):
    return compare(distribution, by="arm", baseline="a", n_boot=100)


def drawn(fig):
    """Traces that hold points, not those that only stand in a legend."""
    return [trace for trace in fig.data if trace.x[0] is not None]


def test_a_forest_has_a_trace_a_group_and_no_category_row(changes, taxonomy):
    traces = drawn(charts.forest(changes, taxonomy))
    assert len(traces) == 3
    own = changes[(changes["level"] == "sub_category") & (changes["group"] == "b")]
    np.testing.assert_allclose(traces[0].x, own["difference"])
    reach = np.asarray(traces[0].error_x.array)
    np.testing.assert_allclose(reach, own["high"] - own["difference"])
    assert [len(set(trace.y)) for trace in traces] == [4, 4, 4]
    assert len({y for trace in traces for y in trace.y}) == 12  # none over another


def test_a_dumbbell_goes_from_the_baseline_to_the_group(changes, taxonomy):
    one = changes[changes["group"] == "c"]
    fig = charts.dumbbell(one, taxonomy)
    rows = one[one["level"] == "sub_category"]
    assert [trace.x for trace in drawn(fig)] == list(
        zip(rows["baseline_share"], rows["share"], strict=True)
    )
    assert {"a", "c"} <= {trace.name for trace in fig.data}


def test_names_are_shown_as_they_are(changes, taxonomy):
    one = changes[changes["group"] == "c"]
    for fig in (charts.forest(changes, taxonomy), charts.dumbbell(one, taxonomy)):
        assert "<script>" not in written(fig)


def test_several_groups_make_no_dumbbell(changes, taxonomy):
    with pytest.raises(InputError, match="several rows of a sub-category"):
        charts.dumbbell(changes, taxonomy)


def test_nothing_to_compare_is_said(changes, taxonomy):
    with pytest.raises(InputError, match="nothing to draw"):
        charts.forest(changes.assign(difference=np.nan), taxonomy)


def test_of_more_groups_than_symbols_the_first_are_drawn_and_all_counted(changes, taxonomy):
    many = pd.concat([changes.assign(group=f"g{i}") for i in range(9)])
    fig = charts.forest(many, taxonomy)
    assert len(drawn(fig)) == 8
    assert fig.layout.legend.title.text.strip() == "group (8 of 9)"


def test_points_are_filled_where_q_is_small_and_open_elsewhere(changes, taxonomy):
    one = changes[changes["group"] == "c"].copy()
    own = one["level"] == "sub_category"
    one.loc[own, "q"] = [0.01, 0.2, 0.049, np.nan]
    fig = charts.forest(one, taxonomy)
    colours = category_colours(taxonomy)
    filled = list(drawn(fig)[0].marker.color)
    assert filled == [colours["Warm"], "white", colours["Cold"], "white"]
    assert list(drawn(fig)[0].marker.line.color) == [
        colours[name] for name in one.loc[own, "category"]
    ]
    assert "filled: q &lt; 0.05" in fig.layout.xaxis.title.text


def test_without_q_every_point_is_filled(changes, taxonomy):
    fig = charts.forest(changes.drop(columns="q"), taxonomy)
    assert "white" not in drawn(fig)[0].marker.color
    assert "filled" not in fig.layout.xaxis.title.text


def test_estimates_without_intervals_have_no_whiskers(changes, taxonomy):
    fig = charts.forest(changes.drop(columns=["low", "high"]), taxonomy)
    assert not any(trace.error_x.visible for trace in drawn(fig))
    assert not any("nan" in text for trace in drawn(fig) for text in trace.customdata)


def test_correlations_have_no_groups_and_a_band_of_what_is_too_small_to_matter(changes, taxonomy):
    one = changes[changes["group"] == "c"].assign(r=0.2, low=0.1, high=0.3)
    fig = charts.forest(one, taxonomy, by=None, value="r", band=0.1, title="Correlation")
    assert len(drawn(fig)) == 1
    band = next(shape for shape in fig.layout.shapes if shape.type == "rect")
    assert (band.x0, band.x1) == (-0.1, 0.1)
    assert "shaded: at most ±0.1" in fig.layout.xaxis.title.text
    assert "+0.20 [+0.10, +0.30]" in drawn(fig)[0].customdata[0]


def test_beside_a_dumbbell_stands_the_difference_with_its_interval(changes, taxonomy):
    one = changes[changes["group"] == "c"]
    rows = one[one["level"] == "sub_category"]
    texts = [note.text for note in charts.dumbbell(one, taxonomy).layout.annotations]
    first = rows.iloc[0]
    expected = f"{first['difference']:+.1f} [{first['low']:+.1f}, {first['high']:+.1f}]"
    assert expected.replace("-", "−") in texts


def test_who_rose_is_right_who_fell_is_left_and_the_control_has_no_interval(taxonomy):
    rows = [
        ("sub_category", "Warm", "zeal", "rose", 0.3, 0.2, 0.4, 0.02, 0.01),
        ("sub_category", "Warm", "zeal", "fell", 0.1, 0.05, 0.2, 0.03, 0.6),
        ("category", "Warm", "", "fell", 0.9, 0.8, 0.95, 0.03, 0.6),
    ]
    columns = ["level", "category", "sub_category", "change", "share", "low", "high"]
    table = pd.DataFrame(rows, columns=[*columns, "baseline_share", "q"])
    fig = charts.reliable_change(table.assign(group="coach", baseline=EVIL), taxonomy)
    coach, control = drawn(fig)
    assert list(coach.x) == [0.3, -0.1]
    assert list(coach.error_x.array) == pytest.approx([0.1, 0.05])
    assert list(coach.error_x.arrayminus) == pytest.approx([0.1, 0.1])
    assert list(coach.marker.color) == [category_colours(taxonomy)["Warm"], "white"]
    assert list(control.x) == [0.02, -0.03]
    assert not control.error_x.visible
    assert "−" not in "".join(fig.layout.xaxis.ticktext)
    assert EVIL not in written(fig)


def test_names_of_doubt_are_marked_and_said_in_forests_and_dumbbells(changes, taxonomy):
    names = list(taxonomy.names)
    marked = changes.assign(faithful=(changes["sub_category"] != names[0]).astype(int))
    one = marked[marked["group"] == marked["group"].iloc[0]]
    for fig in (charts.forest(marked, taxonomy), charts.dumbbell(one, taxonomy)):
        assert [text.endswith(" †") for text in fig.layout.yaxis.ticktext] == [True] + [False] * 3
        assert "† no feature with a faithful label" in fig.layout.xaxis.title.text
        assert fig.layout.legend2.y < 0
