"""Who may ask the server what: this machine's browser, with the token, from the page itself."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 64 * 1024
_READING = ("GET", "HEAD")
_USUAL = 80  # browsers leave this port out of Host and Origin
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class _Refusal(Exception):
    """A request that is answered with a status and a sentence alone."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Gate:
    """Let through to `app` only what the page itself asks; add to every answer what protects it.

    Parameters
    ----------
    app
        What answers.
    port
        Where it listens, on 127.0.0.1: a ``Host`` of another name is a rebound name of somebody
        else's page.
    token
        Whoever shows it in the address gets a cookie that no other site can send along, and no
        script can read.
    """

    def __init__(self, app: ASGIApp, *, port: int, token: str) -> None:
        self._app, self._token = app, token
        names = ("127.0.0.1", "localhost")
        self._hosts = tuple(f"{name}:{port}" for name in names)
        if port == _USUAL:
            self._hosts += names
        self._cookie = f"saeidioms-{port}"  # browsers do not tell ports apart by themselves

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        shown = QueryParams(scope["query_string"]).get("token")

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    answer.setdefault(name, value)
                if self._is_token(shown):
                    answer["Set-Cookie"] = (
                        f"{self._cookie}={self._token}; Path=/; HttpOnly; SameSite=Strict"
                    )
            await send(message)

        try:
            self._check(scope["method"], headers, shown)
            body = await _limited(headers, receive)
        except _Refusal as refusal:
            answer = PlainTextResponse(f"{refusal}\n", refusal.status)
            shown = None  # whoever is refused gets no cookie
            await answer(scope, receive, protected)
            return
        await self._app(scope, body, protected)

    def _check(self, method: str, headers: Mapping[str, str], shown: str | None) -> None:
        host = headers.get("host", "")
        if host not in self._hosts:
            raise _Refusal(403, f"This server is {self._hosts[0]}, not {host[:100]}.")
        origin = headers.get("origin")
        if origin != f"http://{host}" and (origin is not None or method not in _READING):
            raise _Refusal(403, "Other sites may not ask this server.")
        # A link elsewhere may open the page, key and all: that alone shows nothing to others.
        opens = headers.get("sec-fetch-mode") == "navigate" and method in _READING
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not opens:
            raise _Refusal(403, "Other sites may not ask this server.")
        # Lenient, as other programs on this machine may have set any cookie.
        kept = cookie_parser(headers.get("cookie", "")).get(self._cookie)
        if not self._is_token(shown) and not self._is_token(kept):
            raise _Refusal(
                403, "Open the address that `saeidioms explore` printed: it holds the key."
            )

    def _is_token(self, text: str | None) -> bool:
        return text is not None and secrets.compare_digest(text.encode(), self._token.encode())


async def _limited(headers: Mapping[str, str], receive: Receive) -> Receive:
    """Read the body, and return what gives it to the app; refuse one of more than `MAX_BODY`."""
    too_long = _Refusal(413, f"A request may hold {MAX_BODY:,} bytes.")
    length = headers.get("content-length", "0")
    if not re.fullmatch("[0-9]{1,9}", length) or int(length) > MAX_BODY:
        raise too_long
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_BODY:
            raise too_long
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": bytes(body), "more_body": False}

    return again
