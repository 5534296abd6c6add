"""Choosing the size of a dictionary: train a grid, and weigh what each setting explains."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from saeidioms.errors import OptionError
from saeidioms.machine import measured
from saeidioms.progress import track
from saeidioms.sae.autoencoder import SparseAutoencoder
from saeidioms.sae.checkpoint import Checkpoint
from saeidioms.sae.coder import Coder
from saeidioms.sae.data import Data
from saeidioms.sae.journal import Journal
from saeidioms.sae.metrics import measure
from saeidioms.sae.probing import redundancy
from saeidioms.sae.recipe import Recipe, settle
from saeidioms.sae.size import FEWEST_FIRINGS, choose_size, split_rows
from saeidioms.sae.stability import SAME, match
from saeidioms.sae.training import train_networks
from saeidioms.seeds import derive

if TYPE_CHECKING:
    from saeidioms.embedding.embeddings import Embeddings

ACTIVATION_BITS = 4  # an activation is told to one part in sixteen
LEAST_STABLE, MOST_DEAD, MOST_REDUNDANT = 2 / 3, 0.01, 0.05


@dataclass(frozen=True, eq=False)
class Sweep:
    """Dictionaries of several sizes, compared.

    Attributes
    ----------
    table
        One row a setting: ``n_features``, ``k``, ``explained_variance``, ``l0``, ``dead_share``,
        ``silent_share`` (see `SparseAutoencoder`), ``stability`` (share of features with a
        one-to-one partner of decoder cosine 0.7 in another seed's dictionary, mean over all
        pairs of seeds), ``mean_cosine`` (of all these partners), ``redundancy`` (pairs of features
        with a cosine over 0.8, per feature), ``bits`` (see `description_length`), ``seconds`` (of
        the training of all seeds).
    recommended
        ``n_features`` and ``k``.
    reason
        Why, in one sentence.
    """

    table: pd.DataFrame
    recommended: tuple[int, int]
    reason: str


def sweep(
    X: npt.ArrayLike | Embeddings,
    n_features: Sequence[int] | None = None,
    k: Sequence[int] | None = None,
    *,
    groups: npt.ArrayLike | None = None,
    seeds: int = 2,
    seed: int = 0,
    **options: Any,
) -> Sweep:
    """Train a grid of dictionaries on the same rows, and recommend one.

    Recommended is the setting with the shortest description of the held-out rows, see
    `description_length`, of those whose dictionary is sound: at least two thirds of its features
    come again with another seed, at most 1% are dead, and there is at most one redundant pair in
    twenty features. Where none is sound, the most stable setting is recommended. Stability is what
    bounds the size: held-out rows alone are told best by dictionaries that no seed gives twice.

    Parameters
    ----------
    X
        (N, D) rows.
    n_features, k
        Sizes and sparsities; None: a quarter, half, once and twice what `choose_size` says.
    groups
        (N,) labels, such as conversations, that are held out as a whole.
    seeds
        Independent trainings of each setting, at least 2: their agreement is the stability.
    seed
        Of the first of them.
    **options
        More options of `SparseAutoencoder`.

    Raises
    ------
    OptionError
        If an option is out of its range, or no setting of the grid is possible.
    """
    if seeds < 2:
        raise OptionError(f"seeds={seeds} cannot show stability; give at least 2.")
    base = SparseAutoencoder(seed=seed, **options)
    matrix = base._matrix(X, reset=True)
    n_rows, width = matrix.shape[0], matrix.shape[1]
    grid = _grid(n_features, k, n_rows, width)
    recipes = [
        settle(base.get_params() | {"n_features": f, "k": a}, n_rows, width) for f, a in grid
    ]
    train, held_out = split_rows(n_rows, None if groups is None else np.asarray(groups), seed)
    data = Data.of(matrix, train, held_out, recipes[0])
    every = [seed, *(derive(seed, f"sae.member.{n}") for n in range(1, seeds))]
    rows = [_measure(data, recipe, every, held_out) for recipe in track(recipes, "sweep")]
    table = pd.DataFrame(rows)
    sound = table[
        (table["stability"] >= LEAST_STABLE)
        & (table["dead_share"] <= MOST_DEAD)
        & (table["redundancy"] <= MOST_REDUNDANT)
    ]
    if len(sound):
        best = sound.sort_values("bits").iloc[0]
    else:
        best = table.sort_values("stability").iloc[-1]
    return Sweep(table, (int(best["n_features"]), int(best["k"])), _reason(best, table, sound))


def description_length(explained_variance: float, n_features: int, k: float, width: int) -> float:
    """Return the bits by which a dictionary changes the telling of a row; the fewer the better.

    A row can be told by naming its active features (log2 F bits each) and their activations
    (4 bits each), and then what is left over, which takes ``D / 2 log2(1 - explained variance)``
    bits, less than the row itself would take by as much. More features, or more active ones, cost
    more and leave less over. After Ayonrinde et al. 2024, *Interpretability as compression*
    (arXiv 2410.11179).

    Parameters
    ----------
    explained_variance
        Of held-out rows, below 1.
    n_features
        F.
    k
        Active features in a row, on average.
    width
        D.

    Examples
    --------
    >>> round(description_length(0.5, 256, 8, 384))
    -96
    """
    codes = k * (math.log2(n_features) + ACTIVATION_BITS)
    return codes + width / 2 * math.log2(max(1e-9, 1 - explained_variance))


def _grid(
    n_features: Sequence[int] | None, k: Sequence[int] | None, n_rows: int, width: int
) -> list[tuple[int, int]]:
    """Return the settings, the cheapest first."""
    chosen = choose_size(n_rows, width)
    around = [sorted({max(1, round(c * f)) for f in (0.25, 0.5, 1, 2)}) for c in chosen]
    sizes, sparsities = n_features or around[0], k or around[1]
    asked_for = n_features is not None and k is not None
    settings = [
        (f, a)
        for f in sorted(set(sizes))
        for a in sorted(set(sparsities))
        if a <= f <= n_rows and (asked_for or n_rows * a >= f * FEWEST_FIRINGS / 2)
    ]
    if not settings:
        raise OptionError(
            f"no setting of n_features={list(sizes)} and k={list(sparsities)} is possible with "
            f"{n_rows} rows; give k of at most n_features, and n_features of at most the rows."
        )
    return settings


def _measure(data: Data, recipe: Recipe, seeds: list[int], held_out: npt.NDArray) -> dict[str, Any]:
    with measured() as cost:
        trained = train_networks(data, recipe, seeds, Checkpoint(None, {}), Journal(None))
    found = [_score(data, recipe, one.on_raw_rows(), held_out) for one in trained]
    means = {name: float(np.mean([one[name] for one in found])) for name in found[0]}
    pairs = combinations((one.on_raw_rows()["components"] for one in trained), 2)
    cosines = np.stack([match(one, other) for one, other in pairs])
    bits = description_length(
        means["explained_variance"], recipe.n_features, means["l0"], data.matrix.shape[1]
    )
    return {
        "n_features": recipe.n_features,
        "k": recipe.k,
        **means,
        "stability": float((cosines >= SAME).mean()),
        "mean_cosine": float(cosines.mean()),
        "bits": bits,
        "seconds": cost.seconds,
    }


def _score(
    data: Data, recipe: Recipe, weights: dict[str, npt.NDArray[np.float32]], held_out: npt.NDArray
) -> dict[str, float]:
    decoder = weights["components"]
    limit = recipe.k if recipe.rule == "topk" else None
    parts = (weights["encoder"], weights["encoder_bias"], weights["mean"], weights["threshold"])
    coder = Coder(*parts, limit, recipe.device)
    found, _ = measure(coder, decoder, data.matrix, data.train, held_out, data.scaling.mean)
    shown = ("explained_variance", "l0", "dead_share", "silent_share")
    return {name: found[name] for name in shown} | {"redundancy": redundancy(decoder)}


def _reason(best: pd.Series, table: pd.DataFrame, sound: pd.DataFrame) -> str:
    if len(sound):
        why = f"of {len(sound)} sound settings it describes a held-out row in the fewest bits"
    else:
        why = "no setting is sound, and this is the most stable one"
    if 0 < len(sound) < len(table):
        n = len(table) - len(sound)
        why += f" ({n} had too many features that are unstable, dead or redundant)"
    return (
        f"{best['n_features']:.0f} features with k = {best['k']:.0f}: {why}; "
        f"{best['explained_variance']:.0%} of the variance is explained, and "
        f"{best['stability']:.0%} of the features come again with another seed."
    )
