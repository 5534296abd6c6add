"""Forest plots and dumbbells show what the table holds, and refuse what they cannot show."""

import numpy as np
import pandas as pd
import pytest

from saeidioms import charts
from saeidioms.errors import InputError, OptionError
from saeidioms.taxonomy.comparison import compare


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
        assert "<script>" not in fig.to_json()


def test_several_groups_make_no_dumbbell(changes, taxonomy):
    with pytest.raises(InputError, match="several rows of a sub-category"):
        charts.dumbbell(changes, taxonomy)


def test_nothing_to_compare_is_said(changes, taxonomy):
    with pytest.raises(InputError, match="nothing to draw"):
        charts.forest(changes.assign(difference=np.nan), taxonomy)


def test_more_groups_than_symbols_are_refused(changes, taxonomy):
    many = pd.concat([changes.assign(group=f"g{i}") for i in range(9)])
    with pytest.raises(OptionError, match="group has 9 groups, and a chart can tell 8 apart"):
        charts.forest(many, taxonomy)
