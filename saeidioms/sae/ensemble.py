"""One dictionary from several seeds, so that a finding does not hang on a seed.

Dictionaries with independent initialisations are matched one to one; their common features,
averaged, are the start of a last, short training. How well each feature of the result is found
again in the single dictionaries is its stability.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from saeidioms.sae.checkpoint import Checkpoint
from saeidioms.sae.data import Data
from saeidioms.sae.journal import Journal
from saeidioms.sae.network import PARAMETERS
from saeidioms.sae.recipe import Recipe
from saeidioms.sae.stability import Consensus, match
from saeidioms.sae.training import Trained, train_networks, tune_network
from saeidioms.seeds import derive

TUNING_STEPS, TUNING_RATE = 0.25, 0.05  # shares of the steps and the learning rate, at last


def train_ensemble(
    data: Data, recipe: Recipe, n_seeds: int, checkpoint: Checkpoint, journal: Journal
) -> tuple[Trained, npt.NDArray[np.float32]]:
    """Train a dictionary; with several seeds, the consensus of as many.

    Returns
    -------
    Trained
        The dictionary.
    stability : numpy.ndarray
        (F,) float32: mean over the seeds of the decoder cosine with the one-to-one partner; NaN
        for a single seed.
    """
    seeds = [recipe.seed, *(derive(recipe.seed, f"sae.member.{n}") for n in range(1, n_seeds))]
    trained = train_networks(data, recipe, seeds, checkpoint, journal)
    if n_seeds == 1:
        checkpoint.remove()
        return trained[0], np.full(recipe.n_features, np.nan, np.float32)
    weights = [
        {name: t.cpu().numpy() for name, t in one.network.tensors.items()} for one in trained
    ]
    dictionaries = [one["decoder"] for one in weights]
    consensus = Consensus.of(dictionaries)
    network = data.begin(recipe, recipe.seed)
    for name in PARAMETERS:
        rows = [one[name] for one in weights]
        mean = np.mean(rows, axis=0) if name == "decoder_bias" else consensus.mean(rows)
        getattr(network, name).copy_(torch.from_numpy(mean))
    network.decoder.div_(network.decoder.norm(dim=1, keepdim=True))
    short = replace(
        recipe,
        widest=recipe.k,
        steps=max(1, round(TUNING_STEPS * recipe.steps)),
        learning_rate=TUNING_RATE * recipe.learning_rate,
    )
    last = checkpoint.after("consensus")
    result = tune_network(network, data, short, last, journal)
    last.remove()
    checkpoint.remove()
    found = result.network.decoder.cpu().numpy()
    cosines = np.stack([match(found, one) for one in dictionaries])
    first = max(row["step"] for row in trained[0].history)
    history = [row | {"step": row["step"] + first} for row in result.history]
    return replace(result, history=trained[0].history + history), cosines.mean(axis=0)
