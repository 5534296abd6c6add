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
from scipy import sparse

from saeidioms.artifacts import atomic_path
from saeidioms.corpus.corpus import Corpus
from saeidioms.embedding.embeddings import Embeddings
from saeidioms.embedding.spec import EncoderSpec
from saeidioms.errors import ArtifactError, InputError, OptionError
from saeidioms.idioms.examples import centroids, find_examples
from saeidioms.idioms.figures import SAID, measure
from saeidioms.idioms.occurrences import find_occurrences
from saeidioms.idioms.phrases import IDIOM_COLUMNS, idioms_of_features
from saeidioms.idioms.split import split_conversations
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
    flag, label, label_source, definition, suggestion, fidelity
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
    definition: str
    suggestion: str
    fidelity: float
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
        `saeidioms.SparseAutoencoder`; NaN where it is not known), ``label``, ``label_source``,
        ``definition`` and ``suggestion`` (the sub-category that the labeller named; "" until
        labelled, and where it says nothing), ``fidelity`` (detection, see
        `saeidioms.idioms.fidelity`; NaN until measured).
    idioms
        By feature, the most telling first: ``feature, phrase, count`` (units of the corpus that
        hold it), ``conversations`` (that hold it), ``feature_count`` (units among them that the
        feature fires on), ``z`` (`saeidioms.idioms.contrast.log_odds`, over the units that idioms
        are chosen from), ``example``.
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
            ``feature, label, label_source``, and optionally ``definition, suggestion``: one row
            for each feature, in any order.

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
        new = {name: given[name].astype("str").to_numpy() for name in SAID if name in given}
        return replace(self, table=self.table.assign(**new).astype(dict.fromkeys(new, "str")))

    def with_fidelity(self, fidelity: pd.DataFrame) -> FeatureTable:
        """Return the same features with the measured fidelity of their labels.

        Parameters
        ----------
        fidelity
            Rows of `saeidioms.idioms.fidelity.measure_fidelity`, of one judge or several, of
            which the last counts.
        """
        last = fidelity.drop_duplicates("feature", keep="last").set_index("feature")
        detection = last["detection"].reindex(self.table["feature"]).to_numpy(np.float64)
        return replace(self, table=self.table.assign(fidelity=detection))

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
    held_out: float = 0.2,
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
    held_out
        Share of the conversations, 0 to 0.5, that examples and idioms are not chosen from, so
        that `saeidioms.idioms.fidelity` can test labels on them; none of fewer than 20
        conversations. Figures, counts and centroids are those of all.
    seed
        Of the choice of those conversations, and of middle and low examples.

    Returns
    -------
    FeatureTable
        Not labelled yet: see `saeidioms.idioms.labellers.label`.

    Raises
    ------
    InputError
        If a unit has no activations or no embedding.
    OptionError
        If `n_examples` or `n_idioms` is less than 1, or `held_out` out of range.
    """
    for name, value in (("n_examples", n_examples), ("n_idioms", n_idioms)):
        if value < 1:
            raise OptionError(f"{name} is {value}; it must be at least 1.")
    unseen = split_conversations(corpus, seed, held_out)
    matrix, order = aligned(corpus, activations, embeddings)
    keys, _ = pd.factorize(np.array([plain_key(text) for text in corpus.texts], dtype=object))
    table = measure(matrix, keys, corpus.texts)
    table["stability"] = np.full(len(table), np.nan, np.float32) if stability is None else stability
    vectors = centroids(matrix, embeddings, order)
    seen = np.flatnonzero(~unseen)
    shown = _part(corpus, seen)
    examples = find_examples(
        *(matrix[seen], pd.factorize(keys[seen])[0], shown, embeddings, order[seen], vectors),
        n_examples=n_examples,
        seed=seed,
    )
    idioms = idioms_of_features(shown, matrix[seen], n_idioms)
    if unseen.any():
        _add_counts(idioms, _part(corpus, np.flatnonzero(unseen)), matrix[unseen])
    flags = table["flag"].value_counts()
    logger.info(
        "%d features: %s; %d idioms",
        len(table),
        ", ".join(f"{n} {flag or 'readable'}" for flag, n in flags.items()),
        idioms["phrase"].nunique(),
    )
    return FeatureTable(table, idioms, examples, vectors, embeddings.encoder)


def aligned(
    corpus: Corpus, activations: SparseActivations, embeddings: Embeddings
) -> tuple[sparse.csr_matrix, npt.NDArray[np.int64]]:
    """Return the (N, F) activations of the units, and the (N,) row of each in the embeddings.

    Raises
    ------
    InputError
        If a unit has no activations or no embedding.
    """
    rows = _rows(corpus, activations.ids, "activations")
    order = _rows(corpus, embeddings.ids, "embedding")
    return (
        activations.matrix if rows is None else activations.matrix[rows],
        np.arange(len(corpus)) if order is None else order,
    )


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


def _part(corpus: Corpus, rows: npt.NDArray[np.int64]) -> Corpus:
    return replace(corpus, table=corpus.table.iloc[rows].reset_index(drop=True))


def _add_counts(idioms: pd.DataFrame, corpus: Corpus, matrix: sparse.csr_matrix) -> None:
    """Add, to the counts of idioms, those of units that they were not chosen on."""
    phrase, phrases = pd.factorize(idioms["phrase"])
    found = find_occurrences(corpus.texts.tolist(), phrases.tolist())
    found = found[["text", "phrase"]].drop_duplicates()
    places = (found["text"].to_numpy(), found["phrase"].to_numpy())
    shape = (len(corpus), len(phrases))
    held = sparse.csc_matrix((np.ones(len(found), dtype=np.int64), places), shape=shape)
    within = found.assign(of=corpus.conversations[places[0]]).groupby("phrase")["of"].nunique()
    fires = sparse.csr_matrix((matrix > 0).T, dtype=np.int64) @ held
    idioms["count"] += np.asarray(held.sum(axis=0)).ravel()[phrase]
    idioms["conversations"] += within.reindex(range(len(phrases)), fill_value=0).to_numpy()[phrase]
    idioms["feature_count"] += np.asarray(fires[idioms["feature"].to_numpy(), phrase]).ravel()
