"""How many conversations a difference needs to be found, by simulation from those at hand."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.isotonic import IsotonicRegression
from statsmodels.stats.proportion import proportion_confint

from saeidioms.errors import InputError, OptionError
from saeidioms.progress import track
from saeidioms.seeds import generator
from saeidioms.stats.bootstrap import FEWEST_CLUSTERS, Floats, sum_by_cluster
from saeidioms.stats.clustered import intra_cluster_correlation, robust_test
from saeidioms.taxonomy.coded import CodedMessages
from saeidioms.taxonomy.distribution import CONVERSATION, MISSING
from saeidioms.taxonomy.groups import value_of
from saeidioms.taxonomy.schema import nearest

logger = logging.getLogger(__name__)

Ints = npt.NDArray[np.int64]

WANTED = 0.8  # the power that studies are planned for (Cohen 1988)
_FEWEST_SIMULATIONS = 100
_BLOCK = 4_000_000  # counts that are held at once


@dataclass(frozen=True, eq=False)
class PowerAnalysis:
    """What `power` found.

    Attributes
    ----------
    table
        ``level, category, sub_category``, ``conversations``, ``clusters`` (drawn in each
        simulation), ``power`` with ``low, high`` (Wilson 1927), ``simulations``,
        ``confidence_level``.
    needed
        One row an outcome: ``level, category, sub_category``, ``baseline_share``, ``share`` (with
        the difference), ``icc`` (correlation of two messages of a cluster at the baseline),
        ``design_effect`` (variance of the observed difference over that of independent messages;
        below 1 where clusters are in both groups and alike in them), ``conversations`` and
        ``clusters`` for a power of 0.8: interpolated; NaN where the largest number does not
        suffice; the smallest number where that does.
    """

    table: pd.DataFrame
    needed: pd.DataFrame


@dataclass(frozen=True, eq=False)
class _Observed:
    """Clusters as they are: what simulations draw from.

    ``hits`` (2, C, S) and ``sizes`` (2, C) int64, of the baseline and of the other group.
    """

    hits: Ints
    sizes: Ints

    @property
    def shares(self) -> Floats:
        """(2, S) share of each outcome in each group."""
        return self.hits.sum(axis=1) / self.sizes.sum(axis=1)[:, None]

    def strata(self) -> list[Ints]:
        """Return the clusters in both groups, in the baseline only, in the other only."""
        first, second = self.sizes > 0
        kinds = (first & second, first & ~second, ~first & second)
        return [np.flatnonzero(kind) for kind in kinds if kind.any()]


def power(
    coded: CodedMessages,
    *,
    by: str,
    baseline: str,
    difference: float,
    against: str | None = None,
    outcome: str | None = None,
    conversations: Sequence[int] = (40, 80, 160, 320, 640),
    cluster: str = CONVERSATION,
    alpha: float = 0.05,
    level: float = 0.95,
    n_simulations: int = 1000,
    seed: int = 0,
) -> PowerAnalysis:
    """Return how likely a difference is to be found with so many conversations.

    A study is simulated by drawing clusters of this run with replacement, so that messages of a
    person stay as alike as they are (Kleinman and Huang 2017, doi:10.13063/2327-9214.1202). Those
    in both groups, in the baseline only and in the other only are drawn in the proportions found
    here. In the other group, messages gain (or lose) the code independently of each other, with the
    probability that takes its share from what it is now to that of the baseline plus `difference`.
    The test is a t-test of the difference with a cluster-robust error
    (`saeidioms.stats.clustered.robust_test`), near that of the draws of `compare` and without their
    cost. One test is planned for, without correction for several.

    Parameters
    ----------
    coded
        M messages of the run, of a pilot or of a study like the planned one.
    by
        Column of the groups, such as ``time`` or ``arm``.
    baseline
        The group that is compared with.
    difference
        To be found, in percentage points; 0 shows how often nothing is taken for something.
    against
        The other group; None: all others together, without messages that have no value.
    outcome
        A sub-category or category; None: all of them.
    conversations
        Numbers to try, in all groups together. As many clusters are drawn as hold so many
        conversations here.
    cluster
        Column that is drawn as a whole: conversations, or who holds several of them.
    alpha
        Of the two-sided test.
    level
        Of the intervals of power.
    n_simulations
        Studies for each number; 1,000 give power within 2.5 points.
    seed
        Of the draws.

    Returns
    -------
    PowerAnalysis
        Outcomes whose share cannot change by so much are left out, and named in a warning.

    Raises
    ------
    OptionError
        If a column, group or outcome is not there, a number is out of range, or the difference
        asked for is beyond 0 or 100 percent.
    InputError
        If a group has fewer than two clusters.

    Notes
    -----
    Few clusters differ too little among each other, in any test: on the demo corpus without a
    difference, 27 clusters and more in two equal groups were significant at 0.05 in 0.04 to 0.06 of
    studies, but 3 against 10 in 0.07 to 0.13. Power with fewer than ten clusters a group is thus
    overstated; ``difference=0`` shows by how much.
    """
    _check(alpha, level, n_simulations, difference)
    seen, per_cluster = _observe(coded, by, baseline, against, cluster)
    outcomes = coded.outcomes
    chosen = _chosen(outcomes, outcome)
    target = seen.shares[0] + difference / 100
    possible = (target >= 0) & (target <= 1)
    if not possible[chosen].any():
        share = seen.shares[0, chosen[0]]
        raise OptionError(
            f"difference is {difference:g} points, but {outcome or 'every outcome'} cannot change "
            f"so much from its share at the baseline ({share:.1%}); give a smaller one."
        )
    if not possible[chosen].all():
        names = outcomes["sub_category"].where(outcomes["sub_category"] != "", outcomes["category"])
        logger.warning(
            "Left out, since their share at the baseline cannot change by %g points: %s.",
            difference, ", ".join(names[chosen[~possible[chosen]]]),
        )  # fmt: skip
    chosen = chosen[possible[chosen]]
    seen, target = _Observed(seen.hits[..., chosen], seen.sizes), target[chosen]
    numbers = _clusters_to_draw(conversations, per_cluster, seen)
    rows = outcomes.iloc[chosen].reset_index(drop=True)
    parts = []
    for number, counts in track(numbers.items(), "simulating studies", len(numbers)):
        random = generator(seed, f"power.{number}")
        p = _simulate(seen, target, counts, n_simulations, random)
        found = (p < alpha).sum(axis=0)
        low, high = proportion_confint(found, n_simulations, 1 - level, "wilson")
        parts.append(
            rows.assign(conversations=number, clusters=sum(counts), power=found / n_simulations)
            .assign(low=low, high=high, simulations=n_simulations, confidence_level=level)
        )  # fmt: skip
    table = pd.concat(parts).sort_values("conversations", kind="stable").sort_index(kind="stable")
    needed = rows.assign(baseline_share=seen.shares[0], share=target)
    needed["icc"] = intra_cluster_correlation(seen.hits[0], seen.sizes[0])
    needed["design_effect"] = _design_effect(seen)
    enough = [_enough(part) for _, part in table.groupby(level=0)]
    needed["conversations"] = np.ceil(enough)
    needed["clusters"] = np.ceil(np.array(enough) / per_cluster)
    return PowerAnalysis(table.reset_index(drop=True), needed)


def _check(alpha: float, level: float, n_simulations: int, difference: float) -> None:
    for name, value in (("alpha", alpha), ("level", level)):
        if not 0 < value < 1:
            raise OptionError(f"{name} is {value}; give a number between 0 and 1.")
    if n_simulations < _FEWEST_SIMULATIONS:
        raise OptionError(
            f"n_simulations is {n_simulations}; give at least {_FEWEST_SIMULATIONS}, better 1000."
        )
    if not -100 < difference < 100:
        raise OptionError(f"difference is {difference}; give percentage points, such as 5.")


def _observe(
    coded: CodedMessages, by: str, baseline: str, against: str | None, cluster: str
) -> tuple[_Observed, float]:
    """Return the counts of clusters in both groups, and conversations a cluster."""
    groups = coded.groups(by)
    names = list(dict.fromkeys(groups))
    baseline = value_of("baseline", baseline, by, names)
    against = against if against is None else value_of("against", against, by, names)
    if not set(names) - {baseline, MISSING} or against == baseline:
        raise OptionError(f"{by} has nothing to compare {baseline!r} with; choose another.")
    first = groups == baseline
    second = groups == against if against is not None else ~first & (groups != MISSING)
    used = first | second
    clusters = coded.clusters(cluster)[used]
    found = []
    for name, group in ((baseline, first), (against or f"not {baseline}", second)):
        table = np.column_stack([coded.indicators, np.ones(len(coded))]) * group[:, None]
        sums = sum_by_cluster(table[used], clusters).astype(np.int64)
        if (sums[:, -1] > 0).sum() < FEWEST_CLUSTERS:
            raise InputError(
                f"the group {name!r} of {by} is in one {cluster} only; chance between clusters "
                "cannot be told from one."
            )
        found.append(sums)
    seen = np.stack(found)
    held = coded.messages.loc[used, CONVERSATION].nunique()
    return _Observed(seen[..., :-1], seen[..., -1]), held / seen.shape[1]


def _chosen(outcomes: pd.DataFrame, outcome: str | None) -> Ints:
    """Return the numbers of the outcomes asked for."""
    if outcome is None:
        return np.arange(len(outcomes))
    whole = (outcomes["level"] == "category") & (outcomes["category"] == outcome)
    rows = np.flatnonzero((outcomes["sub_category"] == outcome) | whole)
    if not len(rows):
        names = [*outcomes["sub_category"], *outcomes["category"]]
        known = list(dict.fromkeys(name for name in names if name))
        raise OptionError(
            f"outcome is {outcome!r}, which is no sub-category or category; "
            f"{nearest(outcome, known)}there are: {', '.join(known)}."
        )
    return rows[:1]


def _clusters_to_draw(
    conversations: Sequence[int], per_cluster: float, seen: _Observed
) -> dict[int, list[int]]:
    """Return, of each number of conversations, how many clusters of each stratum hold them."""
    strata = seen.strata()
    observed = np.array([len(members) for members in strata])
    numbers: dict[int, list[int]] = {}
    for number in sorted(set(conversations)):
        ideal = number / per_cluster * observed / observed.sum()
        counts = np.floor(ideal).astype(int)
        short = max(0, round(number / per_cluster)) - counts.sum()
        counts[np.argsort(counts - ideal, kind="stable")[:short]] += 1
        of_groups = [
            sum(count for count, of in zip(counts, strata, strict=True) if group[of[0]] > 0)
            for group in seen.sizes
        ]
        if min(of_groups) < FEWEST_CLUSTERS:
            raise OptionError(
                f"conversations holds {number}, of which a group would have fewer than "
                f"{FEWEST_CLUSTERS} clusters; give larger numbers."
            )
        numbers[number] = counts.tolist()
    if not numbers:
        raise OptionError("conversations is empty; give numbers to try, such as 100, 200, 400.")
    return numbers


def _simulate(
    seen: _Observed,
    target: Floats,
    counts: list[int],
    n_simulations: int,
    generator: np.random.Generator,
) -> Floats:
    """Return (n_simulations, S) p-values of studies with so many clusters of each stratum."""
    now = seen.shares[1]
    with np.errstate(divide="ignore", invalid="ignore"):  # the other branch of each is not used
        gained = np.where(target > now, (target - now) / (1 - now), 0.0)
        lost = np.where(target < now, (now - target) / now, 0.0)
    most = max(1, _BLOCK // (sum(counts) * len(target)))
    blocks = []
    for start in range(0, n_simulations, most):
        size = min(most, n_simulations - start)
        drawn = np.hstack(
            [
                members[generator.integers(len(members), size=(size, count))]
                for members, count in zip(seen.strata(), counts, strict=True)
            ]
        )
        hits, sizes = seen.hits[:, drawn], seen.sizes[:, drawn]
        others = sizes[1][..., None] - hits[1]
        moved = generator.binomial(others, gained) - generator.binomial(hits[1], lost)
        hits = np.stack([hits[0], hits[1] + moved])
        blocks.append(robust_test(hits, sizes)[2])
    return np.concatenate(blocks)


def _design_effect(seen: _Observed) -> Floats:
    """Return the variance of the differences by clusters over that by messages."""
    _, error, _ = robust_test(seen.hits, seen.sizes)
    by_messages = (seen.shares * (1 - seen.shares) / seen.sizes.sum(axis=1)[:, None]).sum(axis=0)
    effect: Floats = error**2 / np.where(by_messages > 0, by_messages, np.nan)
    return effect


def _enough(part: pd.DataFrame) -> float:
    """Return the number of conversations with the power wanted, between those tried."""
    tried = part["conversations"].to_numpy(np.float64)
    rising = IsotonicRegression().fit_transform(tried, part["power"])
    if rising[-1] < WANTED:
        return np.nan
    after = int(np.argmax(rising >= WANTED))
    if after == 0:
        return float(tried[0])
    around = slice(after - 1, after + 1)
    # The error falls, and power rises, with the root of the number.
    root = np.interp(WANTED, rising[around], np.sqrt(tried[around]))
    return float(np.round(root**2, 6))
