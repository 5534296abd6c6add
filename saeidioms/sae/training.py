"""The training loop, from top to bottom.

Top-k sparse autoencoder after Gao et al. 2024 (arXiv 2406.04093) with their auxiliary loss, which
lets features that no longer fire explain what the others left over (and their negative biases
are lifted, without which some would never hear of it). Adam; the decoder's rows stay
on the unit sphere. The learning rate warms up, stays, and decays to zero over the last fifth, or
as soon as the held-out explained variance has stopped rising; the best weights seen are kept.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
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

WARM_UP, DECAY = 0.1, 0.2  # shares of the steps
CHECKS, CHECK_ROWS = 20, 2048  # how often the held-out rows are looked at, and how many of them
SILENT_STEPS = 20  # a feature is dead in training once it kept silent for so many steps
SHOWN = ("loss", "explained_variance", "dead_share")


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

    def scale_down(self, rows: Matrix) -> Tensor:
        """Return the rows as the network takes them, on its device."""
        return (torch.from_numpy(rows).to(self.mean.device) - self.mean) / self.scale


@dataclass(frozen=True, eq=False)
class Trained:
    """The best network, the scaling of its inputs, and one dict a check."""

    network: Network
    scaling: Scaling
    history: list[dict[str, float]]


class _Best:
    """Watches the held-out rows, and remembers the weights that explained them best."""

    def __init__(self, rows: Tensor) -> None:
        self.rows = rows[:: -(-len(rows) // CHECK_ROWS)]
        self.total = self.rows.square().sum()
        self.explained_variance = -np.inf
        self.weights: dict[str, Tensor] = {}
        self.checks_since = 0

    @torch.no_grad()
    def check(self, network: Network) -> float:
        """Return the explained variance of the held-out rows."""
        residual = (self.rows - network(self.rows).reconstruction).square().sum()
        explained = (1 - residual / self.total).nan_to_num(0.0, neginf=0.0).item()
        self.checks_since += 1
        if explained > self.explained_variance:
            self.explained_variance = explained
            self.weights = copy.deepcopy(network.state_dict())
            self.checks_since = 0
        return explained


def train_network(train: Matrix, held_out: Matrix, recipe: Recipe) -> Trained:
    """Train on the rows of `train`, and keep what explains `held_out` best.

    Parameters
    ----------
    train
        (n, D) float32, at least a batch; may be memory-mapped, rows are read batch by batch.
    held_out
        (m, D) float32, at least one row.
    recipe
        All options.

    Raises
    ------
    InputError
        If all rows are the same.
    """
    scaling = Scaling.of(train, recipe.device)
    batches = (scaling.scale_down(rows) for rows in _batches(train, recipe))
    network = Network(_directions(train, scaling, recipe), recipe.sparsity)
    _calibrate(network, next(batches))
    optimizer = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate, fused=True)
    silent = torch.zeros(recipe.n_features, device=recipe.device)  # steps since the last firing
    best = _Best(scaling.scale_down(held_out))
    history: list[dict[str, float]] = []

    warm_up, decay = (max(1, round(share * recipe.steps)) for share in (WARM_UP, DECAY))
    check_every = max(1, recipe.steps // CHECKS)
    step, last = 0, recipe.steps
    with bar("training SAE", total=recipe.steps, unit="step") as progress:
        while step < last:
            rate = recipe.learning_rate * min(1.0, (step + 1) / warm_up, (last - step) / decay)
            optimizer.param_groups[0]["lr"] = rate
            inputs = next(batches)
            done = network(inputs)
            loss = (inputs - done.reconstruction).square().mean()
            silent += 1
            silent[done.pattern.columns[done.values > 0]] = 0
            dead = (silent > SILENT_STEPS).nonzero().squeeze(1)
            if len(dead):
                _let_fire(network.encoder_bias, dead)
                loss = loss + recipe.aux_coefficient * _auxiliary(network, inputs, done, dead)
            optimizer.zero_grad()
            loss.backward()
            _along_sphere(network.decoder)
            optimizer.step()
            _to_sphere(network.decoder)
            step += 1
            progress.update()

            if step % check_every and step < last:
                continue
            row = {"step": step, "loss": loss.item(), "explained_variance": best.check(network)}
            row |= {"dead_share": len(dead) / recipe.n_features, "learning_rate": rate}
            history.append(row)
            progress.set_postfix({name: f"{row[name]:.3f}" for name in SHOWN})
            if best.checks_since >= recipe.patience:
                last = min(last, step + decay)  # it overfits: what decay can still give, and out
    network.load_state_dict(best.weights)
    return Trained(network, scaling, history)


def _batches(matrix: Matrix, recipe: Recipe) -> Iterator[Matrix]:
    """Yield batches for ever: in each pass every row once, but for a last incomplete batch."""
    random = generator(recipe.seed, "sae.batches")
    while True:
        order = random.permutation(len(matrix))
        for start in range(0, len(order) - recipe.batch_size + 1, recipe.batch_size):
            yield matrix[order[start : start + recipe.batch_size]]


def _directions(train: Matrix, scaling: Scaling, recipe: Recipe) -> Tensor:
    """Return (F, D) unit rows: directions of distinct data points, random ones where too few."""
    random = generator(recipe.seed, "sae.directions")
    sample = random.permutation(len(train))[: 4 * recipe.n_features]
    points = np.unique(scaling.scale_down(train[sample]).cpu().numpy(), axis=0)
    points = points[np.linalg.norm(points, axis=1) > 1e-3]
    points = random.permutation(points)[: recipe.n_features]
    noise = random.standard_normal((recipe.n_features - len(points), train.shape[1]))
    rows = torch.from_numpy(np.concatenate([points, noise]).astype(np.float32))
    return torch.nn.functional.normalize(rows, dim=1).to(recipe.device)


@torch.no_grad()
def _calibrate(network: Network, inputs: Tensor) -> None:
    """Scale the encoder so that the first reconstructions have the right length.

    Directions of data points resemble each other, so that k of them together overshoot; with
    this one factor (the least-squares one) half the steps lead to the same explained variance.
    """
    reconstruction = network(inputs).reconstruction
    network.encoder.mul_((inputs * reconstruction).sum() / reconstruction.square().sum())


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
def _let_fire(bias: torch.nn.Parameter, dead: Tensor) -> None:
    """Lift negative biases of dead features to 0: below it, no gradient might reach them again."""
    bias[dead] = bias[dead].clamp_min(0)


@torch.no_grad()
def _along_sphere(decoder: torch.nn.Parameter) -> None:
    """Take from each row's gradient the part that would only change the row's length."""
    gradient = decoder.grad
    assert gradient is not None
    gradient.sub_((gradient * decoder).sum(dim=1, keepdim=True) * decoder)


@torch.no_grad()
def _to_sphere(decoder: torch.nn.Parameter) -> None:
    decoder.div_(decoder.norm(dim=1, keepdim=True))
