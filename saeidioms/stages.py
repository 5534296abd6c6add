"""The stages of a run: what each makes, of what, and when it must be made again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd

from saeidioms import charts
from saeidioms.artifacts import RunFolder, digest_file, digest_json, read_json, write_json
from saeidioms.corpus.corpus import Corpus
from saeidioms.corpus.readers import read_corpus
from saeidioms.corpus.select import select_units
from saeidioms.embedding.embed import embed
from saeidioms.engine import Stage
from saeidioms.errors import OptionError
from saeidioms.findings.course import trajectory
from saeidioms.findings.finding import findings_in
from saeidioms.idioms.features import FeatureTable
from saeidioms.idioms.fidelity import measure_fidelity
from saeidioms.idioms.figures import SAID
from saeidioms.idioms.find import find_idioms
from saeidioms.idioms.judges import EmbeddingJudge, Judge
from saeidioms.idioms.labellers import label
from saeidioms.idioms.labelling import Labelling, choose_labelling
from saeidioms.idioms.split import split_conversations
from saeidioms.machine import versions
from saeidioms.options import SECTIONS
from saeidioms.report.build import build_report
from saeidioms.report.sections import marked_examples
from saeidioms.run import GIVEN, Run, Sections
from saeidioms.taxonomy.codebook import Codebook
from saeidioms.taxonomy.coded import CodedMessages
from saeidioms.taxonomy.coding import Codes, code
from saeidioms.taxonomy.comparison import compare, groups_to_compare
from saeidioms.taxonomy.distribution import TAKEN, Distribution, Kind, distribute
from saeidioms.taxonomy.grounds import with_grounds
from saeidioms.taxonomy.inheritance import AS_USED, overrides_for
from saeidioms.taxonomy.lexicon import lexicon
from saeidioms.taxonomy.taxonomy import Taxonomy

EXAMPLES = "examples.json"
_MOST_GROUPS, _MOST_COLUMNS, _QUICK_DRAWS = 8, 10, 500  # of what the report compares


def _make_corpus(run: Run, folder: Path) -> None:
    messages = read_corpus(run.record.source, **run.record.options["corpus"])
    corpus = select_units(messages, **run.record.options["units"])
    check_groups(run, corpus)
    corpus.save(folder)


def check_groups(run: Run, corpus: Corpus) -> None:
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
    from saeidioms.sae.autoencoder import SparseAutoencoder

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
    labelling = labelling_of(run)
    labelled = label(run.unlabelled, labelling.labeller).table[["feature", *SAID]]
    for name in ("labels.csv", GIVEN):
        labelled.to_csv(folder / name, index=False, lineterminator="\n")
    write_json(folder / "source.json", labelling.about)


def labelling_of(run: Run) -> Labelling:
    """Return who labels the features of a run, and judges the labels: one budget is for both."""
    has_corpus = run.folder.manifest("corpus") is not None
    name = f"labelling by {digest_json(run.record.options['labels'])} of {has_corpus}"
    return run.once(name, partial(choose_labeller, run, run.folder.answers, has_corpus))


def choose_labeller(
    run: Run, answers: Path, has_corpus: bool = True, rehearsed: bool = False
) -> Labelling:
    """Return what labels the features of a run by its options; see `choose_labelling`."""
    options = run.record.options
    taxonomy = Taxonomy.read(options["codebook"]["taxonomy"])
    definitions = {sub.name: sub.definition for sub in taxonomy.sub_categories}
    corpus = run.corpus if has_corpus else None
    return choose_labelling(answers, definitions, corpus, rehearsed, **options["labels"])


def _make_fidelity(run: Run, folder: Path) -> None:
    """Measure every label by embeddings and, where a language model labelled, by that too."""
    judges: list[Judge] = [EmbeddingJudge(lambda texts: run.encode(list(texts)))]
    if (by_model := labelling_of(run).judge) is not None:
        judges.append(by_model)
    tables = [fidelity_of(run, run.labelled, judge) for judge in judges]
    write_table(pd.concat(tables), folder / "fidelity.csv")


def fidelity_of(run: Run, labelled: FeatureTable, judge: Judge) -> pd.DataFrame:
    """Return how well a judge tells, by its label alone, where each feature of a run fires."""
    idioms = run.record.options["idioms"]
    unseen = split_conversations(run.corpus, idioms["seed"], idioms["held_out"])
    tables = (labelled, run.corpus, run.activations, run.embeddings)
    return measure_fidelity(*tables, judge, unseen=unseen, **run.record.options["fidelity"])


def _make_codebook(run: Run, folder: Path) -> None:
    options = dict(run.record.options["codebook"])
    if options["overrides"] is not None:
        given = run.folder.given(options["overrides"])
        options["overrides"] = overrides_for(given, run.sae, folder)
        if options["overrides"] == given:
            shutil.copyfile(given, folder / AS_USED)
    Codebook.propose(run.labelled, sae=run.sae, encode=_encode(run), **options).save(folder)


def _encode(run: Run) -> Callable[[list[str]], np.ndarray]:
    """Return what embeds further texts as the corpus was embedded."""
    return lambda texts: np.asarray(embed(texts, **run.record.options["embed"]))


def _make_codes(run: Run, folder: Path) -> None:
    codes = code(run.corpus, run.activations, run.codebook, **run.record.options["codes"])
    codes.save(folder)
    table = lexicon(run.labelled, run.corpus, codes)
    table.to_csv(folder / "idioms.csv", index=False, lineterminator="\n")


def _make_evidence(run: Run, folder: Path) -> None:
    """Mark in examples which words carry their code: by the encoder, apart from the report."""
    told = (run.corpus, run.codes, run.codebook, run.sae)
    write_json(folder / EXAMPLES, dict(marked_examples(*told, run.encode)))


def _make_distribution(run: Run, folder: Path) -> None:
    """Write every share overall, and by groups and against a baseline where those are given."""
    options = run.record.options
    overall = options["distribution"] | {"by": None}
    write_table(
        _over_kinds(run, lambda counted: counted.shares(**overall)), folder / "distribution.csv"
    )
    if options["distribution"]["by"] is not None:
        by_group = _over_kinds(run, lambda counted: counted.shares(**options["distribution"]))
        write_table(by_group, folder / "by_group.csv")
    if "compare" in options:
        changes = _over_kinds(run, lambda counted: compare(counted, **options["compare"]))
        write_table(changes, folder / "comparison.csv")


def _over_kinds(run: Run, table: Callable[[Distribution], pd.DataFrame]) -> pd.DataFrame:
    """Return one table for messages, units and expressions, told apart by the column ``of``."""
    parts, found = [], run.grounds
    for kind in get_args(Kind):
        part = with_grounds(table(run.distribution(kind)), found)
        part.insert(0, "of", kind)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table of results as CSV, numbers to six digits."""
    table.to_csv(path, index=False, lineterminator="\n", float_format="%.6g")


