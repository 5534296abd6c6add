"""The chart of experts shows what the table says."""

import numpy as np
import pandas as pd
import pytest

from saeidioms.charts.agreement import expert_agreement
from saeidioms.charts.theme import escape
from saeidioms.findings.experts import expert_table

EVIL = "<b>x</b>"
ROLES = {"experts": ["ann", "bob", "cat"], "others": {"tool": ["tool"], EVIL: ["w1", "w2"]}}


@pytest.fixture(scope="module")
def table():
    draw = np.random.default_rng(0)
    parts = []
    for dimension in ("warmth", EVIL, "advice"):
        truth = draw.integers(1, 6, 40)
        for coder in ("ann", "bob", "cat", "tool", "w1", "w2"):
            rating = np.clip(truth + draw.integers(-1, 2, 40), 1, 5)
            part = pd.DataFrame({"item": range(40), "coder": coder, "rating": rating})
            parts.append(part.assign(dimension=dimension))
    return expert_table(pd.concat(parts), **ROLES, n_boot=100)


@pytest.fixture(scope="module")
def traces(table):
    return {trace.name: trace for trace in expert_agreement(table).data if trace.name}


def test_points_and_intervals_are_those_of_the_table(table, traces):
    for name in ("tool", EVIL, "an expert and the rest"):
        rows, trace = table[table["raters"] == name], traces[escape(name)]
        np.testing.assert_allclose(trace.x, rows["kappa"])
        np.testing.assert_allclose(trace.x + trace.error_x.array, rows["high"])
        np.testing.assert_allclose(trace.x - trace.error_x.arrayminus, rows["low"])


def test_the_band_runs_from_the_lowest_to_the_highest_pair(table, traces):
    pairs = table[table["raters"] == "experts"]
    band = traces["pairs of experts: range, median"]
    corners = np.array(band.x, dtype=float).reshape(3, 6)
    np.testing.assert_allclose(np.nanmin(corners, axis=1), pairs["lowest"])
    np.testing.assert_allclose(np.nanmax(corners, axis=1), pairs["highest"])
    line = expert_agreement(table).data[1]
    np.testing.assert_allclose(np.array(line.x, dtype=float)[::3], pairs["kappa"])


def test_points_lie_in_the_rows_of_their_dimensions(table):
    fig = expert_agreement(table)
    rows = np.array(fig.layout.yaxis.tickvals)
    assert list(fig.layout.yaxis.ticktext) == ["warmth", escape(EVIL), "advice"]
    assert (np.diff(rows) < 0).all()
    heights = [np.array(trace.y) for trace in fig.data[2:]]
    for one in heights:
        assert (np.abs(one[:, None] - rows).argmin(axis=1) == [0, 1, 2]).all()
    assert len(np.unique(np.concatenate(heights))) == 9  # no point hides another


def test_groups_differ_in_colour_and_in_shape(traces):
    markers = [trace.marker for trace in traces.values() if trace.mode == "markers"]
    assert len({marker.color for marker in markers}) == 3
    assert len({marker.symbol for marker in markers}) == 3


def test_everything_known_is_within_the_axis(table):
    low, high = expert_agreement(table).layout.xaxis.range
    assert low <= table[["low", "lowest"]].min().min()
    assert high >= table[["high", "highest"]].max().max()


def test_a_name_is_shown_as_it_is_written(table):
    fig = expert_agreement(table)
    texts = [trace.name for trace in fig.data if trace.name] + list(fig.layout.yaxis.ticktext)
    hovers = [text for trace in fig.data for text in trace.customdata or ()]
    assert sum(escape(EVIL) in text for text in [*texts, *hovers]) > 3
    assert not any(EVIL in text for text in [*texts, *hovers])


def test_what_is_not_known_is_left_out(table):
    partly = table.copy()
    gone = (partly["raters"] == "tool") & (partly["dimension"] == "warmth")
    partly.loc[gone, ["kappa", "low", "high"]] = np.nan
    trace = next(one for one in expert_agreement(partly).data if one.name == "tool")
    assert len(trace.x) == 2
