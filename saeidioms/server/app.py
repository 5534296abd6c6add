"""What the server answers: the page, its scripts, and what they ask."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from saeidioms.errors import ArtifactError, InputError, OptionError, SaeidiomsError
from saeidioms.server.gate import Gate
from saeidioms.server.markup import FOLDER
from saeidioms.server.view import Opened
from saeidioms.server.words import told
from saeidioms.taxonomy.overrides import EditConflict


class _Outdated(ArtifactError):
    """A page speaks of features that are no more."""


_STATUS = {EditConflict: 409, _Outdated: 409, ArtifactError: 503}  # 400 for what was asked wrongly


def make_app(opened: Opened, *, port: int, token: str) -> Gate:
    """Return the application that serves a run on a port to whoever has the token."""
    routes = [
        Route("/", _answers(opened, _page)),
        Route("/api/state", _answers(opened, lambda run, _: JSONResponse(run.now().told()))),
        Route("/api/units", _answers(opened, _search)),
        Route("/api/units/{row}", _answers(opened, _unit)),
        Route("/api/features/{feature}/examples", _answers(opened, _examples)),
        Route("/api/features/{feature}/word", _save(opened), methods=["PUT"]),
        Mount("/page", StaticFiles(directory=FOLDER)),
    ]
    return Gate(Starlette(routes=routes), port=port, token=token)


def _answers(
    opened: Opened, answer: Callable[[Opened, Request], Response]
) -> Callable[[Request], Response]:
    """Return an endpoint, which Starlette calls in a thread, that tells errors in a sentence."""

    def endpoint(request: Request) -> Response:
        try:
            return answer(opened, request)
        except SaeidiomsError as error:
            return _refused(error)

    return endpoint


def _page(opened: Opened, request: Request) -> Response:
    page = opened.now().page
    return HTMLResponse(page.text, headers={"Content-Security-Policy": page.policy})


def _examples(opened: Opened, request: Request) -> Response:
    units = opened.now().units
    return JSONResponse(units.examples(_number(request, "feature"), *_place(request)))


def _search(opened: Opened, request: Request) -> Response:
    units = opened.now().units
    return JSONResponse(units.search(request.query_params.get("text", ""), *_place(request)))


def _unit(opened: Opened, request: Request) -> Response:
    return JSONResponse({"text": opened.now().units.text(_number(request, "row"))})


def _save(opened: Opened) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(write, request, body)

    def write(request: Request, body: bytes) -> Response:
        try:
            feature, given = _number(request, "feature"), _read(body)
            view = opened.now()
            if given.get("key") != view.key:
                raise _Outdated(
                    "the run was made again since this page was opened; reload the page."
                )
            return JSONResponse(view.words.save(feature, given))
        except SaeidiomsError as error:
            return _refused(error)

    return endpoint


def _read(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InputError("the request is no JSON.") from error
    if not isinstance(given, dict):
        raise InputError("the request is no JSON object.")
    return given


def _place(request: Request) -> tuple[int, int]:
    asked = request.query_params
    return _whole("start", asked.get("start", "0")), _whole("n", asked.get("n", "50"))


def _number(request: Request, name: str) -> int:
    return _whole(name, request.path_params[name])


def _whole(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise OptionError(f"{name} is {text[:20]!r}; give a whole number.") from error


def _refused(error: SaeidiomsError) -> Response:
    content: dict[str, Any] = {"error": str(error)}
    if isinstance(error, EditConflict):
        content["word"] = told(error.theirs)
    return JSONResponse(content, _STATUS.get(type(error), 400))
