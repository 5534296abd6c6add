"""The ordered list of stages, and the ways to begin a run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd

from saeidioms import charts, engine
from saeidioms.artifacts import atomic_path, digest_file, write_text
from saeidioms.corpus.corpus import Corpus
from saeidioms.corpus.demo import demo_frame
from saeidioms.corpus.readers import read_corpus
from saeidioms.corpus.select import select_units
from saeidioms.embedding.embed import embed
from saeidioms.engine import Stage
from saeidioms.errors import ArtifactError, OptionError
from saeidioms.idioms.features import find_idioms
from saeidioms.idioms.labellers import OfflineLabeller, label
from saeidioms.machine import versions
from saeidioms.options import FIXED, SECTIONS, Given, bind_options
from saeidioms.report.build import build_report
from saeidioms.run import APPLIED, Run, Sections, digest_source
from saeidioms.sae.autoencoder import SparseAutoencoder
from saeidioms.sae.sweep import Sweep, sweep
from saeidioms.taxonomy.codebook import Codebook, lexicon
from saeidioms.taxonomy.coding import Codes, code
from saeidioms.taxonomy.comparison import compare, groups_to_compare, over_turns
from saeidioms.taxonomy.distribution import Distribution, Kind, distribute
from saeidioms.taxonomy.taxonomy import Taxonomy

logger = logging.getLogger(__name__)


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
    others = {path.name for path in folder.glob("*")} - {"chats.csv", "run"}
    if folder.is_file() or others:
        raise OptionError(f"{folder} is not empty and holds no demo; give a new folder as --out.")
    _codebook_inputs(bind_options(given))  # refuses mistakes before anything is written
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
        if option not in (*SECTIONS[name].neutral, "seed")  # a seed is for the statistics here
    ]
    if fixed:
        raise OptionError(
            f"apply takes {', '.join(fixed)} from {run} as it is; leave that option out."
        )
    for name in APPLIED:
        if model.folder.manifest(name) is None:
            raise ArtifactError(f"{run} has no {name}; finish that run first.")
    kept = {name: dict(model.record.options[name]) for name in FIXED}
    for name in FIXED:
        neutral = SECTIONS[name].neutral
        kept[name] |= {key: value for key, value in given.get(name, {}).items() if key in neutral}
    options = bind_options(dict(given) | kept)
    new = Run.prepare(folder, source, options, dictionary=str(run))
    for stage in STAGES:
        if stage.name in APPLIED and engine.content(new, stage) != engine.content(model, stage):
            new.folder.adopt(stage.name, model.folder.stage(stage.name))
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
    """Make every stage that is missing or stale, in order, up to and with `until`.

    Raises
    ------
    OptionError
        If a file, column or group that the options name is not there; nothing is recorded then.
    """
    if not run.frozen:
        _codebook_inputs(run.record.options)
    if engine.why_stale(run, STAGES, STAGES[0]) is None:
        _check_groups(run, run.corpus)
    engine.advance(run, STAGES, until)


def sweep_run(run: Run, out: str | Path, options: Mapping[str, Any]) -> tuple[Sweep, Path]:
    """Compare sizes of the dictionary on the corpus of a run, which stays as it is.

    Writes ``sweep.csv`` and ``sweep.html`` to the folder ``sweep`` in `out`; see
    `saeidioms.sae.sweep.sweep` for the options.

    Returns
    -------
    Sweep
        The table, and the setting that is recommended.
    Path
        The folder.
    """
    advance(run, "embeddings")
    found = sweep(run.embeddings, groups=run.corpus.conversations, **options)
    folder = Path(out) / "sweep"
    with atomic_path(folder / "sweep.csv") as path:
        _write(found.table, path)
    charts.save(charts.frontier(found), folder / "sweep.html")
    return found, folder


def states(run: Run) -> Iterator[tuple[str, str]]:
    """Yield every stage's name with ``"up to date"`` or why it must be made (again)."""
    stale: set[str] = set()
    for stage in STAGES:
        reason = engine.why_stale(run, STAGES, stage)
        above = [name for name in stage.reads if name in stale]
        if reason is None and above and stage.name not in run.frozen:
            reason = f"follows {', '.join(above)}"
        if reason is not None:
            stale.add(stage.name)
        yield stage.name, reason or "up to date"


