"""The features of a dictionary as people read them: figures, examples, idioms."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from operator import index
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from saeidioms.artifacts import atomic_path
from saeidioms.corpus.corpus import Corpus
from saeidioms.display import Display, Shown
from saeidioms.embedding.embed import embed_like
from saeidioms.embedding.spec import EncoderSpec
from saeidioms.errors import ArtifactError, InputError, OptionError
from saeidioms.idioms.feature import Feature
from saeidioms.idioms.figures import SAID, density_by
from saeidioms.idioms.listing import listing
from saeidioms.idioms.meaning import search_features
from saeidioms.idioms.phrases import IDIOM_COLUMNS
from saeidioms.sae.activations import SparseActivations

_TABLE_FILE = "features.parquet"
_IDIOMS_FILE = "idioms.csv"
_EXAMPLES_FILE = "examples.parquet"
_CENTROIDS_FILE = "centroids.safetensors"
_PLACE = ("category", "sub_category", "outside", "confidence")
_LISTED = ("feature", "label", "category", "sub_category", "density", "fidelity", "stability")
_NEIGHBOURS = 5  # of a feature, on its card


@dataclass(frozen=True, eq=False, repr=False)
class FeatureTable(Shown):
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
    histograms
        int64 (F, B): units by activation, in B equal steps from 0 to the feature's highest; None
        where it is not known.
    groups
        ``feature, by, value, density, n``, see `with_groups`; None until counted.

    Examples
    --------
    ``features[17]`` is a `Feature`, in a notebook a card; ``features.search("says sorry")`` finds
    some by meaning, ``features.similar_to(17)`` by what they fire on.
    """

    table: pd.DataFrame
    idioms: pd.DataFrame
    examples: pd.DataFrame
    centroids: npt.NDArray[np.float32]
    encoder: EncoderSpec
    histograms: npt.NDArray[np.int64] | None = None
    groups: pd.DataFrame | None = None

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, feature: int) -> Feature:
        """Return one feature.

        Raises
        ------
        IndexError
            If there is no such feature.
        """
        feature = index(feature)
        if not 0 <= feature < len(self):
            raise IndexError(f"There is no feature {feature}; give 0 to {len(self) - 1}.")
        row = {str(name): value for name, value in self.table.iloc[feature].to_dict().items()}
        own = {
            name: rows[rows["feature"] == feature].reset_index(drop=True)
            for name, rows in (
                *(("idioms", self.idioms), ("examples", self.examples)),
                *([] if self.groups is None else [("groups", self.groups)]),
            )
        }
        bars = () if self.histograms is None else tuple(self.histograms[feature].tolist())
        near = self.similar_to(feature, n=_NEIGHBOURS)[["feature", "label", "cosine"]]
        return Feature(**row, **own, neighbours=near, histogram=bars)

    def similar_to(self, feature: int, *, n: int = 10) -> pd.DataFrame:
        """Return the features that fire on the most similar units.

        Parameters
        ----------
        feature
            Its number.
        n
            How many.

        Returns
        -------
        pandas.DataFrame
            ``feature, label, cosine, density, fidelity``: by the cosine (-1 to 1) of the
            centroids; dead features are left out.

        Raises
        ------
        OptionError
            If there is no such feature.
        """
        if not 0 <= feature < len(self):
            raise OptionError(f"there is no feature {feature}; give 0 to {len(self) - 1}.")
        cosine = (self.centroids @ self.centroids[feature]).astype(np.float64)
        found = self.table[["feature", "label", "density", "fidelity"]].assign(cosine=cosine)
        found = found[(found["feature"] != feature) & (found["density"] > 0)]
        ranked = found.sort_values("cosine", ascending=False, kind="stable").head(n)
        return ranked[["feature", "label", "cosine", "density", "fidelity"]].reset_index(drop=True)

    def search(
        self,
        query: str,
        *,
        n: int = 10,
        encode: Callable[[list[str]], npt.NDArray[np.float32]] | None = None,
    ) -> pd.DataFrame:
        """Return the features that mean what a phrase means.

        Parameters
        ----------
        query
            What to look for, in words.
        n
            How many.
        encode
            Texts to embeddings of unit length, by the encoder of the corpus; by default that is
            loaded by its name.

        Returns
        -------
        pandas.DataFrame
            See `saeidioms.idioms.meaning.search_features`.
        """
        encode = encode or embed_like(self.encoder)
        return search_features(query, self.table, self.idioms, self.centroids, encode, n=n)

    def where(
        self,
        *,
        category: str | None = None,
        sub_category: str | None = None,
        min_fidelity: float | None = None,
        min_stability: float | None = None,
        min_density: float | None = None,
    ) -> pd.DataFrame:
        """Return the readable features of a place, or good enough, the most frequent first.

        Parameters
        ----------
        category, sub_category
            Their place, once they are `placed`.
        min_fidelity, min_stability, min_density
            The least; features of which the figure is not known are left out.

        Returns
        -------
        pandas.DataFrame
            ``feature, label, category, sub_category, density, fidelity, stability``; flagged
            features are left out.

        Raises
        ------
        OptionError
            If features have no places yet, or none has such a one.
        """
        table = self.table[self.table["flag"].fillna("") == ""]
        for column, wanted in (("category", category), ("sub_category", sub_category)):
            if wanted is not None:
                values = self._column(column)
                if wanted not in set(values):
                    known = sorted(name for name in set(values) if name)
                    raise OptionError(
                        f"no feature has the {column} {wanted!r}; there are: {', '.join(known)}."
                    )
                table = table[values.loc[table.index] == wanted]
        for column, least in (
            *(("fidelity", min_fidelity), ("stability", min_stability)),
            ("density", min_density),
        ):
            if least is not None:
                table = table[table[column] >= least]
        found = table.sort_values("density", ascending=False, kind="stable")
        return found[[name for name in _LISTED if name in found]].reset_index(drop=True)

    def _column(self, name: str) -> pd.Series:
        """Return a column of places, once it is sure that there is one."""
        if name not in self.table:
            raise OptionError(
                f"these features have no {name} yet; give features.placed(codebook.table)."
            )
        return self.table[name]

    def placed(self, places: pd.DataFrame) -> FeatureTable:
        """Return the same features with their places in a codebook.

        Parameters
        ----------
        places
            ``feature, category, sub_category, outside, confidence`` and ``label``, which is what
            the features are then called: the table of a `saeidioms.Codebook`.

        Raises
        ------
        InputError
            If the places are of other features.
        """
        given = places.sort_values("feature", kind="stable")
        if given["feature"].tolist() != self.table["feature"].tolist():
            raise InputError(
                f"the places are of {len(given)} features and these are {len(self)}; give the "
                "codebook of the same dictionary."
            )
        new = {name: given[name].to_numpy() for name in (*_PLACE, "label")}
        return replace(self, table=self.table.assign(**new))

    def with_groups(self, corpus: Corpus, activations: SparseActivations, by: str) -> FeatureTable:
        """Return the same features with how often each fires in the groups of a column.

        Parameters
        ----------
        corpus, activations
            N units, and their activations, joined by unit id.
        by
            Column of the corpus, such as ``"arm"``; units without a value are left out.

        Raises
        ------
        OptionError
            If there is no such column.
        InputError
            If a unit has no activations.
        """
        return replace(self, groups=density_by(corpus, activations, by))

    def _display(self) -> Display:
        return listing(self.table, self.where(), self.idioms, self.encoder.model)

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
            arrays = {"centroids": self.centroids, "histograms": self.histograms}
            kept = {name: np.ascontiguousarray(a) for name, a in arrays.items() if a is not None}
            save_file(kept, path, note)

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
                known = "histograms" in file.keys()  # noqa: SIM118 (no mapping)
                bars = file.get_tensor("histograms") if known else None
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
        return cls(tables[0], idioms, tables[1], vectors, encoder, bars)
