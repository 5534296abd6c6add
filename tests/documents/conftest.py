"""A small run of the demo corpus whose chats hold addresses and a person's own phrase."""

import shutil
from pathlib import Path

import pytest

from saeidioms import cli
from saeidioms.corpus.demo import demo_frame


@pytest.fixture(scope="session")
def finished(once):
    return once("documents", make_run) / "run"


def make_run(folder):
    chats = demo_frame(participants=40)
    own = chats.index[chats["role"] == "supporter"]
    # One person's own phrase with a name, said in several chats, and addresses in many messages.
    chats["name"] = "Zebulon"
    secret = "You must be so scared, ask Zebulon at zeb@example.org or call 030 1234567."
    for number, row in enumerate(own):
        if chats.loc[row, "participant_id"] == "P001" or number % 9 == 0:
            chats.loc[row, "text"] = secret + " Why not ask Zebulon today?"
    chats.to_csv(folder / "chats.csv", index=False)
    options = ["--role", "supporter", "--n-features", "40", "--k", "4", "--seeds", "2"]
    (folder / "quick.yaml").write_text("sae: {max_steps: 200}\n", encoding="utf-8")
    options += ["--config", str(folder / "quick.yaml")]
    options += ["--cluster", "participant_id", "--until", "distribution"]
    cli.main(["run", str(folder / "chats.csv"), "--out", str(folder / "run"), *options])


@pytest.fixture
def copy(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / "run"))
