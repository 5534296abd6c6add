"""The command line's explorer: the verb `explore`."""

from __future__ import annotations

import argparse
from typing import Any


def add_verbs(verbs: Any) -> None:
    """Add the verb to the subparsers of the command line."""
    help_text = "read, search and edit a run in the browser, on this machine alone"
    explore = verbs.add_parser("explore", help=help_text)
    explore.add_argument("run", metavar="RUN", help="a finished run folder")
    explore.add_argument("--port", type=int, default=0, metavar="N", help="default: a free one")
    help_text = "only print the address"
    explore.add_argument("--no-browser", action="store_false", dest="browser", help=help_text)
    explore.set_defaults(command=_explore)


def _explore(parsed: argparse.Namespace) -> None:
    from saeidioms.server.serve import serve

    def tell(address: str) -> None:
        print(f"Explorer of {parsed.run}: {address}")
        print("It holds your key: share it with nobody. Ctrl-C ends the explorer.", flush=True)

    command = serve(parsed.run, port=parsed.port, browser=parsed.browser, tell=tell)
    print("\nThe explorer is ended.")
    if command:
        print(f"What was edited is saved. To bring it into codes and report: {command}")
