"""Serving a run until somebody ends it."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from tempfile import mkstemp

import uvicorn

from saeidioms.errors import OptionError, SaeidiomsError
from saeidioms.server.app import make_app
from saeidioms.server.view import Opened, command

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
_GRACE = 2  # seconds for answers that are on their way when the server is ended


def serve(
    folder: str | Path,
    *,
    port: int = 0,
    browser: bool = True,
    tell: Callable[[str], None] = lambda address: None,
) -> str | None:
    """Serve the explorer of a run on this machine until Ctrl-C.

    Parameters
    ----------
    folder
        Run folder with a report.
    port
        Where to listen, on 127.0.0.1; 0 takes one that is free.
    browser
        Whether to open the page in a browser.
    tell
        Is called with the address, token included, once the server listens.

    Returns
    -------
    str or None
        The command that brings what was edited into codes and report; None where they say it all.

    Raises
    ------
    ArtifactError
        If `folder` holds no run, or one without report.
    OptionError
        If the port cannot be had.
    """
    logger.info("Opening %s", folder)
    opened, token = Opened(folder), secrets.token_urlsafe(24)
    opened.now()  # refuses what is not whole before anything listens
    with listening(port) as sock, contextlib.ExitStack() as stack:
        port = sock.getsockname()[1]
        address = f"http://{HOST}:{port}/?token={token}"
        tell(address)
        if browser:
            page = stack.enter_context(redirecting(address, Path(folder)))
            threading.Thread(target=webbrowser.open, args=(page,), daemon=True).start()
        config = uvicorn.Config(
            make_app(opened, port=port, token=token),
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=_GRACE,
        )
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[sock])
    return _left(opened)


def _left(opened: Opened) -> str | None:
    """Return the command for what is pending; where that cannot be known, it does no harm."""
    try:
        pending = opened.now().words.told()["pending"]
    except SaeidiomsError:  # a stage is being made again
        pending = True
    return command(opened.folder) if pending else None


@contextlib.contextmanager
def redirecting(address: str, folder: Path) -> Iterator[str]:
    """Yield the address of a file that only this user can read, and that leads to `address`.

    A browser is given its address on its command line, which every user of the machine can read.
    The file is in `folder` if possible: of that for temporary files, some browsers have their own.
    """
    page = f'<!DOCTYPE html><meta http-equiv="refresh" content="0;url={escape(address)}">\n'
    where = folder.resolve() if os.access(folder, os.W_OK) else None
    handle, name = mkstemp(".html", ".explore-", where)
    file = Path(name)
    try:
        with open(handle, "w", encoding="utf-8") as opened:
            opened.write(page)
        yield file.as_uri()
    finally:
        file.unlink(missing_ok=True)


@contextlib.contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    """Yield a socket that listens on a port of this machine alone; 0 takes one that is free.

    Raises
    ------
    OptionError
        If the port cannot be had.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        if os.name == "posix":  # elsewhere it would let two programs share a port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((HOST, port))
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or "there is no such port"
            raise OptionError(
                f"port is {port}, and cannot be had ({why}); give another, or none for a free one."
            ) from error
        sock.listen()
        yield sock
