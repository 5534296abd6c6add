"""From what several people coded to one word of theirs, and how far they agreed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from saeidioms.errors import InputError, OptionError
from saeidioms.idioms.features import FeatureTable
from saeidioms.progress import track
from saeidioms.seeds import generator
from saeidioms.stats.agreement import bootstrap_estimate, cohen_kappa, krippendorff_alpha
from saeidioms.taxonomy.filled_sheet import read_sheet
from saeidioms.taxonomy.form import NONE, choices
from saeidioms.taxonomy.schema import nearest
from saeidioms.taxonomy.sheet import write_rows
from saeidioms.taxonomy.taxonomy import Taxonomy

Rule = Literal["majority", "unanimous"]

RULES = ("majority", "unanimous")
OPEN = "open"
_ALL = "all coders"
_OUTSIDE = "outside"  # in place of a category


@dataclass(frozen=True, eq=False)
class Merged:
    """What coders said of each feature, and what follows.

    Attributes
    ----------
    table
        One row for each feature that somebody coded, by number: ``feature``; ``sub_category``
        (sub-category or outside group, "none", or "" where it is open); ``label`` (of the most
        confident of those whose word it is); ``settled`` ("unanimous", "majority", "adjudicator"
        or "open"); ``note`` (who said what).
    agreement
        ``coefficient`` ("alpha": Krippendorff's, nominal; "kappa": Cohen's), ``of``
        ("sub_category", "category", or the name of a place, against all others), ``coders``,
        ``n`` (features with two of these coders' word), ``value``, ``low``, ``high`` (NaN where not
        defined: see `saeidioms.stats.agreement`). The adjudicator is not counted in.
    """

    table: pd.DataFrame
    agreement: pd.DataFrame

    @property
    def open(self) -> pd.DataFrame:
        """The rows of `table` that are not settled, to be discussed or adjudicated."""
        return self.table[self.table["settled"] == OPEN].reset_index(drop=True)

    @property
    def overrides(self) -> pd.DataFrame:
        """``feature, sub_category, label, note`` of what is settled; "" is a word for no place."""
        settled = self.table[self.table["settled"] != OPEN]
        rows = settled[["feature", "sub_category", "label", "note"]].replace(
            {"sub_category": {NONE: ""}}
        )
        return rows.reset_index(drop=True)

    def save(self, path: str | Path) -> None:
        """Write the overrides as CSV, as `saeidioms.Codebook.propose` reads them.

        Raises
        ------
        ArtifactError
            If the file cannot be written.
        """
        write_rows(self.overrides, Path(path))


def merge_sheets(
    paths: Sequence[str | Path],
    features: FeatureTable,
    taxonomy: Taxonomy,
    *,
    adjudicator: str | None = None,
    rule: Rule = "majority",
    n_boot: int = 1000,
    seed: int = 0,
) -> Merged:
    """Merge what several coders said, and measure how far they agreed.

    Parameters
    ----------
    paths
        Their sheets, one each.
    features, taxonomy
        As for `saeidioms.taxonomy.filled_sheet.read_sheet`.
    adjudicator
        The coder whose word settles what the others leave open. It counts nowhere else.
    rule
        What settles a feature: the same place by "majority", more than half of those who coded it,
        or by all ("unanimous").
    n_boot
        Draws of features for the intervals of agreement.
    seed
        Of these draws.

    Returns
    -------
    Merged
        What nobody settles stays open, and is listed.

    Raises
    ------
    OptionError
        If there are no paths, `rule` is not one of the two, or no sheet is the adjudicator's.
    InputError, ArtifactError
        As for `saeidioms.taxonomy.filled_sheet.read_sheet`; or if two sheets are of one coder.
    """
    if rule not in RULES:
        raise OptionError(f"rule is {rule!r}; give 'majority' or 'unanimous'.")
    if not paths:
        raise OptionError("no sheets are given; give the path of at least one.")
    sheets: dict[str, pd.DataFrame] = {}
    files: dict[str, Path] = {}
    for path in map(Path, paths):
        sheet = read_sheet(path, features, taxonomy)
        coder = str(sheet["coder"].iloc[0]) if len(sheet) else path.stem
        if coder in sheets:
            raise InputError(f"{files[coder]} and {path} are both of {coder}; give one of them.")
        sheets[coder], files[coder] = sheet.set_index("feature"), path
    if adjudicator is not None and adjudicator not in sheets:
        raise OptionError(
            f"adjudicator is {adjudicator!r}; {nearest(adjudicator, sheets)}"
            f"the sheets are of: {', '.join(sheets)}."
        )
    said = pd.DataFrame({coder: sheet["sub_category"] for coder, sheet in sheets.items()})
    said = said.fillna("").sort_index()
    voters = [coder for coder in sheets if coder != adjudicator]
    rows = []
    for feature in said.index:
        own = {coder: s.loc[feature] for coder, s in sheets.items() if feature in s.index}
        own = {coder: row for coder, row in own.items() if row["sub_category"] or row["note"]}
        if own:
            rows.append({"feature": feature, **_settled(own, voters, adjudicator, rule)})
    columns = ["feature", "sub_category", "label", "settled", "note"]
    table = pd.DataFrame(rows, columns=columns).astype({"feature": np.int64})
    return Merged(table, _agreement(said[voters], taxonomy, n_boot, seed))


def _settled(
    own: dict[str, pd.Series], voters: Sequence[str], adjudicator: str | None, rule: Rule
) -> dict[str, Any]:
    """Return the rest of the row of `Merged.table`, by the rows of coders on one feature."""
    words = {coder: row["sub_category"] for coder, row in own.items() if row["sub_category"]}
    votes = Counter(words[coder] for coder in voters if coder in words)
    most, times = votes.most_common(1)[0] if votes else ("", 0)
    place, how, behind = "", OPEN, [coder for coder in voters if words.get(coder) == most]
    if len(votes) == 1:
        place, how = most, "unanimous"
    elif rule == "majority" and times > votes.total() / 2:
        place, how = most, "majority"
    elif adjudicator in words:
        place, how, behind = words[adjudicator], "adjudicator", [adjudicator]
    labelled = [own[coder] for coder in behind if how != OPEN and own[coder]["label"]]
    # max keeps the first of equals, in the order in which the sheets were given.
    best = max(labelled, key=lambda row: np.nan_to_num(row["confident"]), default={"label": ""})
    note = _who_said_what(own, adjudicator)
    return {"sub_category": place, "label": best["label"], "settled": how, "note": note}


def _who_said_what(own: dict[str, pd.Series], adjudicator: str | None) -> str:
    """Return such as ``"ann, ben: affirming; cem: none (second: affirming; a joke)"``."""
    groups: dict[str, list[str]] = {}
    for coder, row in own.items():
        second = [f"second: {row['second']}"] if row["second"] else []
        aside = "; ".join([*second, *([row["note"]] if row["note"] else [])])
        said = (row["sub_category"] or "not coded") + (f" ({aside})" if aside else "")
        name = f"{coder} (adjudicator)" if coder == adjudicator else coder
        groups.setdefault(said, []).append(name)
    return "; ".join(f"{', '.join(names)}: {said}" for said, names in groups.items())


def _agreement(said: pd.DataFrame, taxonomy: Taxonomy, n_boot: int, seed: int) -> pd.DataFrame:
    """Return the agreement of (n, n_coders) places ("" where missing) in all its respects."""
    inside = {name: taxonomy.category_of(name) for name in taxonomy.names}
    categories = said.map(lambda name: inside.get(name, name if name in ("", NONE) else _OUTSIDE))
    respects = {"sub_category": said, "category": categories}
    wanted: list[tuple[str, str, pd.DataFrame]] = []
    for of, words in respects.items():
        wanted.append(("alpha", of, words))
        pairs = combinations(said.columns, 2)
        wanted += [("kappa", of, words[list(pair)]) for pair in pairs]
    used = set(said.to_numpy().ravel())
    for place in choices(taxonomy):
        if place in used:
            against = said.map(lambda name, place=place: str(name == place) if name else "")
            wanted.append(("alpha", place, against))
    rows = []
    for coefficient, of, words in track(wanted, "agreement") if said.shape[1] > 1 else ():
        several = words[(words != "").sum(axis=1) > 1]
        rng = generator(seed, f"agreement {coefficient} {of} {list(words.columns)}")
        statistic = _statistic(coefficient, several)
        found = bootstrap_estimate(statistic, len(several), n_boot=n_boot, generator=rng)
        coders = _ALL if coefficient == "alpha" else " and ".join(words.columns)
        rows.append((coefficient, of, coders, len(several), found.value, found.low, found.high))
    columns = ["coefficient", "of", "coders", "n", "value", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def _statistic(coefficient: str, words: pd.DataFrame) -> Callable[[np.ndarray], float]:
    given = words.to_numpy(object).T
    ratings = given.copy()
    ratings[given == ""] = None
    names = sorted(set(given.ravel()) - {""})
    if coefficient == "kappa":
        return lambda items: cohen_kappa(*ratings[:, items], categories=names)
    return lambda items: krippendorff_alpha(ratings[:, items], categories=names)
