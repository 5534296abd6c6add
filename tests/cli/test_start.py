"""A verb starts without what it has no use for."""

import json
import subprocess
import sys

import pandas as pd
import pytest

from saeidioms import cli

# What takes seconds to import, and what asks for it in a subprocess of its own.
HEAVY = ("torch", "sentence_transformers", "transformers", "sklearn", "statsmodels", "scipy.stats")
TOLD = """
import json, sys
from saeidioms import cli
try:
    cli.main(sys.argv[1:])
finally:
    print(json.dumps([name for name in {heavy} if name in sys.modules]))
"""


def imported_by(*arguments):
    """Return which heavy packages a command imports."""
    command = [sys.executable, "-c", TOLD.format(heavy=HEAVY), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of which only the corpus is made."""
    folder = tmp_path_factory.mktemp("start")
    rows = {"conversation_id": ["a", "b"], "text": ["I'm so sorry to hear that.", "You can!"]}
    pd.DataFrame(rows).to_csv(folder / "chats.csv", index=False)
    out = folder / "out"
    cli.main(["run", str(folder / "chats.csv"), "--out", str(out), "--until", "corpus"])
    return out


@pytest.mark.parametrize("asked", [["--help"], ["run", "--help"], ["compare"]], ids=" ".join)
def test_help_and_a_mistyped_command_import_nothing_heavy(asked):
    assert imported_by(*asked) == set()


def test_the_status_of_a_run_imports_nothing_heavy(run):
    assert imported_by("status", run) == set()


def test_a_stage_that_is_up_to_date_needs_no_torch(run):
    assert "torch" not in imported_by("corpus", run)


def test_bars_of_other_packages_are_not_drawn_where_there_is_no_terminal():
    script = (
        "from saeidioms import cli\n"
        "try:\n    cli.main(['status', 'nowhere'])\nexcept SystemExit:\n    pass\n"
        "from tqdm.auto import tqdm\nassert list(tqdm(range(3), desc='weights')) == [0, 1, 2]"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "weights" not in done.stderr
    assert done.stderr.startswith("saeidioms: nowhere holds no run")
