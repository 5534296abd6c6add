"""The ways to begin a run, and to go on with it."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from saeidioms import charts, engine
from saeidioms.artifacts import RunFolder, atomic_path, write_text
from saeidioms.config import read_config
from saeidioms.corpus.demo import demo_frame
from saeidioms.errors import ArtifactError, OptionError
from saeidioms.idioms.labellers import label
from saeidioms.llm.cost import Estimate, Rehearsal
from saeidioms.options import FIXED, SECTIONS, Given, bind_options
from saeidioms.run import APPLIED, Record, Run, Sections, digest_source
from saeidioms.stages import (
    STAGES,
    check_groups,
    choose_labeller,
    codebook_inputs,
    fidelity_of,
    labelling_of,
    write_table,
)
from saeidioms.taxonomy.codebook import read_overrides
from saeidioms.taxonomy.inheritance import dictionary_of
from saeidioms.taxonomy.taxonomy import Taxonomy

if TYPE_CHECKING:
    from saeidioms.sae.sweep import Sweep

logger = logging.getLogger(__name__)

_ENCODER = ("model", "prompt", "dimensions")  # options that make it another


def analyse(
    source: str | Path,
    out: str | Path,
    *,
    config: str | Path | None = None,
    **sections: Mapping[str, Any],
) -> Run:
    """Do the whole run of `source` in the folder `out`, from chats to report.

    Stages that are done, with the same options, are not done again.

    Parameters
    ----------
    source
        File or folder of chats.
    out
        Run folder: new, empty, or an earlier run of the same chats.
    config
        Configuration file, or the name of a shipped one.
    sections
        Options over those of `config`, by the sections of such a file: ``units={"role":
        "supporter"}, sae={"n_features": 128}``.

    Raises
    ------
    InputError, OptionError
        If the chats cannot be read, or an option is not allowed.

    Examples
    --------
    >>> run = analyse("chats.csv", "out", units={"role": "supporter"})  # doctest: +SKIP
    >>> run.features.search("says sorry")  # doctest: +SKIP
    """
    return _finished(start(source, out, _merged(config, sections)))


def demo(out: str | Path = "saeidioms-demo", **sections: Mapping[str, Any]) -> Run:
    """Do the run of the synthetic demo corpus in the folder `out`; see `analyse`."""
    return _finished(start_demo(out, _merged("demo", sections)))


def _merged(config: str | Path | None, sections: Mapping[str, Mapping[str, Any]]) -> Given:
    """Return the options of a configuration file with others over them."""
    given = {} if config is None else read_config(config)
    names = dict.fromkeys([*given, *sections])
    return {name: {**given.get(name, {}), **sections.get(name, {})} for name in names}


def _finished(run: Run) -> Run:
    advance(run)
    return run


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

    Raises
    ------
    InputError
        If `source` or the overrides cannot be read.
    OptionError
        If an option is not allowed, or the overrides are of features of another encoder.
    """
    root = RunFolder(Path(folder))
    options = bind_options(_with_own_overrides(given, root))
    # Refuse before anything expensive is done.
    codebook_inputs(options, root)
    _check_overrides(options, root)
    return Run.prepare(folder, source, options)


def _with_own_overrides(given: Given, folder: RunFolder) -> Given:
    """Return the options with what people said of this run, where they name no other overrides."""
    codebook = given.get("codebook", {})
    if "overrides" in codebook or not folder.overrides.is_file():
        return given
    return {**given, "codebook": {**codebook, "overrides": folder.told(folder.overrides)}}


def _check_overrides(options: Sections, folder: RunFolder) -> None:
    """Refuse overrides that are none by this taxonomy, or that no new feature can inherit."""
    overrides = options["codebook"]["overrides"]
    if overrides is None:
        return
    path = folder.given(overrides)
    read_overrides(path, Taxonomy.read(options["codebook"]["taxonomy"]))
    if path != folder.overrides or not folder.record.is_file() or dictionary_of(path) is None:
        return
    before, now = Record.read(folder.record).options["embed"], options["embed"]
    changed = [name for name in _ENCODER if before[name] != now[name]]
    if changed:
        told = ", ".join(f"{name} is {now[name]} and was {before[name]}" for name in changed)
        raise OptionError(
            f"{path} speaks of features of another encoder ({told}), which cannot be found again; "
            "give a new --out, or move that file away."
        )


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
    # Refuses mistakes before anything is written.
    codebook_inputs(bind_options(given), RunFolder(folder / "run"))
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
        codebook_inputs(run.record.options, run.folder)
        labelling_of(run)
    if engine.why_stale(run, STAGES, STAGES[0]) is None:
        check_groups(run, run.corpus)
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
    from saeidioms.sae.sweep import sweep

    advance(run, "embeddings")
    found = sweep(run.embeddings, groups=run.corpus.conversations, **options)
    folder = Path(out) / "sweep"
    with atomic_path(folder / "sweep.csv") as path:
        write_table(found.table, path)
    charts.save(charts.frontier(found), folder / "sweep.html")
    return found, folder


def estimate_labels(run: Run, price_in: float | None, price_out: float | None) -> Estimate:
    """Return what labels by a language model, and judging them, would take at most.

    The whole is gone through with a stand-in that is asked in the model's place; answers that the
    run holds need no call. Nothing is sent or written. Prices are per million tokens.

    Raises
    ------
    ArtifactError
        If the features are not made yet.
    OptionError
        If no language model labels, or only one price is given.
    """
    if run.record.options["labels"]["labeller"] == "offline":
        raise OptionError(
            "labels.labeller is offline, which asks no model and costs nothing; name one with "
            "--labeller and --llm."
        )
    features = run.unlabelled
    with TemporaryDirectory() as folder:
        answers = Path(folder) / run.folder.answers.name
        if run.folder.answers.exists():
            shutil.copyfile(run.folder.answers, answers)
        rehearsed = choose_labeller(run, answers, rehearsed=True)
        stand_in, judge = rehearsed.model, rehearsed.judge
        assert isinstance(stand_in, Rehearsal)
        assert judge is not None
        fidelity_of(run, label(features, rehearsed.labeller), judge)
    return stand_in.estimate(price_in, price_out)


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
