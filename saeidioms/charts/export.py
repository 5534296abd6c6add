"""Write a figure to a file."""

from __future__ import annotations

from pathlib import Path

import plotly.graph_objects as go

from saeidioms.artifacts import atomic_path, write_text
from saeidioms.errors import DependencyError, OptionError

IMAGES = ("png", "svg", "pdf")
PIXELS_PER_MM = 96 / 25.4
DPI = 300


def save(figure: go.Figure, path: str | Path, *, width_mm: float = 180.0) -> Path:
    """Write a figure as HTML, PNG, SVG or PDF, by the ending of `path`.

    Parameters
    ----------
    figure
        Any plotly figure.
    path
        Ends in ``.html`` (self-contained), ``.png`` (300 dots per inch), ``.svg`` or ``.pdf``.
    width_mm
        Width of an image in millimetres; the height is the figure's.

    Returns
    -------
    pathlib.Path
        `path`.

    Raises
    ------
    OptionError
        If the ending is another.
    DependencyError
        If images cannot be made here, since kaleido or a browser is missing.
    """
    path = Path(path)
    kind = path.suffix.lower().lstrip(".")
    if kind == "html":
        write_text(path, figure.to_html(include_plotlyjs=True, div_id="figure"))
        return path
    if kind not in IMAGES:
        raise OptionError(f"{path} ends in {path.suffix!r}; give .html, .png, .svg or .pdf.")
    image = _render(figure, kind, round(width_mm * PIXELS_PER_MM))
    with atomic_path(path) as temporary:
        temporary.write_bytes(image)
    return path


def _render(figure: go.Figure, kind: str, width: int) -> bytes:
    try:
        import kaleido  # noqa: F401
        from choreographer.errors import BrowserFailedError, ChromeNotFoundError
    except ImportError as error:
        raise DependencyError(
            f"{kind.upper()} images need kaleido; install it with pip install 'saeidioms[images]'."
        ) from error
    try:
        image: bytes = figure.to_image(format=kind, width=width, scale=DPI / 96)
    except (BrowserFailedError, ChromeNotFoundError, RuntimeError) as error:
        raise DependencyError(
            f"{kind.upper()} images need a Chrome or Chromium browser; install one, or write HTML."
        ) from error
    return image
