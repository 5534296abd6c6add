"""What foretells an outcome: chosen on one half of the people, tested on the other."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse, stats
from sklearn.linear_model import RidgeCV

from saeidioms.corpus.corpus import Corpus
from saeidioms.errors import InputError, OptionError
from saeidioms.findings.usage import Use
from saeidioms.seeds import generator
from saeidioms.stats.multiplicity import adjusted
from saeidioms.stats.regression import Fit, linear
from saeidioms.stats.selection import METHODS, Method, select
from saeidioms.taxonomy.distribution import CONVERSATION, check_draws, no_column

logger = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]
RARE = 0.01  # share of the rows, or of those without it, below which a thing tells nothing
_FEWEST = 20  # clusters, half of which choose and half of which test
_SHUFFLES = 200


@dataclass(frozen=True, eq=False)
class Prediction:
    """What `predict` found.

    Attributes
    ----------
    table
        A hypothesis a row, in the order of choice: ``kind, name, feature``, ``difference, low,
        high`` (of the mean target with it less without it, on the half that did not choose;
        errors by cluster), ``p``, ``q`` (Benjamini and Hochberg over all rows), ``joint,
        joint_low, joint_high, joint_p`` (the same with all others held), ``prevalence`` (share of
        the rows that hold it), ``note`` (why an estimate, or its error, is missing: see
        `saeidioms.stats.regression.Fit`), ``n`` and ``clusters`` (of that half),
        ``confidence_level``.
    performance
        Of all together, by a ridge regression fitted on the choosing half: ``measure`` (``"AUC"``
        of a target of two values, else ``"R2"``), ``value, low, high`` on the other half (bootstrap
        of clusters), ``chance`` (95th percentile where the target is shuffled there), ``p``.
    one
        The value of a target in words that counts 1; "" for numbers.
    """

    table: pd.DataFrame
    performance: pd.DataFrame
    one: str


def predict(
    use: Use,
    corpus: Corpus,
    target: str,
    *,
    unit: Literal["conversation", "message"] = "conversation",
    method: Method = "lasso",
    n: int = 20,
    level: float = 0.95,
    n_boot: int = 500,
    seed: int = 0,
) -> Prediction:
    """Return the features and sub-categories that foretell a column, as tested hypotheses.

    After HypotheSAEs (Movva et al. 2025, arXiv 2502.04382), with clusters: what is chosen and
    what it is tested on share no cluster, and errors respect them. A conversation (or message)
    holds a thing or not, whatever how often, so that every effect reads "with it" against
    "without".

    Parameters
    ----------
    use
        What the N units hold, and their clusters; idioms are not tried.
    corpus
        The units.
    target
        Numeric column (also ordinal codes), or one of two values, of which the one that comes last
        in the alphabet counts 1.
    unit
        What a row is; the target must be constant within it.
    method
        How to choose; see `saeidioms.stats.selection.select`.
    n
        How many, at most.
    level
        Of the intervals.
    n_boot
        Draws of clusters for the interval of the performance.
    seed
        Of the halves and draws.

    Raises
    ------
    OptionError
        If there is no such column or method.
    InputError
        If the target varies within rows, is constant, is text of more than two values, or there
        are fewer than twenty clusters.
    """
    check_draws(level, n_boot)
    if method not in METHODS or n < 1:
        raise OptionError(
            f"method is {method!r} and n {n}; give one of {', '.join(METHODS)}, n >= 1."
        )
    rows, values, one = _targets(corpus, target, unit)
    kept = np.isin(use.things["kind"], ["feature", "sub_category"])
    things = use.things[kept].reset_index(drop=True)
    holds, clusters = _by_row(use, np.flatnonzero(kept), rows, len(values))
    known = np.isfinite(values)
    if not known.all():
        logger.warning("%d of %d rows have no %s; left out.", (~known).sum(), len(known), target)
    holds, values, clusters = holds[known], values[known], clusters[known]
    choose = _half(clusters, seed)
    _check(values, clusters, choose, target)
    share = holds.mean(axis=0)
    tried = np.flatnonzero((share >= RARE) & (share <= 1 - RARE))
    order = select(
        holds[choose][:, tried], values[choose], n, method, generator(seed, "prediction.choice")
    )
    if not len(order):
        raise InputError(
            f"nothing that is said goes with {target}; there is no hypothesis to test."
        )
    chosen = tried[order]
    holds = holds[:, chosen]
    table = things.iloc[chosen].reset_index(drop=True)
    tests = _tests(holds[~choose], values[~choose], clusters[~choose], level)
    table = pd.concat([table, tests], axis=1).assign(
        prevalence=share[chosen],
        n=int((~choose).sum()),
        clusters=len(set(clusters[~choose])),
        confidence_level=level,
    )
    draws = generator(seed, "prediction.draws")
    performance = _performance(holds, values, clusters, choose, level, n_boot, draws)
    return Prediction(table, performance, one)


def _targets(corpus: Corpus, target: str, unit: str) -> tuple[npt.NDArray[np.int64], Floats, str]:
    """Return the (N,) row of each unit, the (R,) target of each row (NaN where none), and the 1."""
    if target not in corpus.table:
        raise no_column(target, list(corpus.metadata))
    if unit not in ("conversation", "message"):
        raise OptionError(f"unit is {unit!r}; give conversation or message.")
    names = corpus.table[CONVERSATION if unit == "conversation" else "message_id"]
    rows, labels = pd.factorize(names)
    values = corpus.table[target]
    several = values.groupby(rows).nunique(dropna=False) > 1
    if several.any():
        where = labels[int(np.flatnonzero(several.to_numpy())[0])]
        raise InputError(
            f"{target} varies within the {unit} {where}; choose a column that is constant there, "
            "or the unit message."
        )
    first, one = values.groupby(rows).first(), ""
    if not pd.api.types.is_numeric_dtype(first) or pd.api.types.is_bool_dtype(first):
        kinds = sorted(first.dropna().astype(str).unique())
        if len(kinds) > 2:
            raise InputError(
                f"{target} is text of {len(kinds)} values; give numbers, or a column of two values."
            )
        one = kinds[-1] if kinds else ""
        first = (
            first.astype("str").where(first.notna()).map({kind: i for i, kind in enumerate(kinds)})
        )
    return rows.astype(np.int64), first.to_numpy(dtype=np.float64, na_value=np.nan), one


def _by_row(
    use: Use, columns: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], n_rows: int
) -> tuple[Floats, npt.NDArray]:
    """Return the (R, T) zeros and ones of the rows, and the (R,) cluster of each."""
    ones = np.ones(len(rows))
    members = sparse.csr_matrix((ones, (rows, np.arange(len(rows)))), (n_rows, len(rows)))
    sums = members @ use.holds[:, columns].astype(np.float64)
    first = np.unique(rows, return_index=True)[1]
    return (sums.toarray() > 0).astype(np.float64), use.clusters[first]


def _half(clusters: npt.NDArray, seed: int) -> npt.NDArray[np.bool_]:
    """Return which rows choose: those of a random half of the clusters."""
    names, index = np.unique(clusters.astype(str), return_inverse=True)
    order = generator(seed, "prediction.halves").permutation(len(names))
    return np.asarray(order < len(names) / 2)[index]


def _check(
    values: Floats, clusters: npt.NDArray, choose: npt.NDArray[np.bool_], target: str
) -> None:
    if len(set(clusters)) < _FEWEST:
        raise InputError(
            f"{target} is known of {len(set(clusters))} clusters; to choose on one half and test "
            f"on the other takes at least {_FEWEST}."
        )
    for half in (choose, ~choose):
        if np.ptp(values[half]) == 0:
            raise InputError(f"{target} is the same in (nearly) all rows; nothing can foretell it.")


def _tests(holds: Floats, values: Floats, clusters: npt.NDArray, level: float) -> pd.DataFrame:
    """Test each column by itself and with all others."""
    ones = np.ones((len(values), 1))
    alone = [
        linear(values, np.hstack([ones, holds[:, [column]]]), clusters, level)
        for column in range(holds.shape[1])
    ]
    table = pd.DataFrame([_of(fit, 1) for fit in alone])
    table["q"] = adjusted(table["p"])
    table["note"] = [str(fit.notes[1]) for fit in alone]
    joint = linear(values, np.hstack([ones, holds]), clusters, level)
    together = pd.DataFrame([_of(joint, 1 + column) for column in range(holds.shape[1])])
    if joint.note:
        table["note"] = table["note"].where(table["note"] != "", f"joint: {joint.note}")
    together = together.rename(columns={"difference": "joint"} | {
        name: f"joint_{name}" for name in ("low", "high", "p")
    })  # fmt: skip
    ordered = ["difference", "low", "high", "p", "q"]
    return pd.concat([table[ordered], together, table[["note"]]], axis=1)


def _of(fit: Fit, place: int) -> dict[str, float]:
    return {
        "difference": fit.coefficients[place],
        "low": fit.low[place],
        "high": fit.high[place],
        "p": fit.p[place],
    }


def _performance(
    holds: Floats,
    values: Floats,
    clusters: npt.NDArray,
    choose: npt.NDArray[np.bool_],
    level: float,
    n_boot: int,
    random: np.random.Generator,
) -> pd.DataFrame:
    model = RidgeCV(np.logspace(-2, 4, 13)).fit(holds[choose], values[choose])
    names = clusters[~choose].astype(str)
    order = np.argsort(names, kind="stable")
    guess, truth = model.predict(holds[~choose])[order], values[~choose][order]
    groups = np.split(np.arange(len(order)), np.unique(names[order], return_index=True)[1][1:])
    two = len(np.unique(values)) == 2

    def score(truth: Floats, guess: Floats) -> float:
        if np.ptp(truth) == 0:
            return np.nan
        if two:
            return _auc(truth == truth.max(), guess)
        return float(1 - np.square(truth - guess).sum() / np.square(truth - truth.mean()).sum())

    value, draws, chance = score(truth, guess), [], []
    for _ in range(n_boot):
        again = np.concatenate([groups[i] for i in random.integers(len(groups), size=len(groups))])
        draws.append(score(truth[again], guess[again]))
    for _ in range(_SHUFFLES):
        # One after the other, but in another order: what is alike within a cluster stays together.
        mixed = np.concatenate([groups[i] for i in random.permutation(len(groups))])
        chance.append(score(truth[mixed], guess))
    reach = stats.t.ppf((1 + level) / 2, len(groups) - 1) * np.nanstd(draws)
    least = 0.0 if two else -np.inf
    row = {"measure": "AUC" if two else "R2", "value": value}
    row |= {"low": max(value - reach, least), "high": min(value + reach, 1.0)}
    row |= {"chance": np.quantile(chance, 0.95)}
    return pd.DataFrame([row | {"p": (1 + (np.array(chance) >= value).sum()) / (1 + _SHUFFLES)}])


def _auc(positive: npt.NDArray[np.bool_], guess: Floats) -> float:
    """Return the area under the ROC curve by ranks; scikit-learn's checks take 20 times as long."""
    n = int(positive.sum())
    above = stats.rankdata(guess)[positive].sum() - n * (n + 1) / 2
    return float(above / (n * (len(guess) - n)))
