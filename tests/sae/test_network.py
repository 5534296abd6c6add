"""The gradients that are written out are those of the loss as the papers state it."""

import math

import pytest
import torch

from saeidioms.sae.network import PARAMETERS, Network
from saeidioms.sae.sparsity import PULL, RULES

ROWS, FEATURES, WIDTH, K = 24, 12, 6, 3


def make(rule, dtype=torch.float64, prefixes=(FEATURES,), half=False):
    """Return a network in the midst of training, and a batch."""
    random = torch.Generator().manual_seed(3)

    def draw(*shape):
        return torch.randn(*shape, generator=random, dtype=torch.float64).to(dtype)

    start = torch.nn.functional.normalize(draw(FEATURES, WIDTH), dim=1)
    network = Network(start, RULES[rule], prefixes, half=half)
    for tensor in (network.encoder, network.encoder_bias, network.decoder_bias):
        tensor += 0.1 * draw(*tensor.shape)
    inputs = draw(ROWS, WIDTH)
    network.sparsity.start(network.encode(inputs), K, network.state, network.team)
    if rule == "jumprelu":
        network.threshold *= 1 + 0.1 * draw(FEATURES)
    return network, inputs


class Jump(torch.autograd.Function):
    """JumpReLU with the straight-through gradients of arXiv 2407.14435, equations 9 to 12."""

    @staticmethod
    def forward(ctx, pre, threshold, bandwidth):
        ctx.save_for_backward(pre, threshold)
        ctx.bandwidth = bandwidth
        return pre * (pre > threshold)

    @staticmethod
    def backward(ctx, upstream):
        pre, threshold = ctx.saved_tensors
        kernel = ((pre - threshold).abs() < ctx.bandwidth / 2) / ctx.bandwidth
        to_threshold = (-threshold * kernel * upstream).sum(dim=0)
        return upstream * (pre > threshold), to_threshold, None


class Step(torch.autograd.Function):
    """Whether a pre-activation is above its threshold, with the same kernel."""

    @staticmethod
    def forward(ctx, pre, threshold, bandwidth):
        ctx.save_for_backward(pre, threshold)
        ctx.bandwidth = bandwidth
        return (pre > threshold).to(pre.dtype)

    @staticmethod
    def backward(ctx, upstream):
        pre, threshold = ctx.saved_tensors
        kernel = ((pre - threshold).abs() < ctx.bandwidth / 2) / ctx.bandwidth
        return None, -(kernel * upstream).sum(dim=0), None


def dense_loss(rule, weights, inputs, prefixes, penalty, bandwidth):
    """Return the loss, written down anew without any sparse product."""
    pre = inputs @ weights["encoder"].T + weights["encoder_bias"]
    added = 0.0
    if rule == "topk":
        least = pre.topk(K, dim=1).values[:, -1:]
        activations = pre.relu() * (pre >= least)
    elif rule == "batch_topk":
        least = pre.flatten().topk(K * ROWS).values[-1]
        activations = pre.relu() * (pre >= least)
    elif rule == "relu":
        activations = pre.relu()
        added = penalty * activations.sum() / ROWS
    else:
        activations = Jump.apply(pre, weights["threshold"], bandwidth)
        l0 = Step.apply(pre, weights["threshold"], bandwidth).sum() / ROWS
        added = PULL * (l0 / K - 1) ** 2
    losses = [
        (activations[:, :end] @ weights["decoder"][:end] + weights["decoder_bias"] - inputs)
        .square()
        .mean()
        for end in prefixes
    ]
    return torch.stack(losses).mean() + added


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("prefixes", [(FEATURES,), (2, 5, FEATURES)], ids=["whole", "matryoshka"])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 2e-4)], ids=["f64", "f32"]
)
def test_gradients_are_those_of_autograd(rule, prefixes, dtype, tolerance):
    check_gradients(rule, *make(rule, dtype, prefixes), prefixes, tolerance)


@pytest.mark.usefixtures("gpu_kernels")
@pytest.mark.parametrize("rule", RULES)
def test_gradients_by_the_kernels_of_a_gpu_are_those_of_autograd(rule):
    prefixes = (2, 5, FEATURES)  # the whole dictionary is the last of them
    check_gradients(rule, *make(rule, prefixes=prefixes), prefixes, 1e-9)