def _make_report(run: Run, folder: Path) -> None:
    options = run.record.options
    taxonomy, counted = run.codebook.taxonomy, run.distribution()
    figures = []
    if by := options["distribution"]["by"]:
        groups = with_grounds(counted.shares(**options["distribution"]), run.grounds)
        figures.append((f"By {by}", charts.by_group(groups, taxonomy, by=by)))
    if "compare" in options:
        versus = options["compare"]
        changes = with_grounds(compare(counted, **versus), run.grounds)
        heading = f"Change against {versus['baseline']}, by {versus['by']}"
        figures.append((heading, charts.change(changes, taxonomy, panel=versus["panel"])))
    draws = {name: value for name, value in options["distribution"].items() if name != "by"}
    turns = trajectory(CodedMessages.join(run.corpus, run.codes, taxonomy), **draws)
    whole = turns[turns["level"] == "category"]
    figures.append(("Over the conversation", charts.over_turns(whole, taxonomy)))
    overall = with_grounds(counted.shares(**draws), run.grounds)
    if counted.counts.any():
        figures.append(("The taxonomy by share", charts.treemap(overall, taxonomy)))
    if run.lexicon["sub_category"].notna().any():  # read from CSV, where "" is missing
        figures.append(("Idioms of each sub-category", charts.idiom_bars(run.lexicon, taxonomy)))
    figures.append(("Map of the features", charts.feature_map(run.features, run.codebook)))
    figures += [
        (f"{finding.title}. {finding.method}", finding.figure)
        for finding in findings_in(run.folder.findings, run.codes_digest)
        if finding.figure is not None
    ]
    build_report(
        folder,
        corpus=run.corpus,
        sae=run.sae,
        features=run.features,
        codebook=run.codebook,
        codes=run.codes,
        distribution=counted,
        lexicon=run.lexicon,
        shares=overall,
        compared=_compared(counted, draws),
        level=options["distribution"]["level"],
        figures=figures,
        examples=read_json(run.folder.stage("evidence") / EXAMPLES),
        fidelity=run.fidelity,
        labelling=read_json(run.folder.stage("labels") / "source.json"),
        options=options,
        versions=versions(),
        **options["report"],
    )


