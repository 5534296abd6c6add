"""The verbs of the command line that ask a finished run a question."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

from saeidioms.artifacts import digest_json

_LONGEST_NAME = 80  # characters


@dataclass(frozen=True)
class Option:
    """An option of a question: of the same name as the argument of its function."""

    name: str
    help: str
    required: bool = False
    kind: type = str
    choices: tuple[str, ...] | None = None
    several: bool = False
    positional: bool = False

    def add_to(self, verb: argparse.ArgumentParser) -> None:
        """Add the option; what is not given keeps the default of the function's signature."""
        if self.positional:
            verb.add_argument(self.name, help=self.help)
            return
        metavar = {int: "N", float: "X"}.get(self.kind, "NAME")
        verb.add_argument(
            "--" + self.name.replace("_", "-"),
            required=self.required,
            type=self.kind,
            choices=self.choices,
            nargs="+" if self.several else None,
            default=argparse.SUPPRESS,
            metavar=None if self.choices else metavar,
            help=self.help,
        )


CLUSTER = Option("cluster", "column drawn as a whole, such as a person; default: the run's")
SEED = Option("seed", "of what is drawn at random; default 0", kind=int)


@dataclass(frozen=True)
class Question:
    """A verb, and the function in `saeidioms.analyses` that answers it.

    ``options`` are its own; `shared` says which of cluster and seed it takes besides.
    """

    verb: str
    room: str
    function: str
    help: str
    options: tuple[Option, ...]
    shared: tuple[Option, ...] = (CLUSTER, SEED)


BY = Option("by", "column of the groups, such as arm", required=True)
BASELINE = Option("baseline", "group that others are compared with", required=True)
AGAINST = Option("against", "only this group; default: all others")
PANEL = Option("panel", "column within whose values it is done, such as setting")
OF = Option("of", "what is counted; default messages", choices=("messages", "units", "expressions"))
UNTREATED = Option("baseline", "group that nothing was done to", required=True)
TIMES = (
    Option("time", "column of the times", required=True),
    Option("before", "its value before", required=True),
    Option("after", "its value after", required=True),
)
DRAWN = (
    Option(
        "figure",
        "write the figure as an image too, for a paper",
        choices=("pdf", "svg", "png"),
        several=True,
    ),
    Option("width_mm", "of the image in millimetres; default 180, two columns", kind=float),
)

QUESTIONS = (
    Question(
        "shares",
        "shares",
        "shares_of",
        "how often each sub-category occurs",
        (
            OF,
            Option("by", "column of the groups"),
            Option("chart", "default bars, with intervals", choices=("bars", "treemap")),
        ),
    ),
    Question(
        "idioms",
        "shares",
        "idioms_of",
        "the idioms of each sub-category that most conversations hold",
        (Option("n", "of each; default 6", kind=int),),
        shared=(),
    ),
    Question(
        "compare",
        "groups",
        "compare_groups",
        "how shares differ between groups",
        (BY, BASELINE, AGAINST, PANEL, OF),
    ),
    Question(
        "permute",
        "groups",
        "permute_groups",
        "the same, by permuting whole clusters that were assigned to groups",
        (
            *(BY, BASELINE, AGAINST),
            Option("within", "column of the blocks within which they were assigned"),
            Option("time", "column of the times, with --at"),
            Option("at", "the time to look at"),
        ),
    ),
    Question(
        "model",
        "groups",
        "regress",
        "regressions by a formula, with errors by cluster",
        (
            Option("formula", "such as \"C(arm, Treatment('control')) * round\"", required=True),
            Option("kind", "default linear", choices=("linear", "logistic")),
        ),
        shared=(CLUSTER,),
    ),
    Question(
        "change",
        "groups",
        "change_of",
        "change within people; with --baseline, how much more groups change than it",
        (
            *TIMES,
            Option("by", "column of the groups"),
            Option("baseline", "group whose change is taken off"),
        ),
    ),
    Question(
        "reliable",
        "people",
        "reliable_people",
        "which people changed by more than chance",
        (*TIMES, BY, UNTREATED),
        shared=(CLUSTER,),
    ),
    Question(
        "study",
        "groups",
        "replicate_study",
        "the Lend an Ear study's analysis, and beside it honest ones",
        (*TIMES, BY, UNTREATED, PANEL),
    ),
    Question(
        "traits",
        "people",
        "relate_trait",
        "whether a score of people shows in what they say",
        (
            Option("score", "column with one number a person", required=True),
            Option("reliability", "of the score, 0 to 1", kind=float),
            Option("bound", "correlation that would matter; default 0.1", kind=float),
        ),
    ),
    Question(
        "trajectory",
        "order",
        "course",
        "shares over the course of conversations",
        (
            Option("parts", "equal parts of a conversation; default 3", kind=int),
            Option("turns", "by message number instead, so many; later ones together", kind=int),
            Option("by", "column of the groups"),
            Option("chart", "default lines, with intervals", choices=("lines", "areas")),
        ),
    ),
    Question(
        "templates",
        "order",
        "recurring",
        "recurring sequences of sub-categories within messages",
        (
            Option("min_support", "share of messages; default 0.01", kind=float),
            Option("max_length", "most moves; default 5", kind=int),
        ),
    ),
    Question(
        "template-use",
        "order",
        "use_of_templates",
        "how far groups or people follow such templates",
        (BY, Option("baseline", "group whose sequences the others' are new against")),
    ),
    Question(
        "transitions",
        "order",
        "follow",
        "what follows what, from message to message",
        (
            Option("first", "role of the first message"),
            Option("second", "role of the next"),
            Option("chart", "default map; bands: a Sankey diagram", choices=("map", "bands")),
        ),
        shared=(SEED,),
    ),
    Question("together", "order", "together", "what is said in the same message", ()),
    Question(
        "predict",
        "outcomes",
        "foretell",
        "which features and sub-categories foretell a column, chosen and tested apart",
        (
            Option("target", "column of numbers, or of two values", required=True),
            Option("unit", "default conversation", choices=("conversation", "message")),
            Option(
                "method",
                "how to choose; default lasso",
                choices=("correlation", "separation", "lasso", "stability"),
            ),
            Option("n", "how many; default 20", kind=int),
        ),
    ),
    Question(
        "diff",
        "corpora",
        "differ",
        "features, idioms and sub-categories that another run's corpus uses more or less",
        (Option("other", "run folder, by `saeidioms apply RUN`", required=True, positional=True),),
        shared=(CLUSTER,),
    ),
    Question(
        "power",
        "groups",
        "plan",
        "how many conversations a difference needs",
        (
            *(BY, BASELINE, AGAINST),
            Option("difference", "in percentage points", required=True, kind=float),
            Option("outcome", "only this category or sub-category"),
            Option("conversations", "numbers to try", kind=int, several=True),
        ),
    ),
)

