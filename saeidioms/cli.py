"""The command line: parses, calls, prints. Everything heavy is imported after parsing."""

from __future__ import annotations

import argparse
import difflib
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from saeidioms import documents_cli, experts_cli, findings_cli, people_cli, server_cli
from saeidioms.errors import OptionError, SaeidiomsError

if TYPE_CHECKING:
    from saeidioms.run import Run, Sections

DESCRIPTION = """\
Mine idioms out of conversations with a sparse autoencoder, and chart what is expressed.

examples:
  saeidioms demo                                      synthetic chats in, a report out
  saeidioms run chats.csv --out out                   your own chats: one row a message
  saeidioms run chats.csv --out out --role supporter --by arm --cluster participant_id
  saeidioms run chats.csv --out out --config lend_an_ear
  saeidioms status out                                what is done, and what changed since
  saeidioms codes out --min-strength 0.3              one stage again, and what it needs
  saeidioms sweep chats.csv --out out                 which size of the dictionary suits it
  saeidioms apply out new_chats.csv --out new         code new chats with a stored run
  saeidioms sheet out --coders ann bob                features for people to code; then merge
  saeidioms explore out                               all of it in the browser: read, search, edit
  saeidioms codebook out --words masked               codebook of a paper's supplement; also card
  saeidioms compare out --by arm --baseline control   a question to a finished run; also change,
                                                      study, traits, templates, predict, power ...
"""

GRID = ("n_features", "k", "seeds")  # of `sweep`, which takes several of what a run has one of


