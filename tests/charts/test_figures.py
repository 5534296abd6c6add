"""What is drawn is what the tables say."""

import json

import numpy as np
import pandas as pd
import pytest

from saeidioms import charts
from saeidioms.charts.carried import narrowed
from saeidioms.charts.theme import INK, category_colours, escape
from saeidioms.embedding.spec import EncoderSpec
from saeidioms.idioms.features import FeatureTable
from saeidioms.taxonomy.comparison import compare
from saeidioms.taxonomy.grounds import with_grounds

EVIL = "&lt;b&gt;x&lt;/b&gt;&lt;script&gt;alert(1)&lt;/script&gt;"
SPEC = EncoderSpec("none", "0", None, 8, "float32")
NAMES = ["zeal", "care", EVIL, "quips"]
DRAWN = {"bar", "scatter"}  # what is drawn as SVG; scattergl and the like need WebGL


@pytest.fixture(scope="module")
def shares(distribution):
    return distribution.shares(n_boot=100)


@pytest.fixture(scope="module")
def changes(distribution):
    return compare(
        distribution, by="time", baseline="before", panel="arm", cluster="person", n_boot=100
    )


@pytest.fixture(scope="module")
def turns():
    rows = [
        (category, part, 3, 0.1 * part, 0.1 * part - 0.05, 0.1 * part + 0.05, 40, 20)
        for category in ("Warm", "Cold", "Odd")
        for part in (1, 2, 3)
    ]
    columns = ["category", "part", "parts", "share", "low", "high", "n", "clusters"]
    return pd.DataFrame(rows, columns=columns)


def test_shares_are_bars_with_a_trace_a_category(shares, taxonomy):
    fig = charts.distribution(shares, taxonomy)
    bars = [trace for trace in fig.data if trace.type == "bar"]
    assert [bar.name for bar in bars] == ["Warm", "Cold", "Odd"]
    assert [name for bar in bars for name in bar.y] == NAMES
    assert list(fig.layout.yaxis.categoryarray) == NAMES[::-1]  # plotly draws upwards
    assert [bar.marker.color for bar in bars] == list(category_colours(taxonomy).values())
    rows = shares[shares["level"] == "sub_category"]
    drawn = np.concatenate([bar.x for bar in bars])
    np.testing.assert_allclose(drawn, rows["share"])
    up = np.concatenate([bar.error_x.array for bar in bars])
    down = np.concatenate([bar.error_x.arrayminus for bar in bars])
    np.testing.assert_allclose(drawn + up, rows["high"])
    np.testing.assert_allclose(drawn - down, rows["low"])


def test_shares_are_written_at_their_bars_and_fit_in(shares, taxonomy):
    fig = charts.distribution(shares, taxonomy)
    label = fig.data[-1]
    rows = shares[shares["level"] == "sub_category"]
    assert [text.strip() for text in label.text] == [f"{one:.1%}" for one in rows["share"]]
    assert fig.layout.xaxis.range[1] > max(label.x)


def test_the_axis_says_of_what_and_of_how_many(shares, taxonomy):
    title = charts.distribution(shares, taxonomy, of="units").layout.xaxis.title.text
    assert title.startswith("Share of units")
    assert "n = 480; uncoded 10%</span><br>" in title
    assert "intervals: 48 clusters resampled</span>" in title  # a line each: narrow pages cut none


def test_what_rests_on_no_faithful_feature_is_marked_and_said(shares, distribution, taxonomy):
    found = pd.DataFrame({"features": [3, 1, 0, 2], "faithful": [2, 0, 0, 1]}, index=taxonomy.names)
    overall, by_arm = (
        with_grounds(distribution.shares(by=by, n_boot=100), found) for by in (None, "arm")
    )
    drawn = [
        charts.distribution(overall, taxonomy),
        charts.by_group(by_arm, taxonomy, by="arm"),
    ]
    for fig in drawn:
        names = [text.replace("<br>", " ") for text in fig.layout.yaxis.ticktext]
        assert names == ["zeal", "care †", f"{EVIL} †", "quips"]
        assert "† no feature with a faithful label" in fig.layout.xaxis.title.text
    assert "†" not in charts.distribution(shares, taxonomy).to_json()
    tiles = charts.treemap(overall, taxonomy)
    assert {"zeal", "care †"} < set(tiles.data[0].labels)
    assert "† no feature with a faithful label" in tiles.layout.annotations[0].text
    assert "†" not in charts.treemap(shares, taxonomy).to_json()


