"""A verb for each stage of a run, and what is printed when a run is made."""

from __future__ import annotations

import argparse
import logging
from typing import TYPE_CHECKING, Any

from saeidioms.cli.documents import add_codebook, write
from saeidioms.cli.flags import add_options, options_of

if TYPE_CHECKING:
    from saeidioms.run import Run

STAGES = {
    "corpus": "read the chats and cut them into units",
    "embeddings": "turn every unit into a vector",
    "sae": "train the sparse autoencoder",
    "activations": "encode every unit with it",
    "features": "find examples and idioms of every feature",
    "labels": "label every feature",
    "fidelity": "measure how well each label tells where its feature fires",
    "codebook": "assign features to sub-categories, and write them for a supplement",
    "codes": "code units and messages",
    "distribution": "count, with intervals",
    "evidence": "mark in examples which words carry the code",
    "report": "put it all on one page",
}


def add_verbs(verbs: Any) -> None:
    """Add a verb for each stage to the subparsers of the command line."""
    for name, help_text in STAGES.items():
        stage = verbs.add_parser(name, help=f"stage: {help_text}")
        stage.add_argument("run", metavar="RUN", help="a run folder")
        add_options(stage)
        stage.set_defaults(command=_stage, until=name)
        if name == "labels":
            help_text = "say what asking a language model would take; nothing is sent"
            stage.add_argument("--dry-run", action="store_true", help=help_text)
            prices = "with --dry-run: prices of a million tokens in, and out"
            stage.add_argument("--prices", type=float, nargs=2, metavar="X", help=prices)
            stage.set_defaults(command=_labels)
        if name == "codebook":
            add_codebook(stage)
            stage.set_defaults(command=_codebook)


def _stage(parsed: argparse.Namespace) -> None:
    from saeidioms.options import bind_options
    from saeidioms.pipeline import resume

    run = resume(parsed.run)
    run.record.options = bind_options(options_of(parsed, run.record.options))
    finish(run, parsed.until)


def _labels(parsed: argparse.Namespace) -> None:
    from saeidioms.options import bind_options
    from saeidioms.pipeline import estimate_labels, resume

    if not parsed.dry_run:
        _stage(parsed)
        return
    run = resume(parsed.run)
    run.record.options = bind_options(options_of(parsed, run.record.options))
    logging.disable(logging.INFO)  # what a stand-in says tells nothing
    try:
        print(estimate_labels(run, *(parsed.prices or (None, None))))
    finally:
        logging.disable(logging.NOTSET)


def _codebook(parsed: argparse.Namespace) -> None:
    from saeidioms.options import bind_options
    from saeidioms.pipeline import resume

    run = resume(parsed.run)
    run.record.options = bind_options(options_of(parsed, run.record.options))
    write(run, parsed)


def finish(run: Run, until: str | None = None) -> None:
    """Make what is missing, then print the shares and where the report is."""
    from saeidioms.pipeline import advance

    advance(run, until)
    if until not in (None, "report"):
        print(run.folder.stage(until))
        return
    _print_shares(run)
    print(f"\nReport: {run.folder.stage('report') / 'report.html'}")


def _print_shares(run: Run) -> None:
    from saeidioms.run import read_shares
    from saeidioms.taxonomy.grounds import MARK, SENTENCE, doubtful

    level, shares = run.record.options["distribution"]["level"], read_shares(run)
    marked = doubtful(shares)
    print(f"\nShare of messages that hold it, with {100 * level:g}% intervals\n")
    for row in shares.to_dict("records"):
        names = {"category": row["category"], "sub_category": f"  {row['sub_category']}"}
        name = names.get(row["level"], "none of these")
        name += f" {MARK}" if row["sub_category"] in marked else ""
        interval = f"[{row['low']:.1%}, {row['high']:.1%}]" if row["low"] == row["low"] else "–"
        print(f"{name:<34}{row['share']:>7.1%}   {interval}")
    if shares["low"].isna().all():
        print("\n– No interval can be told: it takes several clusters to draw from.")
    if marked:
        print(f"\n{SENTENCE}")
