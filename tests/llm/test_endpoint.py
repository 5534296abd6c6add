import json
import logging
import re
import signal
import sys
import threading
import time
from email.utils import formatdate

import pytest

from saeidioms.errors import DependencyError, ModelError, OptionError
from saeidioms.llm.answers import Answers, ask, ask_json
from saeidioms.llm.endpoint import Endpoint
from saeidioms.llm.model import Prompt

pytest.importorskip("openai", reason="the package openai is not installed")
KEY = "sk-very-secret-0123456789"


@pytest.fixture
def waits():
    """Seconds that were slept, without any sleep."""
    return []


@pytest.fixture
def endpoint(server, waits):
    def make(**options):
        return Endpoint(
            **{"model": "small", "base_url": server.url + "/v1", "sleep": waits.append, **options}
        )

    return make


def texts_of(model, prompts):
    return dict(model.answer(prompts))


def test_a_prompt_is_sent_whole(server, endpoint):
    schema = {"type": "object", "properties": {}}
    prompt = Prompt("Be brief.", "What now?", (("What?", '{"a": 1}'),), schema, max_tokens=9)
    assert texts_of(endpoint(seed=3), [prompt]) == {0: '{"label": "fine"}'}
    (body,) = server.requests
    system, *turns = [(one["role"], one["content"]) for one in body["messages"]]
    assert system[0] == "system"
    assert system[1].startswith("Be brief.")
    assert json.dumps(schema) in system[1]  # some servers pass over response_format
    assert turns == [
        ("user", "What?"),
        ("assistant", '{"a": 1}'),
        ("user", "What now?"),
    ]
    assert body["model"] == "small"
    assert (body["temperature"], body["seed"], body["max_tokens"]) == (0.0, 3, 9)
    assert body["response_format"]["json_schema"]["schema"] == schema
    assert server.headers[0][0] == "/v1/chat/completions"


def test_every_answer_goes_to_its_own_prompt(server, endpoint, ask_for):
    server.default = server.echo()
    answers = texts_of(endpoint(), ask_for(*map(str, range(30))))
    assert answers == {index: str(index) for index in range(30)}


def test_tokens_that_the_server_counted_come_with_the_answer(endpoint, ask_for):
    ((_, reply),) = endpoint().answer(ask_for("x"))
    assert reply.usage == {"prompt_tokens": 11, "completion_tokens": 7}


def test_no_prompts_need_neither_key_nor_server(monkeypatch):
    assert list(Endpoint(model="small").answer([])) == []


@pytest.mark.parametrize(
    "trouble", ["slow", "cut", "500", "503", "408", "409", "429", "empty", "malformed", "html"]
)
def test_what_may_pass_is_tried_again(server, endpoint, ask_for, waits, trouble):
    troubles = {
        "slow": server.hang(),
        "cut": server.cut(),
        "empty": server.fine("  \n"),
        "malformed": server.raw(b'{"choices": [{"mess'),
        "html": server.raw(b"<html>hello</html>", "text/html"),
    }
    server.script = [troubles.get(trouble) or server.status(int(trouble))] * 2
    timeout = 0.2 if trouble == "slow" else 10
    assert texts_of(endpoint(timeout=timeout), ask_for("x")) == {0: '{"label": "fine"}'}
    assert len(server.requests) == 3
    assert 0.25 <= waits[0] <= 0.5 <= waits[1] <= 1


@pytest.mark.parametrize("trouble", ["slow", "cut", "500", "empty", "malformed"])
def test_what_does_not_pass_ends_in_one_sentence(server, endpoint, ask_for, waits, trouble):
    server.default = {
        "slow": server.hang(),
        "cut": server.cut(),
        "500": server.status(500, "overloaded\nand tired"),
        "empty": server.fine(""),
        "malformed": server.raw(b"[]"),
    }[trouble]
    model = endpoint(retries=2, timeout=0.1 if trouble == "slow" else 10)
    with pytest.raises(ModelError, match=r"^small at http://127\S+ gave no answer in 3 tries \(.+"):
        texts_of(model, ask_for("x"))
    assert len(server.requests) == 3
    assert len(waits) == 2


