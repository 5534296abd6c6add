"""The features of a dictionary as people read them: figures, examples, idioms."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from saeidioms.artifacts import atomic_path
from saeidioms.corpus.corpus import Corpus
from saeidioms.embedding.embeddings import Embeddings
from saeidioms.embedding.encoders import EncoderSpec
from saeidioms.errors import ArtifactError, InputError, OptionError
from saeidioms.idioms.examples import centroids, find_examples
from saeidioms.idioms.figures import measure
from saeidioms.idioms.phrases import IDIOM_COLUMNS, idioms_of_features
from saeidioms.idioms.words import plain_key
from saeidioms.sae.activations import SparseActivations

logger = logging.getLogger(__name__)

_TABLE_FILE = "features.parquet"
_IDIOMS_FILE = "idioms.csv"
_EXAMPLES_FILE = "examples.parquet"
_CENTROIDS_FILE = "centroids.safetensors"


@dataclass(frozen=True, eq=False)
class Feature:
    """One feature, with what one reads to understand it.

    Attributes
    ----------
    feature
        Its number.
    density
        Share of the units it fires on.
    n_units, n_texts
        Units it fires on, and distinct texts among them (letter case and punctuation aside).
    mean_activation, max_activation
        Over the units it fires on; 0 where there is none.
    flag, label, label_source
        See `FeatureTable`.
    idioms, examples
        Its rows of the tables of the same names.
    """

    feature: int
    density: float
    n_units: int
    n_texts: int
    mean_activation: float
    max_activation: float
    flag: str
    stability: float
    label: str
    label_source: str
    idioms: pd.DataFrame
    examples: pd.DataFrame


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """All F features of a dictionary on one corpus.

    Attributes
    ----------
    table
        F rows: ``feature`` (int64, 0 to F - 1), ``density`` (share of the units, 0 to 1),
        ``n_units``, ``n_texts`` (distinct texts, letter case and punctuation aside),
        ``mean_activation`` and ``max_activation`` (over the units it fires on, 0 where there is
        none), ``flag`` ("", "dead": fires on nothing; "one text": fires on nothing but one text;
        "length": `saeidioms.idioms.figures.explained_by_length`), ``stability`` (see
        `saeidioms.SparseAutoencoder`; NaN where it is not known), ``label`` and ``label_source``
        ("" until labelled).
    idioms
        By feature, the most telling first: ``feature, phrase, count`` (units of the corpus that
        hold it), ``conversations`` (that hold it), ``feature_count`` (units among them that the
        feature fires on), ``z`` (`saeidioms.idioms.phrases.log_odds`), ``example``.
    examples
        ``feature, kind, rank, unit_id, text, activation``; kind is "top", "middle", "low" (by
        activation) or "near miss" (the units nearest to the feature's centroid that it does not
        fire on, so that their activation is 0). No text twice within a feature.
    centroids
        float32 (F, D): mean embedding of the units a feature fires on, weighted by activation,
        at unit length; zeros for dead features.
    encoder
        What made the embeddings.

    Examples
    --------
    ``features[17]`` is a `Feature`; ``features[17].idioms.phrase.tolist()`` its idioms.
    """

    table: pd.DataFrame
    idioms: pd.DataFrame
    examples: pd.DataFrame
    centroids: npt.NDArray[np.float32]
    encoder: EncoderSpec

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, feature: int) -> Feature:
        """Return one feature.

        Raises
        ------
        IndexError
            If there is no such feature.
        """
        if not 0 <= feature < len(self):
            raise IndexError(f"There is no feature {feature}; give 0 to {len(self) - 1}.")
        row = {str(name): value for name, value in self.table.iloc[feature].to_dict().items()}
        own = {
            name: rows[rows["feature"] == feature].reset_index(drop=True)
            for name, rows in (("idioms", self.idioms), ("examples", self.examples))
        }
        return Feature(**row, **own)

    def relabelled(self, labels: pd.DataFrame) -> FeatureTable:
        """Return the same features with other labels.

        Parameters
        ----------
        labels
            ``feature, label, label_source``, one row for each feature, in any order.

        Raises
        ------
        InputError
            If a feature has no label, or two.
        """
        given = labels.sort_values("feature", kind="stable")
        if given["feature"].tolist() != self.table["feature"].tolist():
            raise InputError(
                f"The labels must name each feature from 0 to {len(self) - 1} once; "
                f"{len(given)} rows were given."
            )
        new = {name: given[name].astype("str").to_numpy() for name in ("label", "label_source")}
        return replace(self, table=self.table.assign(**new).astype(dict.fromkeys(new, "str")))

    def save(self, folder: str | Path) -> None:
        """Write the tables and centroids to `folder`; ``idioms.csv`` opens in a spreadsheet.

        Raises
        ------
        ArtifactError
            If the folder cannot be written.
        """
        folder = Path(folder)
        for rows, name in ((self.table, _TABLE_FILE), (self.examples, _EXAMPLES_FILE)):
            with atomic_path(folder / name) as path:
                rows.to_parquet(path, index=False)
        with atomic_path(folder / _IDIOMS_FILE) as path:
            # Spreadsheets take a file for UTF-8 only by its byte-order mark.
            self.idioms.to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\n")
        with atomic_path(folder / _CENTROIDS_FILE) as path:
            note = {"encoder": json.dumps(asdict(self.encoder), ensure_ascii=False)}
            save_file({"centroids": np.ascontiguousarray(self.centroids)}, path, note)

    @classmethod
    def load(cls, folder: str | Path) -> FeatureTable:
        """Read what `save` wrote, equal in every value and type.

        Raises
        ------
        ArtifactError
            If a file is missing or damaged.
        """
        folder = Path(folder)
        try:
            idioms = pd.read_csv(
                folder / _IDIOMS_FILE,
                encoding="utf-8-sig",
                keep_default_na=False,
                dtype="str",  # numbers are parsed by NumPy, to the last digit
            ).astype(dict(IDIOM_COLUMNS))
            with safe_open(folder / _CENTROIDS_FILE, framework="numpy") as file:
                vectors = file.get_tensor("centroids")
                encoder = EncoderSpec(**json.loads(file.metadata()["encoder"]))
            tables = [pd.read_parquet(folder / name) for name in (_TABLE_FILE, _EXAMPLES_FILE)]
        except FileNotFoundError as error:
            raise ArtifactError(
                f"{folder} is not complete ({error}); run the features stage again."
            ) from error
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            SafetensorError,
            pa.ArrowException,
        ) as error:
            raise ArtifactError(
                f"{folder} is damaged ({error}); delete it and run the features stage again."
            ) from error
        return cls(tables[0], idioms, tables[1], vectors, encoder)


def find_idioms(
    corpus: Corpus,
    activations: SparseActivations,
    embeddings: Embeddings,
    *,
    stability: npt.NDArray[np.float32] | None = None,
    n_examples: int = 10,
    n_idioms: int = 10,
    seed: int = 0,
) -> FeatureTable:
    """Find what each feature fires on: figures, examples, near misses, idioms.

    Parameters
    ----------
    corpus
        N units.
    activations, embeddings
        Of these units, joined by unit id.
    stability
        (F,) of each feature, where it is known.
    n_examples
        The most examples of each kind for a feature.
    n_idioms
        The most idioms for a feature.
    seed
        Of the choice of middle and low examples.

    Returns
    -------
    FeatureTable
        Not labelled yet: see `saeidioms.idioms.labellers.label`.

    Raises
    ------
    InputError
        If a unit has no activations or no embedding.
    OptionError
        If `n_examples` or `n_idioms` is less than 1.
    """
    for name, value in (("n_examples", n_examples), ("n_idioms", n_idioms)):
        if value < 1:
            raise OptionError(f"{name} is {value}; it must be at least 1.")
    rows = _rows(corpus, activations.ids, "activations")
    matrix = activations.matrix if rows is None else activations.matrix[rows]
    order = _rows(corpus, embeddings.ids, "embedding")
    order = np.arange(len(corpus)) if order is None else order
    keys, _ = pd.factorize(np.array([plain_key(text) for text in corpus.texts], dtype=object))
    table = measure(matrix, keys, corpus.texts)
    table["stability"] = np.full(len(table), np.nan, np.float32) if stability is None else stability
    vectors = centroids(matrix, embeddings, order)
    examples = find_examples(
        matrix, keys, corpus, embeddings, order, vectors, n_examples=n_examples, seed=seed
    )
    idioms = idioms_of_features(corpus, matrix, n_idioms)
    flags = table["flag"].value_counts()
    logger.info(
        "%d features: %s; %d idioms",
        len(table),
        ", ".join(f"{n} {flag or 'readable'}" for flag, n in flags.items()),
        idioms["phrase"].nunique(),
    )
    return FeatureTable(table, idioms, examples, vectors, embeddings.encoder)


def _rows(corpus: Corpus, ids: npt.NDArray[Any], what: str) -> npt.NDArray[np.intp] | None:
    """Return the row of each unit among `ids`; None where both are in the same order."""
    if np.array_equal(corpus.ids, ids):
        return None
    rows = pd.Index(ids).get_indexer(corpus.ids)
    if (rows < 0).any():
        missing = corpus.ids[rows < 0]
        raise InputError(
            f"{len(missing)} of {len(corpus)} units have no {what} (the first is {missing[0]}); "
            "give those of the same corpus."
        )
    return rows
