"""Write a figure to a file, at the size that a journal asks for."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import plotly.graph_objects as go

from saeidioms.artifacts import atomic_path, write_text
from saeidioms.charts.carried import narrowed
from saeidioms.charts.theme import FONT, SIZE
from saeidioms.errors import DependencyError, OptionError

IMAGES = ("png", "svg", "pdf")
FORMATS = (*IMAGES, "html")
DPI = 300
_MM = 25.4  # an inch
_PIXEL, _POINT = 96, 72  # to an inch
_NARROWEST, _WIDEST = 30, 1000  # millimetres
_SMALLEST, _LARGEST = 4, 24  # points
_NARROW = 560  # pixels under which a figure takes its narrow form
_HEAD = 33  # bytes of a PNG: signature and header


@dataclass(frozen=True)
class Template:
    """Size and type of an image.

    Attributes
    ----------
    width_mm
        Width in millimetres, 30 to 1,000.
    size_pt
        Of names and numbers at axes in points, 4 to 24. Smaller notes, points and lines keep their
        proportion to it, and the height follows.
    font
        Family; what is drawn on a machine that lacks it is Helvetica or Arial.
    """

    width_mm: float = 180.0
    size_pt: float = 8.0
    font: str = "Arial"

    def __post_init__(self) -> None:
        for option, least, most in (
            ("width_mm", _NARROWEST, _WIDEST),
            ("size_pt", _SMALLEST, _LARGEST),
        ):
            if not least <= (value := getattr(self, option)) <= most:
                raise OptionError(f"{option} is {value:g}; give {least} to {most:,}.")

    @property
    def zoom(self) -> float:
        """Size on paper over that on screen."""
        return self.size_pt / _POINT * _PIXEL / SIZE

    @property
    def pixels(self) -> int:
        """Width on screen of what fits the width on paper at this size of type."""
        return round(self.width_mm / _MM * _PIXEL / self.zoom)


ONE_COLUMN = Template(width_mm=88.0, size_pt=7.0)
TWO_COLUMNS = Template()


def save(figure: go.Figure, path: str | Path, template: Template = TWO_COLUMNS) -> Path:
    """Write a figure as HTML, PNG, SVG or PDF, by the ending of `path`.

    Parameters
    ----------
    figure
        Any plotly figure.
    path
        Ends in ``.html`` (self-contained), ``.png`` (300 dots per inch), ``.svg`` or ``.pdf``.
    template
        Width and type of an image: `TWO_COLUMNS` (180 mm, 8 points), `ONE_COLUMN` (88 mm, 7
        points; fewer panels beside each other, shorter names), or your own. A page of HTML is as
        wide as its window.

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
    image = _render(figure, kind, template)
    with atomic_path(path) as temporary:
        temporary.write_bytes(image)
    return path


def _render(figure: go.Figure, kind: str, template: Template) -> bytes:
    try:
        import kaleido  # noqa: F401
        from choreographer.errors import BrowserFailedError, ChromeNotFoundError
    except ImportError as error:
        raise DependencyError(
            f"{kind.upper()} images need kaleido; install it with pip install 'saeidioms[images]'."
        ) from error
    if template.pixels < _NARROW:
        figure = narrowed(figure)
    figure = go.Figure(figure).update_layout(font_family=f"{template.font}, {FONT}")
    dots = _PIXEL if kind != "png" else DPI
    # Chromium cuts off a part of a dot: a hair more gives the width that was asked for.
    scale = (round(template.width_mm / _MM * dots) + 0.01) / template.pixels
    try:
        image: bytes = figure.to_image(format=kind, width=template.pixels, scale=scale)
    except (BrowserFailedError, ChromeNotFoundError, RuntimeError) as error:
        raise DependencyError(
            f"{kind.upper()} images need a Chrome or Chromium browser; install one, or write HTML."
        ) from error
    return _with_resolution(image) if kind == "png" else image


def _with_resolution(image: bytes) -> bytes:
    """Return a PNG that says how large its dots are (its chunk pHYs), so that it prints to size."""
    per_metre = round(DPI / _MM * 1000)
    chunk = b"pHYs" + struct.pack(">IIB", per_metre, per_metre, 1)
    size, check = struct.pack(">I", len(chunk) - 4), struct.pack(">I", zlib.crc32(chunk))
    return image[:_HEAD] + size + chunk + check + image[_HEAD:]
