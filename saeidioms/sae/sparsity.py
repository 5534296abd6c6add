"""Sparsity rules: how pre-activations become activations, and what each adds to the loss.

A rule is all that tells one architecture from another; the training loop is the same. In training
a rule selects the active places of a batch. Afterwards a row must get the same code in any
company, so every rule ends in `Inference`: a threshold per feature and, for `TopK`, a limit per
row.

Sources
-------
`TopK`
    Gao et al. 2024, *Scaling and evaluating sparse autoencoders*, arXiv 2406.04093, 2.3.
`BatchTopK`
    Bussmann et al. 2024, *BatchTopK sparse autoencoders*, arXiv 2412.06410.
`JumpReLU`
    Rajamanoharan et al. 2024, *Jumping ahead*, arXiv 2407.14435.
`ReLU`
    L1 penalty, as in Bricken et al. 2023, *Towards monosemanticity*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor
from torch.nn.functional import softshrink

from saeidioms.sae.pattern import Pattern
from saeidioms.sae.team import Team

MEMORY = 0.99  # of the running threshold of BatchTopK, per step
BANDWIDTH = 1.0  # of JumpReLU's kernel, in units of the first pre-activations' root mean square
PULL, PRESSURE = 10.0, 0.01  # of JumpReLU towards k; how fast ReLU's penalty is corrected
NEAR = 0.1  # of k (natural logarithm) ReLU's L0 is left in peace: the last rows would cost too much


@dataclass(eq=False)
class State:
    """What a rule learns; every tensor is kept in checkpoints.

    Attributes
    ----------
    threshold
        (F,) least pre-activation of an active feature.
    threshold_gradient
        (F,) of the loss by `threshold`; zero where the rule learns no thresholds.
    penalty
        () weight of the L1 penalty of `ReLU`.
    bandwidth
        () width of the kernel of `JumpReLU`.
    """

    threshold: Tensor
    threshold_gradient: Tensor
    penalty: Tensor
    bandwidth: Tensor


class Sparsity(Protocol):
    """A rule; k is the number of active features in a row, exactly or on average."""

    name: ClassVar[str]
    exact: ClassVar[bool]  # whether k places are selected in every row, also after training

    def start(self, pre: Tensor, k: int, state: State, team: Team) -> None:
        """Set the state by the (B, F) pre-activations of the first batch."""

    def select(self, pre: Tensor, k: int, state: State, team: Team) -> Pattern:
        """Return the places of (B, F) pre-activations that may be active, or learn from it."""
        ...

    def activate(self, values: Tensor, pattern: Pattern, state: State) -> Tensor:
        """Return the (nnz,) activations from the pre-activations at the selected places."""
        ...

    def learn(
        self, batch: Selected, gradient: Tensor, k: int, state: State, team: Team
    ) -> Tensor | float:
        """Return what the loss adds.

        Adds its gradient to `gradient`, (nnz,) of the loss by the activations (which becomes that
        by the pre-activations), and to the state.
        """
        ...


@dataclass(frozen=True, eq=False)
class Selected:
    """The selected places of a batch.

    Attributes
    ----------
    pattern
        Where they are.
    before, values
        (nnz,) pre-activations and activations there.
    n_rows
        Rows of the batch over all processes.
    """

    pattern: Pattern
    before: Tensor
    values: Tensor
    n_rows: int


class TopK:
    """In each row the k largest pre-activations."""

    name: ClassVar[str] = "topk"
    exact: ClassVar[bool] = True

    def start(self, pre: Tensor, k: int, state: State, team: Team) -> None:
        """Nothing is learnt."""

    def select(self, pre: Tensor, k: int, state: State, team: Team) -> Pattern:
        """Return the k largest of each row."""
        return Pattern.of_largest(pre, k)

    def activate(self, values: Tensor, pattern: Pattern, state: State) -> Tensor:
        """Return the positive part."""
        return values.relu()

    def learn(
        self, batch: Selected, gradient: Tensor, k: int, state: State, team: Team
    ) -> Tensor | float:
        """Nothing is added."""
        gradient.mul_(batch.values > 0)
        return 0.0


class BatchTopK(TopK):
    """In each batch of B rows the B k largest pre-activations, so that hard rows get more.

    The threshold is the running mean of the least activation selected in a batch.
    """

    name: ClassVar[str] = "batch_topk"
    exact: ClassVar[bool] = False

    def start(self, pre: Tensor, k: int, state: State, team: Team) -> None:
        """Begin with the threshold of the first batch."""
        state.threshold.fill_(_least_selected(pre, k, team))

    def select(self, pre: Tensor, k: int, state: State, team: Team) -> Pattern:
        """Return the B k largest, and remember the least of them."""
        least = _least_selected(pre, k, team)
        state.threshold.lerp_(least.expand_as(state.threshold), 1 - MEMORY)
        return Pattern.where((pre >= least) & (pre > 0))


class ReLU(TopK):
    """Every positive pre-activation; an L1 penalty, corrected step by step, keeps them at k."""

    name: ClassVar[str] = "relu"
    exact: ClassVar[bool] = False

    def start(self, pre: Tensor, k: int, state: State, team: Team) -> None:
        """Begin with a light penalty."""
        state.penalty.fill_(1e-3)

    def select(self, pre: Tensor, k: int, state: State, team: Team) -> Pattern:
        """Return the positive ones."""
        return Pattern.where(pre > 0)

    def learn(
        self, batch: Selected, gradient: Tensor, k: int, state: State, team: Team
    ) -> Tensor | float:
        """Add the L1 penalty, and correct its weight by how far L0 is from k."""
        fired = team.sum_((batch.values > 0).sum())
        error = torch.log(fired / (batch.n_rows * k)).clamp(-1, 1)
        state.penalty.mul_(torch.exp(PRESSURE * softshrink(error, NEAR)))
        weight = state.penalty / batch.n_rows
        gradient.add_(weight).mul_(batch.values > 0)
        return weight * batch.values.sum()


class JumpReLU:
    """Every pre-activation above the learnt threshold of its feature.

    The thresholds learn by straight-through estimates with a rectangular kernel (eq. 9, 11); the
    loss adds ``PULL (L0 / k - 1)²``, the paper's form for a wanted L0 (appendix), of the batch.
    """

    name: ClassVar[str] = "jumprelu"
    exact: ClassVar[bool] = False

    def start(self, pre: Tensor, k: int, state: State, team: Team) -> None:
        """Begin with the threshold that lets k features fire."""
        state.threshold.fill_(_least_selected(pre, k, team))
        n = team.sum_(pre.new_tensor(pre.numel()))
        typical = (team.sum_(pre.square().sum()) / n).sqrt()
        state.bandwidth.copy_(BANDWIDTH * typical)

    def select(self, pre: Tensor, k: int, state: State, team: Team) -> Pattern:
        """Return what fires, and what the thresholds learn from: the band below them."""
        state.threshold.clamp_(min=0)  # below the band around 0 nothing would lift it again
        return Pattern.where(pre > (state.threshold - state.bandwidth / 2).clamp_min(0))

    def activate(self, values: Tensor, pattern: Pattern, state: State) -> Tensor:
        """Return the pre-activation where it is above the threshold, else 0."""
        return values * (values > state.threshold[pattern.columns])

    def learn(
        self, batch: Selected, gradient: Tensor, k: int, state: State, team: Team
    ) -> Tensor | float:
        """Add the pull towards k, and the thresholds' gradients."""
        threshold = state.threshold[batch.pattern.columns]
        in_band = (batch.before - threshold).abs() < state.bandwidth / 2
        fires = batch.values > 0
        excess = team.sum_(fires.sum(dtype=gradient.dtype)) / (batch.n_rows * k) - 1
        pull = 2 * PULL * excess / (batch.n_rows * k)
        by_threshold = in_band * (threshold * gradient + pull) / -state.bandwidth
        batch.pattern.add_sums(by_threshold, state.threshold_gradient)
        gradient.mul_(fires)
        return PULL * excess.square() / team.size  # every process adds its share


@dataclass(frozen=True, eq=False)
class Inference:
    """A trained rule: what fires in a row, whatever rows come with it.

    Attributes
    ----------
    threshold
        (F,) a feature fires where its pre-activation is above.
    limit
        Most features that fire in a row, the largest first; None: any number.
    """

    threshold: Tensor
    limit: int | None

    def select(self, pre: Tensor) -> tuple[Pattern, Tensor]:
        """Return the places of (B, F) pre-activations that fire, and their (nnz,) values."""
        if self.limit is None:
            pattern = Pattern.where(pre > self.threshold)
            return pattern, pattern.take(pre)
        pattern = Pattern.of_largest(pre, self.limit)
        values = pattern.take(pre)
        return pattern, values * (values > self.threshold[pattern.columns])


RULES: dict[str, Sparsity] = {rule.name: rule for rule in (TopK(), BatchTopK(), JumpReLU(), ReLU())}


def _least_selected(pre: Tensor, k: int, team: Team) -> Tensor:
    """Return the least of the B k largest pre-activations of the batch, at least 0."""
    rows = team.sum_(torch.tensor(len(pre), device=pre.device))
    return team.largest(pre.reshape(-1), int(rows) * k).clamp_min(0)
