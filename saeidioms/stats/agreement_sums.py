"""Agreement as a statistic of sums over items, so that whole clusters of items can be drawn again.

The coefficients are those of `saeidioms.stats.agreement`; here each comes with what every item adds
to it, which `saeidioms.stats.bootstrap` resamples without going through the ratings again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from saeidioms.stats.agreement import Level
from saeidioms.stats.bootstrap import Floats, Statistic

_PAIR = 2  # ratings that can agree
_TINY = 1e-9  # a sum of rounding errors


@dataclass(frozen=True, eq=False)
class Coefficients:
    """Coefficients of agreement of the same items.

    Attributes
    ----------
    sums
        (n_items, P) float64, what each item adds.
    statistic
        Maps (..., P) sums over items to (..., S) coefficients; NaN where one is not defined.
    """

    sums: Floats
    statistic: Statistic

    @classmethod
    def together(cls, parts: Sequence[Coefficients]) -> Coefficients:
        """Return several as one, in their order, so that all are drawn at once."""
        ends = np.cumsum([0, *(part.sums.shape[1] for part in parts)])

        def statistic(totals: Floats) -> Floats:
            values = [
                part.statistic(totals[..., start:end])
                for part, start, end in zip(parts, ends[:-1], ends[1:], strict=True)
            ]
            return np.concatenate(values, axis=-1)

        return cls(np.hstack([part.sums for part in parts]), statistic)

    def summarised(self, summary: Callable[[Floats], Floats]) -> Coefficients:
        """Return a summary of the coefficients, such as their median, as one coefficient."""
        return Coefficients(self.sums, lambda totals: summary(self.statistic(totals))[..., None])


def kappa(first: npt.ArrayLike, second: npt.ArrayLike, *, nominal: bool = False) -> Coefficients:
    """Return Cohen's kappa of two coders: quadratic weights for numbers, none for names.

    One less the mean squared distance of the two ratings over that of ratings drawn from each at
    random (Cohen 1968, doi:10.1037/h0026256). Names are the corners of a simplex, between which all
    distances are the same.

    Parameters
    ----------
    first, second
        (n_items,) numbers, or codes of names; NaN where a coder gave none.
    nominal
        Whether they are codes of names.
    """
    one, two = (np.asarray(ratings, np.float64) for ratings in (first, second))
    both = np.isfinite(one) & np.isfinite(two)
    u, v = _points(np.stack([one, two]), both[None].repeat(2, axis=0), nominal)
    apart = ((u - v) ** 2).sum(axis=-1)
    square = (u**2 + v**2).sum(axis=-1)
    k = u.shape[-1]

    def statistic(totals: Floats) -> Floats:
        n, observed, squares = (totals[..., i : i + 1] for i in range(3))
        product = (totals[..., 3 : 3 + k] * totals[..., 3 + k :]).sum(axis=-1, keepdims=True)
        return _beyond_chance(observed, squares - 2 * _quotient(product, n))

    return Coefficients(np.column_stack([both, apart, square, u, v]), statistic)


def alpha(ratings: npt.ArrayLike, level: Level) -> Coefficients:
    """Return Krippendorff's alpha of any number of coders, with missing ratings.

    Krippendorff (2019), *Content Analysis*, 4th edition, chapter 12, by coincidences of values.

    Parameters
    ----------
    ratings
        (n_coders, n_items) numbers, or codes of names; NaN where a coder gave none.
    level
        "nominal", "ordinal" or "interval".
    """
    given = np.asarray(ratings, np.float64)
    known = np.isfinite(given)
    known &= known.sum(axis=0) >= _PAIR
    if level == "ordinal":
        return _ordinal_alpha(given, known)
    points = _points(given, known, level == "nominal")
    m = known.sum(axis=0)
    square, total = (points**2).sum(axis=(0, 2)), points.sum(axis=0)
    apart = (m * square - (total**2).sum(axis=1)) / np.maximum(m - 1, 1)

    def statistic(totals: Floats) -> Floats:
        n, observed, squares = (totals[..., i : i + 1] for i in range(3))
        centre = (totals[..., 3:] ** 2).sum(axis=-1, keepdims=True)
        return _beyond_chance(observed, _quotient(n * squares - centre, n - 1))

    return Coefficients(np.column_stack([m, apart, square, total]), statistic)


def _ordinal_alpha(given: Floats, known: npt.NDArray[np.bool_]) -> Coefficients:
    """Return alpha with the distances of mid-ranks, which follow the values that were drawn."""
    counts = _counts(given, known, np.unique(given[known]))
    q = counts.shape[1]
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(q)
    pairs /= np.maximum(counts.sum(axis=1) - 1, 1)[:, None, None]

    def statistic(totals: Floats) -> Floats:
        together = totals.reshape(*totals.shape[:-1], q, q)
        each = together.sum(axis=-1)
        n = each.sum(axis=-1, keepdims=True)
        ranks = each.cumsum(axis=-1) - each / 2
        distance = (ranks[..., :, None] - ranks[..., None, :]) ** 2
        observed = (distance * together).sum(axis=(-2, -1))[..., None]
        expected = distance * each[..., :, None] * each[..., None, :]
        return _beyond_chance(observed, _quotient(expected.sum(axis=(-2, -1))[..., None], n - 1))

    return Coefficients(pairs.reshape(len(pairs), q * q), statistic)


def gwet(ratings: npt.ArrayLike, categories: npt.ArrayLike, *, nominal: bool) -> Coefficients:
    """Return Gwet's AC1 of names, or AC2 with quadratic weights of evenly spaced numbers.

    Gwet (2014), *Handbook of Inter-Rater Reliability*, 4th edition, chapters 4 and 5.

    Parameters
    ----------
    ratings
        (n_coders, n_items) numbers, or codes of names; NaN where a coder gave none.
    categories
        All there are, sorted: chance depends on their number.
    nominal
        Whether they are codes of names.
    """
    given, scale = np.asarray(ratings, np.float64), np.asarray(categories, np.float64)
    counts = _counts(given, np.isfinite(given), scale)
    q = len(scale)
    weights = np.eye(q)
    if not nominal and q > 1:
        weights = 1 - (np.subtract.outer(scale, scale) / np.ptp(scale)) ** 2
    r = counts.sum(axis=1)
    alike = (counts * (counts @ weights - 1)).sum(axis=1) / np.maximum(r * (r - 1), 1)
    prevalence = counts / np.maximum(r, 1)[:, None]
    factor = weights.sum() / max(q * (q - 1), 1)

    def statistic(totals: Floats) -> Floats:
        several, agreed, any_at_all = (totals[..., i : i + 1] for i in range(3))
        share = _quotient(totals[..., 3:], any_at_all)
        chance = factor * (share * (1 - share)).sum(axis=-1, keepdims=True)
        observed = _quotient(agreed, several)
        return (observed - chance) / (1 - chance) if q > 1 else np.full_like(observed, np.nan)

    return Coefficients(np.column_stack([r >= _PAIR, alike, r > 0, prevalence]), statistic)


def _points(given: Floats, known: npt.NDArray[np.bool_], nominal: bool) -> Floats:
    """Return (n_coders, n_items, k): numbers about their mean, or names as unit vectors; or 0."""
    if nominal:
        codes = np.unique(given[known])
        unit: Floats = (given[..., None] == codes) & known[..., None]
        return unit.astype(np.float64)
    centre = given[known].mean() if known.any() else 0.0
    return np.where(known, given - centre, 0.0)[..., None]


def _counts(given: Floats, known: npt.NDArray[np.bool_], values: Floats) -> Floats:
    """Return (n_items, q): how many coders gave each item each value."""
    counts: Floats = ((given[..., None] == values) & known[..., None]).sum(axis=0)
    return counts.astype(np.float64)


def _quotient(above: Floats, below: Floats) -> Floats:
    return above / np.where(below > 0, below, np.nan)


def _beyond_chance(observed: Floats, expected: Floats) -> Floats:
    """Return 1 - observed / expected, NaN where chance leaves nothing to disagree about."""
    return 1 - observed / np.where(expected > _TINY, expected, np.nan)
