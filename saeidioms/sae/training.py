"""The training loop, from top to bottom.

Top-k sparse autoencoder after Gao et al. 2024 (arXiv 2406.04093) with their auxiliary loss, which
lets features that no longer fire explain what the others left over. Adam; the decoder's rows stay
on the unit sphere. The learning rate warms up, stays, and decays to zero over the last fifth, or
as soon as the held-out explained variance has stopped rising; the best weights seen are kept.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from saeidioms.errors import InputError
from saeidioms.progress import bar
from saeidioms.sae.metrics import sum_of_squares
from saeidioms.sae.network import Network, Pass
from saeidioms.sae.products import sparse_product
from saeidioms.sae.recipe import Recipe
from saeidioms.sae.sparsity import Pattern
from saeidioms.seeds import generator

Matrix = npt.NDArray[np.float32]

CHECKS = 20  # how often the held-out rows are looked at, at most
CHECK_ROWS = 4096  # and how many of them
WARM_UP, DECAY = 0.1, 0.2  # shares of the steps
DEAD_AFTER = (
    40  # a feature is dead in training once it kept silent for this many of its expected firings
)


@dataclass(frozen=True, eq=False)
class Scaling:
    """Inputs are centred by `mean` (D,) and divided by `scale`: mean squared norm D."""

    mean: Tensor
    scale: float

    @classmethod
    def of(cls, matrix: Matrix, device: str) -> Scaling:
        """Measure the rows of `matrix`, in float64 and block by block."""
        total = np.zeros(matrix.shape[1])
        for start in range(0, len(matrix), 8192):
            total += matrix[start : start + 8192].sum(axis=0, dtype=np.float64)
        mean = (total / len(matrix)).astype(np.float32)
        scale = float(np.sqrt(sum_of_squares(matrix, mean) / matrix.size))
        magnitude = float(np.abs(mean).max())
        if not scale > 1e-6 * magnitude:
            raise InputError(
                f"all {len(matrix)} rows to train on are the same vector; a sparse autoencoder "
                "needs rows that differ: give more, or other, texts."
            )
        return cls(torch.from_numpy(mean).to(device), scale)

    def __call__(self, rows: Tensor) -> Tensor:
        """Return the scaled rows."""
        return (rows - self.mean) / self.scale


@dataclass(frozen=True, eq=False)
class Trained:
    """The best network, the scaling of its inputs, and one dict a check."""

    network: Network
    scaling: Scaling
    history: list[dict[str, float]]


def train_network(train: Matrix, held_out: Matrix, recipe: Recipe) -> Trained:
    """Train on the rows of `train`, and keep what explains `held_out` best.

    Parameters
    ----------
    train
        (n, D) float32; may be a view or memory-mapped, rows are read batch by batch.
    held_out
        (m, D) float32.
    recipe
        All options.

    Raises
    ------
    InputError
        If all rows are the same.
    """
    scaling = Scaling.of(train, recipe.device)
    rows = Rows(train, scaling, recipe.device)
    network = Network(_directions(rows, recipe), recipe.sparsity)
    _calibrate(network, next(rows.batches(recipe)))
    optimizer = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate, fused=True)
    check = rows.of(held_out)[:: -(-len(held_out) // CHECK_ROWS)]
    spread = check.square().sum()
    silent = torch.zeros(recipe.n_features, device=recipe.device)  # rows since the last firing
    dead_after = 20 * recipe.batch_size

    history: list[dict[str, float]] = []
    best, best_variance, since_best = copy.deepcopy(network.state_dict()), -np.inf, 0
    every = max(1, recipe.steps // CHECKS)
    warm_up = max(1, round(WARM_UP * recipe.steps))
    decay = max(1, round(DECAY * recipe.steps))
    last = recipe.steps  # comes nearer once the patience is at its end

    batches = rows.batches(recipe)
    step = 0
    with bar("training SAE", total=recipe.steps, unit="step") as progress:
        while step < last:
            rate = recipe.learning_rate * min(1.0, (step + 1) / warm_up, (last - step) / decay)
            for group in optimizer.param_groups:
                group["lr"] = rate
            inputs = next(batches)
            done = network(inputs)
            with torch.no_grad():
                silent += len(inputs)
                silent[done.pattern.columns[done.values > 0]] = 0
                dead = torch.nonzero(silent > dead_after).squeeze(1)
            loss = (inputs - done.reconstruction).square().mean()
            if len(dead):
                loss = loss + recipe.aux_coefficient * _auxiliary(network, inputs, done, dead)
            optimizer.zero_grad()
            loss.backward()
            _along_sphere(network.decoder)
            optimizer.step()
            _to_sphere(network.decoder)
            step += 1
            progress.update()

            if step % every == 0 or step == last:
                with torch.no_grad():
                    residual = (check - network(check).reconstruction).square().sum()
                variance = float(1 - residual / spread)
                dead_share = len(dead) / recipe.n_features
                row = {"step": step, "loss": loss.item(), "explained_variance": variance}
                history.append(row | {"dead_share": dead_share, "learning_rate": rate})
                progress.set_postfix(
                    loss=f"{loss.item():.3f}", explained=f"{variance:.3f}", dead=f"{dead_share:.1%}"
                )
                since_best += 1
                if variance > best_variance:
                    best, best_variance, since_best = (
                        copy.deepcopy(network.state_dict()),
                        variance,
                        0,
                    )
                if since_best >= recipe.patience and last == recipe.steps:
                    last = min(last, step + decay)
    network.load_state_dict(best)
    return Trained(network, scaling, history)


class Rows:
    """Scaled rows of a matrix: on the accelerator at once, on the CPU batch by batch."""

    def __init__(self, matrix: Matrix, scaling: Scaling, device: str) -> None:
        self.matrix = matrix
        self.scaling = scaling
        self.device = device

    def of(self, matrix: Matrix) -> Tensor:
        return self.scaling(torch.from_numpy(np.array(matrix)).to(self.device))

    def batches(self, recipe):
        order = generator(recipe.seed, "sae.batches")
        size = min(recipe.batch_size, len(self.matrix))
        while True:
            permutation = order.permutation(len(self.matrix))
            for start in range(0, len(permutation) - size + 1, size):
                yield self.of(self.matrix[permutation[start : start + size]])


def _directions(rows: Rows, recipe: Recipe) -> Tensor:
    """Return (F, D) unit rows: directions of distinct data points, random ones where too few."""
    random = generator(recipe.seed, "sae.directions")
    sample = random.permutation(len(rows.matrix))[: 4 * recipe.n_features]
    points = np.unique(rows.of(rows.matrix[sample]).cpu().numpy(), axis=0)
    points = points[np.linalg.norm(points, axis=1) > 1e-3]
    points = random.permutation(points)[: recipe.n_features]
    noise = random.standard_normal((recipe.n_features - len(points), rows.matrix.shape[1]))
    start = torch.from_numpy(np.concatenate([points, noise]).astype(np.float32)).to(recipe.device)
    return torch.nn.functional.normalize(start, dim=1)


@torch.no_grad()
def _calibrate(network: Network, inputs: Tensor) -> None:
    """Scale the encoder so that the first reconstructions have the right length.

    Directions of data points resemble each other, so that k of them together overshoot; with
    this one factor (the least-squares one) half the steps lead to the same explained variance.
    """
    reconstruction = network(inputs).reconstruction
    network.encoder *= (inputs * reconstruction).sum() / reconstruction.square().sum()


def _auxiliary(network: Network, inputs: Tensor, done: Pass, dead: Tensor) -> Tensor:
    """Return how badly the dead features alone explain what the living ones left over, in [0, 1].

    The most active min(dead, D / 2) dead features of each row take part (Gao et al. 2024, A.2).
    """
    left_over = (inputs - done.reconstruction).detach()
    n = min(len(dead), max(1, inputs.shape[1] // 2))
    columns = dead[done.pre[:, dead].topk(n, dim=1, sorted=False).indices].reshape(-1)
    pointers = torch.arange(0, len(columns) + 1, n, device=columns.device)
    pattern = Pattern(pointers, columns, len(network.encoder))
    values = network.activate(inputs, done.pre, pattern)
    explained = sparse_product(values, network.decoder, pattern)
    return (left_over - explained).square().mean() / left_over.square().mean()


@torch.no_grad()
def _along_sphere(decoder: torch.nn.Parameter) -> None:
    """Take from each row's gradient the part that would only change the row's length."""
    gradient = decoder.grad
    assert gradient is not None
    gradient -= (gradient * decoder).sum(dim=1, keepdim=True) * decoder


@torch.no_grad()
def _to_sphere(decoder: torch.nn.Parameter) -> None:
    decoder /= decoder.norm(dim=1, keepdim=True)
