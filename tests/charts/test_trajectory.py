"""Figures of the course of conversations: heights, bands, panels and names."""

import numpy as np
import pandas as pd
import pytest

from saeidioms.charts import trajectory
from saeidioms.charts.carried import narrowed
from saeidioms.charts.theme import category_colours

EVIL_SHOWN = "&lt;b&gt;x&lt;/b&gt;&lt;script&gt;alert(1)&lt;/script&gt;"


def course(taxonomy, parts=3, **columns):
    """Shares 0.1 to 0.4 of the four sub-categories in every part, and one row of a category."""
    rows = [
        ("sub_category", one.category, one.name, part, 0.1 * (i + 1))
        for part in range(1, parts + 1)
        for i, one in enumerate(taxonomy.sub_categories)
    ]
    rows.append(("category", "Warm", "", 1, 0.9))
    table = pd.DataFrame(rows, columns=["level", "category", "sub_category", "part", "share"])
    table = table.assign(parts=parts, low=table["share"] - 0.05, high=table["share"] + 0.05)
    return table.assign(n=20, clusters=10, **columns)


def grouped(taxonomy, groups):
    return pd.concat([course(taxonomy, arm=group) for group in groups], ignore_index=True)


def areas(fig):
    return [trace for trace in fig.data if trace.stackgroup]


def test_areas_are_shares_of_all_that_is_held_and_fill_the_panel(taxonomy):
    fig = trajectory.stacked_area(course(taxonomy), taxonomy)
    heights = np.array([trace.y for trace in areas(fig)])
    np.testing.assert_allclose(heights.sum(axis=0), 1)
    np.testing.assert_allclose(heights[:, 0], [0.4, 0.3, 0.2, 0.1])


def test_the_first_sub_category_lies_on_top(taxonomy):
    fig = trajectory.stacked_area(course(taxonomy), taxonomy)
    assert [trace.name for trace in areas(fig)] == ["quips", EVIL_SHOWN, "care", "zeal"]


def test_a_part_in_which_nothing_is_held_is_empty(taxonomy):
    table = course(taxonomy)
    table.loc[table["part"] == 2, "share"] = 0.0
    heights = np.array([t.y for t in areas(trajectory.stacked_area(table, taxonomy))])
    np.testing.assert_allclose(heights.sum(axis=0), [1, 0, 1])


def test_names_stand_beside_the_areas_and_never_on_each_other(taxonomy):
    table = course(taxonomy)
    table.loc[table["sub_category"].isin(["zeal", "care"]), "share"] = 0.0
    fig = trajectory.stacked_area(table, taxonomy)
    names = [note for note in fig.layout.annotations if note.xanchor == "left"]
    assert [note.text for note in names] == ["quips", EVIL_SHOWN, "care", "zeal"]
    assert {note.yanchor for note in names} == {"middle"}
    places = [note.y * trajectory._AREA for note in names]
    assert min(np.diff(places)) >= trajectory._NAME - 1e-9
    assert min(places) > 0
    assert max(places) < trajectory._AREA


def test_each_group_has_its_panel_of_areas(taxonomy):
    table = grouped(taxonomy, ["a", "<i>b"])
    fig = trajectory.stacked_area(table, taxonomy, by="arm")
    assert len(areas(fig)) == 8
    titles = [note.text for note in fig.layout.annotations]
    assert titles[:2] == ["arm: a", "arm: &lt;i&gt;b"]


def test_lines_have_bands_in_a_panel_each_in_the_category_colour(taxonomy):
    fig = trajectory.lines(course(taxonomy), taxonomy)
    bands = [trace for trace in fig.data if trace.fill == "toself"]
    lines = [trace for trace in fig.data if trace.customdata is not None]
    assert len(bands) == len(lines) == 4
    assert list(lines[0].y) == pytest.approx([0.1] * 3)
    assert list(bands[0].y) == pytest.approx([0.15] * 3 + [0.05] * 3)
    colours = category_colours(taxonomy)
    assert [line.line.color for line in lines] == [
        colours[taxonomy.category_of(name)] for name in taxonomy.names
    ]
    assert len({line.xaxis for line in lines}) == 4


