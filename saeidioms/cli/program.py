"""The program `saeidioms`: its parser, and what it says where something is wrong."""

from __future__ import annotations

import argparse
import difflib
import logging
import os
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import Any, NoReturn

from saeidioms.cli import documents, experts, explorer, findings, people, runs, stages
from saeidioms.cli.flags import as_typed
from saeidioms.errors import SaeidiomsError

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

_WITH_VERBS = (runs, findings, experts, people, documents, explorer, stages)  # as help lists them
_NOISY = (  # httpx and its heir log every request
    *("sentence_transformers", "transformers", "httpx", "httpx2", "kaleido", "choreographer"),
)


class Parser(argparse.ArgumentParser):
    """A parser that offers what is nearest to a misspelt verb, flag or value; so are its verbs."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and refuse what is left over here, where the flags of the verb are known."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            near = _nearest(unknown[0].partition("=")[0], self._option_string_actions)
            self.error(f"unrecognized arguments: {' '.join(unknown)}{near}")
        return parsed, unknown

    def error(self, message: str) -> NoReturn:
        """Exit with one sentence: how a verb is used, its help tells."""
        more = "" if message.endswith("?") else f"; see {self.prog} --help."
        self.exit(2, f"{self.prog}: {message}{more}\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse what is no choice; all choices are listed only where none is near."""
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            near = _nearest(str(value), choices) or f" (choose from {', '.join(choices)})"
            raise argparse.ArgumentError(action, f"invalid choice: {value!r}{near}")


def _nearest(typed: str, known: Iterable[str]) -> str:
    """Return the words that offer what was meant; none where nothing known is near."""
    near = difflib.get_close_matches(typed, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; exits with 2 where the user can mend what is wrong."""
    # Threads that spin for long while they wait make training 15 times slower where another
    # program has one of their cores; threads that sleep at once, 1.5 times on an idle machine.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    arguments = sys.argv[1:] if arguments is None else arguments
    if not sys.stderr.isatty():  # bars of other packages too, such as of a GGUF file's weights
        os.environ.setdefault("TQDM_DISABLE", "1")
    parsed = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        parsed.command(parsed)
    except SaeidiomsError as error:
        print(f"saeidioms: {as_typed(str(error), arguments)}", file=sys.stderr)
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
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('saeidioms')}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for part in _WITH_VERBS:
        part.add_verbs(verbs)
    return parser
