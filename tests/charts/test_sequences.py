"""Figures of order and company: what is drawn, in which order, and how names are shown."""

import numpy as np
import pandas as pd
import pytest

from saeidioms.charts import save, sequences, template_use
from saeidioms.charts.carried import narrowed
from saeidioms.charts.theme import BOTTOM, TOP, category_colours
from saeidioms.findings.sequences import ARROW

EVIL_SHOWN = "&lt;b&gt;x&lt;/b&gt;&lt;script&gt;alert(1)&lt;/script&gt;"


@pytest.fixture
def pairs(taxonomy):
    """Every two of the four sub-categories, one of them with no lift."""
    rows = [
        (one.category, one.name, other.category, other.name)
        for i, one in enumerate(taxonomy.sub_categories)
        for other in taxonomy.sub_categories[i + 1 :]
    ]
    table = pd.DataFrame(rows, columns=["category", "sub_category", "other_category", "other"])
    lift = [0.1, 1.0, 9.0, 2.0, 12.4, np.nan]
    table = table.assign(count=5, expected=3.0, lift=lift, low=0.5, high=3.0, n=90)
    return table.assign(q=[0.01, 0.5, 0.01, 0.5, 0.5, np.nan])


@pytest.fixture
def follows(taxonomy):
    """Counts 1 to 25 of the four sub-categories and uncoded."""
    names = [*((one.category, one.name) for one in taxonomy.sub_categories), ("", "uncoded")]
    rows = [(*one, *other) for one in names for other in names]
    columns = ["category", "sub_category", "next_category", "next"]
    table = pd.DataFrame(rows, columns=columns).assign(count=range(1, 26), share=0.2, n=325)
    return table.assign(lift=1.5, q=0.2)


@pytest.fixture
def recurring(taxonomy):
    names = [ARROW.join(taxonomy.names[i] for i in places) for places in ([0, 2], [1, 0, 3])]
    table = pd.DataFrame({"template": names, "length": [2, 3], "support": [9, 4]})
    return table.assign(
        share=[0.3, 0.1], low=[0.2, np.nan], high=[0.4, np.nan], expected=[3.0, 0.0],
        lift=[3.0, np.nan], q=[0.01, 0.5], n=30, clusters=12,
    )  # fmt: skip


def written(fig):
    return [note.text for note in fig.layout.annotations]


def test_lifts_are_written_in_the_cells_and_bold_where_q_is_small(pairs, taxonomy):
    fig = sequences.cooccurrence(pairs, taxonomy)
    assert written(fig) == ["<b>0.10</b>", "1.0", "<b>9.0</b>", "2.0", "12"]
    assert len(fig.data[0].z) == 5  # the pair without a lift is no cell


def test_colours_are_full_at_four_times_and_even_at_one(pairs, taxonomy):
    cells = sequences.cooccurrence(pairs, taxonomy).data[0]
    assert cells.z.tolist() == [-2, 0, 2, 1, 2]
    assert (cells.zmin, cells.zmax) == (-2, 2)


def test_rows_and_columns_of_maps_go_by_the_taxonomy(pairs, follows, taxonomy):
    half = sequences.cooccurrence(pairs, taxonomy)
    assert list(half.layout.xaxis.ticktext) == ["zeal", "care", EVIL_SHOWN]
    assert list(half.layout.yaxis.ticktext) == ["care", EVIL_SHOWN, "quips"]
    full = sequences.transition_map(follows.sample(frac=1, random_state=0), taxonomy)
    order = ["zeal", "care", EVIL_SHOWN, "quips", "uncoded"]
    assert list(full.layout.xaxis.ticktext) == list(full.layout.yaxis.ticktext) == order


def test_bands_go_from_what_is_before_to_what_follows_as_wide_as_counted(follows, taxonomy):
    link = sequences.sankey(follows, taxonomy, least=0).data[0].link
    flows = dict(zip(zip(link.source, link.target, strict=True), link.value, strict=True))
    assert flows[(0, 5 + 2)] == 3
    assert flows[(4, 5 + 4)] == 25
    assert sum(flows.values()) == 325


def test_bands_that_are_left_out_are_counted_in_the_figure(follows, taxonomy):
    fig = sequences.sankey(follows, taxonomy, least=0.03)
    assert min(fig.data[0].link.value) == 10
    assert any("not drawn: 45 in bands of less than 3.0%" in note for note in written(fig))
    assert not any(
        "not drawn" in note for note in written(sequences.sankey(follows, taxonomy, least=0))
    )


def test_nodes_keep_their_order_and_their_category_colour(follows, taxonomy):
    node = sequences.sankey(follows, taxonomy).data[0].node
    assert np.all(np.diff(node.y[:5]) > 0)
    assert np.all(np.diff(node.y[5:]) > 0)
    colours = category_colours(taxonomy)
    assert node.color[0] == node.color[1] == colours["Warm"]
    assert node.color[2] == colours["Cold"]