def test_changes_are_marked_too_and_have_a_narrow_form_of_two_panels(changes, taxonomy):
    found = pd.DataFrame({"features": 1, "faithful": [1, 0, 1, 1]}, index=taxonomy.names)
    fig = charts.change(with_grounds(changes, found), taxonomy, panel="arm")
    assert "care †" in fig.layout.yaxis.ticktext
    narrow = narrowed(fig)
    assert narrow.layout.xaxis3.domain == narrow.layout.xaxis.domain  # two in a line
    assert narrow.layout.height > fig.layout.height
    assert len(narrow.data) == len(fig.data)
    assert narrowed(narrow) is narrow
    assert charts.data(fig)["faithful"].min() == 0


def test_the_hover_gives_interval_and_escaped_idioms(shares, taxonomy):
    idioms = pd.DataFrame(
        {"sub_category": ["zeal"] * 6 + ["care"], "phrase": [*"abcdef", "<b>"], "count": range(7)}
    )
    fig = charts.distribution(shares, taxonomy, idioms=idioms)
    zeal, care = fig.data[0].customdata
    assert "“f” 5" in zeal
    assert "“a”" not in zeal  # the five most frequent
    assert "“&lt;b&gt;” 6" in care
    assert " of 480" in zeal
    assert "<script" not in json.dumps(fig.to_plotly_json(), default=str)


def test_one_cluster_is_drawn_without_whiskers(shares, taxonomy):
    alone = shares.assign(low=np.nan, high=np.nan, clusters=1)
    bar = charts.distribution(alone, taxonomy).data[0]
    assert list(bar.error_x.array) == [0, 0]
    assert "one cluster: no interval" in bar.customdata[0]


def test_shares_of_nothing_are_drawn(shares, taxonomy):
    none = shares.assign(share=0.0, low=0.0, high=0.0, count=0)
    assert charts.distribution(none, taxonomy).layout.xaxis.range[1] > 0


def test_expressions_of_which_there_are_none_are_a_dash_and_no_nan(shares, taxonomy):
    unknown = {"share": np.nan, "low": np.nan, "high": np.nan, "count": 0, "n": 0}
    fig = charts.distribution(shares.assign(**unknown), taxonomy, of="expressions")
    assert {text.strip() for text in fig.data[-1].text} == {"–"}
    assert "nan" not in fig.layout.xaxis.title.text
    assert not any("nan" in hover for bar in fig.data[:-1] for hover in bar.customdata)
    assert np.isfinite(fig.layout.xaxis.range).all()


def test_all_expressions_are_coded_so_that_none_is_called_uncoded(shares, taxonomy):
    title = charts.distribution(shares, taxonomy, of="expressions").layout.xaxis.title.text
    assert "uncoded" not in title


def test_of_many_groups_the_largest_are_drawn_and_all_are_counted(distribution, taxonomy):
    table = distribution.shares(by="person", n_boot=100)
    table.loc[table["person"] == "d5", "n"] = 10**6
    fig = charts.by_group(table, taxonomy, by="person")
    keys = [trace.name for trace in fig.data if is_key(trace)]
    assert keys[0] == "d5 (n = 1,000,000)"
    assert len(keys) == 8 + 3
    assert fig.layout.legend.title.text.strip() == "person (8 of 24)"


def is_key(trace):
    """Tell whether a trace is an entry of the legend alone."""
    return list(trace.x) == [None]


