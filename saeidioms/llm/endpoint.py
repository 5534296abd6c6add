"""Models behind any OpenAI-compatible server: OpenAI, vLLM, Ollama, llama.cpp and the like."""

from __future__ import annotations

import ipaddress
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from saeidioms.errors import DependencyError, ModelError, OptionError
from saeidioms.llm.dialect import Dialect
from saeidioms.llm.model import Prompt
from saeidioms.llm.replies import Passing, Reply, explain, read_reply, seconds_to_wait
from saeidioms.seeds import generator

if TYPE_CHECKING:
    from openai import APIError, OpenAI

logger = logging.getLogger(__name__)

_KEY = "OPENAI_API_KEY"
_PLACEHOLDER = "no-key-needed"  # the client wants a key even where the server does not
_LONGEST_WAIT = 600.0  # seconds that a server may ask for
_TIMEOUT, _TIMEOUT_HERE = 60.0, 600.0


class Endpoint:
    """A language model behind an OpenAI-compatible server.

    The key is taken from the environment variable ``OPENAI_API_KEY`` when the first question is
    asked; a server on this machine needs none. Requests go to `destination` alone: redirects are
    not followed, and for a server on this machine no proxy is used.

    Timeouts, cut connections, statuses 408, 409, 429 and 5xx and empty or broken answers are
    tried again, after what ``Retry-After`` asks for or else after 0.5, 1, 2, ... seconds, at most
    30, less a random part. A server that refuses answers by JSON schema is asked for any JSON,
    then for plain text; one that refuses ``seed``, ``temperature`` or ``max_tokens`` is asked
    without. Either is logged once.

    Parameters
    ----------
    model
        The name that the server knows it by.
    base_url
        Of the server, such as ``http://localhost:11434/v1``. By default what ``OPENAI_BASE_URL``
        says, else OpenAI itself.
    temperature
        Of sampling; 0 always takes the likeliest token.
    seed
        Of sampling, at least 0.
    concurrency
        Most requests under way at a time.
    timeout
        Seconds without a byte from the server after which a request is given up; by default 60,
        and 600 on this machine, where a model on processors thinks long and requests queue.
    retries
        How often one prompt is tried again.
    sleep
        What waits a number of seconds before a retry; by default a wait that ends at once where
        the answers are no longer wanted.

    Raises
    ------
    OptionError
        If `base_url` is none, or a number is too small.

    Examples
    --------
    >>> Endpoint(model="qwen3", base_url="http://localhost:11434/v1").destination
    'http://localhost:11434'
    """

    def __init__(
        self,
        *,
        model: str,
        base_url: str | None = None,
        temperature: float = 0.0,
        seed: int = 0,
        concurrency: int = 8,
        timeout: float | None = None,
        retries: int = 5,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        _check_least("temperature", temperature, 0)
        _check_least("seed", seed, 0)
        _check_least("concurrency", concurrency, 1)
        _check_least("timeout", _TIMEOUT if timeout is None else timeout, 0.001)
        _check_least("retries", retries, 0)
        self.base_url = base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
        self.destination = _address(self.base_url)
        self.name = model
        self.options = {"temperature": temperature, "seed": seed}
        self.key: Mapping[str, Any] = {
            "server": self.destination,
            "model": model,
            **self.options,
        }
        self.concurrency = concurrency
        patience = _TIMEOUT_HERE if _is_loopback(self.base_url) else _TIMEOUT
        self.timeout = patience if timeout is None else timeout
        self.retries = retries
        self._sleep = sleep
        self._dialect = Dialect()
        self._lock = threading.Lock()

    def answer(self, prompts: Sequence[Prompt]) -> Iterator[tuple[int, Reply]]:
        """Yield (index of the prompt, its answer), each once, as they come.

        Nothing is sent ahead of the reader: while an answer is not taken, no new request starts.

        Raises
        ------
        DependencyError
            If the package ``openai`` is not installed.
        ModelError
            If there is no key, or a prompt stays without an answer. Requests then under way are
            waited for and yielded before.
        """
        if not prompts:
            return
        client = self._client()
        stop = threading.Event()
        questions = iter(enumerate(prompts))
        outcomes: SimpleQueue[tuple[int, Reply | ModelError]] = SimpleQueue()
        under_way = 0
        failure: ModelError | None = None
        try:
            while True:
                # Daemons, as whoever interrupts does not want to wait for a slow server.
                free = 0 if failure else self.concurrency - under_way
                for index, prompt in islice(questions, free):
                    given = (client, index, prompt, stop, outcomes)
                    threading.Thread(target=self._work, args=given, daemon=True).start()
                    under_way += 1
                if not under_way:
                    break
                index, outcome = outcomes.get()
                under_way -= 1
                if isinstance(outcome, ModelError):
                    failure = failure or outcome
                    stop.set()
                else:
                    yield index, outcome
            if failure:
                raise failure
        finally:
            stop.set()
            client.close()

    def _work(
        self,
        client: OpenAI,
        index: int,
        prompt: Prompt,
        stop: threading.Event,
        outcomes: SimpleQueue[tuple[int, Reply | ModelError]],
    ) -> None:
        outcome: Reply | ModelError = ModelError(
            f"Asking {self.name} failed by a fault of this program, which is told above."
        )
        try:
            outcome = self._ask(client, index, prompt, stop)
        except ModelError as error:
            outcome = error
        finally:  # without an outcome the reader would wait for ever
            outcomes.put((index, outcome))

    def _ask(self, client: OpenAI, index: int, prompt: Prompt, stop: threading.Event) -> Reply:
        """Return the answer to one prompt, after as many tries as it takes."""
        import openai

        pause = self._sleep or stop.wait
        jitter = generator(int(self.options["seed"]), f"back-off of prompt {index}")
        tries = 0
        while True:
            dialect = self._dialect
            try:
                body = dialect.request(prompt, self.options)
                raw = client.chat.completions.with_raw_response.create(model=self.name, **body)
                return read_reply(raw.text, prompt.max_tokens)
            except openai.APIError as error:
                if self._adapt(dialect, error):
                    continue
                problem = explain(error, self.name, self.destination, client.api_key)
                asked = seconds_to_wait(error)
            except Passing as error:
                problem, asked = error, None
            if not isinstance(problem, Passing):
                raise problem
            seconds = min(0.5 * 2**tries, 30) * jitter.uniform(0.5, 1) if asked is None else asked
            tries += 1
            hopeless = tries > self.retries or seconds > _LONGEST_WAIT
            if not hopeless:
                logger.info("%s: %s; again in %.1f s", self.name, problem, seconds)
                pause(seconds)
            if hopeless or stop.is_set():
                raise ModelError(self._gave_up(problem, tries, seconds))

    def _adapt(self, used: Dialect, error: APIError) -> bool:
        """Whether the question may be put again, as the server has refused how it was put."""
        if getattr(error, "status_code", None) not in (400, 404, 422):
            return False
        with self._lock:  # several requests can come back with one and the same refusal
            if self._dialect != used:
                return True
            other = used.after(f"{error.message} {error.body}")
            if other is None:
                return False
            self._dialect, change = other
        logger.warning("%s at %s: %s.", self.name, self.destination, change)
        return True

    def _gave_up(self, problem: Exception, tries: int, seconds: float) -> str:
        if seconds > _LONGEST_WAIT:
            return (
                f"{self.name} at {self.destination} asks to wait {seconds / 60:.0f} minutes; "
                "run again then: what was answered is not asked again."
            )
        return (
            f"{self.name} at {self.destination} gave no answer in {tries} tries ({problem}); "
            "run again later: what was answered is not asked again."
        )

    def _client(self) -> OpenAI:
        try:
            import openai
        except ImportError as error:
            raise DependencyError(
                "An endpoint needs the package openai, which is not installed: "
                '`pip install "saeidioms[llm]"`.'
            ) from error
        local = _is_loopback(self.base_url)
        key = os.environ.get(_KEY) or (_PLACEHOLDER if local else "")
        if not key:
            raise ModelError(
                f"{self.destination} needs a key; set the environment variable {_KEY} to it, or "
                "to any word where the server wants none."
            )
        return openai.OpenAI(
            api_key=key,
            base_url=self.base_url,
            max_retries=0,
            timeout=self.timeout,
            http_client=openai.DefaultHttpxClient(follow_redirects=False, trust_env=not local),
        )


def _check_least(name: str, value: float, least: float) -> None:
    if not value >= least:
        raise OptionError(f"{name} of an endpoint is {value}; give a number of at least {least}.")


def _address(url: str) -> str:
    """Return ``scheme://host[:port]`` of a URL, without user and password."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        parts, port = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise OptionError(
            f"base_url is {url!r}; give the address of a server, such as http://localhost:11434/v1."
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}"


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
