"""The ordered list of stages, and the ways to begin a run."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from saeidioms import charts, engine
from saeidioms.artifacts import RunFolder, write_text
from saeidioms.config import bind, check_sections
from saeidioms.corpus.corpus import Corpus
from saeidioms.corpus.demo import demo_frame
from saeidioms.corpus.readers import read_corpus
from saeidioms.corpus.select import select_units
from saeidioms.embed.embed import embed
from saeidioms.engine import Stage
from saeidioms.errors import ArtifactError, OptionError
from saeidioms.idioms.features import find_idioms
from saeidioms.idioms.labellers import OfflineLabeller, label
from saeidioms.machine import versions
from saeidioms.report.build import build_report
from saeidioms.run import APPLIED, Run, Sections, digest_source
from saeidioms.sae.autoencoder import SparseAutoencoder
from saeidioms.taxonomy.codebook import Codebook, lexicon
from saeidioms.taxonomy.coding import code
from saeidioms.taxonomy.comparison import compare, over_turns
from saeidioms.taxonomy.distribution import Distribution, Kind
from saeidioms.taxonomy.taxonomy import Taxonomy

logger = logging.getLogger(__name__)

Given = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Section:
    """A section of the configuration: the callable that it configures.

    Attributes
    ----------
    function
        Its keyword arguments are the options.
    given
        Arguments that the pipeline passes itself.
    neutral
        Options that change no result, so that changing them makes nothing again.
    """

    function: Callable[..., Any]
    given: tuple[str, ...] = ()
    neutral: tuple[str, ...] = ()


FIXED = ("units", "embed", "sae", "idioms", "codebook", "codes")  # of a run that is applied
REPORT_GIVEN = (
    *("folder", "corpus", "sae", "features", "codebook", "codes", "distribution", "lexicon"),
    *("shares", "figures", "options", "versions"),
)

SECTIONS = {
    "corpus": Section(read_corpus, given=("source",)),
    "units": Section(select_units, given=("corpus",)),
    "embed": Section(embed, given=("corpus", "known"), neutral=("cache",)),
    "sae": Section(SparseAutoencoder),
    "idioms": Section(find_idioms, given=("corpus", "activations", "embeddings")),
    "codebook": Section(Codebook.propose, given=("features", "sae")),
    "codes": Section(code, given=("corpus", "activations", "codebook")),
    "distribution": Section(Distribution.shares),
    "compare": Section(compare, given=("distribution",)),
    "report": Section(build_report, given=REPORT_GIVEN),
}


def bind_options(given: Given) -> Sections:
    """Check all sections of a configuration and fill in the defaults.

    ``compare`` is bound only where it names a baseline.

    Raises
    ------
    OptionError
        For an unknown section or option, or a value of the wrong type.
    """
    check_sections(given, SECTIONS)
    wanted = [name for name in SECTIONS if name != "compare" or "baseline" in given.get(name, {})]
    return {
        name: bind(name, SECTIONS[name].function, given.get(name, {}), SECTIONS[name].given)
        for name in wanted
    }


def start(source: str | Path, folder: str | Path, given: Given) -> Run:
    """Begin the run of `source` in `folder`, or go on with it, with these options.

    Parameters
    ----------
    source
        File or folder of chats.
    folder
        Run folder: new, empty, or an earlier run of the same chats.
    given
        Section -> options, as in a configuration file.

    Returns
    -------
    Run
        Ready for `advance`.
    """
    options = bind_options(given)
    _codebook_inputs(options)  # refuses a missing taxonomy before anything expensive is done
    return Run.prepare(folder, source, options)


def start_demo(folder: str | Path, given: Given) -> Run:
    """Begin the run of the synthetic demo corpus.

    The chats are written to ``folder/chats.csv``, the run to ``folder/run``.

    Raises
    ------
    OptionError
        If `folder` holds something else.
    """
    folder = Path(folder)
    ours = RunFolder(folder / "run").record.is_file()
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not ours):
        raise OptionError(f"{folder} is not empty and holds no demo; give a new folder as --out.")
    write_text(folder / "chats.csv", demo_frame().to_csv(index=False, lineterminator="\n"))
    return start(folder / "chats.csv", folder / "run", given)


def start_applied(run: str | Path, source: str | Path, folder: str | Path, given: Given) -> Run:
    """Begin to code new chats with the dictionary, labels and codebook of a finished run.

    Parameters
    ----------
    run
        The finished run.
    source, folder, given
        As for `start`. The units, the model and all thresholds are those of `run`; only what
        concerns reading and statistics can be given.

    Raises
    ------
    ArtifactError
        If `run` is not finished.
    OptionError
        If `given` would change the dictionary or the codebook.
    """
    model = Run(run)
    fixed = [
        f"{name}.{option}"
        for name in FIXED
        for option in given.get(name, {})
        if option not in SECTIONS[name].neutral
    ]
    if fixed:
        raise OptionError(
            f"apply takes {', '.join(fixed)} from {run} as it is; leave that option out."
        )
    for name in APPLIED:
        if model.folder.manifest(name) is None:
            raise ArtifactError(f"{run} has no {name}; finish that run first.")
    kept = {name: model.record.options[name] | dict(given.get(name, {})) for name in FIXED}
    options = bind_options(dict(given) | kept)
    new = Run.prepare(folder, source, options, dictionary=str(run))
    for name in APPLIED:
        if new.folder.manifest(name) is None:
            shutil.copytree(model.folder.stage(name), new.folder.stage(name), dirs_exist_ok=True)
    return new


def resume(folder: str | Path) -> Run:
    """Open a run to look at it, or to make single stages of it again.

    Where its chats are not there any more, they count as unchanged.
    """
    run = Run(folder)
    source = Path(run.record.source)
    if source.exists():
        run.record.source_digest = digest_source(source)
    return run


def advance(run: Run, until: str | None = None) -> None:
    """Make every stage that is missing or stale, in order, up to and with `until`."""
    engine.advance(run, STAGES, until)


def states(run: Run) -> Iterator[tuple[str, str]]:
    """Yield every stage's name with ``"up to date"`` or why it must be made (again)."""
    for stage in STAGES:
        yield stage.name, engine.why_stale(run, STAGES, stage) or "up to date"