def test_a_server_that_is_not_there_is_named(server, ask_for, waits):
    server.close()
    model = Endpoint(model="small", base_url=server.url, retries=1, sleep=waits.append)
    with pytest.raises(ModelError, match=rf"{server.url} gave no answer in 2 tries"):
        texts_of(model, ask_for("x"))


def test_pauses_double_up_to_half_a_minute(server, endpoint, ask_for, waits):
    server.script = [server.status(500)] * 9
    texts_of(endpoint(retries=9), ask_for("x"))
    for seconds, most in zip(waits, [0.5, 1, 2, 4, 8, 16, 30, 30, 30], strict=True):
        assert most / 2 <= seconds <= most


def test_retry_after_is_kept_in_seconds(server, endpoint, ask_for, waits):
    server.script = [server.status(429, Retry_After="17"), server.status(503, Retry_After="0.25")]
    texts_of(endpoint(), ask_for("x"))
    assert waits == [17, 0.25]


def test_retry_after_is_kept_as_a_date(server, endpoint, ask_for, waits):
    server.script = [
        server.status(429, Retry_After=formatdate(time.time() + 100, usegmt=True)),
        server.status(429, Retry_After=formatdate(time.time() - 100, usegmt=True)),
        server.status(429, Retry_After="soon"),
    ]
    texts_of(endpoint(), ask_for("x"))
    assert 90 < waits[0] <= 100
    assert waits[1] == 0
    assert 1 <= waits[2] <= 2


def test_a_server_that_wants_hours_ends_the_asking(server, endpoint, ask_for, waits):
    server.script = [server.status(429, Retry_After="7200")]
    with pytest.raises(ModelError, match="asks to wait 120 minutes"):
        texts_of(endpoint(), ask_for("x"))
    assert waits == []


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (401, "OPENAI_API_KEY"),
        (403, "OPENAI_API_KEY"),
        (404, "name of the model, and base_url"),
        (400, "change what it names"),
        (413, "change what it names"),
    ],
)
def test_what_is_refused_is_not_tried_again(server, endpoint, ask_for, waits, code, sentence):
    server.default = server.status(code, "not so")
    with pytest.raises(ModelError, match=rf"status {code} \(not so\); .*{sentence}"):
        texts_of(endpoint(concurrency=1), ask_for("x", "y", "z"))
    assert len(server.requests) == 1
    assert waits == []


def test_a_failure_keeps_the_answers_that_were_under_way(server, endpoint, ask_for, tmp_path):
    def late(handler, body):
        time.sleep(0.2)
        server.fine("late")(handler, body)

    server.script = [late, server.status(400), late]
    answers = Answers(tmp_path / "answers.jsonl")
    with pytest.raises(ModelError):
        ask(endpoint(concurrency=3), ask_for(*"abcdefgh"), answers)
    assert len(server.requests) == 3
    assert len(answers) == 2


def test_a_failure_ends_the_waiting_of_others(server, endpoint, ask_for):
    def refuse(handler, body):
        time.sleep(0.2)
        server.status(400)(handler, body)

    server.script = [server.status(429, Retry_After="300"), refuse]
    with pytest.raises(ModelError, match="status 400"):
        texts_of(endpoint(concurrency=2, sleep=None), ask_for("x", "y"))
    assert len(server.requests) == 2


@pytest.mark.parametrize("code", [400, 404, 422])
def test_a_server_without_schemas_is_asked_for_json_and_then_for_text(
    server, endpoint, ask_for, waits, caplog, code
):
    refusal = server.status(code, "response_format is not supported")
    server.script = [refusal, refusal]
    model = endpoint(concurrency=1)
    assert len(texts_of(model, ask_for("x", "y"))) == 2
    assert len(texts_of(model, ask_for("z"))) == 1
    kinds = [body.get("response_format", {}).get("type") for body in server.requests]
    assert kinds == ["json_schema", "json_object", None, None, None]
    assert all('"label"' in body["messages"][0]["content"] for body in server.requests)
    warnings = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert len(warnings) == 2
    assert waits == []


