import numpy as np
import pytest

from saeidioms.errors import InputError
from saeidioms.sae import size
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


@pytest.mark.parametrize(("n_rows", "said"), [(20, True), (700, False)])
def test_a_corpus_too_small_to_tell_much_is_told_so(n_rows, said, caplog):
    choose_size(n_rows, 384)
    assert ("Only 20 texts" in caplog.text) == said


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


def test_at_most_so_many_rows_are_held_out(monkeypatch):
    monkeypatch.setattr(size, "MOST_HELD_OUT", 20)
    for groups in (None, np.arange(1000) // 4):
        train, held_out = split_rows(1000, groups, seed=0)
        assert (len(train), len(held_out)) == (980, 20)
        assert not set(train) & set(held_out)


@pytest.mark.parametrize("n_rows", [2, 4, 9, 11, 400])
def test_something_is_held_out_and_something_trained_on(n_rows):
    for groups in (None, np.arange(n_rows) // 2, np.zeros(n_rows)):
        train, held_out = split_rows(n_rows, groups, seed=0)
        assert min(len(train), len(held_out)) >= 1
        assert sorted([*train, *held_out]) == list(range(n_rows))
        assert (np.diff(train) > 0).all()


def test_the_seed_decides_what_is_held_out():
    one, same, other = (set(split_rows(500, None, seed)[1]) for seed in (0, 0, 1))
    assert one == same != other


def test_groups_of_another_length_are_refused():
    with pytest.raises(InputError, match="groups has 3 entries but there are 5 rows"):
        split_rows(5, np.zeros(3), seed=0)
