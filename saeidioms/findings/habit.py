"""What people would say in the long run, of the few messages there are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from saeidioms.progress import track
from saeidioms.stats.bootstrap import sum_by_cluster

Floats = npt.NDArray[np.float64]
_DRAWS = 20_000  # of a person's habit; an end of an interval then errs by less than half a point
_GRID, _ZOOMS = 21, 6  # points a side, and how often the grid closes in on where they weigh
_NEGLIGIBLE = 10.0  # log-probability below the highest one at which a point weighs nothing
MORE, LESS, ALIKE = "more", "less", ""


def against_others(
    held: npt.NDArray[np.bool_],
    people: npt.NDArray,
    talk: npt.NDArray,
    who: str,
    *,
    level: float,
    generator: np.random.Generator,
) -> pd.DataFrame:
    """Return how often one person says things, against the others.

    Parameters
    ----------
    held
        (M, T): which message holds which thing.
    people, talk
        (M,) person and conversation of each message.
    who
        One of `people`.
    level, generator
        As for `long_run`.

    Returns
    -------
    pandas.DataFrame
        T rows: ``share`` of the person's messages, as counted (``count`` of ``n``);
        ``others_share``, of all messages of the others; the columns of `long_run`; ``against``:
        ``"more"`` where it is sure, at half the error of `level` each, both that the share in the
        long run is above the mean of people and that more than half of them have a lesser one,
        ``"less"`` where both are the other way round, else ``""``. (Of rare things most people say
        next to nothing, so that the percentile alone would say too much.)
    """
    names, owner = np.unique(people, return_inverse=True)
    place = int(np.searchsorted(names, who))
    sums = sum_by_cluster(np.column_stack([held, np.ones(len(held))]), owner)
    counts, n = sums[:, :-1], sums[:, -1:]
    effect = design_effects(held, owner, talk)
    rest = sums.sum(axis=0) - sums[place]
    table = long_run(counts / effect, n / effect, place, level=level, generator=generator)
    counted = {
        "share": counts[place] / n[place],
        "count": counts[place].astype(int),
        "n": int(n[place, 0]),
        "others_share": rest[:-1] / rest[-1],
    }
    sure = (1 + level) / 2
    more = (table["above"] > sure) & (table["percentile_low"] > 0.5)
    less = (table["above"] < 1 - sure) & (table["percentile_high"] < 0.5)
    table["against"] = np.select([more, less], [MORE, LESS], ALIKE)
    return pd.DataFrame(counted).join(table)


def design_effects(
    held: npt.NDArray[np.bool_], owner: npt.NDArray[np.int64], talk: npt.NDArray
) -> Floats:
    """Return by how much counts vary more between someone's conversations than by chance.

    Pearson's statistic of conversations by holding or not, within each person, over its
    expectation, which given the person's total is (C - 1) n / (n - 1), since counts are then
    hypergeometric. Counts over the design effect vary about as counts of independent messages do
    (Rao and Scott 1992, doi:10.2307/2532311).

    Parameters
    ----------
    held
        (M, T): which message holds which thing.
    owner, talk
        (M,) person and conversation of each.

    Returns
    -------
    (T,) float64
        At least 1; 1 also where nobody has two conversations.
    """
    talks = pd.DataFrame({"owner": owner, "talk": talk}).groupby(["owner", "talk"], sort=True)
    parts = sum_by_cluster(np.column_stack([held, np.ones(len(held))]), talks.ngroup().to_numpy())
    whose = talks["owner"].first().to_numpy()
    y, n = parts[:, :-1], parts[:, -1:]
    sums = sum_by_cluster(parts, whose)[np.unique(whose, return_inverse=True)[1]]
    total = sums[:, -1:]
    share = sums[:, :-1] / total
    variance = n * share * (1 - share)
    varies = variance > 0
    squares = np.divide((y - n * share) ** 2, variance, out=np.zeros_like(y), where=varies)
    chi = (squares * (total - 1) / total).sum(axis=0)
    # A person's C conversations add up to C - 1 degrees of freedom: each counts as 1 - 1 / C.
    freedom = (varies * (1 - 1 / np.bincount(whose)[whose][:, None])).sum(axis=0)
    ratio = np.divide(chi, freedom, out=np.ones_like(chi), where=freedom > 0.5)
    return np.maximum(ratio, 1.0)


def long_run(
    counts: Floats, n: Floats, place: int, *, level: float, generator: np.random.Generator
) -> pd.DataFrame:
    """Return a person's shares in the long run, and how many people have lesser ones.

    People's shares follow a beta distribution, and counts given the person a binomial one (Gelman
    et al. 2013, *Bayesian Data Analysis*, section 5.3; Efron and Morris 1975,
    doi:10.1080/01621459.1975.10479864, for the idea of borrowing). Mean and spread of people are
    averaged over, on a grid, with flat priors on the mean and on the correlation of a person's
    messages (a uniform shrinkage prior: Daniels 1999, doi:10.2307/3316112), so that few people give
    wide intervals. Percentiles average over what is not known (Lin et al. 2006,
    doi:10.1214/06-BA130).

    Parameters
    ----------
    counts, n
        (P, T) messages that hold each thing, of how many, by person; not whole numbers where
        `design_effects` divided them.
    place
        The person's row.
    level
        Of the intervals.
    generator
        Of the draws that they are read from.

    Returns
    -------
    pandas.DataFrame
        T rows: ``estimate, low, high`` (share in the long run), ``percentile, percentile_low,
        percentile_high`` (share of people with a lesser one), ``above`` (probability that it is
        above the mean of people), ``reliability`` (0 to 1: the weight of the person's own messages
        in the estimate, Kelley 1947, *Fundamentals of Statistics*; the rest is the mean of people).
        Estimates are means of the draws.
    """
    drawn = np.zeros((4, counts.shape[1], _DRAWS))
    for t in track(range(counts.shape[1]), "comparing with the others"):
        drawn[:, t] = _draws(counts[:, t], n[:, t], place, generator)
    share, percentile, above, reliability = drawn.mean(axis=2)
    low, high = np.quantile(drawn[:2], [(1 - level) / 2, (1 + level) / 2], axis=2)
    return pd.DataFrame(
        {"estimate": share, "low": low[0], "high": high[0], "percentile": percentile}
        | {"percentile_low": low[1], "percentile_high": high[1]}
        | {"above": above, "reliability": reliability}
    )


def _draws(y: Floats, n: Floats, place: int, generator: np.random.Generator) -> Floats:
    """Return (4, B) draws of a person's share, of what follows from it, and of its weight."""
    mean, alike, weight = _population(y, n)
    drawn = generator.choice(len(weight), size=_DRAWS, p=weight)
    a, b = beta_of(mean[drawn], alike[drawn])
    yes, no = a + y[place], b + n[place] - y[place]
    share = generator.beta(yes, no)
    # Small probabilities are averaged rather than counted.
    above = special.betaincc(yes, no, mean[drawn])
    return np.stack([share, special.betainc(a, b, share), above, n[place] / (yes + no)])