def _compared(counted: Distribution, draws: dict[str, Any]) -> dict[str, pd.DataFrame]:
    """Return the shares by every column of conversations that has a few values."""
    values = counted.attributes.drop(
        columns=["conversation_id", draws["cluster"], *TAKEN], errors="ignore"
    )
    few = [name for name in values if 1 < values[name].nunique() <= _MOST_GROUPS]
    quick = draws | {"n_boot": min(draws["n_boot"], _QUICK_DRAWS)}
    return {str(name): counted.shares(by=name, **quick) for name in few[:_MOST_COLUMNS]}


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


def _findings(run: Run) -> dict[str, str]:
    """Return the digest of each finding that the report shows."""
    files = {
        str(folder.relative_to(run.folder.root)): sorted(folder.glob("*.json"))
        for folder in sorted(run.folder.findings.glob("*/"))
    }
    return {
        name: digest_json([digest_file(path) for path in own]) for name, own in files.items() if own
    }


def _labels_inputs(run: Run) -> dict[str, str]:
    """Return the digest of the taxonomy where a language model is told of it."""
    options = run.record.options
    if options["labels"]["labeller"] == "offline":
        return {}
    return {"taxonomy": Taxonomy.read(options["codebook"]["taxonomy"]).digest}


def codebook_inputs(options: Sections, folder: RunFolder) -> dict[str, str]:
    """Return the digests of the files that the codebook is made from."""
    digests = {"taxonomy": Taxonomy.read(options["codebook"]["taxonomy"]).digest}
    if overrides := options["codebook"]["overrides"]:
        path = folder.given(overrides)
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
    Stage(
        "embeddings", _make_embeddings, reads=("corpus",), options=_options_of("embed"), version=2
    ),
    Stage("sae", _make_sae, reads=("corpus", "embeddings"), options=_options_of("sae")),
    Stage("activations", _make_activations, reads=("embeddings", "sae"), options=_options_of()),
    Stage(
        "features",
        _make_features,
        reads=("corpus", "embeddings", "sae", "activations"),
        options=_options_of("idioms"),
        version=4,
    ),
    Stage(
        "labels",
        _make_labels,
        reads=("sae", "features"),
        options=_options_of("labels"),
        inputs=_labels_inputs,
        edited=("labels.csv", "proposal.csv"),
        edit_of=("sae",),
        version=3,
    ),
    Stage(
        "fidelity",
        _make_fidelity,
        reads=("corpus", "embeddings", "activations", "features", "labels"),
        options=_options_of("labels", "fidelity"),  # who judges, and how often it may be asked
    ),
    Stage(
        "codebook",
        _make_codebook,
        reads=("sae", "features", "labels"),
        options=_options_of("codebook"),
        inputs=lambda run: codebook_inputs(run.record.options, run.folder),
        edited=("codebook.csv", "proposal.csv"),
        edit_of=("sae", "taxonomy"),
        version=4,
    ),
    Stage(
        "codes",
        _make_codes,
        reads=("corpus", "activations", "features", "labels", "codebook"),
        options=_options_of("codes"),
        version=3,
    ),
    Stage(
        "distribution",
        _make_distribution,
        reads=("corpus", "features", "labels", "fidelity", "codebook", "codes"),
        options=_options_of("distribution", "compare"),
        version=2,
    ),
    Stage(
        "evidence",
        _make_evidence,
        reads=("corpus", "embeddings", "sae", "codebook", "codes"),
        options=_options_of(),
    ),
    Stage(
        "report",
        _make_report,
        reads=(
            *("corpus", "sae", "features", "labels", "fidelity"),
            *("codebook", "codes", "evidence", "distribution"),
        ),
        options=_options_of("distribution", "compare", "report"),
        inputs=_findings,
        version=7,
    ),
)