class Parser(argparse.ArgumentParser):
    """A parser, and so are its verbs, that offers the flag nearest to a misspelt one."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and refuse what is left over here, where the flags of the verb are known."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            flags = self._option_string_actions
            near = difflib.get_close_matches(unknown[0].partition("=")[0], flags, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            self.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return parsed, unknown


@dataclass(frozen=True)
class Flag:
    """A flag that sets one option of the same name in the sections given."""

    name: str
    sections: tuple[str, ...]
    help: str
    kind: type = str

    @property
    def option(self) -> str:
        """The flag as typed."""
        return "--" + self.name.replace("_", "-")


GROUPS: dict[str, tuple[Flag, ...]] = {
    "reading": (
        Flag("format", ("corpus",), "csv, tsv, json, jsonl, parquet, ...; detected"),
        Flag("text", ("corpus",), "column of the message text; detected"),
        Flag("speaker", ("corpus",), "column of who speaks; detected"),
        Flag("conversation", ("corpus",), "column of the conversation's id; detected"),
        Flag("turn", ("corpus",), "column of the message's position; detected"),
        Flag("max_chars", ("corpus",), "longer messages are dropped and counted", int),
        Flag("role", ("units",), "whose messages to analyse, such as supporter; default all"),
        Flag("unit", ("units",), "sentence (default) or message"),
    ),
    "embedding": (
        Flag("model", ("embed",), "sentence-transformers name or folder; default all-MiniLM-L6-v2"),
        Flag("prompt", ("embed",), "text put before every unit, for models that want one"),
        Flag("dimensions", ("embed",), "keep the first so many (Matryoshka models)", int),
        Flag("precision", ("embed",), "auto (default), float32 or bfloat16"),
        Flag("trust_remote_code", ("embed",), "run code that comes with the model", bool),
        Flag("cache", ("embed",), "folder where vectors are kept over runs"),
    ),
    "dictionary": (
        Flag("n_features", ("sae",), "dictionary size; chosen from the corpus size", int),
        Flag("k", ("sae",), "active features per unit; chosen from the corpus size", int),
        Flag("sparsity", ("sae",), "topk (default), batch_topk, jumprelu or relu"),
        Flag("seeds", ("sae",), "trainings that are made into one stable dictionary", int),
    ),
    "labels": (
        Flag("labeller", ("labels",), "offline (default), endpoint or local"),
        Flag("llm", ("labels",), "language model: a name, or for local a folder or GGUF file"),
        Flag("base_url", ("labels",), "of an OpenAI-compatible server; the key is OPENAI_API_KEY"),
        Flag("candidates", ("labels",), "labels asked for a feature; default 3", int),
        Flag("max_calls", ("labels",), "stop asking after so many prompts", int),
    ),
    "coding": (
        Flag("taxonomy", ("codebook",), "a shipped name (empathy, schwartz_values) or a YAML file"),
        Flag("overrides", ("codebook",), "CSV with your own feature,sub_category; it wins"),
        Flag("min_confidence", ("codebook",), "features below it stay unassigned", float),
        Flag("min_strength", ("codes",), "units below it stay uncoded", float),
    ),
    "statistics": (
        Flag("by", ("distribution", "compare"), "column whose groups are shown, such as arm"),
        Flag("baseline", ("compare",), "group that the others are compared with, such as control"),
        Flag("panel", ("compare",), "column with a panel for each value, such as setting"),
        Flag(
            "cluster", ("distribution", "compare"), "column resampled as a whole, such as a person"
        ),
        Flag("level", ("distribution", "compare"), "level of the intervals; default 0.95", float),
    ),
    "everything": (
        Flag(
            "seed",
            ("sae", "idioms", "labels", "fidelity", "distribution", "compare"),
            "seed of every random choice",
            int,
        ),
        Flag("device", ("embed", "sae"), "cpu, cuda or mps; chosen"),
    ),
}


VERBS = {
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


_NOISY = (  # httpx and its heir log every request
    *("sentence_transformers", "transformers", "httpx", "httpx2", "kaleido", "choreographer"),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; exits with 2 where the user can mend what is wrong."""
    # Threads that spin for long while they wait make training 15 times slower where another
    # program has one of their cores; threads that sleep at once, 1.5 times on an idle machine.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    parsed = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        parsed.command(parsed)
    except SaeidiomsError as error:
        print(f"saeidioms: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # what reads the output wants no more of it, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except KeyboardInterrupt:
        print("saeidioms: stopped; the same command goes on from here.", file=sys.stderr)
        sys.exit(130)


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = Parser("saeidioms", description=DESCRIPTION, formatter_class=raw)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)

    run = verbs.add_parser("run", help="do it all: chats in, report out")
    run.add_argument("chats", metavar="CHATS", help="file or folder of chats")
    run.add_argument("--out", required=True, metavar="DIR", help="run folder, new or to go on with")
    run.add_argument("--until", choices=VERBS, metavar="STAGE", help="stop after this stage")
    _add_options(run)
    run.set_defaults(command=_run)

    demo = verbs.add_parser("demo", help="the same on synthetic chats that ship with the package")
    demo.add_argument("--out", default="saeidioms-demo", metavar="DIR", help="default: %(default)s")
    _add_options(demo)
    demo.set_defaults(command=_demo)

    apply = verbs.add_parser("apply", help="code new chats with the dictionary of a run")
    apply.add_argument("run", metavar="RUN", help="a finished run folder")
    apply.add_argument("chats", metavar="CHATS", help="file or folder of new chats")
    apply.add_argument("--out", required=True, metavar="DIR", help="run folder for the new chats")
    _add_options(apply)
    apply.set_defaults(command=_apply)

    status = verbs.add_parser("status", help="what is done, what is stale, and why")
    status.add_argument("run", metavar="RUN")
    status.set_defaults(command=_status)

    help_text = "which size of the dictionary suits a corpus"
    sweep = verbs.add_parser("sweep", help=help_text, conflict_handler="resolve")
    sweep.add_argument("source", metavar="SOURCE", help="file or folder of chats, or a run folder")
    sweep.add_argument("--out", metavar="DIR", help="where to write; default: the run folder")
    _add_options(sweep)
    sweep.add_argument("--n-features", type=int, nargs="+", metavar="N", help="sizes; chosen")
    sweep.add_argument("--k", type=int, nargs="+", metavar="N", help="sparsities; chosen")
    sweep.add_argument("--seeds", type=int, default=2, metavar="N", help="default: %(default)s")
    sweep.set_defaults(command=_sweep)

    findings_cli.add_verbs(verbs)
    experts_cli.add_verbs(verbs)
    people_cli.add_verbs(verbs)
    documents_cli.add_verbs(verbs)
    server_cli.add_verbs(verbs)
    for name, help_text in VERBS.items():
        stage = verbs.add_parser(name, help=f"stage: {help_text}")
        stage.add_argument("run", metavar="RUN", help="a run folder")
        _add_options(stage)
        stage.set_defaults(command=_stage, until=name)
        if name == "labels":
            help_text = "say what asking a language model would take; nothing is sent"
            stage.add_argument("--dry-run", action="store_true", help=help_text)
            prices = "with --dry-run: prices of a million tokens in, and out"
            stage.add_argument("--prices", type=float, nargs=2, metavar="X", help=prices)
            stage.set_defaults(command=_labels)
        if name == "codebook":
            documents_cli.add_codebook(stage)
            stage.set_defaults(command=_codebook)
    return parser


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", help="YAML file or shipped name; flags win")
    for title, flags in GROUPS.items():
        group = parser.add_argument_group(title)
        for flag in flags:
            if flag.kind is bool:
                group.add_argument(flag.option, action="store_true", default=None, help=flag.help)
            else:
                metavar = {int: "N", float: "X"}.get(flag.kind, "NAME")
                group.add_argument(flag.option, type=flag.kind, metavar=metavar, help=flag.help)


