"""The training loop, from top to bottom: one for every sparsity rule.

Adam with a short memory; the learning rate warms up and falls linearly to zero; the decoder's rows
stay on the unit sphere. Small k is approached from above, since with many active features every
feature hears of many rows. Features that no longer fire are revived by the auxiliary loss of Gao
et al. 2024 (arXiv 2406.04093). The weights that explain the held-out rows best are kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from saeidioms.progress import bar
from saeidioms.sae.checkpoint import Checkpoint
from saeidioms.sae.network import Network
from saeidioms.sae.recipe import Recipe
from saeidioms.sae.rows import Batches, Matrix, Scaling, read
from saeidioms.sae.sparsity import Inference
from saeidioms.sae.team import Team
from saeidioms.seeds import generator

Rows = npt.NDArray[np.int64]

WARM_UP = 0.03  # share of the steps
BETAS = (0.6, 0.999)
ENCODER_RATE = 0.6  # its rows are shorter than the decoder's
THRESHOLD_RATE = 0.2  # in activations, which do not shrink with the width as weights do
ANNEALED, WIDEST = 0.5, 8  # share of the steps in which k falls from at least so many
CHECKS, CHECK_ROWS = 20, 2048  # how often the held-out rows are looked at, and how many of them
SILENT_STEPS = 20  # a feature is dead in training once it kept silent for so many steps
SHOWN = ("loss", "explained_variance", "dead_share")


@dataclass(frozen=True, eq=False)
class Trained:
    """The best weights, the scaling of the inputs, the rule as it holds now, one dict a check."""

    network: Network
    scaling: Scaling
    inference: Inference
    history: list[dict[str, float]]


class _Best:
    """Watches the held-out rows, and remembers the weights that explained them best."""

    def __init__(self, rows: Tensor, team: Team) -> None:
        self.team = team
        self.total = rows.square().sum()
        self.rows = team.share(rows)
        self.explained_variance = -math.inf
        self.weights: dict[str, Tensor] = {}
        self.checks_since = 0

    def explain(self, network: Network, inference: Inference) -> float:
        """Return the explained variance of the held-out rows."""
        pattern, values = inference.select(network.encode(self.rows))
        decoded = pattern.multiply(values, network.decoder) + network.decoder_bias
        residual = self.team.sum_((self.rows - decoded).square().sum())
        return (1 - residual / self.total).nan_to_num(0.0, neginf=0.0).item()

    def compare(self, network: Network, explained: float) -> None:
        """Keep the weights if they explain more than all before."""
        self.checks_since += 1
        if explained > self.explained_variance:
            self.explained_variance = explained
            self.weights = {name: tensor.clone() for name, tensor in network.tensors.items()}
            self.checks_since = 0


def train_network(
    matrix: Matrix,
    train: Rows,
    held_out: Rows,
    recipe: Recipe,
    checkpoint: Checkpoint | None = None,
) -> Trained:
    """Train on some rows of a matrix, and keep what explains the held-out ones best.

    Parameters
    ----------
    matrix
        (N, D); may be memory-mapped, rows are read as they are needed.
    train, held_out
        Rows, ascending: at least a batch, and at least one.
    recipe
        All options.
    checkpoint
        Where to keep, and to find, an unfinished training.

    Raises
    ------
    InputError
        If a row is not finite, or all rows are the same.
    """
    team = Team.current()
    scaling = Scaling.of(matrix, train)
    batches = Batches(matrix, train, scaling, recipe.batch_size, recipe.seed, recipe.device)
    watched = scaling.down(read(matrix, held_out[:: -(-len(held_out) // CHECK_ROWS)]))
    best = _Best(torch.from_numpy(watched).to(recipe.device), team)
    with torch.no_grad():
        loop = _Loop(_start(matrix, train, scaling, recipe, team), recipe, best)
        loop.run(batches, checkpoint or Checkpoint(None, {}))
    loop.network.load(best.weights)
    return Trained(loop.network, scaling, loop.network.inference(recipe.k), loop.history)


class _Loop:
    def __init__(self, network: Network, recipe: Recipe, best: _Best) -> None:
        self.network, self.recipe, self.best = network, recipe, best
        rate = recipe.learning_rate / math.sqrt(network.decoder.shape[1])
        encoding = [network.encoder, network.encoder_bias]
        decoding = [network.decoder, network.decoder_bias]
        self.rates = (ENCODER_RATE * rate, rate, THRESHOLD_RATE * recipe.learning_rate)
        groups = [{"params": encoding}, {"params": decoding}, {"params": [network.threshold]}]
        self.optimizer = torch.optim.Adam(groups, lr=rate, betas=BETAS, fused=True)
        self.silent = torch.zeros(recipe.n_features, device=recipe.device)  # steps since firing
        self.history: list[dict[str, float]] = []
        self.step = 0

    def run(self, batches: Batches, checkpoint: Checkpoint) -> None:
        """Take all steps that are left."""
        steps, check_every = self.recipe.steps, max(1, self.recipe.steps // CHECKS)
        if state := checkpoint.load(self.recipe.device):
            self._resume(*state)
        else:
            _calibrate(self.network, next(batches.since(0)), self._k())
        with bar("training SAE", total=steps, unit="step") as progress:
            progress.update(self.step)
            for inputs in batches.since(self.step):
                loss, dead = self._take_step(inputs)
                progress.update()
                if self.step % check_every and self.step < steps:
                    continue
                row = self._check(loss, dead)
                progress.set_postfix({name: f"{row[name]:.3f}" for name in SHOWN})
                if self.step == steps or self.best.checks_since >= self.recipe.patience:
                    break
                if self.network.team.rank == 0:
                    checkpoint.save(*self._everything())

    def _take_step(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        network, team = self.network, self.network.team
        inputs, k = team.share(batch), self._k()
        done = network.forward(inputs, k)
        loss = network.backward(inputs, done, k, len(batch))
        fired = torch.zeros_like(self.silent)
        fired[done.pattern.columns[done.values > 0]] = 1
        self.silent = torch.where(team.sum_(fired) > 0, 0, self.silent + 1)
        dead = (self.silent > SILENT_STEPS).nonzero().squeeze(1)
        if len(dead):
            _let_fire(network, dead)
            loss += network.revive(inputs, done, dead, self.recipe.aux_coefficient)
        for gradient in network.gradients.values():
            team.sum_(gradient)
        factor = self._factor()
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = factor * rate
        self.optimizer.step()
        network.decoder.div_(network.decoder.norm(dim=1, keepdim=True))
        self.step += 1
        return team.sum_(loss), dead

    def _factor(self) -> float:
        """Return the share of the learning rate at this step."""
        steps = self.recipe.steps
        warm = (self.step + 1) / max(1, round(WARM_UP * steps))
        return min(1.0, warm) * (1 - self.step / steps)

    def _k(self) -> int:
        """Return the number of active features at this step."""
        k = self.recipe.k
        widest = max(k, min(WIDEST, self.recipe.n_features // 4))
        left = max(0.0, 1 - self.step / (ANNEALED * self.recipe.steps))
        return round(k * (widest / k) ** left)

    def _check(self, loss: Tensor, dead: Tensor) -> dict[str, float]:
        k = self._k()
        explained = self.best.explain(self.network, self.network.inference(k))
        exact = self.network.sparsity.name == "topk"
        if k == self.recipe.k and (exact or self.step == self.recipe.steps):
            self.best.compare(self.network, explained)  # at unequal L0 there is no better
        row = {"step": self.step, "loss": loss.item(), "explained_variance": explained}
        row |= {"dead_share": len(dead) / self.recipe.n_features}
        row |= {"learning_rate": self._factor() * self.recipe.learning_rate}
        self.history.append(row)
        return row

    def _everything(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return the tensors and numbers of a checkpoint."""
        tensors = {f"now.{name}": tensor for name, tensor in self.network.tensors.items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best.weights.items()}
        for number, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"adam.{number}.{name}": tensor for name, tensor in state.items()}
        progress = {"step": self.step, "history": self.history}
        progress |= {"explained_variance": self.best.explained_variance}
        progress |= {"checks_since": self.best.checks_since}
        return tensors | {"silent": self.silent}, progress

    def _resume(self, tensors: dict[str, Tensor], progress: dict[str, Any]) -> None:
        """Go on from `_everything`."""
        parts: dict[str, dict[str, Tensor]] = {"now": {}, "best": {}, "adam": {}}
        self.silent = tensors.pop("silent")
        for name, tensor in tensors.items():
            part, rest = name.split(".", 1)
            parts[part][rest] = tensor
        self.network.load(parts["now"])
        self.best.weights = parts["best"]
        self.best.explained_variance = progress["explained_variance"]
        self.best.checks_since = progress["checks_since"]
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in parts["adam"].items():
            number, kind = name.split(".")
            moments.setdefault(int(number), {})[kind] = tensor
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": moments, "param_groups": groups})
        self.step, self.history = progress["step"], progress["history"]


def _start(matrix: Matrix, train: Rows, scaling: Scaling, recipe: Recipe, team: Team) -> Network:
    """Return a network whose (F, D) unit rows are distinct data points, or random where too few."""
    random = generator(recipe.seed, "sae.directions")
    sample = random.choice(len(train), min(len(train), 4 * recipe.n_features), replace=False)
    points = np.unique(scaling.down(read(matrix, train[np.sort(sample)])), axis=0)
    points = points[np.linalg.norm(points, axis=1) > 1e-3]
    points = random.permutation(points)[: recipe.n_features]
    noise = random.standard_normal((recipe.n_features - len(points), matrix.shape[1]))
    rows = torch.from_numpy(np.concatenate([points, noise]).astype(np.float32))
    directions = torch.nn.functional.normalize(rows, dim=1).to(recipe.device)
    return Network(directions, recipe.sparsity, recipe.prefixes, half=recipe.half, team=team)


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


def _let_fire(network: Network, dead: Tensor) -> None:
    """Lift negative biases of dead features, below which no gradient might reach them again."""
    network.encoder_bias[dead] = network.encoder_bias[dead].clamp_min(0)