PROFILE = (
    Option("participant", "the person: a value of --column", required=True),
    Option("column", "names people; default: the run's cluster, or participant_id"),
    Option("order", "column of numbers or dates that conversations are put in order by"),
    Option("seed", "of what is drawn at random; default 0", kind=int),
)


def add_verbs(verbs: Any) -> None:
    """Add a verb for each question to the subparsers of the command line."""
    for question in QUESTIONS:
        verb = verbs.add_parser(question.verb, help=question.help)
        verb.add_argument("run", metavar="RUN", help="a finished run folder")
        for option in (*question.options, *question.shared, *DRAWN):
            option.add_to(verb)
        verb.set_defaults(command=_answer, question=question)
    search = verbs.add_parser("search", help="where something is said, and which features mean it")
    search.add_argument("run", metavar="RUN", help="a finished run folder")
    what = search.add_mutually_exclusive_group(required=True)
    what.add_argument("query", nargs="?", metavar="WORDS", help="what to look for")
    what.add_argument("--feature", type=int, metavar="N", help="where this feature is strongest")
    search.add_argument("--n", type=int, default=10, metavar="N", help="default: %(default)s")
    search.set_defaults(command=_search)
    profile = verbs.add_parser("profile", help="what one person says, as a page for a coach")
    profile.add_argument("run", metavar="RUN", help="a finished run folder")
    for option in PROFILE:
        option.add_to(profile)
    profile.set_defaults(command=_profile)


def _answer(parsed: argparse.Namespace) -> None:
    from saeidioms.analyses.common import keep
    from saeidioms.charts import Template
    from saeidioms.cli.printed import as_text
    from saeidioms.pipeline import resume

    asked = {
        name: value
        for name, value in vars(parsed).items()
        if name not in ("run", "command", "question")
    }
    formats = asked.pop("figure", ())
    template = Template(asked.pop("width_mm", Template.width_mm))
    run, question = resume(parsed.run), parsed.question
    answer = getattr(import_module(f"saeidioms.analyses.{question.room}"), question.function)
    finding = replace(answer(run, **asked), name=_name(question.verb, asked))
    folder = keep(run, finding, formats, template)
    print(f"\n{finding.title}\n")
    print(as_text(finding.table))
    print(f"\n{finding.method}\n")
    print(f"Table and figure: {folder}\nReport: {run.folder.stage('report') / 'report.html'}")


def _name(verb: str, asked: dict[str, Any]) -> str:
    """Return the name of a finding by all that was asked, so that no answer hides another."""
    from saeidioms.analyses.common import slug

    values = [one for value in asked.values() for one in _each(value)]
    said = [f"{one:g}" if isinstance(one, float) else str(one) for one in values]
    name = slug(verb, *said)
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[:_LONGEST_NAME]}-{digest_json(said)[:6]}"


def _each(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def _search(parsed: argparse.Namespace) -> None:
    from saeidioms.analyses.corpora import find, find_strongest
    from saeidioms.cli.printed import plain
    from saeidioms.pipeline import resume

    run = resume(parsed.run)
    if parsed.feature is None:
        found = find(run, parsed.query, parsed.n)
    else:
        found = find_strongest(run, parsed.feature, parsed.n)
    for heading, table in found.items():
        print(f"\n{heading}\n")
        print(plain(table))


def _profile(parsed: argparse.Namespace) -> None:
    from saeidioms.analyses.persons import profile_person
    from saeidioms.cli.printed import as_text
    from saeidioms.pipeline import resume
    from saeidioms.taxonomy.grounds import COLUMNS

    asked = {name: value for name, value in vars(parsed).items() if name not in ("run", "command")}
    found, path = profile_person(resume(parsed.run), **asked)
    counted = found.shares["count"].map("{:,}".format) + f" of {found.n_messages:,}"
    columns = ["level", "category", "sub_category", "messages", "long_run", "low", "high", "others"]
    names = {"estimate": "long_run", "others_share": "others", "against": "than_most"}
    shown = found.shares.assign(messages=counted).rename(columns=names)
    print(f"\nWhat {found.who} says, against {found.n_others:,} others\n")
    print(as_text(shown[[*columns, "than_most", *COLUMNS]], whole=path.with_suffix(".json").name))
    print(f"\n{found.uncertainty}\n\nPage: {path}\nJSON: {path.with_suffix('.json')}")