def test_groups_of_lines_are_told_apart_by_dashes_and_named(taxonomy):
    fig = trajectory.lines(grouped(taxonomy, ["a", "<i>b"]), taxonomy, by="arm")
    named = {trace.name: trace.line.dash for trace in fig.data if trace.name}
    assert named == {"a": "solid", "&lt;i&gt;b": "dash"}


def test_a_share_without_an_interval_is_drawn_without_a_band(taxonomy):
    table = course(taxonomy).assign(low=np.nan, high=np.nan)
    fig = trajectory.lines(table, taxonomy)
    assert all(not len(t.x) for t in fig.data if t.fill == "toself")
    assert fig.layout.yaxis.range[1] == pytest.approx(1.05 * 0.4)


@pytest.mark.parametrize(
    ("parts", "turns", "texts"),
    [
        (3, False, ["first", "middle", "last"]),
        (4, False, ["1 of 4", "2 of 4", "3 of 4", "4 of 4"]),
        (4, True, ["1", "2", "3", "4+"]),
        (20, True, ["2", "5", "8", "11", "14", "17", "20+"]),
    ],
)
def test_parts_and_turns_are_named_on_the_axis(taxonomy, parts, turns, texts):
    fig = trajectory.lines(course(taxonomy, parts), taxonomy, turns=turns)
    assert list(fig.layout.xaxis.ticktext) == texts


@pytest.mark.parametrize("draw", [trajectory.lines, trajectory.stacked_area])
def test_of_more_groups_than_can_be_told_apart_the_largest_are_drawn_and_counted(taxonomy, draw):
    table = grouped(taxonomy, [f"g{i}" for i in range(7)])
    table.loc[table["arm"] == "g2", "n"] = 5
    fig = draw(table, taxonomy, by="arm")
    texts = [note.text for note in fig.layout.annotations] + [trace.name for trace in fig.data]
    assert not any("g2" in (text or "") for text in texts)
    assert any("the largest 6 of 7 groups of arm" in (text or "") for text in texts)


def test_names_of_doubt_are_marked_and_a_note_says_why_above_the_legend(taxonomy):
    table = grouped(taxonomy, ["a", "b"])
    marked = table.assign(faithful=(table["sub_category"] != "zeal").astype(int))
    for draw in (trajectory.lines, trajectory.stacked_area):
        fig, plain = draw(marked, taxonomy, by="arm"), draw(table, taxonomy, by="arm")
        texts = [note.text for note in fig.layout.annotations]
        assert "zeal †" in texts
        assert "care" in texts
        assert any("† no feature with a faithful label" in text for text in texts)
        assert "†" not in plain.to_json()
        assert fig.layout.height > plain.layout.height
        assert fig.layout.legend.y < plain.layout.legend.y


@pytest.mark.parametrize(("draw", "beside"), [(trajectory.lines, 2), (trajectory.stacked_area, 1)])
def test_a_narrow_page_has_fewer_panels_beside_each_other(taxonomy, draw, beside):
    narrow = narrowed(draw(grouped(taxonomy, ["a", "b"]), taxonomy, by="arm"))
    axes = [axis for axis in narrow.layout.to_plotly_json() if axis.startswith("xaxis")]
    assert len({tuple(narrow.layout[axis].domain) for axis in axes}) == beside


@pytest.mark.parametrize("known", [True, False])
def test_bands_are_told_only_where_there_are_some(taxonomy, known):
    table = course(taxonomy, confidence_level=0.9)
    table = table if known else table.assign(low=np.nan, high=np.nan)
    text = " ".join(note.text for note in trajectory.lines(table, taxonomy).layout.annotations)
    assert ("bands: 90% intervals" in text) == known
    assert "bands" not in text or known