def test_names_stand_beside_their_nodes_clear_of_the_bands_and_of_each_other(follows, taxonomy):
    fig = sequences.sankey(follows, taxonomy)
    node = fig.data[0].node
    assert set(node.label) == {""}
    names = [note for note in fig.layout.annotations if "%" in note.text and "not" not in note.text]
    assert [(name.xanchor, name.x) for name in names] == [("right", 0)] * 5 + [("left", 1)] * 5
    assert [1 - name.y for name in names] == pytest.approx(list(node.y))
    plot = fig.layout.height - TOP - BOTTOM
    assert np.diff(np.array(node.y[:5]) * plot).min() > 32  # pixels of two lines


def test_blocks_of_a_template_stand_in_its_order_in_their_colours(recurring, taxonomy):
    fig = sequences.templates(recurring, taxonomy)
    words = fig.data[0]
    assert list(words.text) == ["zeal", EVIL_SHOWN, "care", "zeal", "quips"]
    assert list(words.x) == [0.5, 1.5, 0.5, 1.5, 2.5]
    assert list(words.y) == [0, 0, 1, 1, 1]
    colours = category_colours(taxonomy)
    lines = [shape.line.color for shape in fig.layout.shapes]
    assert lines == [colours[one] for one in ("Warm", "Cold", "Warm", "Warm", "Odd")]


def test_bars_of_templates_are_their_shares_with_lifts_beside(recurring, taxonomy):
    fig = sequences.templates(recurring, taxonomy)
    bars = next(trace for trace in fig.data if trace.type == "bar")
    assert list(bars.x) == [0.3, 0.1]
    assert list(bars.error_x.array) == pytest.approx([0.1, 0])
    assert any(list(trace.text or []) == [" ×3.0", ""] for trace in fig.data[1:])


def test_only_the_first_templates_are_drawn_and_how_many_there_are_is_said(recurring, taxonomy):
    fig = sequences.templates(recurring, taxonomy, most=1)
    assert len(fig.layout.shapes) == 2
    assert "1 of 2 sequences" in written(fig)[0]


def test_no_template_is_said_in_words(recurring, taxonomy):
    fig = sequences.templates(recurring.iloc[:0], taxonomy)
    assert written(fig) == ["No sequence is frequent enough"]


def test_names_that_look_like_markup_are_shown_as_they_are(
    pairs, follows, recurring, taxonomy, tmp_path
):
    figures = [
        sequences.cooccurrence(pairs, taxonomy), sequences.transition_map(follows, taxonomy),
        sequences.sankey(follows, taxonomy), sequences.templates(recurring, taxonomy),
    ]  # fmt: skip
    for i, fig in enumerate(figures):
        page = save(fig, tmp_path / f"{i}.html").read_text(encoding="utf-8")
        drawn = page[page.rindex("Plotly.newPlot") :]
        assert "\\u003cscript" not in drawn
        assert "alert(1)" in drawn


def use(groups):
    """Coverage and variety of groups of 10, 11, ... messages, and novelty of all but the first."""
    rows = [
        (measure, name, 0.5 + i / 100, 0.4, 0.6, 9, 10 + i, 5)
        for measure in ("coverage", "novelty", "variety")
        for i, name in enumerate(groups)
        if not (measure == "novelty" and i == 0)
    ]
    columns = ["measure", "arm", "value", "low", "high", "sample", "n", "clusters"]
    return pd.DataFrame(rows, columns=columns)


def test_use_of_templates_has_a_panel_a_measure_and_a_point_a_group_that_has_it():
    fig = template_use(use(["control", "<b>x", "coach"]), by="arm")
    coverage, novelty, variety = fig.data
    assert list(coverage.y) == list(variety.y) == ["control", "&lt;b&gt;x", "coach"]
    assert list(novelty.y) == ["&lt;b&gt;x", "coach"]
    assert list(coverage.error_x.array) == pytest.approx([0.1, 0.09, 0.08])
    assert "[40.0%, 60.0%], 11 messages" in coverage.customdata[1]
    assert fig.layout.yaxis.categoryarray == ("coach", "&lt;b&gt;x", "control")  # the first on top
    assert len({narrowed(fig).layout[axis].domain for axis in ("xaxis", "xaxis2", "xaxis3")}) == 1


def test_of_many_groups_those_with_most_messages_are_drawn_and_counted():
    fig = template_use(use([f"p{i:02d}" for i in range(40)]), by="arm")
    assert list(fig.data[0].y) == [f"p{i:02d}" for i in range(10, 40)]
    assert any("by arm; the largest 30 of 40" in note for note in written(fig))
