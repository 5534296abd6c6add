"""The verbs of the command line for people in the loop: sheets, merging, growing a taxonomy."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def add_verbs(verbs: Any) -> None:
    """Add the verbs to the subparsers of the command line."""
    sheet = _verb(verbs, "sheet", _sheet, "write a blinded coding sheet of the features")
    help_text = "a sheet for each; default one"
    sheet.add_argument("--coders", nargs="+", default=[], metavar="NAME", help=help_text)
    help_text = "of each feature; default: %(default)s"
    sheet.add_argument("--n-examples", type=int, default=8, metavar="N", help=help_text)
    sheet.add_argument("--seed", type=int, default=0, help="of the order of the rows")

    merge = _verb(verbs, "merge", _merge, "merge filled sheets, and code by their word")
    merge.add_argument("sheets", nargs="+", metavar="SHEET", help="XLSX or CSV, one a coder")
    merge.add_argument("--adjudicator", metavar="NAME", help="coder who settles what is open")
    rules = ("majority", "unanimous")
    merge.add_argument("--rule", choices=rules, default="majority", help="default: %(default)s")
    merge.add_argument("--seed", type=int, default=0, help="of the intervals of agreement")

    sample = _verb(verbs, "sample", _sample, "draw units for people to code, blinded")
    help_text = "about how many units; default: %(default)s"
    sample.add_argument("--n", type=int, default=200, metavar="N", help=help_text)
    sample.add_argument("--seed", type=int, default=0, help="of the draw")

    agreement = _verb(verbs, "agreement", _agreement, "judge codes by a sample that people coded")
    agreement.add_argument(
        "coded", nargs="+", metavar="CODED", help="the filled sample, one a coder"
    )
    agreement.add_argument("--seed", type=int, default=0, help="of the intervals")

    taxonomy = verbs.add_parser("taxonomy", help="let a taxonomy grow by what the data ask for")
    parts = taxonomy.add_subparsers(title="verbs", metavar="VERB", required=True)
    grow = _verb(parts, "grow", _grow, "write the taxonomy with proposed sub-categories")
    grow.add_argument("--out", metavar="FILE.yaml", help="default: in the run folder")


def _verb(verbs: Any, name: str, command: Any, help_text: str) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=help_text)
    verb.add_argument("run", metavar="RUN", help="a finished run folder")
    verb.set_defaults(command=command)
    return verb


def _sheet(parsed: argparse.Namespace) -> None:
    from saeidioms.people import write_sheets
    from saeidioms.pipeline import resume

    options = {"n_examples": parsed.n_examples, "seed": parsed.seed}
    paths = write_sheets(resume(parsed.run), parsed.coders, **options)
    print("\n".join(str(path) for path in paths))
    print(f"\nWhen filled: saeidioms merge {parsed.run} {' '.join(str(path) for path in paths)}")


def _merge(parsed: argparse.Namespace) -> None:
    from saeidioms.people import merge
    from saeidioms.pipeline import resume

    run = resume(parsed.run)
    rule = {"adjudicator": parsed.adjudicator, "rule": parsed.rule, "seed": parsed.seed}
    merged = merge(run, parsed.sheets, **rule)
    if merged.agreement.empty:
        print("One coder alone (an adjudicator does not count): no agreement to measure.")
    else:
        _print_table(merged.agreement)
    print(f"\n{len(merged.overrides)} features are settled, {len(merged.open)} are open.")
    if len(merged.open):
        _print_table(merged.open[["feature", "note"]])
        print("Let them talk, or merge again with --adjudicator.")
    print(f"Report: {run.folder.stage('report') / 'report.html'}")


def _sample(parsed: argparse.Namespace) -> None:
    from saeidioms.people import draw
    from saeidioms.pipeline import resume

    path = draw(resume(parsed.run), n=parsed.n, seed=parsed.seed)
    print(f"{path}: fill in sub_category, a copy for each coder; design.csv is not for them.")
    print(f"Then: saeidioms agreement {parsed.run} {path}")


def _agreement(parsed: argparse.Namespace) -> None:
    from saeidioms.people import judge
    from saeidioms.pipeline import resume

    run = resume(parsed.run)
    found = judge(run, parsed.coded, seed=parsed.seed)
    table = found.figures.merge(found.shares, on=["level", "category", "sub_category"])
    table = table.assign(
        name=table["sub_category"].where(table["sub_category"] != "", table["category"])
    )
    columns = ["positives", "precision", "recall", "f1", "kappa", "kappa_low", "kappa_high"]
    _print_table(table[["name", *columns, "naive", "share", "low", "high"]])
    kappa = found.overall
    print(f"\nKappa over all: {kappa.value:.3f} [{kappa.low:.3f}, {kappa.high:.3f}]")
    if len(parsed.coded) > 1:
        print(f"The coders among each other: Krippendorff's alpha {found.coders:.3f}")
    print(f"\nShares of units as corrected: {run.folder.people / 'corrected.html'}")


def _grow(parsed: argparse.Namespace) -> None:
    from saeidioms.people import grow
    from saeidioms.pipeline import resume

    growth, path = grow(resume(parsed.run), parsed.out)
    for one in growth.proposals:
        print(f"{one.name:<40}{one.share:>7.1%}   {one.examples[0]}")
    print(f"\n{path}: edit names and definitions, prune the seeds, then")
    print(f"  saeidioms codebook {parsed.run} --taxonomy {path}")


def _print_table(table: pd.DataFrame) -> None:
    from saeidioms.cli.printed import plain

    print(plain(table))