def test_groups_are_told_by_symbols_whose_keys_have_no_category_colour(distribution, taxonomy):
    fig = charts.by_group(distribution.shares(by="arm", n_boot=100), taxonomy, by="arm")
    keys = [trace for trace in fig.data if is_key(trace)]
    points = [trace for trace in fig.data if not is_key(trace)]
    assert [key.name for key in keys[:4]] == [f"{arm} (n = 120)" for arm in "abcd"]
    assert {key.marker.color for key in keys[:4]} == {INK}
    assert [key.name for key in keys[4:]] == ["Warm", "Cold", "Odd"]
    assert {key.legend for key in keys[4:]} == {"legend2"}
    assert len({point.marker.symbol for point in points}) == 4
    assert [p.marker.symbol for p in points] == [k.marker.symbol for k in keys[:4]]
    heights = np.concatenate([point.y for point in points])
    assert len(np.unique(heights)) == 16  # none hides another
    assert list(fig.layout.yaxis.ticktext) == NAMES
    assert "12 clusters resampled each" in fig.layout.xaxis.title.text


def test_changes_have_a_panel_an_arm_and_a_trace_a_category(changes, taxonomy):
    fig = charts.change(changes, taxonomy, panel="arm")
    assert [one.text for one in fig.layout.annotations[:4]] == list("abcd")
    assert "percentage points, after − before" in fig.layout.annotations[4].text
    assert len(fig.data) == 4 * 3
    assert [one.name for one in fig.data if one.showlegend] == ["Warm", "Cold", "Odd"]
    rows = changes[(changes["arm"] == "b") & (changes["category"] == "Warm")]
    rows = rows[rows["level"] == "sub_category"]
    trace = fig.data[3]
    np.testing.assert_allclose(trace.x, rows["difference"])
    np.testing.assert_allclose(trace.x + trace.error_x.array, rows["high"])
    np.testing.assert_allclose(trace.x - trace.error_x.arrayminus, rows["low"])
    low, high = fig.layout.xaxis.range
    assert low == -high
    assert high > rows[["low", "high"]].abs().max(axis=None)
    assert [line.x0 for line in fig.layout.shapes] == [0] * 4


def test_sub_categories_go_by_mean_change(changes, taxonomy):
    order = charts.change(changes, taxonomy, panel="arm").layout.yaxis.categoryarray
    rows = changes[changes["level"] == "sub_category"]
    means = rows.groupby("sub_category")["difference"].mean().sort_values()
    assert list(order) == [escape(name) for name in means.index]


def test_panels_wrap_into_rows(changes, taxonomy):
    wide = charts.change(changes, taxonomy, panel="arm")
    narrow = charts.change(changes, taxonomy, panel="arm", columns=3)  # 2 + 2, not 3 + 1
    assert wide.layout.height < narrow.layout.height
    left = [getattr(narrow.layout, f"xaxis{i or ''}").domain for i in ("", 2, 3, 4)]
    assert left[0] == left[2] != left[1] == left[3]


def test_several_groups_are_named_in_the_headings(distribution, taxonomy):
    table = compare(distribution, by="arm", baseline="a", n_boot=100)
    fig = charts.change(table, taxonomy)
    assert [one.text for one in fig.layout.annotations[:3]] == ["b − a", "c − a", "d − a"]


def test_a_panel_without_intervals_is_drawn_as_points(changes, taxonomy):
    alone = changes.assign(low=np.nan, high=np.nan, p=np.nan, q=np.nan)
    fig = charts.change(alone, taxonomy, panel="arm")
    assert "nan" not in fig.data[0].customdata[0]


def test_changes_of_nothing_and_no_changes_are_drawn(changes, taxonomy):
    still = changes.assign(difference=0.0, low=np.nan, high=np.nan)
    assert charts.change(still, taxonomy, panel="arm").layout.xaxis.range[1] > 0
    none = charts.change(changes.assign(difference=np.nan), taxonomy, panel="arm")
    assert not none.data
    assert none.layout.annotations[0].text == "No group has a baseline to compare with"


