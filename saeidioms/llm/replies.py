"""What an OpenAI-compatible server sent back, and what its failures mean."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from saeidioms.errors import ModelError

if TYPE_CHECKING:
    from openai import APIError

_PASSING = (408, 409, 429)
_MOST_QUOTED = 200  # characters of what a server says


class Passing(Exception):
    """A failure that another try may mend."""


class Reply(str):
    """The raw text of an answer, with what it took.

    Attributes
    ----------
    usage
        ``prompt_tokens`` and ``completion_tokens`` as the server counted them; empty where it
        did not.
    """

    usage: Mapping[str, int]

    def __new__(cls, text: str, usage: Mapping[str, int]) -> Reply:
        """Return `text`, which has `usage` beside it."""
        reply = super().__new__(cls, text)
        reply.usage = usage
        return reply


def read_reply(body: str, max_tokens: int) -> Reply:
    """Return the answer within the body of a chat completion.

    A refusal is an answer, and so is the nothing that a server's content filter leaves.

    Raises
    ------
    Passing
        If the body is none, or the answer in it is empty.
    ModelError
        If the answer is empty because thinking took all its tokens.
    """
    try:
        completion = json.loads(body)
        choice = completion["choices"][0]
        text = choice["message"].get("content") or choice["message"].get("refusal") or ""
        ending = choice.get("finish_reason")
        if not isinstance(text, str):
            raise TypeError
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise Passing("what came back is no chat completion") from error
    if text.strip() or ending == "content_filter":
        return Reply(text, _usage(completion))
    if ending == "length":
        raise ModelError(
            f"The model thought for all of the {max_tokens} tokens that an answer may have and "
            "answered nothing; turn its thinking off, or take a model that does not think."
        )
    raise Passing("the answer was empty")


def _usage(completion: Mapping[str, Any]) -> dict[str, int]:
    counted = completion.get("usage")
    if not isinstance(counted, dict):
        return {}
    names = ("prompt_tokens", "completion_tokens")
    return {name: counted[name] for name in names if isinstance(counted.get(name), int)}


def seconds_to_wait(error: APIError) -> float | None:
    """Return the seconds that a response's ``Retry-After`` asks for, or None where it has none.

    Both forms of RFC 9110, section 10.2.3, are read: seconds, and the date of a moment.
    """
    response = getattr(error, "response", None)
    asked = "" if response is None else response.headers.get("retry-after", "")
    try:
        return max(0.0, float(asked))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(asked)
    except ValueError:
        return None
    if moment.tzinfo is None:  # "-0000", which says that the zone is not told
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0.0, moment.timestamp() - time.time())


def explain(error: APIError, model: str, destination: str, key: str) -> Passing | ModelError:
    """Return what a failed request means: that it may be tried again, or what to change.

    Parameters
    ----------
    error
        Of the client.
    model, destination
        What was asked, and where.
    key
        Is struck out of what is quoted.
    """
    from openai import APITimeoutError

    status = getattr(error, "status_code", None)
    if status is None:
        slow = isinstance(error, APITimeoutError)
        return Passing("it took too long" if slow else "the connection failed or was cut")
    said = _said(error, key)
    if status in _PASSING or status >= 500:
        return Passing(f"status {status}{said}")
    if status in (401, 403):
        mend = "check the environment variable OPENAI_API_KEY"
    elif status == 404:
        mend = "check the name of the model, and base_url, which often ends in /v1"
    elif status < 400:
        mend = "it redirects, which is not followed; give the address it redirects to as base_url"
    else:
        mend = "change what it names"
    return ModelError(f"{model} at {destination} refuses with status {status}{said}; {mend}.")


def _said(error: APIError, key: str) -> str:
    body = error.body
    said = body.get("message") if isinstance(body, dict) else None
    text = " ".join(str(said or error.message).split()).replace(key, "***")
    return f" ({text[:_MOST_QUOTED].rstrip('.')})"
