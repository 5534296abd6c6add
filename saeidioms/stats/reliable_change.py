"""Who changed by more than the measurement errs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_ROUNDING = 1e-12  # of a correlation


@dataclass(frozen=True)
class Yardstick:
    """How much people change whom nothing was done to.

    Attributes
    ----------
    reliability
        (S,) correlation of before and after; NaN where either does not vary.
    error
        (S,) standard error of a change, ``sqrt(SEM_before^2 + SEM_after^2)`` with ``SEM = SD
        sqrt(1 - reliability)`` (Iverson 2001, doi:10.1080/13803390108984702): Jacobson and Truax's
        (1991, doi:10.1037/0022-006X.59.1.12), with the spread at both times.
    shift
        (S,) mean change: practice, and what else changes without treatment (Chelune et al. 1993,
        doi:10.1037/0894-4105.7.1.41).
    """

    reliability: Floats
    error: Floats
    shift: Floats

    @classmethod
    def of(cls, before: Floats, after: Floats) -> Yardstick:
        """Measure (P, S) scores of the same P people, at least three, at two times."""
        spreads = [np.asarray(rows.std(axis=0, ddof=1)) for rows in (before, after)]
        centred = [rows - rows.mean(axis=0) for rows in (before, after)]
        covariance = (centred[0] * centred[1]).sum(axis=0) / (len(before) - 1)
        product = spreads[0] * spreads[1]
        reliability = np.divide(
            covariance, product, out=np.full_like(product, np.nan), where=product > 0
        )
        # A negative correlation of few people is no reliability below none.
        unexplained = 1 - np.clip(reliability, 0, 1)
        error = np.sqrt((spreads[0] ** 2 + spreads[1] ** 2) * unexplained)
        error = np.where(unexplained < _ROUNDING, 0.0, error)
        return cls(reliability, error, (after - before).mean(axis=0))

    def index(self, before: Floats, after: Floats) -> Floats:
        """Return the (P, S) changes of people in standard errors; NaN where there is no error."""
        change = after - before - self.shift
        return np.divide(change, self.error, out=np.full_like(change, np.nan), where=self.error > 0)
