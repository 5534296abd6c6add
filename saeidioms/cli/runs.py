"""The verbs that make runs: `run`, `demo`, `apply`; and `status` and `sweep`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from saeidioms.cli.flags import add_options, options_of
from saeidioms.cli.stages import STAGES, finish
from saeidioms.errors import OptionError

if TYPE_CHECKING:
    from saeidioms.run import Run

GRID = ("n_features", "k", "seeds")  # of `sweep`, which takes several of what a run has one of


def add_verbs(verbs: Any) -> None:
    """Add the verbs to the subparsers of the command line."""
    run = verbs.add_parser("run", help="do it all: chats in, report out")
    run.add_argument("chats", metavar="CHATS", help="file or folder of chats")
    run.add_argument("--out", required=True, metavar="DIR", help="run folder, new or to go on with")
    run.add_argument("--until", choices=STAGES, metavar="STAGE", help="stop after this stage")
    add_options(run)
    run.set_defaults(command=_run)

    demo = verbs.add_parser("demo", help="the same on synthetic chats that ship with the package")
    demo.add_argument("--out", default="saeidioms-demo", metavar="DIR", help="default: %(default)s")
    add_options(demo)
    demo.set_defaults(command=_demo)

    apply = verbs.add_parser("apply", help="code new chats with the dictionary of a run")
    apply.add_argument("run", metavar="RUN", help="a finished run folder")
    apply.add_argument("chats", metavar="CHATS", help="file or folder of new chats")
    apply.add_argument("--out", required=True, metavar="DIR", help="run folder for the new chats")
    add_options(apply)
    apply.set_defaults(command=_apply)

    status = verbs.add_parser("status", help="what is done, what is stale, and why")
    status.add_argument("run", metavar="RUN")
    status.set_defaults(command=_status)

    help_text = "which size of the dictionary suits a corpus"
    sweep = verbs.add_parser("sweep", help=help_text, conflict_handler="resolve")
    sweep.add_argument("source", metavar="SOURCE", help="file or folder of chats, or a run folder")
    sweep.add_argument("--out", metavar="DIR", help="where to write; default: the run folder")
    add_options(sweep)
    sweep.add_argument("--n-features", type=int, nargs="+", metavar="N", help="sizes; chosen")
    sweep.add_argument("--k", type=int, nargs="+", metavar="N", help="sparsities; chosen")
    sweep.add_argument("--seeds", type=int, default=2, metavar="N", help="default: %(default)s")
    sweep.set_defaults(command=_sweep)


def _run(parsed: argparse.Namespace) -> None:
    from saeidioms.pipeline import start

    finish(start(parsed.chats, parsed.out, options_of(parsed)), parsed.until)


def _demo(parsed: argparse.Namespace) -> None:
    from saeidioms.config import read_config
    from saeidioms.pipeline import start_demo

    finish(start_demo(parsed.out, options_of(parsed, read_config("demo"))))


def _apply(parsed: argparse.Namespace) -> None:
    from saeidioms.pipeline import start_applied

    finish(start_applied(parsed.run, parsed.chats, parsed.out, options_of(parsed)))


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

    source, given = parsed.source, options_of(parsed)
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
