"""The options of a training, checked once and settled."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from numbers import Integral, Real
from typing import Any

from saeidioms.errors import InputError, OptionError
from saeidioms.machine import choose_device
from saeidioms.sae.size import check_sizes, choose_size
from saeidioms.sae.sparsity import RULES, Sparsity

logger = logging.getLogger(__name__)

_SPARSE = 4  # features a dictionary has, at least, for each that is active
FEW_ROWS_PER_FEATURE = 8
FEWEST_STEPS, EPOCHS, MOST_EPOCHS_ROWS = 1000, 12, 2**20
WIDEST = 8
LEAST = {"n_features": 1, "k": 1, "max_steps": 1, "batch_size": 1, "patience": 1}
LEAST |= {"seeds": 1, "seed": 0}
LEFT_OPEN = ("n_features", "k", "max_steps")


@dataclass(frozen=True)
class Recipe:
    """Every choice of the training but its data.

    Attributes
    ----------
    n_features
        F, size of the dictionary.
    k
        Active features in a row.
    widest
        Active features at the start, from where k is approached; at least k.
    rule
        Name of the sparsity rule.
    prefixes
        Ends of the nested dictionaries, ascending, the last F.
    steps
        Steps of the optimiser.
    batch_size
        Rows in a step.
    learning_rate
        How far, at most, a step moves a row of the dictionary, whose length is 1.
    aux_coefficient
        Weight of the auxiliary loss.
    patience
        Checks without a better explained variance until the training ends, at equal L0.
    seed
        Of the initial directions and of the order of the rows.
    device
        Where to train, such as ``"cpu"``.
    half
        Whether the encoder's product is computed in bfloat16.
    """

    n_features: int
    k: int
    widest: int
    rule: str
    prefixes: tuple[int, ...]
    steps: int
    batch_size: int
    learning_rate: float
    aux_coefficient: float
    patience: int
    seed: int
    device: str
    half: bool

    @property
    def sparsity(self) -> Sparsity:
        """The rule that selects the active features."""
        return RULES[self.rule]

    @property
    def key(self) -> dict[str, Any]:
        """All that decides the weights."""
        return asdict(self)


def check_rule(rule: str, k: int | None, n_features: int) -> None:
    """Raise OptionError where a dictionary of that size cannot have that rule and `k`."""
    fits = isinstance(k, int) and 1 <= k <= n_features
    if rule not in RULES or not (fits or (k is None and rule != "topk")):
        raise OptionError(
            f"sparsity={rule!r}, k={k!r} is no rule; give one of {', '.join(RULES)}, and "
            f"for topk a k from 1 to {n_features}."
        )


def settle(options: Mapping[str, Any], n_rows: int, width: int) -> Recipe:
    """Check the options of a `SparseAutoencoder` and settle those left open.

    Parameters
    ----------
    options
        Its constructor's arguments.
    n_rows, width
        Shape of all its data, held-out rows included.

    Raises
    ------
    OptionError
        If an option is out of its range.
    InputError
        If more features are wanted than there are rows.
    """
    for name, least in LEAST.items():
        if options[name] is not None or name not in LEFT_OPEN:
            _check(name, options[name], Integral, least)
    for name in ("learning_rate", "aux_coefficient"):
        _check(name, options[name], Real, 0)
    if options["sparsity"] not in RULES:
        raise OptionError(
            f"sparsity={options['sparsity']!r} is not known; give one of {', '.join(RULES)}."
        )
    n_features, k = _sizes(options["n_features"], options["k"], n_rows, width)
    batch_size = min(options["batch_size"], max(n_rows // 20, min(32, n_rows // 2)))
    device = choose_device(options["device"])
    return Recipe(
        n_features=n_features,
        k=k,
        widest=max(k, min(WIDEST, n_features // 4)),
        rule=options["sparsity"],
        prefixes=_prefixes(options["prefixes"], n_features),
        steps=options["max_steps"] or _steps(n_rows, batch_size),
        batch_size=batch_size,
        learning_rate=options["learning_rate"],
        aux_coefficient=options["aux_coefficient"],
        patience=options["patience"],
        seed=options["seed"],
        device=device,
        half=device.startswith("cuda"),
    )


def _check(name: str, value: Any, kind: type, least: int) -> None:
    fits = isinstance(value, kind) and not isinstance(value, bool)
    if not (fits and least <= value < float("inf")):
        number = "a whole number" if kind is Integral else "a finite number"
        raise OptionError(f"{name}={value!r} is not allowed; give {number}, at least {least}.")


def _steps(n_rows: int, batch_size: int) -> int:
    """Return a dozen passes over the data; over more than a million rows, in all as many rows."""
    rows = max(n_rows, min(EPOCHS * n_rows, EPOCHS * MOST_EPOCHS_ROWS))
    return max(FEWEST_STEPS, rows // batch_size)


def _prefixes(shares: Sequence[float] | None, n_features: int) -> tuple[int, ...]:
    if shares is None:
        return (n_features,)
    fit = all(isinstance(share, Real) and 0 < share <= 1 for share in shares)
    ends = tuple(sorted({max(1, round(n_features * share)) for share in shares})) if fit else ()
    if not ends or ends[-1] != n_features:
        raise OptionError(
            f"prefixes={shares!r} is not allowed; give shares of the dictionary above 0 that end "
            "with 1, such as (0.0625, 0.25, 1)."
        )
    return ends


def _sizes(n_features: int | None, k: int | None, n_rows: int, width: int) -> tuple[int, int]:
    if n_features is None or k is None:
        chosen = choose_size(n_rows, width)
        n_features = n_features or max(chosen[0], _SPARSE * (k or 1))
        if k is not None and n_features > n_rows:
            raise OptionError(
                f"k={k} asks for a dictionary of some {_SPARSE * k:,} features, and there are "
                f"{n_rows:,} rows; lower k, or give n_features too."
            )
        k = k or min(chosen[1], n_features)
        logger.info(
            "SAE size chosen for %s rows of width %d: %d features, %d active in a row "
            "(a feature fires on %.0f rows on average).",
            *(f"{n_rows:,}", width, n_features, k, n_rows * k / n_features),
        )
    check_sizes(n_features, k)
    if n_features > n_rows:
        raise InputError(
            f"n_features={n_features} features cannot be learnt from {n_rows} rows; give at most "
            f"{n_rows}, better a quarter of that, or more texts."
        )
    if n_features * FEW_ROWS_PER_FEATURE > n_rows:
        logger.warning(
            "n_features=%d for %d rows: fewer than %d rows a feature, so many features will "
            "stand for single texts.",
            *(n_features, n_rows, FEW_ROWS_PER_FEATURE),
        )
    return n_features, k
