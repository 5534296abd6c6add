import logging

import numpy as np
import pytest

from saeidioms.sae.size import choose_size, split_rows


@pytest.mark.parametrize(
    ("n_rows", "expected"),
    [(315, (32, 4)), (700, (64, 4)), (5_000, (256, 8)), (8_490, (256, 8)), (85_000, (1024, 16))],
)
def test_the_size_grows_with_the_root_of_the_corpus(n_rows, expected):
    assert choose_size(n_rows, 384) == expected


@pytest.mark.parametrize("n_rows", [1, 4, 10, 33, 315, 3_084, 51_263, 10**7])
@pytest.mark.parametrize("width", [1, 3, 384])
def test_the_size_is_always_possible(n_rows, width):
    n_features, k = choose_size(n_rows, width)
    assert 1 <= k <= min(n_features, width)
    assert n_features <= max(2, n_rows)


def test_the_choice_is_said(caplog):
    with caplog.at_level(logging.INFO):
        choose_size(700, 384)
    assert "64 features, 4 active" in caplog.text


def test_conversations_stay_whole_and_a_tenth_is_held_out():
    groups = np.repeat([f"c{i}" for i in range(200)], 5)
    train, held_out = split_rows(1000, groups, seed=0)
    assert len(held_out) == 100
    assert not set(groups[train]) & set(groups[held_out])
    assert sorted([*train, *held_out]) == list(range(1000))


def test_a_giant_conversation_is_trained_on():
    groups = np.array([0] * 90 + list(range(1, 11)))
    for seed in range(10):
        train, held_out = split_rows(100, groups, seed)
        assert len(held_out) == 10
        assert 0 in groups[train]
