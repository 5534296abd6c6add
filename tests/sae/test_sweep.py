"""The sweep recommends what the data were made of."""

import math

import pytest

from saeidioms.charts import frontier
from saeidioms.errors import OptionError
from saeidioms.sae.sweep import description_length, sweep


@pytest.fixture(scope="module")
def found(planted):
    """A sweep over data of 24 directions, of which a row has two."""
    return sweep(
        *(planted.rows, [12, 24, 48], [1, 2, 4]),
        groups=planted.conversations,
        max_steps=300,
        device="cpu",
    )


def test_the_sizes_of_the_data_are_recommended(found):
    assert found.recommended == (24, 2)
    assert found.reason.startswith("24 features with k = 2: of ")
    assert "come again with another seed" in found.reason


def test_the_grid_is_whole_and_the_cheapest_comes_first(found):
    settings = list(zip(found.table["n_features"], found.table["k"], strict=True))
    assert settings == [(f, k) for f in (12, 24, 48) for k in (1, 2, 4)]
    assert (found.table["l0"] <= found.table["k"]).all()
    by_size = found.table.pivot_table("explained_variance", "n_features", "k")
    assert (by_size.diff(axis=1).iloc[:, 1:] > -0.01).all(axis=None)
    assert found.table.set_index(["n_features", "k"]).loc[(24, 2), "stability"] > 0.9


def test_bits_are_those_of_codes_and_residual():
    codes, left_over = 8 * (math.log2(256) + 4), 384 / 2 * math.log2(1 - 0.5)
    assert description_length(0.5, 256, 8, 384) == pytest.approx(codes + left_over)


def test_without_a_grid_settings_around_the_usual_choice_are_tried(planted):
    found = sweep(planted.rows[:400], max_steps=30, device="cpu")
    assert found.table["n_features"].nunique() >= 2
    assert found.table["k"].nunique() >= 2


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"seeds": 1}, "seeds=1 cannot show stability"),
        ({"n_features": [4], "k": [8, 16]}, "no setting of n_features="),
        ({"n_features": [10_000], "k": [2]}, "with 1500 rows"),
    ],
)
def test_refuses_in_one_sentence(planted, options, sentence):
    with pytest.raises(OptionError, match=sentence):
        sweep(planted.rows, max_steps=10, **options)


def test_the_chart_shows_every_setting_and_rings_the_recommended(found):
    fig = frontier(found)
    lines = [trace for trace in fig.data if trace.mode == "lines+markers"]
    assert len(lines) == 6
    assert sum(len(trace.x) for trace in lines) == 2 * len(found.table)
    best = found.table.set_index(["n_features", "k"]).loc[found.recommended]
    ring, below = fig.data[-2:]
    assert (ring.x[0], ring.y[0]) == (best["l0"], best["explained_variance"])
    assert below.y[0] == best["stability"]
