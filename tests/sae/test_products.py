import pytest
import torch
from saeidioms.sae.products import sampled_affine, sparse_product

from saeidioms.sae import products
from saeidioms.sae.sparsity import Pattern, TopK


def ragged_pattern():
    """Three rows with 2, 0 and 3 of 6 features: rules need not select as many in every row."""
    return Pattern(torch.tensor([0, 2, 2, 5]), torch.tensor([4, 1, 5, 0, 1]), 6)


@pytest.fixture(params=["top-k", "ragged"])
def case(request):
    random = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(*shape, generator=random, dtype=torch.float64)

    pattern = TopK(2).select(draw(5, 6)) if request.param == "top-k" else ragged_pattern()
    return pattern, draw(len(pattern.pointers) - 1, 4), draw(6, 4), draw(6), draw


@pytest.fixture(params=["mkl", "no mkl"], autouse=True)
def kernel(request, monkeypatch):
    if request.param == "no mkl":
        monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: False)
    elif not torch.backends.mkl.is_available():
        pytest.skip("this build of torch has no MKL")


def dense(values, pattern):
    shape = (len(pattern.pointers) - 1, pattern.n_features)
    return torch.zeros(shape, dtype=values.dtype).index_put((pattern.rows, pattern.columns), values)


def test_sparse_product_is_the_dense_one(case):
    pattern, _, weights, _, draw = case
    values = draw(len(pattern.columns))
    product = sparse_product(values, weights, pattern)
    torch.testing.assert_close(product, dense(values, pattern) @ weights)


def test_gradients_of_the_sparse_product(case):
    pattern, _, weights, _, draw = case
    values = draw(len(pattern.columns)).requires_grad_()
    weights.requires_grad_()
    assert torch.autograd.gradcheck(lambda v, w: sparse_product(v, w, pattern), (values, weights))


def test_sampled_affine_and_its_gradients_are_those_of_autograd(case):
    pattern, inputs, weights, bias, draw = case
    weights.requires_grad_()
    bias.requires_grad_()
    everything = inputs @ weights.T + bias
    expected = everything[pattern.rows, pattern.columns]
    found = sampled_affine(inputs, weights, bias, pattern, everything.detach())
    torch.testing.assert_close(found, expected)
    upstream = draw(len(expected))
    gradients = torch.autograd.grad(found, (weights, bias), upstream)
    torch.testing.assert_close(gradients, torch.autograd.grad(expected, (weights, bias), upstream))


def test_gradients_in_float32_are_those_in_float64(case):
    pattern, _, weights, _, draw = case
    values, upstream = draw(len(pattern.columns)), draw(len(pattern.pointers) - 1, 4)
    found = {}
    for dtype in (torch.float32, torch.float64):
        leaves = [tensor.detach().to(dtype).requires_grad_() for tensor in (values, weights)]
        product = products.sparse_product(*leaves, pattern)
        found[dtype] = torch.autograd.grad(product, leaves, upstream.to(dtype))
    for single, double in zip(found[torch.float32], found[torch.float64], strict=True):
        torch.testing.assert_close(single.double(), double, rtol=1e-5, atol=1e-5)


def test_top_k_takes_the_largest_of_each_row():
    pre = torch.tensor([[0.1, 3.0, -1.0, 2.0], [5.0, -2.0, 6.0, 7.0]])
    pattern = TopK(2).select(pre)
    chosen = [sorted(row.tolist()) for row in pattern.columns.reshape(2, 2)]
    assert chosen == [[1, 3], [2, 3]]
    assert pattern.pointers.tolist() == [0, 2, 4]
