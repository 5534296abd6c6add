"""The README is a promise: its commands and its Python are run as they stand."""

import re
import shlex
from pathlib import Path

import pytest

from saeidioms import cli
from saeidioms.corpus.demo import demo_frame

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Chats of the shape that the README speaks of."""
    place = tmp_path_factory.mktemp("readme")
    frame = demo_frame(participants=16)
    frame.to_csv(place / "chats.csv", index=False)
    frame[frame["participant_id"] == frame["participant_id"].iloc[0]].to_csv(
        place / "new.csv", index=False
    )
    return place


def test_every_command_of_the_readme_runs(folder, monkeypatch):
    monkeypatch.chdir(folder)
    lines = [line for kind, block in BLOCKS if kind == "bash" for line in block.splitlines()]
    commands = [shlex.split(line, comments=True) for line in lines if line.startswith("saeidioms")]
    assert len(commands) >= 5
    for _, *arguments in commands:
        cli.main(arguments)
    assert (folder / "out" / "report" / "report.html").exists()
    assert (folder / "new" / "report" / "report.html").exists()


def test_the_python_of_the_readme_runs(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (block,) = [block for kind, block in BLOCKS if kind == "python"]
    *statements, last = block.strip().splitlines()
    names: dict[str, object] = {}
    exec("\n".join(statements), names)
    assert eval(last, names).data


def test_the_files_that_the_readme_names_are_there():
    root = Path(__file__).resolve().parents[1]
    for name in re.findall(r"\]\(([^)h][^)]*)\)", README) + re.findall(
        r"scripts/\w+\.(?:sh|py)", README
    ):
        assert (root / name).exists(), name