def test_the_course_of_conversations_is_lines_with_bands(turns, taxonomy):
    fig = charts.over_turns(turns, taxonomy)
    lines = [trace for trace in fig.data if trace.mode == "lines+markers"]
    assert [line.name for line in lines] == ["Warm", "Cold", "Odd"]
    assert list(fig.layout.xaxis.ticktext) == ["first third", "middle third", "last third"]
    np.testing.assert_allclose(lines[0].y, [0.1, 0.2, 0.3])
    assert len({line.line.dash for line in lines}) == 3
    band = fig.data[0]
    np.testing.assert_allclose(band.y, [0.15, 0.25, 0.35, 0.25, 0.15, 0.05])
    five = charts.over_turns(turns.assign(parts=5), taxonomy)
    assert list(five.layout.xaxis.ticktext) == ["1 of 5", "2 of 5", "3 of 5"]


def features_of(n):
    table = pd.DataFrame({"feature": range(n), "label": "", "density": 0.01, "n_units": 5})
    centroids = np.random.default_rng(0).normal(size=(n, 8)).astype(np.float32)
    none = pd.DataFrame()
    return FeatureTable(table.assign(fidelity=np.nan), none, none, centroids, SPEC)


class Codebook:
    """What the map needs of a codebook."""

    def __init__(self, n, taxonomy):
        self.taxonomy = taxonomy
        self.table = pd.DataFrame({"feature": range(n), "category": "", "sub_category": ""})
        self.table.loc[: n // 2, ["category", "sub_category"]] = ["Warm", "zeal"]
        self.table = self.table.assign(label="<b>x</b><script>", outside="", confidence=0.5)


def test_the_map_has_a_point_for_every_living_feature(taxonomy):
    features = features_of(12)
    features.table.loc[3, "n_units"] = 0
    fig = charts.feature_map(features, Codebook(12, taxonomy))
    points = {trace.name: len(trace.x) for trace in fig.data}
    assert points == {"unassigned": 5, "Odd": 0, "Cold": 0, "Warm": 6}
    assert not any("weak" in text for trace in fig.data for text in trace.customdata)
    features.table["fidelity"] = np.where(features.table["feature"] < 2, 0.5, 0.9)
    marked = charts.feature_map(features, Codebook(12, taxonomy))
    symbols = [symbol for trace in marked.data for symbol in trace.marker.symbol]
    assert symbols.count("circle-open") == 2
    hovers = [text for trace in marked.data for text in trace.customdata]
    assert sum("weak label" in text for text in hovers) == 2
    assert all("&lt;script&gt;" in text and "<script" not in text for text in hovers)
    again = charts.feature_map(features, Codebook(12, taxonomy))
    np.testing.assert_array_equal(fig.data[0].x, again.data[0].x)


def test_too_few_features_make_no_map(taxonomy):
    fig = charts.feature_map(features_of(3), Codebook(3, taxonomy))
    assert not fig.data
    assert fig.layout.annotations[0].text == "Too few features for a map"


def test_every_figure_is_drawn_as_svg_in_the_ink_of_the_theme(
    shares, changes, turns, distribution, taxonomy
):
    figures = [
        charts.distribution(shares, taxonomy),
        charts.by_group(distribution.shares(by="arm", n_boot=100), taxonomy, by="arm"),
        charts.change(changes, taxonomy, panel="arm"),
        charts.over_turns(turns, taxonomy),
        charts.feature_map(features_of(12), Codebook(12, taxonomy)),
    ]
    for fig in figures:
        assert {trace.type for trace in fig.data} <= DRAWN
        assert fig.layout.template.layout.font.color == INK
        assert fig.layout.height > 200


@pytest.mark.parametrize("level", [0.95, 0.8])
def test_a_chart_says_the_level_of_its_intervals(distribution, taxonomy, level):
    shares = distribution.shares(level=level, n_boot=100)
    changes = compare(distribution, by="time", baseline="before", level=level, n_boot=100)
    figures = [
        charts.distribution(shares, taxonomy),
        charts.change(changes, taxonomy),
        charts.forest(changes, taxonomy),
    ]
    for fig in figures:
        assert f"{100 * level:g}% intervals" in fig.to_json()
    unknown = charts.forest(changes.drop(columns="confidence_level"), taxonomy).to_json()
    assert "intervals" in unknown
    assert "% intervals" not in unknown