def _make_corpus(run: Run, folder: Path) -> None:
    messages = read_corpus(run.record.source, **run.record.options["corpus"])
    corpus = select_units(messages, **run.record.options["units"])
    _check_groups(run, corpus)
    corpus.save(folder)


def _check_groups(run: Run, corpus: Corpus) -> None:
    """Refuse mistaken columns and groups before anything expensive is done."""
    options = run.record.options
    nothing = Codes(
        pd.DataFrame(columns=["unit_id", "category", "sub_category"], dtype="str"),
        corpus.messages(),
    )
    counted = distribute(corpus, nothing, Taxonomy.read(options["codebook"]["taxonomy"]))
    counted.groups(options["distribution"]["by"])
    counted.clusters(options["distribution"]["cluster"])
    if "compare" in options:
        versus = options["compare"]
        groups_to_compare(counted, versus["by"], versus["baseline"], versus["against"])
        counted.groups(versus["panel"])
        counted.clusters(versus["cluster"])


def _make_embeddings(run: Run, folder: Path) -> None:
    known = Run(run.record.dictionary).embeddings if run.record.dictionary else None
    embed(run.corpus, known=known, **run.record.options["embed"]).save(folder)


def _make_sae(run: Run, folder: Path) -> None:
    unfinished = folder.with_name(".sae.checkpoint")  # outlives the folder if this is killed
    sae = SparseAutoencoder(**run.record.options["sae"], checkpoint=unfinished)
    sae.fit(run.embeddings, groups=run.corpus.conversations).save(folder)


def _make_activations(run: Run, folder: Path) -> None:
    run.sae.encode(run.embeddings).save(folder)


def _make_features(run: Run, folder: Path) -> None:
    options = run.record.options["idioms"]
    tables = (run.corpus, run.activations, run.embeddings)
    find_idioms(*tables, stability=run.sae.stability_, **options).save(folder)


def _make_labels(run: Run, folder: Path) -> None:
    columns = ["feature", "label", "label_source"]
    labels = label(run.unlabelled, OfflineLabeller()).table[columns]
    labels.to_csv(folder / "labels.csv", index=False, lineterminator="\n")


def _make_codebook(run: Run, folder: Path) -> None:
    options = run.record.options["codebook"]
    Codebook.propose(run.features, sae=run.sae, encode=_encode(run), **options).save(folder)


def _encode(run: Run) -> Callable[[list[str]], np.ndarray]:
    """Return what embeds further texts as the corpus was embedded."""
    return lambda texts: np.asarray(embed(texts, **run.record.options["embed"]))


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
    draws = {name: value for name, value in options["distribution"].items() if name != "by"}
    turns = over_turns(run.corpus, run.codes, taxonomy, **draws)
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
        level=options["distribution"]["level"],
        figures=figures,
        encode=run.encode,
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
        path = Path(overrides)
        if not path.is_file():
            raise OptionError(f"{path} is no file; give a CSV with feature and sub_category.")
        digests["overrides"] = digest_file(path)
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
        reads=("corpus", "embeddings", "sae", "activations"),
        options=_options_of("idioms"),
    ),
    Stage(
        "labels",
        _make_labels,
        reads=("sae", "features"),
        options=_options_of(),
        edited=("labels.csv", "proposal.csv"),
        edit_of=("sae",),
    ),
    Stage(
        "codebook",
        _make_codebook,
        reads=("sae", "features", "labels"),
        options=_options_of("codebook"),
        inputs=lambda run: _codebook_inputs(run.record.options),
        edited=("codebook.csv", "proposal.csv"),
        edit_of=("sae", "taxonomy"),
        version=2,
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
