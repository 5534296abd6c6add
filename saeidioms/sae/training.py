"""The training loop, from top to bottom: one for every sparsity rule.

Adam with a short memory; the learning rate warms up and falls linearly to zero; the decoder's rows
stay on the unit sphere. Small k is approached from above, since with many active features every
feature hears of many rows. Features that no longer fire are revived by the auxiliary loss of Gao
et al. 2024 (arXiv 2406.04093). The weights that explain the held-out rows best are kept.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from saeidioms.errors import OptionError
from saeidioms.progress import bar
from saeidioms.sae.adam import Adam
from saeidioms.sae.checkpoint import Checkpoint
from saeidioms.sae.data import Data
from saeidioms.sae.journal import Journal
from saeidioms.sae.network import Network, Pass
from saeidioms.sae.recipe import Recipe
from saeidioms.sae.replay import Replayed
from saeidioms.sae.rows import Scaling
from saeidioms.sae.sparsity import Inference
from saeidioms.sae.team import Team

logger = logging.getLogger(__name__)

WARM_UP = 0.03  # share of the steps
GROUPS = (("encoder", "encoder_bias"), ("decoder", "decoder_bias"), ("threshold",))
ENCODER_RATE = 0.6  # its rows are shorter than the decoder's
THRESHOLD_RATE = 0.2  # in activations, which do not shrink with the width as weights do
ANNEALED = 0.5  # share of the steps in which a small k is approached from above
CHECKS = 20  # how often the held-out rows are looked at
SILENT_STEPS = 20  # a feature is dead in training once it kept silent for so many steps
SHOWN = ("loss", "explained_variance", "dead_share")


@dataclass(frozen=True, eq=False)
class Trained:
    """The best weights, the scaling of the inputs, and one dict a check."""

    network: Network
    scaling: Scaling
    history: list[dict[str, float]]

    def on_raw_rows(self) -> dict[str, npt.NDArray[np.float32]]:
        """Return the weights with the scaling folded in, by the names of `SparseAutoencoder`."""
        weights = {name: tensor.cpu().numpy() for name, tensor in self.network.tensors.items()}
        scale = np.float32(self.scaling.scale)
        moved = scale * weights["decoder_bias"]
        return {
            "encoder": weights["encoder"],
            "encoder_bias": scale * weights["encoder_bias"] + weights["encoder"] @ moved,
            "components": weights["decoder"],
            "mean": self.scaling.mean + moved,
            "threshold": scale * np.maximum(weights["threshold"], 0),
        }


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


def train_networks(
    data: Data, recipe: Recipe, seeds: Sequence[int], checkpoint: Checkpoint, journal: Journal
) -> list[Trained]:
    """Train a dictionary a seed, all on the same batches.

    Parameters
    ----------
    data
        What to train on, and to watch.
    recipe
        All options.
    seeds
        Each of the initial directions of one dictionary.
    checkpoint
        Where to keep, and to find, the unfinished training.
    journal
        Told of every check, as ``seed-0`` and so on.

    Returns
    -------
    list of Trained
        For each seed the weights that explained the watched rows best.
    """
    found = checkpoint.load(recipe.device)
    with torch.no_grad():
        networks = [data.begin(recipe, seed, calibrated=found is None) for seed in seeds]
        names = [f"seed-{number}" for number in range(len(seeds))]
        return _run(
            dict(zip(names, networks, strict=True)), data, recipe, checkpoint, found, journal
        )


def tune_network(
    network: Network, data: Data, recipe: Recipe, checkpoint: Checkpoint, journal: Journal
) -> Trained:
    """Train a network further, from the weights that it has."""
    with torch.no_grad():
        found = checkpoint.load(recipe.device)
        return _run({"consensus": network}, data, recipe, checkpoint, found, journal)[0]


def _run(
    networks: dict[str, Network],
    data: Data,
    recipe: Recipe,
    checkpoint: Checkpoint,
    found: tuple[dict[str, Tensor], dict[str, Any]] | None,
    journal: Journal,
) -> list[Trained]:
    """Take all steps that are left, every network on the same batches."""
    loops = [
        _Loop(name, network, recipe, _Best(data.watched, network.team))
        for name, network in networks.items()
    ]
    step = 0 if found is None else _resume(loops, *found)
    if not all(loop.done for loop in loops):
        _go_on(loops, step, data, checkpoint, journal)
    return [loop.trained(data.scaling) for loop in loops]


def _go_on(
    loops: list[_Loop], step: int, data: Data, checkpoint: Checkpoint, journal: Journal
) -> None:
    steps = loops[0].recipe.steps
    check_every = max(1, steps // CHECKS)
    with bar("training SAE", total=steps, unit="step") as progress:
        progress.update(step)
        for inputs in data.batches.since(step):
            running = [loop for loop in loops if not loop.done]
            for loop in running:
                loop.take_step(inputs)
            step += 1
            progress.update()
            if step % check_every and step < steps:
                continue
            rows = [loop.check() for loop in running]
            progress.set_postfix({name: f"{rows[0][name]:.3f}" for name in SHOWN})
            finished = all(loop.done for loop in loops)
            if loops[0].network.team.rank == 0:
                for loop, row in zip(running, rows, strict=True):
                    journal.write(loop.name, row)
                checkpoint.save(*_everything(loops), always=finished)
            if finished:
                return


class _Loop:
    """One network in training."""

    def __init__(self, name: str, network: Network, recipe: Recipe, best: _Best) -> None:
        self.name = name
        self.network, self.recipe, self.best = network, recipe, best
        rate = recipe.learning_rate / math.sqrt(network.decoder.shape[1])
        self.rates = (ENCODER_RATE * rate, rate, THRESHOLD_RATE * recipe.learning_rate)
        self.adam = Adam([network.learning(*names) for names in GROUPS])
        self.silent = torch.zeros(recipe.n_features, device=recipe.device)  # steps since firing
        self.history: list[dict[str, float]] = []
        self.step = 0
        self.loss, self.n_dead = torch.zeros(()), 0
        self._learner_k, self._learner = 0, self._recorded(partial(self._learn, 0))
        self._mover = self._recorded(self._move)

    @property
    def done(self) -> bool:
        """Whether all steps are taken, or nothing was gained for long."""
        return self.step == self.recipe.steps or self.best.checks_since >= self.recipe.patience

    def trained(self, scaling: Scaling) -> Trained:
        """Return the best weights seen."""
        self.network.load(self.best.weights)
        return Trained(self.network, scaling, self.history)

    def take_step(self, batch: Tensor) -> None:
        """Learn from a batch."""
        network, inputs = self.network, self.network.team.share(batch)
        k = self._k()
        if k != self._learner_k:  # another k has other shapes, and is recorded anew
            self._learner_k, self._learner = k, self._recorded(partial(self._learn, k))
        done, loss = self._learner(inputs)
        dead = (self.silent > SILENT_STEPS).nonzero().squeeze(1)
        if len(dead):
            network.let_fire(dead)
            loss += network.revive(inputs, done, dead, self.recipe.aux_coefficient)
        factor = self._factor()
        on_device = torch.full((), factor, device=batch.device) if network.recordable else factor
        self._mover(on_device)
        self.step += 1
        self.loss, self.n_dead = network.team.sum_(loss), len(dead)

    def _recorded(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return Replayed(function) if self.network.recordable else function

    def _learn(self, k: int, inputs: Tensor) -> tuple[Pass, Tensor]:
        """Set the gradients, and count the steps that each feature has kept silent."""
        done = self.network.forward(inputs, k)
        loss = self.network.backward(inputs, done, k, self.recipe.batch_size)
        fired = torch.zeros_like(self.silent)
        done.pattern.add_sums((done.values > 0).to(fired.dtype), fired)
        self.silent.add_(1).mul_(self.network.team.sum_(fired) == 0)
        return done, loss

    def _move(self, factor: Tensor | float) -> None:
        """Take the step, with a share of the learning rate."""
        for gradient in self.network.gradients.values():
            self.network.team.sum_(gradient)
        self.adam.step([factor * rate for rate in self.rates])
        decoder = self.network.decoder
        decoder.div_(decoder.norm(dim=1, keepdim=True))

    def _factor(self) -> float:
        """Return the share of the learning rate at this step."""
        steps = self.recipe.steps
        warm = (self.step + 1) / max(1, round(WARM_UP * steps))
        return min(1.0, warm) * (1 - self.step / steps)

    def _k(self) -> int:
        """Return the number of active features at this step."""
        k, left = self.recipe.k, max(0.0, 1 - self.step / (ANNEALED * self.recipe.steps))
        return round(k * (self.recipe.widest / k) ** left)

    def check(self) -> dict[str, float]:
        """Look at the held-out rows; return the row of the history."""
        k = self._k()
        explained = self.best.explain(self.network, self.network.inference(k))
        exact = self.network.sparsity.exact
        if k == self.recipe.k and (exact or self.step == self.recipe.steps):
            self.best.compare(self.network, explained)  # at unequal L0 there is no better
        row = {"step": self.step, "loss": self.loss.item(), "explained_variance": explained}
        row |= {"dead_share": self.n_dead / self.recipe.n_features}
        row |= {"learning_rate": self._factor() * self.recipe.learning_rate}
        self.history.append(row)
        if not math.isfinite(row["loss"]):
            raise OptionError(
                f"the training diverged by step {self.step}: learning_rate="
                f"{self.recipe.learning_rate} is too high for these rows; give a lower one."
            )
        return row

    def everything(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return the tensors and numbers of a checkpoint."""
        tensors = {f"now.{name}": tensor for name, tensor in self.network.tensors.items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best.weights.items()}
        tensors |= {f"adam.{name}": tensor for name, tensor in self.adam.tensors.items()}
        progress = {"step": self.step, "history": self.history}
        progress |= {"explained_variance": self.best.explained_variance}
        progress |= {"checks_since": self.best.checks_since}
        return tensors | {"silent": self.silent}, progress

    def resume(self, tensors: dict[str, Tensor], progress: dict[str, Any]) -> None:
        """Go on from `everything`."""
        parts: dict[str, dict[str, Tensor]] = {"now": {}, "best": {}, "adam": {}}
        self.silent.copy_(tensors.pop("silent"))
        for name, tensor in tensors.items():
            part, rest = name.split(".", 1)
            parts[part][rest] = tensor
        self.network.load(parts["now"])
        self.best.weights = parts["best"]
        self.best.explained_variance = progress["explained_variance"]
        self.best.checks_since = progress["checks_since"]
        self.adam.load(parts["adam"])
        self.step, self.history = progress["step"], progress["history"]


def _everything(loops: list[_Loop]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    tensors: dict[str, Tensor] = {}
    numbers = {}
    for number, loop in enumerate(loops):
        held, numbers[str(number)] = loop.everything()
        tensors |= {f"{number}/{name}": tensor for name, tensor in held.items()}
    return tensors, numbers


def _resume(loops: list[_Loop], tensors: dict[str, Tensor], numbers: dict[str, Any]) -> int:
    for number, loop in enumerate(loops):
        start = f"{number}/"
        held = {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
        loop.resume(held, numbers[str(number)])
    step = max(loop.step for loop in loops)
    logger.info("Going on with the training from step %d.", step)
    return step
