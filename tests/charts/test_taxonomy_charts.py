"""The taxonomy as tiles, its idioms as bars, and what power it takes to find a difference in it."""

import json

import numpy as np
import pandas as pd
import pytest

from saeidioms import charts
from saeidioms.charts.theme import category_colours, escape
from saeidioms.errors import InputError

EVIL = "&lt;b&gt;x&lt;/b&gt;&lt;script&gt;alert(1)&lt;/script&gt;"


@pytest.fixture(scope="module")
def shares(distribution):
    return distribution.shares(n_boot=100)


@pytest.fixture
def lexicon():
    """Eight phrases of zeal, one of them of two features; one of an evil name; one unassigned."""
    rows = [("zeal", f"phrase {i}", 10 * i, i) for i in range(1, 9)]
    rows += [("zeal", "phrase 8", 3, 2), ("<b>x</b><script>alert(1)</script>", "<i>hm", 400, 7)]
    rows += [("", "um", 999, 99)]
    return pd.DataFrame(rows, columns=["sub_category", "phrase", "count", "conversations"])


@pytest.fixture
def curve(taxonomy):
    rows = [
        (level, one.category, one.name if level == "sub_category" else "", number, power)
        for level in ("sub_category", "category")
        for one in taxonomy.sub_categories
        for number, power in ((100, 0.2), (400, 0.7), (1600, 0.95))
    ]
    table = pd.DataFrame(
        rows, columns=["level", "category", "sub_category", "conversations", "power"]
    )
    return table.assign(low=table["power"] - 0.02, high=table["power"] + 0.02, clusters=50)


def test_tiles_are_as_large_as_shares_and_lie_in_their_categories(shares, taxonomy):
    tiles = charts.treemap(shares, taxonomy).data[0]
    area = dict(zip(tiles.ids, tiles.values, strict=True))
    inside = dict(zip(tiles.ids, tiles.parents, strict=True))
    rows = shares.set_index("sub_category")["share"]
    for name in ("zeal", "care"):
        assert area[f"sub-category {name}"] == pytest.approx(rows[name])
        assert inside[f"sub-category {name}"] == "category Warm"
    assert area["category Warm"] == 0  # all of its area is its members'
    assert inside["category Warm"] == ""


def test_what_never_occurs_has_no_tile_nor_has_its_category(shares, taxonomy):
    ids = charts.treemap(shares, taxonomy).data[0].ids
    assert not {"sub-category quips", "category Odd"} & set(ids)  # quips are never said here
    assert f"sub-category {EVIL}" in ids


def test_the_share_of_a_category_is_not_the_sum_of_its_tiles_and_the_picture_says_so(
    shares, taxonomy
):
    fig = charts.treemap(shares, taxonomy)
    labels = fig.data[0].labels
    assert (
        "What holds several is in each of their tiles, and in “any” once"
        in fig.layout.annotations[0].text
    )
    warm = shares[(shares["level"] == "category") & (shares["category"] == "Warm")].iloc[0]
    assert f"<b>Warm</b>  any: {warm['share']:.1%}" in labels


def test_expressions_are_in_one_tile_each_so_that_nothing_needs_saying(distribution, taxonomy):
    parts = distribution.shares(n_boot=100)
    fig = charts.treemap(parts, taxonomy, of="expressions")
    assert "any" not in fig.layout.annotations[0].text
    assert not any("any" in label for label in fig.data[0].labels)


def test_no_code_at_all_makes_no_tiles(shares, taxonomy):
    with pytest.raises(InputError, match="no sub-category occurs"):
        charts.treemap(shares.assign(count=0), taxonomy)


def bars(fig):
    return [trace for trace in fig.data if trace.type == "bar"]


def test_the_most_frequent_idioms_are_drawn_once_each(lexicon, taxonomy):
    fig = charts.idiom_bars(lexicon, taxonomy, most=3)
    zeal, evil = bars(fig)
    assert list(zeal.x) == [8, 7, 6]
    words = [text.strip() for text in fig.data[1].text]
    assert words == ["phrase 8", "phrase 7", "phrase 6"]
    assert list(evil.x) == [7]


def test_beside_an_idiom_none_is_drawn_that_only_says_more_or_less(lexicon, taxonomy):
    said = ["sorry to hear that", "I'm so sorry", "I'm sorry to hear that", "sorry to hear"]
    rows = lexicon.head(4).assign(phrase=said, conversations=[49, 30, 25, 49])
    fig = charts.idiom_bars(rows, taxonomy)
    words = [text.strip() for text in fig.data[1].text]
    assert words == ["sorry to hear that", "I'm so sorry"]  # of equals the longer one


def test_idioms_by_units_have_another_order_of_panels_on_one_scale(lexicon, taxonomy):
    fig = charts.idiom_bars(lexicon, taxonomy, by="count", most=3)
    assert [list(one.x) for one in bars(fig)] == [[80, 70, 60], [400]]
    assert fig.layout.xaxis.range == fig.layout.xaxis2.range
    assert fig.layout.xaxis.range[1] > 400
    assert list(fig.layout.yaxis2.ticktext) == ["400"]  # each panel has numbers of its own


def test_panels_go_by_the_taxonomy_and_show_names_as_they_are(lexicon, taxonomy):
    fig = charts.idiom_bars(lexicon.iloc[::-1], taxonomy)
    assert [note.text for note in fig.layout.annotations][:2] == ["zeal", EVIL]
    assert "<i>" not in json.dumps(fig.to_plotly_json(), default=str)
    colours = [one.marker.color for one in bars(fig)]
    assert len(set(colours)) == 2


def test_no_idiom_is_refused(lexicon, taxonomy):
    with pytest.raises(InputError, match="no sub-category has an idiom"):
        charts.idiom_bars(lexicon.assign(sub_category=""), taxonomy)


def test_power_has_a_panel_a_sub_category_with_a_line_at_what_is_wanted(curve, taxonomy):
    fig = charts.power_curve(curve, taxonomy, wanted=0.9)
    lines = [trace for trace in fig.data if trace.customdata is not None]
    assert [note.text for note in fig.layout.annotations][:4] == [
        escape(name) for name in taxonomy.names
    ]
    assert [list(line.y) for line in lines] == [[0.2, 0.7, 0.95]] * 4
    assert lines[0].line.color == category_colours(taxonomy)["Warm"]
    assert {shape.y0 for shape in fig.layout.shapes} == {0.9}
    assert len(fig.layout.shapes) == 4


def test_what_is_needed_is_written_and_too_few_are_called_so(curve, taxonomy):
    needed = pd.DataFrame({"level": "sub_category", "sub_category": taxonomy.names})
    needed = needed.assign(conversations=[512.0, np.nan, 700, 800])
    fig = charts.power_curve(curve, taxonomy, needed=needed)
    texts = [note.text for note in fig.layout.annotations]
    assert "512 needed" in texts
    assert "1,600 are too few" in texts


def test_power_of_categories_alone_is_drawn(curve, taxonomy):
    fig = charts.power_curve(curve[curve["level"] == "category"].drop_duplicates(), taxonomy)
    assert [note.text for note in fig.layout.annotations][:3] == ["Warm", "Cold", "Odd"]