def test_refusals_that_come_together_count_once(server, endpoint, ask_for, caplog):
    def behave(handler, body):
        kind = body.get("response_format", {}).get("type")
        refused = server.status(400, "unknown response_format: json_schema")
        (refused if kind == "json_schema" else server.fine())(handler, body)

    server.default = behave
    assert len(texts_of(endpoint(concurrency=6), ask_for(*"abcdefghijkl"))) == 12
    assert server.requests[-1]["response_format"] == {"type": "json_object"}
    assert caplog.text.count("json_object is asked for") == 1


@pytest.mark.parametrize("name", ["seed", "temperature", "max_tokens"])
def test_an_option_that_is_refused_is_left_out(server, endpoint, ask_for, name):
    server.script = [server.status(400, f"Unsupported parameter: '{name}'.")]
    assert len(texts_of(endpoint(concurrency=1), ask_for("x", "y"))) == 2
    assert [name in body for body in server.requests] == [True, False, False]
    assert ("max_completion_tokens" in server.requests[-1]) == (name == "max_tokens")


def test_a_server_that_refuses_everything_comes_to_an_end(server, endpoint, ask_for):
    server.default = server.status(400, "response_format seed temperature max_tokens: all wrong")
    with pytest.raises(ModelError, match="all wrong"):
        texts_of(endpoint(), ask_for("x"))
    assert len(server.requests) == 6


def test_a_refusal_by_the_model_is_an_answer(server, endpoint, ask_for):
    server.script = [
        server.fine(None, refusal="I will not."),
        server.fine(None, finish="content_filter"),
    ]
    assert texts_of(endpoint(concurrency=1), ask_for("x", "y")) == {0: "I will not.", 1: ""}


def test_a_model_that_only_thinks_is_named_at_once(server, endpoint, ask_for, waits):
    server.script = [server.fine("", finish="length")]
    with pytest.raises(ModelError, match="thought for all of the 200 tokens"):
        texts_of(endpoint(), ask_for("x"))
    assert waits == []


@pytest.mark.parametrize("concurrency", [1, 3])
def test_as_many_requests_are_under_way_as_allowed_and_no_more(
    server, endpoint, ask_for, concurrency
):
    together = threading.Barrier(concurrency)

    def behave(handler, body):
        together.wait(10)
        time.sleep(0.02)
        server.fine()(handler, body)

    server.default = behave
    assert len(texts_of(endpoint(concurrency=concurrency), ask_for(*map(str, range(12))))) == 12
    assert server.most_at_once == concurrency


def test_nothing_is_sent_ahead_of_the_reader(server, endpoint, ask_for):
    reading = endpoint(concurrency=2).answer(ask_for(*map(str, range(20))))
    next(reading)
    time.sleep(0.2)
    assert len(server.requests) == 2
    reading.close()
    time.sleep(0.1)
    assert len(server.requests) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="needs pthread_kill")
def test_an_interrupt_keeps_what_was_answered_and_asks_only_the_rest(
    server, endpoint, ask_for, tmp_path, monkeypatch
):
    def interrupt(handler, body):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        server.hang()(handler, body)

    earlier = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        server.script = [server.echo()] * 3 + [interrupt]
        answers = Answers(tmp_path / "answers.jsonl")
        prompts = ask_for(*"abcdef")
        with pytest.raises(KeyboardInterrupt):
            ask(endpoint(concurrency=1), prompts, answers)
    finally:
        signal.signal(signal.SIGINT, earlier)
    server.default = server.echo()
    assert ask(endpoint(), prompts, Answers(tmp_path / "answers.jsonl")) == list("abcdef")
    assert sorted(server.asked()) == sorted("abcd" + "def")


def test_an_answer_of_the_wrong_shape_is_asked_once_more(server, endpoint, ask_for, tmp_path):
    server.script = [server.fine('{"lable": "x"}')]
    answers = Answers(tmp_path / "answers.jsonl")
    assert ask_json(endpoint(), ask_for("x"), answers) == [{"label": "fine"}]
    assert 'it lacks the key "label"' in server.asked()[1]


