"""How a run was made, in words: a paragraph for a paper, and the facts in a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from saeidioms.artifacts import read_json
from saeidioms.display import percent
from saeidioms.run import Run, read_shares
from saeidioms.sae.card import encoder_name
from saeidioms.sae.stability import STABLE
from saeidioms.taxonomy.distribution import CONVERSATION


def method_of(run: Run) -> str:
    """Return one paragraph of method that an author can paste into a supplement."""
    parts = (
        _corpus(run),
        _dictionary(run),
        _labels(run),
        _codes(run),
        _shares(run),
        _fidelity(run),
    )
    return " ".join(parts)


def facts_of(run: Run) -> tuple[tuple[str, str], ...]:
    """Return what a run was made from and with: (name, value)."""
    options, counted = run.record.options, read_shares(run).iloc[0]
    draws, corpus = options["distribution"], run.corpus
    encoder, taxonomy = run.embeddings.encoder, run.codebook.taxonomy
    versions = read_json(run.folder.record)["versions"]
    people = "" if draws["cluster"] == CONVERSATION else f", by {draws['cluster']}"
    return (
        ("Corpus", f"{Path(corpus.report.source).name} (digest {run.record.source_digest})"),
        (
            "Messages",
            f"{counted['n']:,}{_role(run)}, in {len(set(corpus.conversations)):,} conversations",
        ),
        ("Units", f"{len(corpus):,}, each a {corpus.unit}"),
        ("Clusters", f"{counted['clusters']:,}{people}"),
        (
            "Intervals",
            f"{100 * draws['level']:g}%, {draws['n_boot']:,} draws, seed {draws['seed']}",
        ),
        ("Embeddings", f"{encoder_name(encoder)}, weights {encoder.weights}, {encoder.precision}"),
        ("Dictionary", f"{run.sae.n_features_:,} features, digest {run.sae.digest_}"),
        ("Labels", labelled_by(run)),
        ("Taxonomy", f"{taxonomy.title} ({taxonomy.name}), digest {taxonomy.digest}"),
        *((("Source of the taxonomy", taxonomy.source),) if taxonomy.source else ()),
        ("Made with", f"saeidioms {versions['saeidioms']}, Python {versions['python']}"),
    )


def dictionary_sentence(run: Run) -> str:
    """Return what the dictionary is and how well it does, as far as that is known."""
    sae = run.sae
    rule = f"{sae.k_} of them active in a unit" if sae.sparsity_ == "topk" else sae.sparsity_
    seeds = f"{sae.seeds} trainings made into one, seed {sae.seed}"
    said = (
        f"{sae.n_features_:,} features ({rule}; {seeds if sae.seeds > 1 else f'seed {sae.seed}'})"
    )
    explained = sae.metrics_.get("explained_variance")
    if explained is not None:
        said += f", which explains {percent(explained)} of the variance of held-out units"
    if np.isfinite(sae.stability_).any():
        stable = float((sae.stability_ >= STABLE).mean())
        said += f"; {percent(stable)} of its features came again with a cosine of {STABLE} or more"
    return said


def _role(run: Run) -> str:
    """Return whose messages were analysed, as a part of a sentence."""
    role = run.record.options["units"]["role"]
    return f" of the role “{role}”" if role else ""


def _corpus(run: Run) -> str:
    corpus, encoder = run.corpus, run.embeddings.encoder
    n, conversations = read_shares(run)["n"].iloc[0], len(set(corpus.conversations))
    cut = f", cut into {len(corpus):,} sentences," if corpus.unit == "sentence" else ""
    version = read_json(run.folder.record)["versions"]["saeidioms"]
    return (
        f"We analysed {n:,} messages{_role(run)} in {conversations:,} conversations{cut} with "
        f"saeidioms {version}. Each unit was embedded with {encoder_name(encoder)} "
        f"({encoder.dimensions} dimensions)."
    )


def _dictionary(run: Run) -> str:
    if run.record.dictionary:
        return f"They were encoded with a dictionary of other chats: {dictionary_sentence(run)}."
    return f"A sparse autoencoder was trained on the embeddings: {dictionary_sentence(run)}."


def _labels(run: Run) -> str:
    return f"The features were labelled {labelled_by(run)}."


def labelled_by(run: Run) -> str:
    """Return by whom the features were labelled, and where texts went for it."""
    about = read_json(run.folder.stage("labels") / "source.json")
    counts = run.labelled.table["label_source"].value_counts()
    known = {"offline": "by rules from their own phrases and examples", "a person": "by a person"}
    ways = [
        f"{known.get(str(source), f'by {source}')}" + (f" ({n:,})" if len(counts) > 1 else "")
        for source, n in counts.items()
    ]
    sent = f", from examples sent to {about['destination']}" if about["destination"] else ""
    masked = ", masked before" if about["masked"] else ""
    return " and ".join(ways) + sent + masked


def _codes(run: Run) -> str:
    table, taxonomy = run.codebook.table, run.codebook.taxonomy
    options = run.record.options
    placed = table["sub_category"] != ""
    people = int((table["source"] == "override").sum())
    by_people = f" ({people:,} features were placed, or refused, by people)" if people else ""
    return (
        f"{int(placed.sum()):,} of {len(table):,} features belong to the {len(taxonomy.names)} "
        f"sub-categories of the taxonomy “{taxonomy.title}”, assigned by the taxonomy's seed "
        f"expressions with a confidence of at least {options['codebook']['min_confidence']:g}"
        f"{by_people}. A unit holds a sub-category where its features and form give it a "
        f"probability of at least {options['codes']['min_strength']:g}, and a message what one of "
        "its units holds; a message can hold several."
    )


def _shares(run: Run) -> str:
    draws, row = run.record.options["distribution"], read_shares(run).iloc[0]
    what = f"conversations ({row['clusters']:,}; seed {draws['seed']})"
    if draws["cluster"] != CONVERSATION:
        what = f"clusters ({row['clusters']:,} by {draws['cluster']}; seed {draws['seed']})"
    return (
        f"Shares are of all {row['n']:,} messages, with {100 * draws['level']:g}% bootstrap "
        f"intervals from {draws['n_boot']:,} draws of whole {what}."
    )


def _fidelity(run: Run) -> str:
    table: Any = run.fidelity.drop_duplicates("feature", keep="last")
    measured = table["detection"].dropna()
    judge = str(table["judge"].iloc[0])
    by = "similarity of embeddings" if judge == "embedding" else judge
    said = (
        "Fidelity is the balanced accuracy with which units on which a feature fires are told, by "
        f"its label alone, from others (0.5 is chance; judged by {by}; 95% intervals over units; "
        "Paulo et al. 2024, arXiv 2410.13928)"
    )
    if measured.empty:
        return f"{said}; no feature fires often enough to measure it."
    over = f"all {len(table):,} features"
    if len(measured) < len(table):
        over = f"the {len(measured):,} of {len(table):,} features that fire often enough"
    return f"{said}; its median over {over} is {measured.median():.2f}."
