"""Codes judged by people on a sample of units, and shares corrected by what they say."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from saeidioms.corpus.corpus import Corpus
from saeidioms.errors import InputError, OptionError
from saeidioms.seeds import generator
from saeidioms.stats.agreement import Estimate, krippendorff_alpha
from saeidioms.stats.classification import (
    StratifiedSample,
    corrected_share,
    estimate,
    f1,
    kappa,
    overall_kappa,
    precision,
    recall,
)
from saeidioms.taxonomy.coding import Codes
from saeidioms.taxonomy.filled_form import read_form
from saeidioms.taxonomy.form import NONE, Form, choices, write_form
from saeidioms.taxonomy.schema import nearest
from saeidioms.taxonomy.taxonomy import Taxonomy

logger = logging.getLogger(__name__)

FEWEST = 5  # units of a stratum, where it has as many
_FILLED = ("sub_category", "note")
_WIDTHS = {"unit_id": 16, "before": 50, "text": 70, "sub_category": 26, "note": 30}
_INSTRUCTIONS = (
    "Each row of the sheet 'coding' is something that somebody said. Code it by the definitions "
    "below, alone, and without talking to other coders.",
    "1. Read 'text'; 'before' is what was said to it, and is not to be coded.",
    "2. sub_category: choose the place that fits the text best. Choose 'none' where no place does. "
    "An empty cell means that you did not code the row.",
    "3. note: whatever the others should know.",
    "Sort and filter as you like, but change nothing in the white columns.",
)
_FIGURES = {"precision": precision, "recall": recall, "f1": f1, "kappa": kappa}


@dataclass(frozen=True, eq=False)
class Assessment:
    """What people's codes of a sample say about the tool's.

    Attributes
    ----------
    figures
        A row for each sub-category, then each category: ``level, category, sub_category``,
        ``positives`` (sampled units that people gave it, by halves where two differ), and
        ``precision``, ``recall``, ``f1``, ``kappa``, each with ``_low`` and ``_high``;
        ``confidence_level``. Weighted, so that they hold for all units.
    shares
        Share of all units by the tool (``naive``) and ``share, low, high`` as corrected by people's
        codes (`saeidioms.stats.classification.corrected_share`); with the ``count`` that this makes
        of ``n`` units, ``clusters`` and ``confidence_level``.
    coders
        Krippendorff's alpha of the coders among each other; NaN with one.
    overall
        Cohen's kappa of the tool's strongest sub-category, or none, with people's.
    """

    figures: pd.DataFrame
    shares: pd.DataFrame
    coders: float
    overall: Estimate


def primary_codes(corpus: Corpus, codes: Codes) -> pd.Series:
    """Return each unit's strongest sub-category, "none" where it has no code, by unit id."""
    strongest = codes.units.drop_duplicates("unit_id").set_index("unit_id")["sub_category"]
    return strongest.reindex(corpus.ids).fillna(NONE)