def _make_corpus(run: Run, folder: Path) -> None:
    messages = read_corpus(run.record.source, **run.record.options["corpus"])
    corpus = select_units(messages, **run.record.options["units"])
    _check_columns(run, corpus)
    corpus.save(folder)


def _check_columns(run: Run, corpus: Corpus) -> None:
    """Refuse a misspelt group before anything expensive is done."""
    for section in ("distribution", "compare"):
        for name in ("by", "panel", "cluster"):
            column = run.record.options.get(section, {}).get(name)
            if column is not None and column not in corpus.table.columns:
                raise OptionError(
                    f"{section}.{name} is {column!r}, which is no column of {run.record.source}; "
                    f"there are: {', '.join(['conversation_id', *corpus.metadata])}."
                )


def _make_embeddings(run: Run, folder: Path) -> None:
    known = Run(run.record.dictionary).embeddings if run.record.dictionary else None
    embed(run.corpus, known=known, **run.record.options["embed"]).save(folder)


def _make_sae(run: Run, folder: Path) -> None:
    sae = SparseAutoencoder(**run.record.options["sae"])
    sae.fit(run.embeddings, groups=run.corpus.conversations).save(folder)


def _make_activations(run: Run, folder: Path) -> None:
    run.sae.encode(run.embeddings).save(folder)


def _make_features(run: Run, folder: Path) -> None:
    options = run.record.options["idioms"]
    find_idioms(run.corpus, run.activations, run.embeddings, **options).save(folder)


def _make_labels(run: Run, folder: Path) -> None:
    columns = ["feature", "label", "label_source"]
    labels = label(run.unlabelled, OfflineLabeller()).table[columns]
    labels.to_csv(folder / "labels.csv", index=False, lineterminator="\n")


def _make_codebook(run: Run, folder: Path) -> None:
    options = run.record.options["codebook"]
    Codebook.propose(run.features, sae=run.sae, **options).save(folder)


def _make_codes(run: Run, folder: Path) -> None:
    code(run.corpus, run.activations, run.codebook, **run.record.options["codes"]).save(folder)
    table = lexicon(run.features, run.codebook)
    table.to_csv(folder / "idioms.csv", index=False, lineterminator="\n")


