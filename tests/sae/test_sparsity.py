"""What a rule selects in training, and what fires afterwards, in any company."""

import pytest
import torch
from torch.nn.functional import softshrink

from saeidioms.sae.sparsity import MEMORY, NEAR, PRESSURE, RULES, Inference, Selected, State
from saeidioms.sae.team import Team

ROWS, FEATURES, K = 40, 10, 3
ALONE = Team()


@pytest.fixture
def pre():
    return torch.randn(ROWS, FEATURES, generator=torch.Generator().manual_seed(5))


@pytest.fixture
def state():
    return State(torch.zeros(FEATURES), torch.zeros(FEATURES), torch.zeros(()), torch.zeros(()))


def mask(pattern):
    dense = torch.zeros(pattern.shape, dtype=torch.bool)
    dense[pattern.rows, pattern.columns] = True
    return dense


def selected(rule, pre, state):
    """Return the places that a rule selects, as a mask, and the dense activations."""
    pattern = RULES[rule].select(pre, K, state, ALONE)
    dense = torch.zeros_like(pre)
    values = RULES[rule].activate(pattern.take(pre), pattern, state)
    dense[pattern.rows, pattern.columns] = values
    return pattern, dense


def test_topk_keeps_the_largest_of_each_row(pre, state):
    _, dense = selected("topk", pre, state)
    least = pre.sort(dim=1, descending=True).values[:, K - 1 : K]
    assert torch.equal(dense, torch.where(pre >= least, pre.relu(), 0))


def test_batch_topk_keeps_the_largest_of_the_batch(pre, state):
    _, dense = selected("batch_topk", pre, state)
    least = pre.flatten().sort(descending=True).values[ROWS * K - 1]
    assert torch.equal(dense, torch.where(pre >= least, pre.relu(), 0))
    assert (dense > 0).sum() == ROWS * K
    assert len(set((dense > 0).sum(dim=1).tolist())) > 1  # hard rows get more


def test_batch_topk_remembers_the_least_activations(pre, state):
    rule, expected = RULES["batch_topk"], None
    rule.start(pre, K, state, ALONE)
    for factor in (1.0, 2.0, 0.5):
        least = (factor * pre).flatten().sort(descending=True).values[ROWS * K - 1]
        expected = least if expected is None else expected
        rule.select(factor * pre, K, state, ALONE)
        expected = MEMORY * expected + (1 - MEMORY) * least
        torch.testing.assert_close(state.threshold, expected.expand(FEATURES))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("factor", [-1, 0])
def test_what_is_not_positive_does_not_fire(rule, state, factor):
    pattern, dense = selected(rule, factor * torch.rand(ROWS, FEATURES), state)
    assert not dense.any()
    assert not state.threshold.any()
    assert len(pattern.columns) == (ROWS * K if rule == "topk" else 0)


def test_relu_keeps_what_is_positive(pre, state):
    pattern, dense = selected("relu", pre, state)
    assert torch.equal(mask(pattern), pre > 0)
    assert torch.equal(dense, pre.relu())


def test_relu_presses_harder_as_long_as_too_many_fire(pre, state):
    rule = RULES["relu"]
    rule.start(pre, K, state, ALONE)
    for shift, harder in ((1.0, True), (-2.0, False)):
        before = state.penalty.clone()
        shifted = pre + shift
        pattern = rule.select(shifted, K, state, ALONE)
        values = pattern.take(shifted)
        rule.learn(Selected(pattern, values, values, ROWS), values.clone(), K, state, ALONE)
        l0 = (shifted > 0).sum() / ROWS
        assert (state.penalty > before) == harder == (l0 > K)
        change = torch.log(state.penalty / before)
        torch.testing.assert_close(
            change,
            PRESSURE * softshrink(torch.log(l0 / K).clamp(-1, 1), NEAR),
            atol=1e-6,
            rtol=1e-4,
        )


def test_jumprelu_keeps_what_is_above_the_threshold_of_its_feature(pre, state):
    RULES["jumprelu"].start(pre, K, state, ALONE)
    torch.testing.assert_close(state.bandwidth, pre.square().mean().sqrt())
    state.threshold *= torch.linspace(0.5, 2, FEATURES)
    pattern, dense = selected("jumprelu", pre, state)
    assert torch.equal(dense, torch.where(pre > state.threshold, pre, 0))
    band = mask(pattern) & (dense == 0)
    assert (pre > state.threshold - state.bandwidth / 2)[band].all()
    assert band.any()


def test_a_threshold_below_zero_is_lifted(pre, state):
    state.threshold -= 1
    _, dense = selected("jumprelu", pre, state)
    assert not state.threshold.any()
    assert (dense >= 0).all()


@pytest.mark.parametrize("limit", [None, 1, K, FEATURES])
def test_inference_is_a_threshold_and_a_limit(pre, limit):
    threshold = torch.linspace(0, 1.5, FEATURES)
    pattern, values = Inference(threshold, limit).select(pre)
    dense = torch.zeros_like(pre)
    dense[pattern.rows, pattern.columns] = values
    least = pre.sort(dim=1, descending=True).values[:, (limit or FEATURES) - 1, None]
    assert torch.equal(dense, torch.where((pre > threshold) & (pre >= least), pre, 0))


@pytest.mark.parametrize("limit", [None, K])
def test_inference_looks_at_one_row_at_a_time(pre, limit):
    rule = Inference(torch.full((FEATURES,), 0.4), limit)
    together, values = rule.select(pre)
    for row in range(ROWS):
        alone, own = rule.select(pre[[row]])
        here = together.rows == row
        assert torch.equal(alone.columns, together.columns[here])
        assert torch.equal(own, values[here])
