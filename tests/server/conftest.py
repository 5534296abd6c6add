"""A small run of chats that attack whoever shows them, and a server of it."""

import contextlib
import shutil
import threading
import time
from pathlib import Path

import pytest
import uvicorn

from saeidioms import cli
from saeidioms.corpus.demo import demo_frame
from saeidioms.server.app import make_app
from saeidioms.server.serve import HOST, listening
from saeidioms.server.view import Opened

ATTACKS = (
    "<script>window.hit=1</script></script><script>window.hit=2</script>",
    "<img src=x onerror='window.hit=3'> <svg onload='window.hit=4'><title>",
    "<a href='javascript:window.hit=5'>sorry, click here</a> {{7*7}} ${7*7} {% raw %}",
    "\"'`--></template></textarea></body>]]>\u2028\u2029 sorry \u202ereversed\u202c",
)
LONG = "sorry " + "<b>word</b> " * 90_000  # more than 1 MB
TOKEN = "key-of-the-tests"


@pytest.fixture(scope="session")
def attacks():
    return ATTACKS


@pytest.fixture(scope="session")
def long_message():
    return LONG.strip()


@pytest.fixture(scope="session")
def finished(once):
    """The folder of a finished run; not to be changed."""
    return once("attacked", make_run) / "run"


def make_run(place):
    frame = demo_frame(participants=12)
    supporter = frame.index[frame["role"] == "supporter"]
    attacks = [*ATTACKS * 6, LONG]
    frame.loc[supporter[: len(attacks)], "text"] = attacks
    frame.loc[supporter[: len(attacks)], "scenario"] = ATTACKS[0]
    frame.loc[supporter[-1], "text"] = "PLACE OF BROKEN 😀 so sorry to hear that"
    chats = place / "chats.csv"
    text = frame.to_csv(index=False).encode()
    chats.write_bytes(text.replace(b"PLACE OF BROKEN", b"caf\xe9 \xf0\x28\x8c\x28"))
    cli.main(
        [
            *("run", str(chats), "--out", str(place / "run"), "--role", "supporter"),
            *("--unit", "message", "--max-chars", "2000000", "--n-features", "16", "--k", "3"),
        ]
    )


@pytest.fixture
def folder(finished, tmp_path):
    """A copy of the run, to be edited."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


@contextlib.contextmanager
def serving(folder):
    """Serve a run from a thread; yield the address with the token."""
    with listening(0) as sock:
        port = sock.getsockname()[1]
        app = make_app(Opened(folder), port=port, token=TOKEN)
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://{HOST}:{port}/?token={TOKEN}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def address(folder):
    with serving(folder) as address:
        yield address