def _make_distribution(run: Run, folder: Path) -> None:
    """Write every share overall, and by groups and against a baseline where those are given."""
    options = run.record.options
    overall = options["distribution"] | {"by": None}
    _write(_over_kinds(run, lambda counted: counted.shares(**overall)), folder / "distribution.csv")
    if options["distribution"]["by"] is not None:
        by_group = _over_kinds(run, lambda counted: counted.shares(**options["distribution"]))
        _write(by_group, folder / "by_group.csv")
    if "compare" in options:
        changes = _over_kinds(run, lambda counted: compare(counted, **options["compare"]))
        _write(changes, folder / "comparison.csv")


def _over_kinds(run: Run, table: Callable[[Distribution], pd.DataFrame]) -> pd.DataFrame:
    """Return one table for messages, units and expressions, told apart by the column ``of``."""
    parts = []
    for kind in get_args(Kind):
        part = table(run.distribution(kind))
        part.insert(0, "of", kind)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _write(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False, lineterminator="\n", float_format="%.6g")


def _make_report(run: Run, folder: Path) -> None:
    options = run.record.options
    taxonomy, counted = run.codebook.taxonomy, run.distribution()
    figures = []
    if by := options["distribution"]["by"]:
        groups = counted.shares(**options["distribution"])
        figures.append((f"By {by}", charts.by_group(groups, taxonomy, by=by)))
    if "compare" in options:
        versus = options["compare"]
        changes = compare(counted, **versus)
        heading = f"Change against {versus['baseline']}, by {versus['by']}"
        figures.append((heading, charts.change(changes, taxonomy, panel=versus["panel"])))
    turns = over_turns(run.corpus, run.codes, taxonomy)
    figures.append(("Over the conversation", charts.over_turns(turns, taxonomy)))
    figures.append(("Map of the features", charts.feature_map(run.features, run.codebook)))
    build_report(
        folder,
        corpus=run.corpus,
        sae=run.sae,
        features=run.features,
        codebook=run.codebook,
        codes=run.codes,
        distribution=counted,
        lexicon=run.lexicon,
        shares=counted.shares(**options["distribution"] | {"by": None}),
        figures=figures,
        options=options,
        versions=versions(),
        **options["report"],
    )


def _options_of(*sections: str) -> Callable[[Run], dict[str, Any]]:
    """Return what gives ``"section.option"`` -> value of these sections, neutral ones left out."""

    def options(run: Run) -> dict[str, Any]:
        return {
            f"{section}.{name}": value
            for section in sections
            for name, value in run.record.options.get(section, {}).items()
            if name not in SECTIONS[section].neutral
        }

    return options


def _codebook_inputs(options: Sections) -> dict[str, str]:
    """Return the digests of the files that the codebook is made from."""
    digests = {"taxonomy": Taxonomy.read(options["codebook"]["taxonomy"]).digest}
    if overrides := options["codebook"]["overrides"]:
        digests["overrides"] = digest_source(Path(overrides))
    return digests


STAGES = (
    Stage(
        "corpus",
        _make_corpus,
        reads=(),
        options=_options_of("corpus", "units"),
        inputs=lambda run: {"source": run.record.source_digest},
    ),
    Stage("embeddings", _make_embeddings, reads=("corpus",), options=_options_of("embed")),
    Stage("sae", _make_sae, reads=("corpus", "embeddings"), options=_options_of("sae")),
    Stage("activations", _make_activations, reads=("embeddings", "sae"), options=_options_of()),
    Stage(
        "features",
        _make_features,
        reads=("corpus", "embeddings", "activations"),
        options=_options_of("idioms"),
    ),
    Stage(
        "labels",
        _make_labels,
        reads=("features",),
        options=_options_of(),
        edited=("labels.csv", "proposal.csv"),
    ),
    Stage(
        "codebook",
        _make_codebook,
        reads=("sae", "features", "labels"),
        options=_options_of("codebook"),
        inputs=lambda run: _codebook_inputs(run.record.options),
        edited=("codebook.csv", "proposal.csv"),
    ),
    Stage(
        "codes",
        _make_codes,
        reads=("corpus", "activations", "features", "labels", "codebook"),
        options=_options_of("codes"),
    ),
    Stage(
        "distribution",
        _make_distribution,
        reads=("corpus", "codebook", "codes"),
        options=_options_of("distribution", "compare"),
    ),
    Stage(
        "report",
        _make_report,
        reads=("corpus", "sae", "features", "labels", "codebook", "codes", "distribution"),
        options=_options_of("distribution", "compare", "report"),
    ),
)
