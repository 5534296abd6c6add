"""Rows are read, scaled and shuffled the same, wherever they lie and wherever one begins."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from saeidioms.errors import InputError
from saeidioms.sae import rows as rows_module
from saeidioms.sae.rows import Batches, Scaling, Span, read

N, WIDTH, SIZE = 1000, 6, 64


@pytest.fixture
def matrix():
    random = np.random.default_rng(0)
    return (random.normal(size=(N, WIDTH)) * 3 + np.arange(WIDTH)).astype(np.float32)


@pytest.fixture(params=["array", "memmap", "float16", "embeddings"])
def held(request, matrix, tmp_path):
    """Return the same rows as something else, and what reading them should give."""
    if request.param == "array":
        return matrix, matrix
    half = matrix.astype(np.float16)
    np.save(tmp_path / "rows.npy", matrix if request.param == "memmap" else half)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    if request.param != "embeddings":
        return mapped, np.asarray(mapped, dtype=np.float32)
    index = np.arange(N)[::-1]

    class Embedded(SimpleNamespace):
        shape = (N, WIDTH)

        def __getitem__(self, rows):
            return np.asarray(self.vectors[index[rows]], dtype=np.float32)

    return Embedded(vectors=mapped), half[::-1].astype(np.float32)


@pytest.fixture
def several_pools(monkeypatch):
    monkeypatch.setattr(rows_module, "BLOCK", 50)
    monkeypatch.setattr(rows_module, "POOL_BYTES", 4 * WIDTH * 250)


def batches(matrix, rows=None, seed=0, size=SIZE):
    rows = np.arange(N) if rows is None else rows
    return Batches(matrix, rows, Scaling.of(matrix, rows), size, seed, "cpu")


@pytest.fixture
def on_disk(matrix, tmp_path):
    """Return the matrix, memory-mapped: one in memory is never read into pools."""
    np.save(tmp_path / "on_disk.npy", matrix)
    return np.load(tmp_path / "on_disk.npy", mmap_mode="r")


def taken(source, start, n):
    return [batch.numpy() for batch in itertools.islice(source.since(start), n)]


def test_scaling_is_mean_and_standard_deviation(held):
    matrix, expected = held
    scaling = Scaling.of(matrix, np.arange(N))
    np.testing.assert_allclose(scaling.mean, expected.mean(axis=0), rtol=1e-5)
    deviation = np.sqrt(((expected - expected.mean(axis=0)) ** 2).mean())
    assert scaling.scale == pytest.approx(deviation, rel=1e-5)


@pytest.mark.parametrize("rows", [np.arange(100, 400), np.arange(0, N, 3)])
def test_scaling_is_of_the_given_rows_in_several_blocks(matrix, rows, several_pools):
    scaling = Scaling.of(matrix, rows)
    np.testing.assert_allclose(scaling.mean, matrix[rows].mean(axis=0, dtype=float), rtol=1e-5)
    assert scaling.scale == pytest.approx(np.sqrt(matrix[rows].var(axis=0).mean()), rel=1e-5)
    down = scaling.down(matrix[rows].copy())
    np.testing.assert_allclose(down.mean(axis=0), 0, atol=1e-5)
    assert np.square(down).sum(axis=1).mean() == pytest.approx(WIDTH, rel=1e-5)


def test_scaling_keeps_its_precision_far_from_the_origin(matrix):
    scaling = Scaling.of(matrix + np.float32(1e4), np.arange(N))
    assert scaling.scale == pytest.approx(np.sqrt(matrix.var(axis=0).mean()), rel=1e-3)


def test_of_very_many_rows_evenly_spaced_blocks_are_measured(matrix, several_pools, monkeypatch):
    monkeypatch.setattr(rows_module, "MEASURED", 250)
    measured = np.concatenate([matrix[start : start + 50] for start in range(0, N, 200)])
    scaling = Scaling.of(matrix, np.arange(N))
    np.testing.assert_allclose(scaling.mean, measured.mean(axis=0, dtype=float), rtol=1e-5)


def test_an_epoch_holds_every_row_once_but_the_last_few(held):
    matrix, expected = held
    source = batches(matrix)
    seen = np.concatenate(taken(source, 0, N // SIZE))
    scaled = source.scaling.down(expected.copy())
    assert len(np.unique(seen, axis=0)) == len(seen) == N - N % SIZE
    assert {row.tobytes() for row in seen} <= {row.tobytes() for row in scaled}


def test_pools_hold_every_row_once_too(held, several_pools):
    matrix, expected = held
    rows = np.arange(0, N, 2)  # 500 rows: two pools of 250
    source = batches(matrix, rows, size=50)
    seen = np.concatenate(taken(source, 0, 10))
    scaled = source.scaling.down(expected[rows].copy())
    assert sorted(row.tobytes() for row in seen) == sorted(row.tobytes() for row in scaled)
    later = np.concatenate(taken(source, 10, 10))
    assert not np.array_equal(seen, later)
    assert sorted(row.tobytes() for row in later) == sorted(row.tobytes() for row in scaled)


def test_a_matrix_in_memory_gives_the_batches_of_one_on_disk_without_a_copy(matrix, on_disk):
    rows = np.arange(0, N, 3)
    held, mapped = batches(matrix, rows, size=50), batches(on_disk, rows, size=50)
    for ours, theirs in zip(taken(held, 0, 13), taken(mapped, 0, 13), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert np.shares_memory(held._whole.matrix.numpy(), matrix)


@pytest.mark.parametrize("change", ["read-only", "float64", "by columns"])
def test_a_matrix_in_memory_that_torch_cannot_take_as_it_is_is_copied(matrix, change):
    expected = taken(batches(matrix), 0, 3)
    if change == "read-only":
        matrix.flags.writeable = False
    matrix = {"float64": matrix.astype(float), "by columns": np.asfortranarray(matrix)}.get(
        change, matrix
    )
    for ours, theirs in zip(taken(batches(matrix), 0, 3), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_pool_is_read_at_a_time(on_disk, several_pools, monkeypatch):
    pools = []
    load = Batches._load

    def watched(self, parts):
        pools.append([row for part in parts for row in range(part.start, part.stop)])
        return load(self, parts)

    monkeypatch.setattr(Batches, "_load", watched)
    taken(batches(on_disk, np.arange(0, 960), size=50), 0, 38)
    assert [len(pool) for pool in pools] == [250, 250, 250, 210] * 2
    for epoch in (pools[:4], pools[4:]):
        assert sorted(itertools.chain(*epoch)) == list(range(960))
    assert len({tuple(pool) for pool in pools[:3] + pools[4:7]}) == 6  # of blocks in random order


def test_no_row_is_left_out_for_good(on_disk, several_pools):
    rows = np.arange(0, 730)  # the last pool holds more than a batch, but no whole number of them
    source = batches(on_disk, rows, size=100)
    seen = {row.tobytes() for row in np.concatenate(taken(source, 0, 200))}
    assert len(seen) == len(rows)


def test_rows_that_occur_often_are_seen_as_often(matrix):
    matrix[::2] = matrix[0]
    seen = np.concatenate(taken(batches(matrix, size=50), 0, N // 50))
    _, counts = np.unique(seen, axis=0, return_counts=True)
    assert sorted(counts)[-2:] == [1, N // 2]


@pytest.mark.parametrize("pools", [1, 4])
@pytest.mark.parametrize("step", [1, 7, 15, 40])
def test_batches_are_the_same_from_any_step_on(matrix, pools, step, request):
    if pools > 1:
        request.getfixturevalue("several_pools")
    straight = taken(batches(matrix), 0, step + 3)[step:]
    resumed = taken(batches(matrix), step, 3)
    np.testing.assert_array_equal(straight, resumed)


def test_the_seed_decides_the_order(matrix):
    one, same, other = (taken(batches(matrix, seed=seed), 0, 3) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_what_is_read_is_a_copy(matrix):
    before = matrix.copy()
    read(matrix, slice(0, 5))[:] = 0
    np.testing.assert_array_equal(matrix, before)


@pytest.mark.parametrize("rows", [slice(700, 800), np.array([3, 741, 9])])
def test_a_number_that_is_not_finite_is_named_by_its_row(matrix, rows):
    matrix[741, 2] = np.inf
    with pytest.raises(InputError, match="row 741, column 2 of the matrix is NaN or infinite"):
        read(matrix, rows)


def test_a_span_is_the_rows_it_spans(matrix):
    span = Span(matrix, slice(10, 30))
    assert span.shape == (20, WIDTH)
    np.testing.assert_array_equal(span[5:100], matrix[15:30])


def test_rows_that_are_all_the_same_are_refused(matrix):
    matrix[:] = matrix[0]
    with pytest.raises(InputError, match="all 1000 rows to train on are the same vector"):
        Scaling.of(matrix, np.arange(N))


@pytest.mark.parametrize("pools", [1, 4])
def test_a_mapped_row_that_is_not_finite_is_named_when_its_batch_comes(
    matrix, pools, tmp_path, request
):
    if pools > 1:
        request.getfixturevalue("several_pools")
    rows = np.arange(1, N, 2)
    scaling = Scaling.of(matrix, rows)
    matrix[741, 2] = np.nan
    np.save(tmp_path / "rows.npy", matrix)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    source = Batches(mapped, rows, scaling, SIZE, 0, "cpu")
    with pytest.raises(InputError, match="row 741, column 2 of the matrix is NaN or infinite"):
        taken(source, 0, 10)
    with pytest.raises(InputError, match="row 741, column 2 of the matrix is NaN or infinite"):
        Scaling.of(mapped, rows)
    with pytest.raises(InputError, match="row 741, column 2 of the matrix is NaN or infinite"):
        read(Span(mapped, slice(700, 800)), slice(30, 60))
