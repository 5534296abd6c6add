"""The model card of a run's dictionary, with what the run knows beyond the dictionary itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from saeidioms.artifacts import write_text
from saeidioms.documents.blocks import Column, Line, Paragraph, Table, clean, cleaned
from saeidioms.documents.markdown import escape, write_markdown
from saeidioms.documents.method import labelled_by
from saeidioms.documents.words import Policy, Words
from saeidioms.documents.write import FOLDER
from saeidioms.errors import OptionError
from saeidioms.idioms.feature import WEAK
from saeidioms.pipeline import advance
from saeidioms.run import Run
from saeidioms.sae.card import Section, model_card

FILE = "model_card.md"
_PLACE = "./dictionary"  # until it has a repository


def write_card(
    run: Run,
    *,
    repo: str | None = None,
    license: str | None = None,
    words: Policy = "omitted",
    names: Sequence[str] = (),
) -> Path:
    """Write the model card of a run's dictionary, to the folder ``documents`` of the run.

    `saeidioms.push` sends it along: ``si.push(run.sae, repo, card=path)``.

    Parameters
    ----------
    run
        A run; stages that are missing are made first.
    repo
        Repository of the Hugging Face Hub, such as ``"name/dictionary"``; None: a folder.
    license
        Identifier of the Hub, such as ``"cc-by-4.0"``.
    words
        Without words of the corpus ("omitted"), or with the labels of all features, which may
        quote it: "masked" or "shown".
    names
        Columns of names of users, to be masked.

    Raises
    ------
    OptionError
        If the dictionary is another run's, or an option is not allowed.
    ArtifactError
        If the file cannot be written.
    """
    if run.frozen:
        raise OptionError(
            f"the dictionary of {run.folder.root} is that of {run.record.dictionary}; write its "
            "card there."
        )
    advance(run, "codebook")
    # No rule of words is needed where there are none.
    rule = None if words == "omitted" else Words.of(run, words, names)
    card = model_card(
        run.sae,
        repo or _PLACE,
        license=license,
        encoder=run.embeddings.encoder,
        trained_on=_corpus(run),
        sections=_sections(run, rule),
    )
    path = run.folder.root / FOLDER / FILE
    write_text(path, card)
    return path


def _corpus(run: Run) -> str:
    """Return what it was trained on, without names of files or what was said."""
    corpus, role = run.corpus, run.record.options["units"]["role"]
    of = f" of the role {escape(clean(role))}" if role else ""
    messages = corpus.table["message_id"].nunique()
    return (
        f"The corpus: {len(corpus):,} units, each a {corpus.unit}, in {messages:,} messages{of} in "
        f"{len(set(corpus.conversations)):,} conversations."
    )


def _sections(run: Run, words: Words | None) -> Iterator[Section]:
    yield Section("Labels", _labels(run))
    taxonomy = run.codebook.taxonomy
    about = f"{taxonomy.title} ({taxonomy.name}, digest {taxonomy.digest}). {taxonomy.source}"
    heads = (Column("Category", 2), Column("Sub-category", 3), Column("Definition", 6))
    features = run.codebook.table["sub_category"].value_counts()
    rows = tuple(
        (sub.category, sub.name, sub.definition, f"{int(features.get(sub.name, 0)):,}")
        for sub in taxonomy.sub_categories
    )
    table = Table(
        "Features of each sub-category; the dictionary itself does not hold these places",
        (*heads, Column("Features", 1, True)),
        rows,
    )
    told = cleaned((Paragraph(about), table))
    yield Section("Taxonomy that its features were assigned to", write_markdown(told).strip())
    if words is not None:
        labels = write_markdown(cleaned((Paragraph(words.sentence), _all(run, words)))).strip()
        yield Section("Features", labels)


def _labels(run: Run) -> str:
    table = run.fidelity.drop_duplicates("feature", keep="last")
    measured = table["detection"].dropna()
    said = f"The features were labelled {escape(labelled_by(run))}."
    if measured.empty:
        return f"{said} No feature fires often enough to measure its label."
    judge = escape(str(table["judge"].iloc[0]))
    return (
        f"{said} Fidelity, the balanced accuracy with which a judge ({judge}) tells by the label "
        f"alone where a feature fires (0.5 is chance): median {measured.median():.2f} over "
        f"{len(measured):,} of {len(table):,} features, {(measured < WEAK).sum():,} of them below "
        f"{WEAK:g}. Labels are not part of the dictionary's files."
    )


def _all(run: Run, words: Words) -> Table:
    features = run.features.table
    columns = ("feature", "label", "label_source", "category", "sub_category", "fidelity")
    rows: list[tuple[Line, ...]] = [
        (
            str(number),
            words.label(str(label), str(source)),
            category,
            sub_category,
            f"{fidelity:.2f}" if fidelity == fidelity else "–",
        )
        for number, label, source, category, sub_category, fidelity in zip(
            *(features[name] for name in columns), strict=True
        )
    ]
    heads = (Column("No.", 1, True), Column("Label", 4), Column("Category", 2))
    more = (Column("Sub-category", 3), Column("Fidelity", 1, True))
    return Table("All features", (*heads, *more), tuple(rows))
