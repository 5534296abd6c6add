"""What a training starts from: its batches, the rows that are watched, the first directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from saeidioms.artifacts import digest_bytes
from saeidioms.sae.network import Network
from saeidioms.sae.recipe import Recipe
from saeidioms.sae.rows import Batches, Matrix, Rows, Scaling, read_scattered
from saeidioms.seeds import generator

WATCHED = 2048  # held-out rows that are looked at during training, at most


@dataclass(frozen=True, eq=False)
class Data:
    """The data of a training.

    Attributes
    ----------
    matrix, train
        (N, D), and the rows of it to train on.
    scaling
        Of the training rows.
    batches
        Of them.
    watched
        (m, D) scaled held-out rows, on the device.
    """

    matrix: Matrix
    train: Rows
    scaling: Scaling
    batches: Batches
    watched: Tensor

    @classmethod
    def of(cls, matrix: Matrix, train: Rows, held_out: Rows, recipe: Recipe) -> Data:
        """Measure and read what is needed of a matrix, which may be memory-mapped.

        Raises
        ------
        InputError
            If a row is not finite, or all rows are the same.
        """
        scaling = Scaling.of(matrix, train)
        batches = Batches(matrix, train, scaling, recipe.batch_size, recipe.seed, recipe.device)
        some = held_out[:: -(-len(held_out) // WATCHED)]
        watched = torch.from_numpy(scaling.down(read_scattered(matrix, some)))
        return cls(matrix, train, scaling, batches, watched.to(recipe.device))

    @property
    def key(self) -> dict[str, Any]:
        """What tells these data from others."""
        mean = digest_bytes(self.scaling.mean.tobytes())
        watched = digest_bytes(self.watched.cpu().numpy().tobytes())
        counts = {"rows": len(self.train), "scale": self.scaling.scale}
        return counts | {"mean": mean, "watched": watched}

    def begin(self, recipe: Recipe, seed: int, *, calibrated: bool = True) -> Network:
        """Return a network as it is before the first step."""
        start = self._directions(recipe, seed)
        network = Network(start, recipe.sparsity, recipe.prefixes, half=recipe.half)
        if calibrated:
            _calibrate(network, next(self.batches.since(0)), recipe.widest)
        return network

    def _directions(self, recipe: Recipe, seed: int) -> Tensor:
        """Return (F, D) unit rows: directions of distinct rows, random ones where too few."""
        random, n_features = generator(seed, "sae.directions"), recipe.n_features
        some = random.choice(len(self.train), min(len(self.train), 4 * n_features), replace=False)
        rows = self.scaling.down(read_scattered(self.matrix, self.train[np.sort(some)]))
        points = np.unique(rows, axis=0)
        points = points[np.linalg.norm(points, axis=1) > 1e-3]
        points = random.permutation(points)[:n_features]
        noise = random.standard_normal((n_features - len(points), self.matrix.shape[1]))
        start = torch.from_numpy(np.concatenate([points, noise]).astype(np.float32))
        return torch.nn.functional.normalize(start, dim=1).to(recipe.device)


def _calibrate(network: Network, batch: Tensor, k: int) -> None:
    """Scale the encoder so that the first reconstructions have the right length.

    Directions of data points resemble each other, so that k of them together overshoot; with
    this one factor (the least-squares one) half the steps lead to the same explained variance.
    """
    rule, team = network.sparsity, network.team
    inputs = team.share(batch)
    rule.start(network.encode(inputs), k, network.state, team)
    reconstruction = network.forward(inputs, k).residuals[-1] + inputs
    network.encoder.mul_(
        team.sum_((inputs * reconstruction).sum()) / team.sum_(reconstruction.square().sum())
    )
    rule.start(network.encode(inputs), k, network.state, team)
