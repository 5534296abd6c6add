"""What people said of a run, for its printed codebook: only what was said of its present codes."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from saeidioms.documents.book import Agreement, Estimate
from saeidioms.people import AGREEMENT, FIGURES, SHARES
from saeidioms.run import Run
from saeidioms.taxonomy.validation import primary_codes

logger = logging.getLogger(__name__)

Place = tuple[str, str]  # level and name

OVERALL: Place = ("", "")  # over all sub-categories
_FIGURES = ("precision", "recall", "f1", "kappa")
_ROUNDED = 1e-5  # tables of results are written with six digits


def agreement_of(run: Run) -> Mapping[Place, Agreement]:
    """Return the agreement on each category and sub-category, and `OVERALL`.

    Coders' agreement on features counts where the codebook is by their word. Their judgement of a
    sample of units counts as long as the codes are those that were judged; the sample was drawn of
    them, so that the shares that it was told with must be those of now.
    """
    found: dict[Place, Agreement] = {}
    for row in _among_coders(run).to_dict("records"):
        place = OVERALL if row["of"] == "sub_category" else ("sub_category", str(row["of"]))
        found[place] = Agreement(coders=_estimate(row, "value", "low", "high"), n=int(row["n"]))
    for row in _of_codes(run).to_dict("records"):
        place = (str(row["level"]), str(row[row["level"]]))
        figures = {key: _estimate(row, key, f"{key}_low", f"{key}_high") for key in _FIGURES}
        known = found.get(place, Agreement())
        found[place] = Agreement(known.coders, known.n, **figures)
    return found


def _among_coders(run: Run) -> pd.DataFrame:
    """Return Krippendorff's alpha of places, where the codebook is by these coders' word."""
    path = run.folder.people / AGREEMENT
    own = run.folder.told(run.folder.overrides)
    if run.record.options["codebook"]["overrides"] != own or not path.is_file():
        return pd.DataFrame()
    table = pd.read_csv(path)
    return table[(table["coefficient"] == "alpha") & (table["of"] != "category")]


def _of_codes(run: Run) -> pd.DataFrame:
    """Return how far the tool's codes are people's, where these are the codes that they judged."""
    figures, shares = (run.folder.people / name for name in (FIGURES, SHARES))
    if not (figures.is_file() and shares.is_file()):
        return pd.DataFrame()
    if _same_codes(run, pd.read_csv(shares)):
        return pd.read_csv(figures)
    logger.warning(
        "%s is of other codes than the run has now, and is left out; judge again with "
        "`saeidioms agreement %s CODED`.",
        *(figures, run.folder.root),
    )
    return pd.DataFrame()


def _same_codes(run: Run, judged: pd.DataFrame) -> bool:
    """Tell whether the shares of the strongest codes are those that people's word was held to."""
    taxonomy, primary = run.codebook.taxonomy, primary_codes(run.corpus, run.codes)
    now = primary.value_counts(normalize=True)
    category = {name: taxonomy.category_of(name) for name in taxonomy.names}
    by_category = now.groupby(now.index.map(category)).sum()
    own = judged["level"] == "sub_category"
    if set(judged.loc[own, "sub_category"]) != set(taxonomy.names):
        return False
    expected = [
        float(now.get(sub, 0.0) if level == "sub_category" else by_category.get(whole, 0.0))
        for level, whole, sub in zip(
            judged["level"], judged["category"], judged["sub_category"], strict=True
        )
    ]
    return bool(np.allclose(judged["naive"], expected, rtol=_ROUNDED, atol=0))


def _estimate(row: Mapping[Hashable, Any], *names: str) -> Estimate:
    return Estimate(*(float(row[name]) for name in names))
