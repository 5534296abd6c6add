"""The verb that sets a tool beside experts, from a table of ratings."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from saeidioms.cli.findings import DRAWN, Option

OPTIONS = (
    Option("experts", "their names in the ratings", required=True, several=True),
    Option("others", "who is beside them: a coder, or NAME=CODER,CODER", True, several=True),
    Option("scale", "default ordinal", choices=("ordinal", "interval", "nominal")),
    Option("points", "lowest and highest of the scale, such as 1 5", kind=int, several=True),
    Option("cluster", "column drawn as a whole, such as a conversation"),
    Option("seed", "of what is drawn at random; default 0", kind=int),
)


def add_verbs(verbs: Any) -> None:
    """Add the verb to the subparsers of the command line."""
    verb = verbs.add_parser(
        "experts", help="agreement of a tool or crowd with experts, beside that of experts"
    )
    columns = "CSV: item, coder, dimension, rating; or a column a coder or dimension"
    verb.add_argument("ratings", metavar="RATINGS", help=columns)
    verb.add_argument("--out", metavar="DIR", default=".", help="default: here")
    for option in (*OPTIONS, *DRAWN):
        option.add_to(verb)
    verb.set_defaults(command=_answer)


def _answer(parsed: argparse.Namespace) -> None:
    from saeidioms.analyses.common import draw
    from saeidioms.analyses.experts import agree_with_experts
    from saeidioms.charts import Template
    from saeidioms.cli.printed import as_text
    from saeidioms.errors import OptionError

    asked = {
        name: value
        for name, value in vars(parsed).items()
        if name not in ("ratings", "out", "command", "figure", "width_mm")
    }
    if "points" in asked:
        if len(asked["points"]) != 2:
            raise OptionError("points takes two numbers: the lowest and the highest.")
        asked["points"] = tuple(asked["points"])
    finding = agree_with_experts(parsed.ratings, **asked)
    print(f"\n{finding.title}\n\n{as_text(finding.table)}\n\n{finding.method}\n")
    folder = finding.save(Path(parsed.out), codes="")
    template = Template(getattr(parsed, "width_mm", Template.width_mm))
    draw(finding, folder, getattr(parsed, "figure", ()), template)
    print(f"Table and figure: {folder}")
