"""The verbs of the command line that ask a finished run a question."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from saeidioms.findings.finding import Finding
    from saeidioms.run import Run


def add_verbs(verbs: Any) -> None:
    """Add the verbs to the subparsers of the command line."""
    compare = _verb(verbs, "compare", _compare, "how shares differ between groups")
    compare.add_argument("--by", required=True, metavar="COLUMN", help="such as arm")
    compare.add_argument("--baseline", required=True, metavar="GROUP", help="such as control")
    compare.add_argument("--against", metavar="GROUP", help="only this group; default: all others")
    compare.add_argument("--panel", metavar="COLUMN", help="compare within each of its values")
    kinds = ("messages", "units", "expressions")
    compare.add_argument("--of", choices=kinds, default="messages", help="default: %(default)s")

    traits = _verb(verbs, "traits", _traits, "whether a score of people shows in what they say")
    traits.add_argument("--score", required=True, metavar="COLUMN", help="one number a person")
    traits.add_argument("--reliability", type=float, metavar="X", help="of the score, 0 to 1")
    help_text = "correlation that would matter; default: %(default)s"
    traits.add_argument("--bound", type=float, default=0.1, metavar="X", help=help_text)


def _verb(verbs: Any, name: str, ask: Callable[..., Finding], help_text: str) -> Any:
    """Add a verb: what `ask` returns for the run and the options is kept and printed."""
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=help_text)
    verb.add_argument("run", metavar="RUN", help="a finished run folder")
    help_text = "column drawn as a whole, such as a person; default: the run's"
    verb.add_argument("--cluster", metavar="COLUMN", help=help_text)
    verb.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    verb.set_defaults(command=_answer, ask=ask)
    return verb


def _answer(parsed: argparse.Namespace) -> None:
    from saeidioms.analyses import keep
    from saeidioms.pipeline import resume

    asked = {name: value for name, value in vars(parsed).items() if name not in _OWN}
    run = resume(parsed.run)
    finding = parsed.ask(run, asked)
    print(f"\n{finding.title}\n")
    print(_as_text(finding.table))
    print(f"\n{finding.method}\n")
    folder = keep(run, finding)
    print(f"\nTable and figure: {folder}\nReport: {run.folder.stage('report') / 'report.html'}")


_OWN = ("run", "command", "ask")


def _compare(run: Run, asked: dict[str, Any]) -> Finding:
    from saeidioms.analyses import compare_groups

    return compare_groups(run, **asked)


def _traits(run: Run, asked: dict[str, Any]) -> Finding:
    from saeidioms.analyses import relate_trait

    return relate_trait(run, **asked)


def _as_text(table: pd.DataFrame) -> str:
    """Return a table as text: intervals in brackets, what is the same in all rows below."""
    shown = table.copy()
    if {"level", "category", "sub_category"} <= set(shown):
        own = shown["level"] == "sub_category"
        name = ("  " + shown["sub_category"]).where(own, shown["category"])
        shown.insert(0, "", name.where(shown["level"] != "uncoded", "none of these"))
        width = shown[""].str.len().max()
        shown[""] = shown[""].str.ljust(width)
        shown = shown.drop(columns=["level", "category", "sub_category"])
    for low in [name for name in shown if name == "low" or name.endswith("_low")]:
        high = low.removesuffix("low") + "high"
        ends = zip(shown[low], shown.pop(high), strict=True)
        shown[low] = [f"[{a:.3g}, {b:.3g}]" if a == a else "" for a, b in ends]
        shown = shown.rename(columns={low: low.removesuffix("low") + "interval"})
    same = [name for name in shown if len(shown) > 1 and shown[name].nunique(dropna=False) == 1]
    text = shown.drop(columns=same).to_string(
        index=False, float_format="{:.3g}".format, na_rep="–", max_colwidth=60
    )
    return "\n".join([text, *(f"{name}: {shown[name].iloc[0]}" for name in same)])
