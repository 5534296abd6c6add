"""Which feature belongs to which sub-category, how strongly, and who says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from saeidioms.artifacts import atomic_path, read_json, write_json
from saeidioms.display import Cell, Display, Shown, Table
from saeidioms.embedding.embed import embed_like
from saeidioms.errors import ArtifactError, InputError, OptionError
from saeidioms.idioms.features import FeatureTable
from saeidioms.taxonomy.overrides import PROPOSED
from saeidioms.taxonomy.placing import Encode, directions_of, place
from saeidioms.taxonomy.reading import Dictionary, SeedReading
from saeidioms.taxonomy.sheet import format_parts, parse_parts, read_rows
from saeidioms.taxonomy.taxonomy import Taxonomy

COLUMNS = (
    "feature", "label", "category", "sub_category", "outside",
    "weight", "also", "confidence", "source", "note",
)  # fmt: skip
_LABELS = 3  # of a sub-category, in a notebook
_DECIMALS = 4
_LESSER_PLACES = 2  # beyond its own; more of them read as noise, none loses evidence
_UNREADABLE = ("dead", "length")  # flags of features that stand for no expression
_TABLE_FILE = "codebook.csv"
_TAXONOMY_FILE = "taxonomy.yaml"
_BASE_FILE = "base.json"


@dataclass(frozen=True, eq=False, repr=False)
class Codebook(Shown):
    """The features' places in a taxonomy, as a table that people read and edit.

    Attributes
    ----------
    table
        F rows, by ``feature`` (int64): ``label``; ``category`` and ``sub_category`` ("" where
        the feature belongs to none); ``outside`` (name of the outside group, such as greetings,
        or ""); ``weight`` (float64, at least 0: log-odds that one unit of the feature's
        activation adds to its place, 0 where it has none); ``also`` (lesser places with their
        weights, such as "validating emotions 1.25; greetings 0.5"); ``confidence`` (0 to 1);
        ``source`` ("offline" or "override"); ``note``.
    taxonomy
        What the places come from.
    base
        float64 (G,): log-odds of the S sub-categories, then of the outside groups, for a unit
        in which no feature fires.
    cues
        Cue of form (`saeidioms.taxonomy.cues`) -> float64 (G,): log-odds that it adds to a unit
        that holds it.

    Notes
    -----
    A unit's log-odds are `base` plus the sum of activation times weight over its features, plus
    those of the cues of form that it holds: the linear reading of seed expressions
    (`saeidioms.taxonomy.reading`), kept only for the few places that a feature speaks for, so that
    each code can be traced to features and form.
    """

    table: pd.DataFrame
    taxonomy: Taxonomy
    base: np.ndarray
    cues: Mapping[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def propose(
        cls,
        features: FeatureTable,
        taxonomy: Taxonomy | str | Path = "empathy",
        *,
        sae: Dictionary | None = None,
        encode: Encode | None = None,
        cues: bool = True,
        min_confidence: float = 0.2,
        overrides: str | Path | None = None,
    ) -> Codebook:
        """Assign each feature to the sub-category that its units and its words speak for.

        The place is the most probable by several readings of the seeds; see
        `saeidioms.taxonomy.placing.place`.

        Parameters
        ----------
        features
            Features with centroids.
        taxonomy
            Sub-categories and outside groups with seed expressions, which are embedded by the
            encoder that embedded the corpus; or what `Taxonomy.read` takes.
        sae
            The sparse autoencoder of the features. Its decoder tells what each feature adds to
            an embedding; without it this is estimated from the centroids, less precisely (on
            ESConv a kappa of 0.30 in place of 0.42).
        encode
            Texts to their (n, D) embeddings, by the encoder of the corpus; by default that is
            loaded by its name.
        cues
            Whether the cues of form that the taxonomy declares count beside the features.
        min_confidence
            Confidence (probability of the place) below which a feature is left unassigned; 0 to 1.
        overrides
            CSV with columns ``feature``, ``sub_category`` (may name an outside group, be empty
            for none, or say "as proposed") and optionally ``label``, ``note``, ``by`` and
            ``dictionary``: a person's word, which wins.

        Raises
        ------
        OptionError
            If `min_confidence` is not within 0 to 1.
        InputError
            If the overrides cannot be read, or name a feature or sub-category there is not.
        """
        if not 0 <= min_confidence <= 1:
            raise OptionError(f"min_confidence is {min_confidence}; it must lie between 0 and 1.")
        taxonomy = taxonomy if isinstance(taxonomy, Taxonomy) else Taxonomy.read(taxonomy)
        encode = encode or embed_like(features.encoder)
        reading = SeedReading.learn(taxonomy, encode, cues=cues)
        directions = directions_of(features, sae)
        lift = directions.steps @ reading.coefficients.T
        probabilities = place(features, reading, encode)
        table = _proposal(features, taxonomy, lift, probabilities, min_confidence)
        if overrides is not None:
            typical = features.table["mean_activation"].fillna(0).to_numpy(np.float64)
            table = _overridden(table, Path(overrides), taxonomy, lift.max(axis=1), typical)
        base = reading.log_odds(directions.origin[None])[0].round(_DECIMALS)
        weights = reading.cue_coefficients.T.round(_DECIMALS)
        form = dict(zip(reading.cues, weights, strict=True))
        return cls(table[list(COLUMNS)], taxonomy, base, form)

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """The G places: S sub-categories, then the outside groups."""
        return self.taxonomy.names + tuple(group.name for group in self.taxonomy.outside)

    @cached_property
    def evidence(self) -> np.ndarray:
        """float64 (F, G): log-odds that one unit of activation adds to each place."""
        column = {name: i for i, name in enumerate(self.groups)}
        table = self.table
        place = table["sub_category"].where(table["sub_category"] != "", table["outside"])
        evidence = np.zeros((len(table), len(column)))
        for row, (name, weight, also) in enumerate(
            zip(place, table["weight"], table["also"], strict=True)
        ):
            parts = {**parse_parts(also), **({name: weight} if name else {})}
            for part, value in parts.items():
                evidence[row, column[part]] = value
        evidence.flags.writeable = False
        return evidence

    @property
    def weights(self) -> np.ndarray:
        """float64 (F, S): the evidence for the sub-categories alone."""
        return self.evidence[:, : len(self.taxonomy.names)]

    def _display(self) -> Display:
        assigned = self.table[self.table["sub_category"] != ""]
        own = assigned.sort_values("confidence", ascending=False).groupby("sub_category")
        rows = [
            (
                *(sub.category, sub.name, int((assigned["sub_category"] == sub.name).sum())),
                "; ".join(own.get_group(sub.name)["label"].head(_LABELS))
                if sub.name in own.groups
                else "",
            )
            for sub in self.taxonomy.sub_categories
        ]
        outside = int((self.table["outside"] != "").sum())
        facts: dict[str, Cell] = {"in a sub-category": len(assigned), "outside": outside}
        facts["in none"] = len(self.table) - len(assigned) - outside
        columns = ("category", "sub-category", "features", "such as")
        title = f"Codebook of {len(self.table):,} features by {self.taxonomy.title}"
        return Display(title, facts, tables=(Table("", columns, rows),))

    def save(self, folder: Path) -> None:
        """Write ``codebook.csv`` (to be edited), the taxonomy and the base to `folder`."""
        folder = Path(folder)
        with atomic_path(folder / _TABLE_FILE) as path:
            # Spreadsheets take a file for UTF-8 only by its byte-order mark.
            self.table.to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\n")
        self.taxonomy.save(folder / _TAXONOMY_FILE)
        base = dict(zip(self.groups, self.base.tolist(), strict=True))
        cues = {cue: weights.tolist() for cue, weights in self.cues.items()}
        write_json(folder / _BASE_FILE, {"base": base, "cues": cues})

    @classmethod
    def load(cls, folder: Path) -> Codebook:
        """Read a codebook that `save` wrote, with a person's edits; every row is checked.

        Raises
        ------
        ArtifactError
            If a file is missing or the files do not belong together.
        InputError
            If a row of ``codebook.csv`` is wrong; file, row and mend are named. The category
            follows from the sub-category; a weight of 0 where a place is named becomes the median.
        """
        folder = Path(folder)
        path = folder / _TABLE_FILE
        if not path.is_file():
            raise ArtifactError(f"{path} is missing; run the codebook stage again.")
        taxonomy = Taxonomy.read(folder / _TAXONOMY_FILE)
        rest = read_json(folder / _BASE_FILE)
        base = rest["base"]
        book = cls(_read_table(path, taxonomy), taxonomy, np.empty(0))
        if list(base) != list(book.groups):
            raise ArtifactError(f"{folder / _BASE_FILE} is of another taxonomy; run again.")
        cues = {cue: np.array(weights) for cue, weights in rest["cues"].items()}
        return cls(book.table, taxonomy, np.array(list(base.values()), dtype=np.float64), cues)


def read_overrides(
    path: Path, taxonomy: Taxonomy, features: Sequence[int] | None = None
) -> pd.DataFrame:
    """Read overrides as `Codebook.propose` takes them; see `saeidioms.taxonomy.sheet.read_rows`.

    Raises
    ------
    InputError
        If the file cannot be read or a row is wrong: file, row and mend are named.
    """
    return read_rows(
        *(path, taxonomy, features),
        required=("feature", "sub_category"),
        allowed=(*COLUMNS, "by", "dictionary"),
        words=(PROPOSED,),
    )


def _proposal(
    features: FeatureTable,
    taxonomy: Taxonomy,
    lift: np.ndarray,
    probabilities: np.ndarray,
    min_confidence: float,
) -> pd.DataFrame:
    """Return the table by (F, G) log-odds per unit of activation and (F, G) probabilities."""
    groups = [*taxonomy.names, *(group.name for group in taxonomy.outside)]
    rows = np.arange(len(lift))
    place = probabilities.argmax(axis=1)
    confidence = probabilities[rows, place]
    flags = features.table["flag"].fillna("").to_numpy(object)
    refused = np.isin(flags, _UNREADABLE)
    kept = (confidence >= min_confidence) & (lift[rows, place] > 0) & ~refused
    lesser = lift.copy()
    lesser[rows, place] = 0.0
    order = np.argsort(-lesser, axis=1, kind="stable")[:, :_LESSER_PLACES]
    also = [format_parts({groups[i]: lesser[row, i] for i in order[row]}) for row in rows]
    names = np.array(groups, dtype=object)[place]
    unsure = np.array([f"unsure: nearest is {name}" for name in names], dtype=object)
    reasons = np.where(refused, "unassigned: " + flags, unsure)
    return pd.DataFrame(
        {
            "feature": features.table["feature"].to_numpy(np.int64),
            "label": features.table["label"].fillna("").to_numpy(object),
            **_places(taxonomy, np.where(kept, names, "")),
            "weight": np.where(kept, lift[rows, place], 0.0).round(_DECIMALS),
            "also": np.where(kept, also, ""),
            "confidence": np.where(refused, 0.0, confidence).round(_DECIMALS),
            "source": "offline",
            "note": np.where(kept, "", reasons),
        }
    )


def _places(taxonomy: Taxonomy, names: np.ndarray) -> dict[str, list[str]]:
    """Return the columns category, sub_category and outside for names of places ("" is none)."""
    inside = set(taxonomy.names)
    return {
        "category": [taxonomy.category_of(name) if name in inside else "" for name in names],
        "sub_category": [name if name in inside else "" for name in names],
        "outside": ["" if name in inside else name for name in names],
    }


def _overridden(
    table: pd.DataFrame, path: Path, taxonomy: Taxonomy, lift: np.ndarray, typical: np.ndarray
) -> pd.DataFrame:
    """Return the table by a person's word, whose places weigh as the median one or more."""
    rows = read_overrides(path, taxonomy, table["feature"].tolist())
    assigned = (table["weight"] * typical)[table["weight"] > 0]
    median = float(assigned.median()) if len(assigned) else 1.0
    usual = np.divide(median, typical, out=np.ones_like(typical), where=typical > 0)
    heavy = np.maximum(lift, usual)
    table = table.set_index("feature", drop=False)
    said = rows.set_index("feature")
    for column in said.columns.intersection(["label", "note"]):
        given = said[column][said[column] != ""]
        table.loc[given.index, column] = given
    placed = said[said["place"] != PROPOSED]
    at = placed.index
    for column, values in _places(taxonomy, placed["place"].to_numpy(object)).items():
        table.loc[at, column] = np.array(values, dtype=object)
    named = placed["place"].to_numpy(object) != ""
    row = table.index.get_indexer(at)
    table.loc[at, "weight"] = np.where(named, heavy[row], 0.0).round(_DECIMALS)
    table.loc[at, "also"] = ""
    table.loc[at, "confidence"] = 1.0
    table.loc[at, "source"] = "override"
    table.loc[at, "note"] = placed["note"]
    return table.reset_index(drop=True)


def _read_table(path: Path, taxonomy: Taxonomy) -> pd.DataFrame:
    rows = read_rows(path, taxonomy, None, required=COLUMNS, allowed=COLUMNS)
    places = _places(taxonomy, rows["place"].to_numpy(object))
    unweighed = (rows["place"] != "").to_numpy() & (rows["weight"] == 0).to_numpy()
    table = rows.assign(**places)
    nowhere = (rows["place"] == "").to_numpy()
    table.loc[nowhere, "weight"], table.loc[nowhere, "also"] = 0.0, ""
    median = table["weight"][table["weight"] > 0].median()
    table.loc[unweighed, "weight"] = 1.0 if np.isnan(median) else round(median, _DECIMALS)
    table = table.sort_values("feature", kind="stable", ignore_index=True)
    if table["feature"].tolist() != list(range(len(table))):
        raise InputError(
            f"{path} must hold each feature from 0 to {len(table) - 1} once; leave sub_category "
            "empty instead of removing a row."
        )
    return table[list(COLUMNS)]
