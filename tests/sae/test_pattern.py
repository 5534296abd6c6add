"""Sparse products are the dense ones, on every path."""

import pytest
import torch

from saeidioms.sae.pattern import Pattern

ROWS, FEATURES, WIDTH = 9, 7, 4


@pytest.fixture(params=["mkl", "without mkl", "kernels of a gpu"])
def path(request, monkeypatch):
    if request.param == "kernels of a gpu":
        request.getfixturevalue("gpu_kernels")
    elif request.param == "without mkl":
        monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: False)
    elif not torch.backends.mkl.is_available():
        pytest.skip("this build of torch has no MKL")


@pytest.fixture(params=[torch.float32, torch.float64])
def drawn(request):
    """A ragged pattern (row 3 and feature 6 are empty), its values as a dense matrix, and draws."""
    random = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(*shape, generator=random, dtype=request.param)

    mask = torch.rand(ROWS, FEATURES, generator=random) < 0.4
    mask[3], mask[:, 6] = False, False
    return Pattern.where(mask), draw(ROWS, FEATURES) * mask, draw


def test_the_places_of_a_mask_are_found_row_by_row(drawn):
    pattern, dense, _ = drawn
    assert pattern.shape == (ROWS, FEATURES)
    rebuilt = torch.zeros_like(dense)
    rebuilt[pattern.rows, pattern.columns] = pattern.take(dense)
    assert torch.equal(rebuilt, dense)
    assert (pattern.pointers.diff() == (dense != 0).sum(dim=1)).all()


def test_products_are_the_dense_ones(drawn, path):
    pattern, dense, draw = drawn
    values, decoder, upstream = pattern.take(dense), draw(FEATURES, WIDTH), draw(ROWS, WIDTH)
    torch.testing.assert_close(pattern.multiply(values, decoder), dense @ decoder)
    total = torch.ones(FEATURES, WIDTH, dtype=dense.dtype)
    pattern.add_transposed(values, upstream, total)
    torch.testing.assert_close(total, 1 + dense.T @ upstream)
    sampled = (upstream @ decoder.T)[pattern.rows, pattern.columns]
    torch.testing.assert_close(pattern.sample(upstream, decoder), sampled)
    sums = torch.ones(FEATURES, dtype=dense.dtype)
    pattern.add_sums(values, sums)
    torch.testing.assert_close(sums, 1 + dense.sum(dim=0))


def test_the_parts_of_a_pattern_cover_it_once(drawn):
    pattern, dense, draw = drawn
    values, decoder = pattern.take(dense), draw(FEATURES, WIDTH)
    start, total = 0, torch.zeros(ROWS, WIDTH, dtype=dense.dtype)
    for end, (places, part) in zip((2, 5, 7), pattern.split((2, 5, 7)), strict=True):
        product = part.multiply(values[places], decoder)
        torch.testing.assert_close(product, dense[:, start:end] @ decoder[start:end])
        total, start = total + product, end
    torch.testing.assert_close(total, dense @ decoder)


def test_a_pattern_of_one_width_has_that_many_entries_a_row():
    pattern = Pattern.of_width(torch.tensor([[2, 0], [1, 2]]), 3)
    assert pattern.pointers.tolist() == [0, 2, 4]
    assert pattern.rows.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("k", [1, 3, FEATURES])
def test_the_largest_entries_of_each_row_are_found_among_equal_ones_too(
    drawn, threads, k, monkeypatch
):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    _, dense, draw = drawn  # with many zeros
    for rows in (draw(ROWS, FEATURES), dense):
        pattern = Pattern.of_largest(rows, k)
        assert pattern.pointers.tolist() == list(range(0, ROWS * k + 1, k))
        found = pattern.take(rows).view(ROWS, k).sort(dim=1).values
        assert torch.equal(found, rows.sort(dim=1).values[:, FEATURES - k :])
        assert (
            len(set(zip(pattern.rows.tolist(), pattern.columns.tolist(), strict=True))) == ROWS * k
        )


def test_a_pattern_without_an_entry_gives_zeros(drawn, path):
    _, dense, draw = drawn
    pattern = Pattern.where(torch.zeros(ROWS, FEATURES, dtype=torch.bool))
    values, decoder, upstream = dense.new_zeros(0), draw(FEATURES, WIDTH), draw(ROWS, WIDTH)
    assert not pattern.multiply(values, decoder).any()
    total = dense.new_ones(FEATURES, WIDTH)
    pattern.add_transposed(values, upstream, total)
    assert torch.equal(total, torch.ones_like(total))
    assert pattern.sample(upstream, decoder).shape == (0,)
