"""The command line's documents: what `saeidioms codebook` writes, and the verb `card`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from saeidioms.run import Run

FORMATS = ("md", "html", "docx", "tex")
WORDS = ("shown", "masked", "omitted")


def add_verbs(verbs: Any) -> None:
    """Add the verb to the subparsers of the command line."""
    card = verbs.add_parser("card", help="write a model card, to share the dictionary with")
    card.add_argument("run", metavar="RUN", help="a finished run folder")
    card.add_argument("--repo", metavar="NAME", help="on the Hugging Face Hub, such as me/mine")
    card.add_argument("--license", metavar="ID", help="such as cc-by-4.0; default: none is stated")
    _add_words(card, "omitted", "whether labels, which may quote the corpus, are told")
    card.set_defaults(command=_card)


def add_codebook(stage: argparse.ArgumentParser) -> None:
    """Add to the verb of the codebook's stage what concerns the documents that it writes."""
    # The format of the chats is long settled at this stage.
    stage.conflict_handler = "resolve"
    group = stage.add_argument_group("documents")
    group.add_argument(
        "--format", nargs="+", choices=FORMATS, default=FORMATS, dest="formats", help="default: all"
    )
    help_text = "of each sub-category and feature; default: %(default)s"
    group.add_argument("--n-examples", type=int, default=2, metavar="N", help=help_text)
    _add_words(group, "shown", "participants' words: examples, idioms, labels that quote them")
    stage.set_defaults(format=None)


def write(run: Run, parsed: argparse.Namespace) -> None:
    """Write the codebook of a run in the formats asked for, and print where."""
    from saeidioms.documents.write import write_codebook

    options = {"n_examples": parsed.n_examples, "words": parsed.words, "names": parsed.names}
    for path in write_codebook(run, parsed.formats, **options):
        print(path)
    print(f"\nTo edit: {run.folder.stage('codebook') / 'codebook.csv'}")


def _add_words(parser: Any, default: str, help_text: str) -> None:
    help_text += "; default: %(default)s"
    parser.add_argument("--words", choices=WORDS, default=default, help=help_text)
    help_text = "columns with names of users, to be masked too"
    parser.add_argument("--names", nargs="+", default=[], metavar="COLUMN", help=help_text)


def _card(parsed: argparse.Namespace) -> None:
    from saeidioms.documents.card import write_card
    from saeidioms.pipeline import resume

    options = {"repo": parsed.repo, "license": parsed.license}
    run = resume(parsed.run)
    path = write_card(run, **options, words=parsed.words, names=parsed.names)
    where = parsed.repo or "./dictionary"
    print(f"{path}\n\nTo share it with the dictionary, in Python:\n")
    print(f'  si.push(si.Run({parsed.run!r}).sae, "{where}", card={str(path)!r})')