def check_gradients(rule, network, inputs, prefixes, tolerance):
    done = network.forward(inputs, K)
    loss = network.backward(inputs, done, K, ROWS)
    leaves = {name: getattr(network, name).detach().clone() for name in PARAMETERS}
    weights = {name: leaf.requires_grad_() for name, leaf in leaves.items()}
    state = network.state
    expected = dense_loss(rule, weights, inputs, prefixes, state.penalty, state.bandwidth)
    torch.testing.assert_close(loss, expected.detach(), rtol=tolerance, atol=tolerance)
    found = torch.autograd.grad(expected, list(weights.values()), allow_unused=True)
    for name, gradient in zip(PARAMETERS, found, strict=True):
        gradient = torch.zeros_like(weights[name]) if gradient is None else gradient
        torch.testing.assert_close(
            network.gradients[name], gradient, rtol=tolerance, atol=tolerance, msg=name
        )
    if rule == "jumprelu":
        assert network.gradients["threshold"].abs().sum() > 0


@pytest.mark.parametrize("name", ["encoder", "encoder_bias", "decoder", "decoder_bias"])
def test_gradients_are_those_of_finite_differences(name):
    network, inputs = make("topk")
    network.backward(inputs, network.forward(inputs, K), K, ROWS)
    weights, step = getattr(network, name), 1e-6
    analytic = network.gradients[name].clone()
    for place in torch.randperm(weights.numel(), generator=torch.Generator().manual_seed(0))[:8]:
        losses = []
        for sign in (1, -1):
            weights.view(-1)[place] += sign * step
            losses.append(network.backward(inputs, network.forward(inputs, K), K, ROWS).item())
            weights.view(-1)[place] -= sign * step
        numeric = (losses[0] - losses[1]) / (2 * step)
        assert numeric == pytest.approx(analytic.view(-1)[place].item(), abs=1e-7)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("prefixes", [(FEATURES,), (2, 5, FEATURES)], ids=["whole", "matryoshka"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 2e-4)])
@pytest.mark.parametrize("dead", [[3, 7], [0, 3, 7, 8, 11]], ids=["all", "the most active"])
def test_dead_features_alone_explain_what_is_left_over(rule, prefixes, dtype, tolerance, dead):
    network, inputs = make(rule, dtype, prefixes)
    done = network.forward(inputs, K)
    network.backward(inputs, done, K, ROWS)
    before = {name: gradient.clone() for name, gradient in network.gradients.items()}
    loss = network.revive(inputs, done, torch.tensor(dead), weight=0.5)
    leaves = {name: getattr(network, name).detach().clone().requires_grad_() for name in PARAMETERS}
    pre = (inputs @ leaves["encoder"].T + leaves["encoder_bias"])[:, dead]
    least = pre.topk(min(len(dead), WIDTH // 2), dim=1).values[:, -1:]
    left_over = -done.residuals[-1]
    explained = (pre.relu() * (pre >= least)) @ leaves["decoder"][dead]
    expected = 0.5 * (left_over - explained).square().sum() / left_over.square().sum()
    close = {"rtol": tolerance, "atol": tolerance}
    torch.testing.assert_close(loss, expected.detach(), **close)
    found = torch.autograd.grad(expected, list(leaves.values()), allow_unused=True)
    for name, gradient in zip(leaves, found, strict=True):
        gradient = torch.zeros_like(before[name]) if gradient is None else gradient
        added = network.gradients[name] - before[name]
        torch.testing.assert_close(added, gradient, **close, msg=name)


def test_half_precision_changes_pre_activations_by_its_rounding_alone():
    exact, inputs = make("topk", torch.float32)
    rounded, _ = make("topk", torch.float32, half=True)
    pre = exact.encode(inputs)
    assert rounded.encode(inputs).dtype == torch.float32
    difference = (rounded.encode(inputs) - pre).abs().max() / pre.abs().max()
    assert 0 < difference < 3 * 2**-8 * math.sqrt(WIDTH)


@pytest.mark.parametrize("rule", ["batch_topk", "jumprelu"])
def test_training_begins_with_k_active_features(rule):
    network, inputs = make(rule)
    if rule == "jumprelu":
        network.sparsity.start(network.encode(inputs), K, network.state, network.team)
    fired = (network.forward(inputs, K).values > 0).sum().item()
    assert fired == pytest.approx(ROWS * K, abs=1)