def _options(parsed: argparse.Namespace, start: Sections | None = None) -> Sections:
    """Options of the configuration file over those of `start`, and flags over both.

    ``--by`` says what is compared only where ``--baseline`` says with what.
    """
    from saeidioms.config import read_config

    options: Sections = {name: dict(section) for name, section in (start or {}).items()}
    if parsed.config:
        for name, section in read_config(parsed.config).items():
            options.setdefault(name, {}).update(section)
    for flag in (flag for flags in GROUPS.values() for flag in flags):
        value = getattr(parsed, flag.name)
        for name in flag.sections if value is not None else ():
            if (name, flag.name) != ("compare", "by") or parsed.baseline is not None:
                options.setdefault(name, {})[flag.name] = value
    return options


def _run(parsed: argparse.Namespace) -> None:
    from saeidioms.pipeline import start

    _finish(start(parsed.chats, parsed.out, _options(parsed)), parsed.until)


def _demo(parsed: argparse.Namespace) -> None:
    from saeidioms.config import read_config
    from saeidioms.pipeline import start_demo

    _finish(start_demo(parsed.out, _options(parsed, read_config("demo"))))


def _apply(parsed: argparse.Namespace) -> None:
    from saeidioms.pipeline import start_applied

    _finish(start_applied(parsed.run, parsed.chats, parsed.out, _options(parsed)))


def _stage(parsed: argparse.Namespace) -> None:
    from saeidioms.options import bind_options
    from saeidioms.pipeline import resume

    run = resume(parsed.run)
    run.record.options = bind_options(_options(parsed, run.record.options))
    _finish(run, parsed.until)


def _status(parsed: argparse.Namespace) -> None:
    from saeidioms.pipeline import resume, states

    for name, state in states(resume(parsed.run)):
        print(f"{name:<13} {state}")


def _sweep(parsed: argparse.Namespace) -> None:
    from saeidioms.pipeline import sweep_run

    grid = {name: getattr(parsed, name) for name in GRID}
    vars(parsed).update(dict.fromkeys(GRID))  # several values each, which no run takes
    run, options = _to_sweep(parsed)
    found, folder = sweep_run(run, parsed.out or parsed.source, options | grid)
    print(found.table.round(3).to_string(index=False))
    n_features, k = found.recommended
    print(f"\n{found.reason}\n\nTake it: sae: {{n_features: {n_features}, k: {k}}}")
    print(f"     or: --n-features {n_features} --k {k}\nChart: {folder / 'sweep.html'}")


def _to_sweep(parsed: argparse.Namespace) -> tuple[Run, dict[str, Any]]:
    """Return a run with the corpus to sweep over, and the options of its dictionaries."""
    from saeidioms.artifacts import RunFolder
    from saeidioms.options import SECTIONS, bind_options
    from saeidioms.pipeline import resume, start

    source, given = parsed.source, _options(parsed)
    if not RunFolder(Path(source)).record.is_file():
        if parsed.out is None:
            raise OptionError(f"--out is missing, and {source} is no run folder; give it.")
        run = start(source, parsed.out, given)
        return run, run.record.options["sae"]
    for name in ("corpus", "units", "embed"):
        if fixed := sorted(given.get(name, {}).keys() - set(SECTIONS[name].neutral)):
            raise OptionError(
                f"sweep takes {name}.{fixed[0]} from {source} as it is; leave that option out."
            )
    run = resume(source)
    ours = run.record.options["sae"] | given.get("sae", {})
    return run, bind_options(given | {"sae": ours})["sae"]


def _labels(parsed: argparse.Namespace) -> None:
    from saeidioms.options import bind_options
    from saeidioms.pipeline import estimate_labels, resume

    if not parsed.dry_run:
        _stage(parsed)
        return
    run = resume(parsed.run)
    run.record.options = bind_options(_options(parsed, run.record.options))
    logging.disable(logging.INFO)  # what a stand-in says tells nothing
    try:
        print(estimate_labels(run, *(parsed.prices or (None, None))))
    finally:
        logging.disable(logging.NOTSET)


def _codebook(parsed: argparse.Namespace) -> None:
    from saeidioms.options import bind_options
    from saeidioms.pipeline import resume

    run = resume(parsed.run)
    run.record.options = bind_options(_options(parsed, run.record.options))
    documents_cli.write(run, parsed)


def _finish(run: Run, until: str | None = None) -> None:
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
