"""Regressions of what messages hold on their columns, by a formula."""

from __future__ import annotations

import logging
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from saeidioms.errors import InputError, OptionError
from saeidioms.findings.formula import columns_of, design_of
from saeidioms.stats.multiplicity import adjusted_within
from saeidioms.stats.regression import Fit, linear, logistic
from saeidioms.taxonomy.coded import CodedMessages
from saeidioms.taxonomy.distribution import check_draws

logger = logging.getLogger(__name__)

_FEWEST_CLUSTERS = 2


def model(
    coded: CodedMessages,
    formula: str,
    *,
    cluster: str = "conversation_id",
    kind: Literal["linear", "logistic"] = "linear",
    level: float = 0.95,
) -> pd.DataFrame:
    """Return regressions of "the message holds it" on a formula, one for each sub-category.

    Parameters
    ----------
    coded
        M messages.
    formula
        Right-hand side in Wilkinson's notation, as R, statsmodels and formulaic take it: columns
        of the messages (in backticks where a name has spaces), ``+ - * : / ^ ( )``, and calls of
        `saeidioms.findings.formula.FUNCTIONS`; such as
        ``"C(arm, Treatment('control')) * round + setting"``. Anything else is refused: a formula
        from a file cannot run code.
    cluster
        Column within whose values errors may go together.
    kind
        ``"linear"``: differences of probability. ``"logistic"``: odds ratios, and average marginal
        effects; see `saeidioms.stats.regression`.
    level
        Of the intervals.

    Returns
    -------
    pandas.DataFrame
        ``level, category, sub_category, term``, ``difference, low, high`` (percentage points: a
        coefficient, or an average marginal effect), for ``"logistic"`` ``odds_ratio`` with
        ``odds_ratio_low`` and ``odds_ratio_high``, ``effect`` (`difference` in standard deviations
        of the outcome), ``p`` (that the coefficient is zero), ``q`` (Benjamini and Hochberg over
        all sub-categories, for each term by itself; categories are a family of their own), ``note``
        (why there is no estimate or no error; see `saeidioms.stats.regression.Fit`), ``n``
        (messages), ``left_out`` (messages without a value in some column), ``clusters``,
        ``confidence_level``.

    Raises
    ------
    OptionError
        If the formula cannot be read, names what is no column, or has terms that overlap.
    InputError
        If no rows are left, or only one cluster, or a term is infinite.
    """
    check_draws(level, 100)
    if kind not in ("linear", "logistic"):
        raise OptionError(f"kind is {kind!r}; give linear or logistic.")
    columns = columns_of(formula, list(coded.messages.columns))
    complete = coded.messages[columns].notna().all(axis=1).to_numpy()
    if not complete.any():
        raise InputError(f"no message has a value in all of {', '.join(columns)}.")
    if not complete.all():
        logger.warning(
            "%d of %d messages lack a value in %s and are left out.",
            *((~complete).sum(), len(coded), " or ".join(columns)),
        )
    kept = coded.where(complete, f"values in {', '.join(columns)}")
    clusters = kept.clusters(cluster)
    n_clusters = len(np.unique(clusters))
    if n_clusters < _FEWEST_CLUSTERS:
        raise InputError(f"{cluster} has one value only; errors need several clusters.")
    design = design_of(formula, kept.messages[columns])
    matrix = design.to_numpy()
    parts = []
    for number in range(len(kept.outcomes)):
        holds = kept.indicators[:, number]
        if kind == "linear":
            fit = linear(holds.astype(np.float64), matrix, clusters, level)
        else:
            fit = logistic(holds, matrix, clusters, level)
        part = _rows(fit, list(design.columns), holds, n_clusters, level, kind)
        own = kept.outcomes.iloc[[number] * len(part)].reset_index(drop=True)
        parts.append(pd.concat([own, part], axis=1))
    table = pd.concat(parts, ignore_index=True)
    families = table["level"] + " " + table["term"]
    table.insert(list(table).index("p") + 1, "q", adjusted_within(table["p"], families))
    table = table.assign(
        n=len(kept),
        left_out=int((~complete).sum()),
        clusters=n_clusters,
        confidence_level=level,
    )
    first = ["level", "category", "sub_category", "term"]
    return table[[*first, *(name for name in table if name not in first)]]


def _rows(
    fit: Fit, terms: list[str], holds: np.ndarray, n_clusters: int, level: float, kind: str
) -> pd.DataFrame:
    reach = stats.t.ppf((1 + level) / 2, n_clusters - 1) * fit.slope_errors
    part = pd.DataFrame({"term": terms, "difference": 100 * fit.slopes})
    part["low"], part["high"] = 100 * (fit.slopes - reach), 100 * (fit.slopes + reach)
    if kind == "logistic":
        part["odds_ratio"] = np.exp(fit.coefficients)
        part["odds_ratio_low"], part["odds_ratio_high"] = np.exp(fit.low), np.exp(fit.high)
    spread = holds.std()
    part["effect"] = fit.slopes / spread if spread else np.nan
    part["p"], part["note"] = fit.p, fit.notes
    return part[part["term"] != "Intercept"].reset_index(drop=True)