def test_the_key_is_sent_and_occurs_nowhere_else(
    server, endpoint, ask_for, tmp_path, monkeypatch, caplog
):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    model = endpoint(retries=1, concurrency=1)
    ask(model, ask_for("x"), Answers(tmp_path / "answers.jsonl"))
    server.default = server.status(401, f"wrong key: {KEY}")
    with pytest.raises(ModelError) as refused:
        texts_of(model, ask_for("y"))
    server.default = server.status(500, f"no luck with {KEY}")
    with pytest.raises(ModelError) as failed:
        texts_of(model, ask_for("y"))
    assert server.headers[0][1]["Authorization"] == f"Bearer {KEY}"
    assert "wrong key: ***" in str(refused.value)
    written = (tmp_path / "answers.jsonl").read_text()
    said = str(refused.value) + str(failed.value)
    for text in (written, caplog.text, said, json.dumps(model.key)):
        assert KEY not in text


def test_a_server_elsewhere_needs_a_key(ask_for):
    with pytest.raises(ModelError, match=r"https://api\.openai\.com needs a key; .*OPENAI_API_KEY"):
        texts_of(Endpoint(model="large"), ask_for("x"))


def test_a_redirect_is_not_followed(server, other_server, endpoint, ask_for):
    target = other_server.url + "/v1/chat/completions"
    server.default = server.status(307, Location=target)
    with pytest.raises(ModelError, match="redirects"):
        texts_of(endpoint(), ask_for("x"))
    assert other_server.requests == []


def test_no_proxy_stands_before_this_machine(server, other_server, endpoint, ask_for, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", other_server.url)
    monkeypatch.setenv("http_proxy", other_server.url)
    assert len(texts_of(endpoint(), ask_for("x"))) == 1
    assert other_server.requests == []


@pytest.mark.parametrize(
    ("url", "destination"),
    [
        (None, "https://api.openai.com"),
        ("http://localhost:11434/v1", "http://localhost:11434"),
        ("https://me:secret@models.example/api/v1", "https://models.example"),
        ("http://[::1]:8000/v1", "http://[::1]:8000"),
    ],
)
def test_the_destination_is_where_prompts_go(url, destination):
    model = Endpoint(model="small", base_url=url)
    assert model.destination == destination
    assert "secret" not in json.dumps(model.key)


def test_the_environment_can_name_the_server(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://models.example/v1")
    assert Endpoint(model="small").destination == "http://models.example"


def test_the_key_tells_models_and_options_apart_but_not_how_they_are_asked():
    url = "http://localhost/v1"
    key = Endpoint(model="a", base_url=url).key
    assert Endpoint(model="a", base_url=url, concurrency=1, timeout=1, retries=0).key == key
    for options in ({"model": "b"}, {"seed": 1}, {"temperature": 1.0}, {"base_url": None}):
        assert Endpoint(**{"model": "a", "base_url": url, **options}).key != key


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://host/v1", "http://", "http://a:port/v1"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(OptionError, match=re.escape(repr(url))):
        Endpoint(model="small", base_url=url)


@pytest.mark.parametrize("option", ["temperature", "seed", "concurrency", "timeout", "retries"])
def test_a_number_that_is_too_small_is_refused(option):
    with pytest.raises(OptionError, match=f"{option} of an endpoint is -1"):
        Endpoint(model="small", **{option: -1})


def test_a_missing_client_says_how_to_install_it(monkeypatch, server, endpoint, ask_for):
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(DependencyError, match=r'pip install "saeidioms\[llm\]"'):
        texts_of(endpoint(), ask_for("x"))


def test_a_server_on_this_machine_is_given_more_time():
    here, away = (
        Endpoint(model="a", base_url=url)
        for url in ("http://localhost:8080/v1", "https://models.example.org/v1")
    )
    assert here.timeout > away.timeout
    assert Endpoint(model="a", base_url="http://localhost:8080/v1", timeout=5).timeout == 5
