"""People in the loop of a run: sheets for coders, and what comes back from them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from saeidioms import charts
from saeidioms.artifacts import atomic_path
from saeidioms.corpus.readers import read_corpus
from saeidioms.errors import ArtifactError, OptionError
from saeidioms.idioms.find import aligned_activations
from saeidioms.pipeline import advance
from saeidioms.run import Run
from saeidioms.stages import write_table
from saeidioms.taxonomy.coding_sheet import write_sheet
from saeidioms.taxonomy.growth import Growth, grown_taxonomy, propose_growth
from saeidioms.taxonomy.merging import Merged, Rule, merge_sheets
from saeidioms.taxonomy.overrides import OverridesFile
from saeidioms.taxonomy.spread import spread_over_conversations
from saeidioms.taxonomy.validation import Assessment, assess, draw_sample, read_coded, write_sample

logger = logging.getLogger(__name__)

SHEET, AGREEMENT = "sheet.xlsx", "agreement.csv"
SAMPLE, DESIGN, FIGURES, SHARES = "sample.xlsx", "design.csv", "validation.csv", "corrected.csv"
GROWN = "taxonomy.yaml"


def write_sheets(
    run: Run, coders: Sequence[str], *, n_examples: int = 8, seed: int = 0
) -> tuple[Path, ...]:
    """Write a blinded sheet of the features of a run for each coder, to its folder ``people``.

    See `saeidioms.taxonomy.coding_sheet.write_sheet`.
    """
    taxonomy = run.codebook.taxonomy
    path = run.folder.people / SHEET
    return write_sheet(
        run.labelled, taxonomy, path, coders=coders, n_examples=n_examples, seed=seed
    )


def merge(
    run: Run,
    sheets: Sequence[str | Path],
    *,
    adjudicator: str | None = None,
    rule: Rule = "majority",
    seed: int = 0,
) -> Merged:
    """Merge what coders said of the features, and code anew by their word.

    Writes ``overrides.csv`` and ``agreement.csv`` to the folder ``people``, and what tells the
    features apart beside them: in a run with another dictionary these overrides hold for the
    features that are found again. What was said in the explorer stays. See
    `saeidioms.taxonomy.merging.merge_sheets`.

    Raises
    ------
    OptionError
        As for `own_overrides`.
    """
    said = own_overrides(run)
    taxonomy = run.codebook.taxonomy
    merged = merge_sheets(
        sheets, run.labelled, taxonomy, adjudicator=adjudicator, rule=rule, seed=seed
    )
    if kept := said.merge(merged.overrides):
        logger.info(
            "What was said in the explorer stays, of features: %s", ", ".join(map(str, kept))
        )
    with atomic_path(run.folder.people / AGREEMENT) as agreement:
        write_table(merged.agreement, agreement)
    run.record.options["codebook"]["overrides"] = run.folder.told(said.path)
    advance(run)
    return merged


def own_overrides(run: Run) -> OverridesFile:
    """Return the overrides that a run keeps in its folder ``people``, which may be none yet.

    Raises
    ------
    OptionError
        If the codebook of the run was applied from another, or has other overrides already.
    """
    used = run.record.options["codebook"]["overrides"]
    if run.frozen:
        raise OptionError(
            f"the codebook of {run.folder.root} is that of {run.record.dictionary}; merge there, "
            "or explore that."
        )
    if used is not None and run.folder.given(used).resolve() != run.folder.overrides.resolve():
        raise OptionError(
            f"the run has overrides already, {used}; add their rows to a sheet, or make the "
            "codebook without them."
        )
    return OverridesFile(run.folder.overrides, run.codebook.taxonomy, run.sae)


def draw(run: Run, *, n: int = 200, seed: int = 0) -> Path:
    """Write a sample of units for people to code, to the folder ``people`` of a run.

    A workbook with drop-downs, and the same as CSV; one copy for each coder. ``design.csv`` beside
    it is not for their eyes. See `saeidioms.taxonomy.validation.draw_sample`.

    Raises
    ------
    OptionError
        If there is a sample already: its codes can only be judged by how it was drawn.
    """
    path = run.folder.people / SAMPLE
    # A sheet that was renamed for its coder still needs the design that it was drawn by.
    design_path = path.with_name(DESIGN)
    for file in (path, path.with_suffix(".csv"), design_path):
        if file.exists():
            raise OptionError(
                f"{file} is there already, and codes of that sample are judged by {DESIGN}; move "
                "the sample and the design away to draw another."
            )
    advance(run, "codes")
    sheet, design = draw_sample(run.corpus, run.codes, n=n, context=_before(run), seed=seed)
    with atomic_path(design_path) as temporary:
        # Spreadsheets take a file for UTF-8 only by its byte-order mark.
        design.to_csv(temporary, index=False, encoding="utf-8-sig", lineterminator="\n")
    write_sample(sheet, run.codebook.taxonomy, path)
    return path


def judge(run: Run, coded: Sequence[str | Path], *, seed: int = 0) -> Assessment:
    """Judge the codes of a run by people's codes of its sample, and correct its shares.

    Writes ``validation.csv``, ``corrected.csv`` and ``corrected.html``, the chart of corrected
    shares, to the folder ``people``. See `saeidioms.taxonomy.validation.assess`.

    Raises
    ------
    ArtifactError
        If no sample was drawn from this run.
    OptionError
        If a file is given twice: it would agree with itself.
    """
    if len({Path(sheet).resolve() for sheet in coded}) < len(coded):
        raise OptionError("a coded sample is given twice; give one of each coder.")
    path = run.folder.people / DESIGN
    if not path.is_file():
        raise ArtifactError(f"{path} is missing; draw with `saeidioms sample {run.folder.root}`.")
    advance(run, "codes")
    design = pd.read_csv(path, encoding="utf-8-sig")
    taxonomy = run.codebook.taxonomy
    said = [read_coded(sheet, taxonomy) for sheet in coded]
    level = run.record.options["distribution"]["level"]
    found = assess(said, design, run.corpus, run.codes, taxonomy, level=level, seed=seed)
    for table, name in ((found.figures, FIGURES), (found.shares, SHARES)):
        with atomic_path(run.folder.people / name) as temporary:
            write_table(table, temporary)
    figure = charts.distribution(found.shares, taxonomy, of="units")
    charts.save(figure, run.folder.people / "corrected.html")
    return found


def _before(run: Run) -> dict[str, str]:
    """Return what was said before each message, by its id; nothing where the chats are gone."""
    source = Path(run.record.source)
    if not source.exists():
        logger.warning("%s is not there; the column 'before' of the sheet stays empty.", source)
        return {}
    messages = read_corpus(source, **run.record.options["corpus"]).messages()
    before = messages.groupby("conversation_id", sort=False)["text"].shift().fillna("")
    return dict(zip(messages["message_id"], before, strict=True))


def grow(run: Run, path: str | Path | None = None) -> tuple[Growth, Path]:
    """Write the run's taxonomy with the sub-categories that its unassigned features ask for.

    See `saeidioms.taxonomy.growth.propose_growth`. The file is for a person to edit.

    Raises
    ------
    OptionError
        If the file is there already.
    InputError
        If there is nothing to propose.
    """
    path = run.folder.people / GROWN if path is None else Path(path)
    if path.exists():
        raise OptionError(f"{path} is there already, and may be edited; give another --out.")
    growth = propose_growth(
        run.labelled,
        run.codebook,
        spread=spread_over_conversations(
            aligned_activations(run.corpus, run.activations), run.corpus.conversations
        ),
        encode=lambda texts: run.encode(list(texts)),
    )
    grown_taxonomy(run.codebook.taxonomy, growth).save(path)
    return growth, path
