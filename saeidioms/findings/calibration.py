"""From shares of sub-categories to the points of rating scales, by steps that only rise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from sklearn.isotonic import IsotonicRegression
from sklearn.model_selection import GroupKFold

from saeidioms.errors import InputError, OptionError
from saeidioms.seeds import generator
from saeidioms.stats.agreement_sums import kappa
from saeidioms.stats.bootstrap import Floats, bootstrap_interval, ratio, sum_by_cluster
from saeidioms.taxonomy.coded import CodedMessages
from saeidioms.taxonomy.distribution import CONVERSATION, as_text, check_draws, no_column

Signs = Mapping[str, Mapping[str, int]]  # scale -> column of the features -> 1 or -1


@dataclass(frozen=True, eq=False)
class Calibration:
    """A monotone map from features to ratings; valid only for the population it was fitted on.

    Ratings depend on the task, on who rates, and on how common a thing is where they rate: the same
    share of advice is "much" among people who give little. Conversations of another platform, kind
    of trouble, language or codebook need a calibration of their own.

    Attributes
    ----------
    of
        Scale -> column -> 1 or -1.
    steps
        ``scale, score, rating``: the corners of each map, which is linear in between and flat
        beyond. The score is the sum of the scale's columns with their signs.
    table
        How well ratings of held-out conversations are met: ``scale``; ``kappa, low, high``
        (quadratic weights, predictions rounded to points); ``spearman``; ``error`` and
        ``constant_error`` (mean distance in points of the predictions, and of the median of those
        fitted on, which knows nothing of the conversation); ``gain, gain_low, gain_high`` (by how
        much the first is less); ``n`` conversations, ``clusters``.
    """

    of: Signs
    steps: pd.DataFrame
    table: pd.DataFrame

    def predict(self, features: pd.DataFrame) -> pd.DataFrame:
        """Return the (C, D) float64 ratings to expect of conversations, a column a scale.

        Parameters
        ----------
        features
            (C, F), with the columns that were fitted on.

        Raises
        ------
        OptionError
            If a column is not there.
        InputError
            If a number is missing.
        """
        scores = _scores(features, self.of)
        for scale, steps in self.steps.groupby("scale", sort=False):
            scores[scale] = np.interp(scores[scale], steps["score"], steps["rating"])
        return scores


def conversation_shares(coded: CodedMessages) -> pd.DataFrame:
    """Return the (C, S) share of each conversation's messages that hold each sub-category."""
    conversations = pd.Index(as_text(coded.messages[CONVERSATION]), name=CONVERSATION)
    table = pd.DataFrame(coded.holds, index=conversations, columns=list(coded.taxonomy.names))
    return table.groupby(level=0, sort=False).mean()


def calibrate(
    features: pd.DataFrame,
    ratings: pd.DataFrame,
    of: Signs,
    *,
    clusters: pd.Series | None = None,
    points: tuple[int, int] = (1, 5),
    folds: int = 5,
    level: float = 0.95,
    n_boot: int = 2000,
    seed: int = 0,
) -> Calibration:
    """Fit a monotone map from features of conversations to what people rated them.

    Isotonic regression (Barlow et al. 1972, *Statistical Inference under Order Restrictions*; by
    scikit-learn): the best steps that never go against the sign. It is judged by cross-validation
    in which a cluster is never on both sides.

    The map is only valid for the population it was fitted on; see `Calibration`.

    Parameters
    ----------
    features
        (C, F), a row a conversation, such as those of `conversation_shares`.
    ratings
        (R, D), a row a rated conversation and a column a scale, such as medians of experts; NaN
        where there is none. Joined to the features by index.
    of
        What rises, or falls, with each scale: ``{"advice": {"advice-giving": 1}}``. Features of the
        same scale are added up with their signs.
    clusters
        Index as the ratings': whom each conversation is from. None: each stands alone.
    points
        Lowest and highest of the scales.
    folds
        Of the cross-validation.
    level, n_boot, seed
        Of intervals (clusters are drawn; the fitted map is taken as it is) and folds.

    Raises
    ------
    OptionError
        If a scale, column or sign is not there or not allowed, or there are fewer clusters than
        folds.
    InputError
        If a rated conversation has no features, a number is missing, or a rating is not on the
        scale.
    """
    check_draws(level, n_boot)
    _check_scales(ratings, of, points)
    features = _of_rated(features, ratings)
    groups = pd.Series(range(len(ratings)), ratings.index) if clusters is None else clusters
    if not groups.index.is_unique or not ratings.index.isin(groups.index).all():
        raise InputError("clusters lack a rated conversation or hold one twice; give one for each.")
    whose = pd.factorize(groups.loc[ratings.index], use_na_sentinel=False)[0]
    scores = _scores(features, of)
    steps, rows = [], []
    for scale in of:
        rated = ratings[scale].notna().to_numpy()
        x = scores.loc[rated, scale].to_numpy()
        y = ratings.loc[rated, scale].to_numpy(np.float64)
        own = whose[rated]
        if not 2 <= folds <= len(np.unique(own)):
            raise OptionError(
                f"folds is {folds}, but {len(np.unique(own))} clusters are rated on {scale}; give "
                "a number from 2 to that many."
            )
        random = generator(seed, f"calibration.{scale}")
        predicted, constant = _held_out(x, y, own, folds, random)
        row = _judge(y, predicted, constant, own, points, level, n_boot, random)
        rows.append({"scale": scale} | row)
        fitted = IsotonicRegression(out_of_bounds="clip").fit(x, y)
        corners = {"score": fitted.X_thresholds_, "rating": fitted.y_thresholds_}
        steps.append(pd.DataFrame(corners).assign(scale=scale)[["scale", "score", "rating"]])
    return Calibration(of, pd.concat(steps, ignore_index=True), pd.DataFrame(rows))


