"""The network: a linear encoder, a sparsity rule, a linear decoder with rows of unit length.

Gradients are written out: all but the encoder's product touches only the active features, and
what is left of a step is so little that autograd's bookkeeping would cost as much again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from saeidioms.sae.pattern import Pattern, has_kernels
from saeidioms.sae.sparsity import Inference, Selected, Sparsity, State
from saeidioms.sae.team import Team

PARAMETERS = ("encoder", "encoder_bias", "decoder", "decoder_bias", "threshold")


@dataclass(frozen=True, eq=False)
class Pass:
    """What one forward pass leaves behind.

    Attributes
    ----------
    pre
        (B, F) pre-activations.
    pattern
        Where the selected features are.
    values
        (nnz,) activations, at least 0.
    residuals
        For each prefix of the dictionary the (B, D) reconstruction less the inputs; the whole
        dictionary comes last.
    """

    pre: Tensor
    pattern: Pattern
    values: Tensor
    residuals: list[Tensor]


class Network:
    """Sparse autoencoder on inputs that are centred and scaled.

    Parameters
    ----------
    directions
        (F, D) rows of unit length; the decoder starts as these and the encoder as its transpose.
    sparsity
        The rule that selects the active features.
    prefixes
        Ends of the nested dictionaries that must each reconstruct the inputs (Matryoshka SAE,
        Bussmann et al. 2025, arXiv 2503.17547), ascending, the last F; ``(F,)`` for an ordinary
        dictionary.
    half
        Whether the encoder's product is computed in bfloat16; weights stay float32.
    """

    def __init__(
        self,
        directions: Tensor,
        sparsity: Sparsity,
        prefixes: tuple[int, ...],
        *,
        half: bool = False,
    ) -> None:
        n_features, width = directions.shape
        self.encoder = directions.clone()
        self.encoder_bias = directions.new_zeros(n_features)
        self.decoder = directions.clone()
        self.decoder_bias = directions.new_zeros(width)
        self.threshold = directions.new_zeros(n_features)
        parameters = {name: getattr(self, name) for name in PARAMETERS}
        self.gradients = {name: torch.zeros_like(value) for name, value in parameters.items()}
        self.state = State(
            self.threshold,
            self.gradients["threshold"],
            penalty=directions.new_zeros(()),
            bandwidth=directions.new_zeros(()),
        )
        self.sparsity, self.prefixes, self.half = sparsity, prefixes, half
        self.team = Team.current()

    @property
    def tensors(self) -> dict[str, Tensor]:
        """All that is learnt, by name; not a copy."""
        learnt = {name: getattr(self, name) for name in PARAMETERS}
        return learnt | {"penalty": self.state.penalty, "bandwidth": self.state.bandwidth}

    @property
    def recordable(self) -> bool:
        """Whether every step launches the same kernels on a GPU and waits for none of them."""
        alone = self.team.size == 1 and len(self.prefixes) == 1
        return self.sparsity.exact and alone and has_kernels(self.encoder)

    def learning(self, *names: str) -> list[tuple[Tensor, Tensor]]:
        """Return some weights with their gradients."""
        return [(getattr(self, name), self.gradients[name]) for name in names]

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Copy what `tensors` once held."""
        for name, tensor in self.tensors.items():
            tensor.copy_(tensors[name])

    def encode(self, inputs: Tensor) -> Tensor:
        """Return the (B, F) pre-activations of (B, D) inputs."""
        if not self.half:
            return torch.addmm(self.encoder_bias, inputs, self.encoder.T)
        product = inputs.bfloat16() @ self.encoder.bfloat16().T
        return product.float() + self.encoder_bias

    def forward(self, inputs: Tensor, k: int) -> Pass:
        """Encode and decode a (B, D) batch, as in training."""
        pre = self.encode(inputs)
        pattern = self.sparsity.select(pre, k, self.state, self.team)
        values = self.sparsity.activate(pattern.take(pre), pattern, self.state)
        residuals: list[Tensor] = []
        for places, part in pattern.split(self.prefixes):
            residual = residuals[-1].clone() if residuals else self.decoder_bias - inputs
            part.add_product(values[places], self.decoder, residual)
            residuals.append(residual)
        return Pass(pre, pattern, values, residuals)

    def backward(self, inputs: Tensor, done: Pass, k: int, n_rows: int) -> Tensor:
        """Set the gradients of the loss; return this process's part of the loss.

        Parameters
        ----------
        inputs
            (B, D) rows of this process.
        done
            Their forward pass.
        k
            As in the forward pass.
        n_rows
            Rows of the whole batch, over all processes.
        """
        for gradient in self.gradients.values():
            gradient.zero_()
        share = 1 / (n_rows * inputs.shape[1] * len(self.prefixes))
        loss = share * torch.stack([_squared(residual) for residual in done.residuals]).sum()
        # A feature serves its own prefix and all longer ones. The factor of the gradient goes to
        # the few values: (B, D) matrices are what a step is made of.
        errors = list(accumulate(reversed(done.residuals)))[::-1]
        factor, by_values = 2 * share, torch.empty_like(done.values)
        parts = done.pattern.split(self.prefixes)
        for error, (places, part) in zip(errors, parts, strict=True):
            by_values[places] = factor * part.sample(error, self.decoder)
            part.add_transposed(factor * done.values[places], error, self.gradients["decoder"])
        self.gradients["decoder_bias"] += factor * errors[0].sum(dim=0)
        batch = Selected(done.pattern, done.pattern.take(done.pre), done.values, n_rows)
        added = self.sparsity.learn(batch, by_values, k, self.state, self.team)
        self._encoder_gradient(inputs, done.pattern, by_values)
        return loss + added

    def revive(self, inputs: Tensor, done: Pass, dead: Tensor, weight: float) -> Tensor:
        """Add the gradients of the auxiliary loss; return this process's part of it.

        The most active min(dead, D / 2) dead features of each row explain, alone, what the living
        ones left over, in units of its variance (Gao et al. 2024, A.2).
        """
        residual = done.residuals[-1]
        n = min(len(dead), max(1, inputs.shape[1] // 2))
        columns = dead[done.pre[:, dead].topk(n, dim=1, sorted=False).indices]
        pattern = Pattern.of_width(columns, len(self.encoder))
        values = pattern.take(done.pre).relu()
        scale = weight / self.team.sum_(_squared(residual)).clamp_min(1e-30)
        error = residual.clone()
        pattern.add_product(values, self.decoder, error)
        pattern.add_transposed(2 * scale * values, error, self.gradients["decoder"])
        by_pre = 2 * scale * pattern.sample(error, self.decoder) * (values > 0)
        self._encoder_gradient(inputs, pattern, by_pre)
        return scale * _squared(error)

    def let_fire(self, dead: Tensor) -> None:
        """Lift negative biases of dead features: below 0, no gradient might reach them again."""
        self.encoder_bias[dead] = self.encoder_bias[dead].clamp_min(0)

    def inference(self, k: int) -> Inference:
        """Return the rule as it holds after training."""
        return Inference(self.threshold, k if self.sparsity.exact else None)

    def _encoder_gradient(self, inputs: Tensor, pattern: Pattern, by_pre: Tensor) -> None:
        pattern.add_transposed(by_pre, inputs, self.gradients["encoder"])
        pattern.add_sums(by_pre, self.gradients["encoder_bias"])


def _squared(matrix: Tensor) -> Tensor:
    """Return the sum of squares, without a matrix of squares."""
    return matrix.flatten() @ matrix.flatten()