def _population(y: Floats, n: Floats) -> tuple[Floats, Floats, Floats]:
    """Return a grid of means and correlations of people, and the probability of each point.

    The grid lies on the logits of both, and closes in on where the probability is.
    """
    pairs, times = np.unique(np.column_stack([y, n]), axis=0, return_counts=True)
    yes, no = pairs[:, 0], pairs[:, 1] - pairs[:, 0]
    ends = np.array([[-14.0, 14.0], [-10.0, 7.0]])
    for _ in range(_ZOOMS):
        axes = [np.linspace(low, high, _GRID) for low, high in ends]
        at = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
        mean, alike = special.expit(at).T
        a, b = (part[:, None] for part in beta_of(mean, alike))
        likely = special.betaln(a + yes, b + no) - special.betaln(a, b)
        # Flat priors on both, as densities of their logits.
        density = likely @ times + np.log(mean * (1 - mean) * alike * (1 - alike))
        weighs = at[density > density.max() - _NEGLIGIBLE]
        step = np.diff(ends, axis=1)[:, 0] / (_GRID - 1)
        reached = np.stack([weighs.min(axis=0) - step, weighs.max(axis=0) + step], axis=1)
        ends = np.clip(reached, ends[:, :1], ends[:, 1:])
    return mean, alike, special.softmax(density)


def beta_of(mean: Floats, alike: Floats) -> tuple[Floats, Floats]:
    """Return a and b of beta distributions by mean and correlation, 1 / (a + b + 1)."""
    size = (1 - alike) / alike
    return mean * size, (1 - mean) * size