def _held_out(
    x: Floats, y: Floats, clusters: npt.NDArray, folds: int, random: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return, for conversations held out in turn, predictions and medians of the others."""
    predicted, constant = np.empty(len(y)), np.empty(len(y))
    split = GroupKFold(folds, shuffle=True, random_state=int(random.integers(2**32)))
    for others, held in split.split(x, y, clusters):
        fitted = IsotonicRegression(out_of_bounds="clip").fit(x[others], y[others])
        predicted[held] = fitted.predict(x[held])
        constant[held] = np.median(y[others])
    return predicted, constant


def _judge(
    y: Floats,
    predicted: Floats,
    constant: Floats,
    clusters: npt.NDArray,
    points: tuple[int, int],
    level: float,
    n_boot: int,
    random: np.random.Generator,
) -> dict[str, float]:
    """Return a row of `Calibration.table`."""
    agreement = kappa(y, np.clip(np.floor(predicted + 0.5), *points))
    error, constant_error = np.abs(y - predicted), np.abs(y - constant)
    gain = np.column_stack([constant_error - error, np.ones(len(y))])
    figures = {}
    for name, ends, sums, statistic in (
        ("kappa", "", agreement.sums, agreement.statistic),
        ("gain", "gain_", gain, ratio),
    ):
        summed = sum_by_cluster(sums, clusters)
        figures[name] = float(statistic(summed.sum(axis=0))[0])
        low, high = bootstrap_interval(
            summed, statistic, level=level, n_boot=n_boot, generator=random
        )
        figures |= {f"{ends}low": float(low[0]), f"{ends}high": float(high[0])}
    varied = min(np.ptp(y), np.ptp(predicted)) > 0
    figures["spearman"] = float(stats.spearmanr(y, predicted).statistic) if varied else np.nan
    figures |= {"error": float(error.mean()), "constant_error": float(constant_error.mean())}
    figures |= {"n": len(y), "clusters": len(np.unique(clusters))}
    columns = [
        "kappa", "low", "high", "spearman", "error", "constant_error", "gain", "gain_low",
        "gain_high", "n", "clusters",
    ]  # fmt: skip
    return {name: figures[name] for name in columns}


def _scores(features: pd.DataFrame, of: Signs) -> pd.DataFrame:
    """Return (C, D): the sum of each scale's columns with their signs."""
    needed = dict.fromkeys(column for columns in of.values() for column in columns)
    for column in needed:
        if column not in features:
            raise no_column(column, list(map(str, features.columns)))
    values = features[list(needed)].astype(np.float64)
    if not np.isfinite(values.to_numpy()).all():
        row, column = np.argwhere(~np.isfinite(values.to_numpy()))[0]
        raise InputError(
            f"the feature {values.columns[column]} of {values.index[row]} is no number; fill it or "
            "leave the conversation out."
        )
    return pd.DataFrame(
        {
            scale: sum(sign * values[column] for column, sign in columns.items())
            for scale, columns in of.items()
        }
    )


def _of_rated(features: pd.DataFrame, ratings: pd.DataFrame) -> pd.DataFrame:
    """Return the features of the rated conversations, in their order."""
    for name, table in (("features", features), ("ratings", ratings)):
        if not table.index.is_unique:
            twice = table.index[table.index.duplicated()][0]
            raise InputError(f"{twice} stands twice in the {name}; keep one row.")
    strange = ratings.index.difference(features.index)
    if len(strange):
        raise InputError(
            f"{strange[0]} was rated but has no features; is the index of both the conversations?"
        )
    return features.loc[ratings.index]


def _check_scales(ratings: pd.DataFrame, of: Signs, points: tuple[int, int]) -> None:
    if not of:
        raise OptionError("of is empty; give a scale and its features, such as {'advice': {...}}.")
    low, high = points
    for scale, columns in of.items():
        if scale not in ratings:
            raise no_column(scale, list(map(str, ratings.columns)))
        if not columns or not set(columns.values()) <= {1, -1}:
            raise OptionError(f"of gives {scale} {dict(columns)}; give columns with 1 or -1.")
        numbers = pd.to_numeric(ratings[scale], errors="coerce")
        wrong = ratings[scale].notna() & ~numbers.between(low, high)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise InputError(
                f"{ratings.index[row]} is rated {ratings[scale].iloc[row]} on {scale}; give "
                f"numbers from {low} to {high}, or other points."
            )
