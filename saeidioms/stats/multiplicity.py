"""Corrections for several tests, which leave out what could not be tested."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def adjusted(p: npt.ArrayLike, method: Literal["fdr_bh", "holm"] = "fdr_bh") -> Floats:
    """Return adjusted p-values of one family of tests.

    Parameters
    ----------
    p
        (T,); NaN where there was no test, which stays NaN and does not count.
    method
        ``"fdr_bh"`` for the false-discovery rate (Benjamini and Hochberg 1995,
        doi:10.1111/j.2517-6161.1995.tb02031.x), ``"holm"`` for the family-wise error (Holm 1979).
    """
    raw = np.asarray(p, dtype=np.float64)
    found = np.full(raw.shape, np.nan)
    tested = np.isfinite(raw)
    if tested.any():
        found[tested] = _holm(raw[tested]) if method == "holm" else _fdr(raw[tested])
    return found


def _fdr(p: Floats) -> Floats:
    from scipy.stats import false_discovery_control  # here: it imports for a second

    return np.asarray(false_discovery_control(p, method="bh"), dtype=np.float64)


def _holm(p: Floats) -> Floats:
    """Step down; that of statsmodels is no other, but collects garbage for 0.1 s and more."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    held = np.empty_like(p)
    held[order] = np.minimum(stepped, 1.0)
    return held


def adjusted_within(p: npt.ArrayLike, families: npt.ArrayLike) -> Floats:
    """Return Benjamini and Hochberg's q of each test within its family, by (T,) family names."""
    raw, names = np.asarray(p, dtype=np.float64), np.asarray(families)
    found = np.full(raw.shape, np.nan)
    for name in np.unique(names):
        found[names == name] = adjusted(raw[names == name])
    return found
