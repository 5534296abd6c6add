"""An OpenAI-compatible server that misbehaves by script, and a model that needs none."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from saeidioms.llm.model import Prompt

SCHEMA = {
    "type": "object",
    "properties": {"label": {"type": "string"}},
    "required": ["label"],
    "additionalProperties": False,
}


class Server:
    """Answers request after request as the script says, then fine.

    A behaviour is a function of the handler and the body of the request. `requests` holds what
    came, `most_at_once` how many requests were under way together.
    """

    def __init__(self):
        self.script = []
        self.default = self.fine()
        self.requests = []
        self.headers = []
        self.most_at_once = self._at_once = 0
        self.closing = threading.Event()
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                server.handle(self)

            do_CONNECT = do_GET = do_POST

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.handle_error = lambda *_: None  # clients that hang up are expected here
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def close(self):
        self.closing.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def handle(self, handler):
        body = json.loads(handler.rfile.read(int(handler.headers.get("content-length", 0))) or "{}")
        with self._lock:
            self.requests.append(body)
            self.headers.append((handler.path, handler.headers))
            behaviour = self.script.pop(0) if self.script else self.default
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            behaviour(handler, body)
        finally:
            with self._lock:
                self._at_once -= 1

    def asked(self):
        """Return the last message of each request."""
        return [body["messages"][-1]["content"] for body in self.requests]

    def fine(self, text='{"label": "fine"}', *, finish="stop", **message):
        return lambda handler, _: _send(handler, 200, _completion(text, finish, message))

    def echo(self):
        """Answer with what was asked."""
        return lambda handler, body: _send(
            handler, 200, _completion(body["messages"][-1]["content"], "stop", {})
        )

    def status(self, code, message="no", **headers):
        body = json.dumps({"error": {"message": message, "type": "error"}}).encode()
        return lambda handler, _: _send(handler, code, body, headers)

    def raw(self, body, kind="application/json"):
        return lambda handler, _: _send(handler, 200, body, {"Content-Type": kind})

    def hang(self):
        """Answer nothing until the server is closed."""

        def behave(handler, _):
            self.closing.wait(10)
            handler.close_connection = True

        return behave

    def cut(self):
        """Break off in the middle of a fine answer."""

        def behave(handler, _):
            body = _completion('{"label": "never heard"}', "stop", {})
            handler.send_response(200)
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body[: len(body) // 2])
            handler.wfile.flush()
            handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True

        return behave


def _completion(text, finish, message):
    choice = {"index": 0, "finish_reason": finish}
    choice["message"] = {"role": "assistant", "content": text, **message}
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    return json.dumps({"object": "chat.completion", "choices": [choice], "usage": usage}).encode()


def _send(handler, code, body, headers=()):
    handler.send_response(code)
    for name, value in {"Content-Type": "application/json", **dict(headers)}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


class Parrot:
    """A model that answers by a function of the prompt, and remembers what it was asked."""

    name = "parrot"
    destination = ""

    def __init__(self, say, key=None):
        self.say = say
        self.key = key or {"model": "parrot"}
        self.asked = []

    def answer(self, prompts):
        for index, prompt in reversed(list(enumerate(prompts))):  # in any order
            self.asked.append(prompt)
            yield index, self.say(prompt)


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Let nothing connect to another machine, and no setting of this one reach the tests."""
    connect = socket.socket.connect

    def guarded(self, address):
        assert self.family != socket.AF_INET or address[0] == "127.0.0.1", address
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def other_server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def parrot():
    return Parrot


@pytest.fixture
def ask_for():
    """Return prompts for labels, one for each text."""

    def make(*texts, **options):
        return [
            Prompt(system="Label it.", user=text, **{"schema": SCHEMA, **options}) for text in texts
        ]

    return make