def draw_sample(
    corpus: Corpus,
    codes: Codes,
    *,
    n: int = 200,
    context: Mapping[str, str] | None = None,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw units for people to code, and keep what tells how they were drawn.

    Stratified by the unit's strongest sub-category (or none) and, within it, by strength below or
    above the median. A stratum gets units by the square root of its size, at least five, so that
    rare sub-categories are judged too; weights undo this later. Of drawn units with the same text,
    people see one, and what they say of it holds for the others.

    Parameters
    ----------
    corpus, codes
        N units, and their codes.
    n
        About how many units.
    context
        Message id -> what was said before it.
    seed
        Of the draw and the order.

    Returns
    -------
    sheet
        For people, in random order and without the tool's word: ``unit_id, before, text`` and
        empty ``sub_category, note``.
    design
        For `assess`: ``unit_id, stratum``, ``size`` of the stratum, and ``shown``, the unit on the
        sheet that has its text.

    Raises
    ------
    OptionError
        If `n` is less than 1.
    """
    if n < 1:
        raise OptionError(f"n is {n}; it must be at least 1.")
    primary = primary_codes(corpus, codes)
    strength = codes.units.drop_duplicates("unit_id").set_index("unit_id")["strength"]
    strength = strength.reindex(corpus.ids).fillna(0.0)
    median = strength.groupby(primary.to_numpy()).transform("median")
    stratum = primary + np.where(strength > median, ", strong", "")
    sizes = stratum.value_counts().sort_index()
    wanted = np.sqrt(sizes) / np.sqrt(sizes).sum() * n
    counts = np.minimum(sizes, np.maximum(FEWEST, wanted.round())).astype(int)
    random = generator(seed, "validation sample")
    rows = np.concatenate(
        [
            random.choice(np.flatnonzero(stratum == name), count, replace=False)
            for name, count in counts.items()
        ]
    )
    rows = random.permutation(rows)
    drawn = corpus.table.iloc[rows]
    design = pd.DataFrame({"unit_id": drawn["unit_id"], "stratum": stratum.iloc[rows].to_numpy()})
    design["size"] = sizes.loc[design["stratum"]].to_numpy()
    design["shown"] = drawn.groupby(drawn["text"].str.casefold())["unit_id"].transform("first")
    asked = drawn[design["shown"] == design["unit_id"]]
    before = [(context or {}).get(message, "") for message in asked["message_id"]]
    sheet = asked[["unit_id", "text"]].assign(**dict.fromkeys(_FILLED, ""))
    sheet.insert(1, "before", before)
    return sheet.reset_index(drop=True), design.reset_index(drop=True)


def write_sample(sheet: pd.DataFrame, taxonomy: Taxonomy, path: Path) -> None:
    """Write the sheet of a sample for people to fill in: a workbook, and the same as CSV.

    See `saeidioms.taxonomy.form.write_form`.
    """
    offers = {"sub_category": choices(taxonomy)}
    form = Form(_INSTRUCTIONS, _FILLED, offers, _WIDTHS, frozen="unit_id")
    write_form(sheet, form, taxonomy, path)


def read_coded(path: str | Path, taxonomy: Taxonomy) -> pd.Series:
    """Read a filled sheet, XLSX or CSV: unit id -> sub-category or "none", of the rows coded.

    A place outside the taxonomy's sub-categories, such as greetings, counts as "none".

    Raises
    ------
    InputError
        If the file cannot be read, lacks a column, or a row is wrong; file, row and mend are named.
    """
    path = Path(path)
    names = choices(taxonomy)
    allowed = {name.casefold(): name if name in taxonomy.names else NONE for name in names}
    said: dict[str, str] = {}
    for where, cells in read_form(path, required=("unit_id", "sub_category")):
        unit, cell = cells["unit_id"], cells["sub_category"]
        place = " ".join(cell.split()).casefold()
        if not place:
            continue
        if not unit:
            raise InputError(f"{where}: unit_id is empty; put it back as the sheet was written.")
        if place not in allowed:
            raise InputError(
                f"{where}: {cell!r} is no sub-category of {taxonomy.name}; "
                f"{nearest(place, names)}there are: {', '.join(names)}."
            )
        if said.setdefault(unit, allowed[place]) != allowed[place]:
            raise InputError(f"{where}: unit {unit} stands there twice; keep one row.")
    if not said:
        raise InputError(f"{path} holds no code; fill the column sub_category.")
    return pd.Series(said, name=str(path))


def assess(
    coded: Sequence[pd.Series],
    design: pd.DataFrame,
    corpus: Corpus,
    codes: Codes,
    taxonomy: Taxonomy,
    *,
    level: float = 0.95,
    n_boot: int = 2000,
    seed: int = 0,
) -> Assessment:
    """Judge the tool's strongest code of each unit by what people said of a sample.

    Parameters
    ----------
    coded
        Of each coder, as `read_coded` returns it. Of several, each counts the same.
    design
        As `draw_sample` returned it.
    corpus, codes, taxonomy
        All units, and what the tool said.
    level, n_boot, seed
        Of the intervals.

    Raises
    ------
    InputError
        If a coded unit was not drawn, or a drawn one is not in the corpus.
    """
    words = pd.DataFrame({f"coder {i}": said for i, said in enumerate(coded)})
    for said in coded:
        strange = said.index.difference(pd.Index(design["shown"]))
        if len(strange):
            raise InputError(
                f"{said.name}: unit {strange[0]} was coded but is not in the sample; give the "
                "sheets of this run's own sample."
            )
    primary = primary_codes(corpus, codes)
    gone = pd.Index(design["unit_id"]).difference(primary.index)
    if len(gone):
        raise InputError(
            f"unit {gone[0]} was drawn but is not in the corpus any more; draw a new sample."
        )
    kept = design[design["shown"].isin(words.index)]
    sizes = kept.groupby("stratum", sort=True)["size"].first()
    missing = set(design["stratum"]) - set(sizes.index)
    if missing:
        logger.warning(
            "No unit was coded of %s; the others stand for these.", ", ".join(sorted(missing))
        )
    strata = pd.Index(sizes.index).get_indexer(kept["stratum"])
    sample = StratifiedSample(strata.astype(np.int64), sizes.to_numpy(np.int64))
    clusters = pd.factorize(corpus.conversations)[0]
    tool, people = primary.loc[kept["unit_id"]], words.loc[kept["shown"]]
    n_coders = people.notna().sum(axis=1).to_numpy()
    figures, shares = [], []
    for row in _levels(taxonomy):
        names = row.pop("names")
        of_all, said = primary.isin(names).to_numpy(), tool.isin(names).to_numpy()
        true = people.isin(names).sum(axis=1).to_numpy() / n_coders
        random = generator(seed, f"assessment of {row['category']}.{row['sub_category']}")
        options: dict[str, Any] = {"level": level, "n_boot": n_boot, "generator": random}
        figure: dict[str, Any] = row | {"positives": float(true.sum())}
        for name, statistic in _FIGURES.items():
            found = estimate(statistic, said, true, sample, **options)
            figure |= {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
        figures.append(figure | {"confidence_level": level})
        share = corrected_share(of_all, clusters, said, true, sample, **options)
        shares.append(
            row
            | {"naive": of_all.mean(), "share": share.value, "low": share.low, "high": share.high}
            | {"count": round(share.value * len(corpus)), "n": len(corpus)}
            | {"clusters": int(clusters.max()) + 1, "confidence_level": level}
        )
    names = [*taxonomy.names, NONE]
    given = np.column_stack([people.eq(name).sum(axis=1) for name in names]) / n_coders[:, None]
    random = generator(seed, "overall agreement")
    options = {"level": level, "n_boot": n_boot, "generator": random}
    overall = overall_kappa(pd.Index(names).get_indexer(tool), given, sample, **options)
    return Assessment(pd.DataFrame(figures), pd.DataFrame(shares), _agreement(words), overall)


def _levels(taxonomy: Taxonomy) -> list[dict[str, Any]]:
    """Return what is judged: sub-categories, then categories, each with the names it covers."""
    rows: list[dict[str, Any]] = [
        {"level": "sub_category", "category": sub.category, "sub_category": sub.name}
        | {"names": [sub.name]}
        for sub in taxonomy.sub_categories
    ]
    for category in taxonomy.categories:
        names = [sub.name for sub in taxonomy.sub_categories if sub.category == category.name]
        row = {"level": "category", "category": category.name, "sub_category": "", "names": names}
        rows.append(row)
    return rows


def _agreement(words: pd.DataFrame) -> float:
    if words.shape[1] < 2:
        return float("nan")
    ratings: npt.NDArray = words.T.to_numpy(object)
    return krippendorff_alpha(ratings)
