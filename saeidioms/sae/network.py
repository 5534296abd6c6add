"""The network: a linear encoder, a sparsity rule, a linear decoder with rows of unit length."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from saeidioms.sae.products import sampled_affine, sparse_product
from saeidioms.sae.sparsity import Pattern, Sparsity


@dataclass(frozen=True, eq=False)
class Pass:
    """What one forward pass leaves behind.

    Attributes
    ----------
    pre
        (B, F) pre-activations, without gradient.
    pattern
        Where the active features are.
    values
        (nnz,) activations, at least 0.
    reconstruction
        (B, D).
    """

    pre: Tensor
    pattern: Pattern
    values: Tensor
    reconstruction: Tensor


class Network(nn.Module):
    """Sparse autoencoder on inputs that are centred and scaled.

    Parameters
    ----------
    directions
        (F, D) rows of unit length; the decoder starts as these and the encoder as its transpose.
    sparsity
        The rule that selects the active features.
    """

    def __init__(self, directions: Tensor, sparsity: Sparsity) -> None:
        super().__init__()
        n_features, width = directions.shape
        self.encoder = nn.Parameter(directions.clone())
        self.encoder_bias = nn.Parameter(directions.new_zeros(n_features))
        self.decoder = nn.Parameter(directions.clone())
        self.decoder_bias = nn.Parameter(directions.new_zeros(width))
        self.sparsity = sparsity

    def forward(self, inputs: Tensor) -> Pass:
        """Encode and decode a (B, D) batch."""
        with torch.no_grad():
            pre = torch.addmm(self.encoder_bias, inputs, self.encoder.T)
            pattern = self.sparsity.select(pre)
        values = self.activate(inputs, pre, pattern)
        reconstruction = sparse_product(values, self.decoder, pattern) + self.decoder_bias
        return Pass(pre, pattern, values, reconstruction)

    def activate(self, inputs: Tensor, pre: Tensor, pattern: Pattern) -> Tensor:
        """Return the (nnz,) activations at `pattern`, with their gradient to the encoder."""
        return torch.relu(sampled_affine(inputs, self.encoder, self.encoder_bias, pattern, pre))
