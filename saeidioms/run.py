"""A run folder: what it was asked to do, and what its stages made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from saeidioms import machine
from saeidioms.artifacts import (
    FORMAT_VERSION,
    RunFolder,
    digest_file,
    digest_json,
    read_json,
    write_json,
)
from saeidioms.display import Display, Shown, Table
from saeidioms.errors import ArtifactError, InputError, OptionError

if TYPE_CHECKING:
    import numpy as np

    from saeidioms.corpus.corpus import Corpus
    from saeidioms.embedding.embeddings import Embeddings
    from saeidioms.idioms.features import FeatureTable
    from saeidioms.sae.activations import SparseActivations
    from saeidioms.sae.autoencoder import SparseAutoencoder
    from saeidioms.taxonomy.codebook import Codebook
    from saeidioms.taxonomy.coding import Codes
    from saeidioms.taxonomy.distribution import Distribution, Kind
    from saeidioms.taxonomy.explanation import Explanation

T = TypeVar("T")
Sections = dict[str, dict[str, Any]]
GIVEN = "given.csv"  # the labels as they were given, before people edited any
APPLIED = ("sae", "labels", "codebook")  # what a run gives to new chats


@dataclass
class Record:
    """``run.json``: the source, the options as bound, and what each stage cost."""

    source: str
    source_digest: str
    options: Sections
    dictionary: str | None  # the run whose dictionary and codebook are applied here
    stages: dict[str, dict[str, float]]

    def write(self, path: Path) -> None:
        """Write the record with versions and machine, atomically."""
        about = {
            "format": FORMAT_VERSION,
            "versions": machine.versions(),
            "machine": machine.description(),
        }
        write_json(path, about | vars(self))

    @classmethod
    def read(cls, path: Path) -> Record:
        """Read a record; raises ArtifactError where it is none of ours."""
        content = read_json(path)
        if content.get("format") != FORMAT_VERSION:
            raise ArtifactError(
                f"{path} has format {content.get('format')!r}, and this version reads "
                f"{FORMAT_VERSION}; run again into another folder."
            )
        try:
            return cls(**{name: content[name] for name in cls.__dataclass_fields__})
        except KeyError as error:
            raise ArtifactError(f"{path} lacks {error}; run again into another folder.") from error


class Run(Shown):
    """What a run folder holds, loaded on first use.

    Parameters
    ----------
    folder
        A folder that `saeidioms run` wrote.

    Raises
    ------
    ArtifactError
        If `folder` holds no run.

    Examples
    --------
    >>> run = Run("saeidioms-demo")  # doctest: +SKIP
    >>> run.features[17].label  # doctest: +SKIP
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = RunFolder(Path(folder))
        if not self.folder.record.is_file():
            raise ArtifactError(
                f"{folder} holds no run (no {self.folder.record.name}); "
                "make one with `saeidioms run CHATS --out DIR`."
            )
        self.record = Record.read(self.folder.record)
        self._loaded: dict[str, Any] = {}

    @classmethod
    def prepare(
        cls,
        folder: str | Path,
        source: str | Path,
        options: Sections,
        dictionary: str | None = None,
    ) -> Run:
        """Open the run of `source` in `folder`, or begin one, with these options.

        Raises
        ------
        InputError
            If `source` does not exist.
        OptionError
            If `folder` holds the run of another corpus, or files that are no run.
        """
        root, source = RunFolder(Path(folder)), Path(source)
        digest = digest_source(source)
        stages: dict[str, dict[str, float]] = {}
        if root.record.is_file():
            old = Record.read(root.record)
            same = digest == old.source_digest or source.resolve() == Path(old.source).resolve()
            if old.stages and not same:  # a source of which nothing could be made was a slip
                raise OptionError(
                    f"{folder} holds a run of another corpus ({old.source}); "
                    "give another --out, or delete that folder."
                )
            stages = old.stages
        elif root.root.is_file() or (root.root.is_dir() and any(root.root.iterdir())):
            raise OptionError(
                f"{folder} is not empty and holds no run; give a new or empty folder as --out."
            )
        record = Record(str(source), digest, options, dictionary, stages)
        if not root.record.is_file():  # an earlier one stays until these options are gone through
            record.write(root.record)
        run = cls(folder)
        run.record = record
        return run

    @property
    def frozen(self) -> tuple[str, ...]:
        """Stages that came from another run, and are never made here."""
        return APPLIED if self.record.dictionary else ()

    @property
    def corpus(self) -> Corpus:
        """The units that were analysed."""
        from saeidioms.corpus.corpus import Corpus

        return self._load("corpus", Corpus.load)

    @property
    def embeddings(self) -> Embeddings:
        """The vectors of the units."""
        from saeidioms.embedding.embeddings import Embeddings

        return self._load("embeddings", Embeddings.load)

    @property
    def encode(self) -> Callable[[Sequence[str]], np.ndarray]:
        """What embeds further texts as the units were embedded; nothing of it is kept on disk."""
        from saeidioms.embedding.encoders import load_encoder

        spec, options = self.embeddings.encoder, self.record.options["embed"]
        load = partial(
            load_encoder,
            spec.model,
            prompt=spec.prompt,
            dimensions=spec.dimensions,
            precision=spec.precision,
            device=options["device"],
            trust_remote_code=options["trust_remote_code"],
        )
        return self.once("encoder", load).encode

    @property
    def sae(self) -> SparseAutoencoder:
        """The dictionary."""
        from saeidioms.sae.autoencoder import SparseAutoencoder

        return self._load("sae", SparseAutoencoder.load)

    @property
    def activations(self) -> SparseActivations:
        """The activations of the features on the units."""
        from saeidioms.sae.activations import SparseActivations

        return self._load("activations", SparseActivations.load)

    @property
    def unlabelled(self) -> FeatureTable:
        """The features, before labelling."""
        from saeidioms.idioms.features import FeatureTable

        return self._load("features", FeatureTable.load)

    @property
    def labelled(self) -> FeatureTable:
        """The features with their labels."""
        return self._load("labels", self._relabelled)

    @property
    def features(self) -> FeatureTable:
        """The features with their labels, how faithful these are, and their places.

        Where the run compares groups, also how often each feature fires in them.
        """

        def assemble(path: Path) -> FeatureTable:
            features = self.labelled.with_fidelity(self.fidelity).placed(self.codebook.table)
            by = self.record.options["distribution"]["by"]
            return features.with_groups(self.corpus, self.activations, by) if by else features

        return self._load("placed", assemble, folder="codebook")

    @property
    def fidelity(self) -> pd.DataFrame:
        """The fidelity of each label by each judge."""
        return pd.read_csv(self.folder.stage("fidelity") / "fidelity.csv")

    @property
    def codebook(self) -> Codebook:
        """Which feature stands for which sub-category."""
        from saeidioms.taxonomy.codebook import Codebook

        return self._load("codebook", Codebook.load)

    @property
    def grounds(self) -> pd.DataFrame:
        """The features of each sub-category, and how many have faithful labels."""
        from saeidioms.taxonomy.grounds import grounds

        return grounds(self.codebook, self.labelled.with_fidelity(self.fidelity))

    @property
    def codes(self) -> Codes:
        """The codes of units and messages."""
        from saeidioms.taxonomy.coding import Codes

        return self._load("codes", Codes.load)

    @property
    def codes_digest(self) -> str:
        """Digest of the codes, which findings are made from."""
        manifest = self.folder.manifest("codes")
        return digest_json(manifest["files"] if manifest else {})

    @property
    def lexicon(self) -> pd.DataFrame:
        """The idioms of the whole corpus with their features and sub-categories."""
        return self._load("lexicon", lambda path: pd.read_csv(path / "idioms.csv"), folder="codes")

    def explain(self, text: str) -> Explanation:
        """Code a text with this run's dictionary and codebook, and show why."""
        from saeidioms.taxonomy.explanation import explain

        options = self.record.options
        return explain(
            text,
            self.codebook,
            self.sae,
            lambda texts: self.encode(texts),
            unit=self.corpus.unit,
            min_strength=options["codes"]["min_strength"],
        )

    def distribution(self, of: Kind = "messages") -> Distribution:
        """Count codes per conversation: of ``"messages"``, ``"units"`` or ``"expressions"``."""
        from saeidioms.taxonomy.distribution import distribute

        return distribute(self.corpus, self.codes, self.codebook.taxonomy, of=of)

    def _display(self) -> Display:
        stages = self.record.stages
        return Display(
            f"Run {self.folder.root}",
            {"of": self.record.source},
            tables=(
                Table(
                    "Stages that were made",
                    ("stage", "seconds", "peak memory (MB)"),
                    [
                        (name, float(cost["seconds"]), float(cost["peak_memory_mb"]))
                        for name, cost in stages.items()
                    ],
                ),
            ),
        )

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Return what `make` made when this name was first asked for, by this very run."""
        if name not in self._loaded:
            self._loaded[name] = make()
        return self._loaded[name]

    def _relabelled(self, path: Path) -> FeatureTable:
        """Return the features with the labels on disk, of which people may have written some."""
        from saeidioms.idioms.labellers import told_by_hand

        labels = told_by_hand(read_labels(path / "labels.csv"), read_labels(path / GIVEN))
        return self.unlabelled.relabelled(labels)

    def forget(self, stage: str) -> None:
        """Drop what was loaded from a stage that is about to be made again."""
        dependants = {
            "embeddings": ("embeddings", "encoder"),
            "features": ("features", "labels", "placed"),
            "labels": ("labels", "placed"),
            "fidelity": ("placed",),
            "codebook": ("codebook", "placed"),
            "codes": ("codes", "lexicon"),
        }
        for name in dependants.get(stage, (stage,)):
            self._loaded.pop(name, None)

    def _load(self, name: str, load: Callable[[Path], T], folder: str | None = None) -> T:
        if name not in self._loaded:
            path = self.folder.stage(folder or name)
            if not path.is_dir():
                raise ArtifactError(
                    f"{path} is missing; finish the run with `saeidioms run "
                    f"{self.record.source} --out {self.folder.root}`."
                )
            self._loaded[name] = load(path)
        return self._loaded[name]


def read_labels(path: Path) -> pd.DataFrame:
    """Read a table of labels (feature, label, label_source), which people may have edited.

    Raises
    ------
    InputError
        If it cannot be read, or lacks a column.
    """
    try:
        table = pd.read_csv(path, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as CSV ({error}); delete its folder.") from error
    missing = {"feature", "label", "label_source"} - set(table.columns)
    if missing:
        raise InputError(f"{path} has no column {min(missing)}; put it back.")
    return table


def digest_source(source: Path) -> str:
    """Return the content digest of a corpus: a file, or all files of a folder.

    Raises
    ------
    InputError
        If there is nothing at `source`, or it cannot be read.
    """
    try:
        if source.is_dir():
            files = sorted(path for path in source.rglob("*") if path.is_file())
            return digest_json({str(file.relative_to(source)): digest_file(file) for file in files})
        return digest_file(source)
    except FileNotFoundError as error:
        raise InputError(f"{source} does not exist; give a file or folder of chats.") from error
    except OSError as error:
        raise InputError(
            f"{source} cannot be read ({error.strerror}); check its rights."
        ) from error


def read_shares(run: Run) -> pd.DataFrame:
    """Read the overall shares of messages from ``distribution.csv``, categories above their own."""
    shares = pd.read_csv(run.folder.stage("distribution") / "distribution.csv")
    shares = shares[shares["of"] == "messages"].drop(columns="of")
    place = {name: i for i, name in enumerate(shares["category"].unique())}
    return shares.sort_values("category", key=lambda names: names.map(place), kind="stable")
