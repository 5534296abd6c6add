"""One look for all charts: type, paper, and one hue per category that the colour-blind can tell."""

from __future__ import annotations

import html
from collections.abc import Container
from itertools import cycle
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from saeidioms.taxonomy.grounds import MARK
from saeidioms.taxonomy.taxonomy import Taxonomy

# Paul Tol's "bright" and "vibrant" schemes (SRON technical note EPS/TN/09-002, 2021), the blue a
# little deeper, so that it and the green are told apart in tritanopia too.
HUES = {
    "green": "#228833",
    "cyan": "#66ccee",
    "blue": "#4466bb",
    "red": "#ee6677",
    "purple": "#aa3377",
    "yellow": "#ccbb44",
    "orange": "#ee7733",
    "grey": "#bbbbbb",
}
INK = "#222222"
RULE = "rgba(128, 128, 128, 0.25)"
FONT = "Helvetica Neue, Helvetica, Arial, sans-serif"
SIZE = 14  # pixels of type at axes
ROW = 42  # pixels a bar, whose name may take two lines
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "cross", "pentagon")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
TOP, BOTTOM = 56, 56  # pixels of margin
_LINE = 18  # characters of a name at an axis
_LEGEND = {"orientation": "h", "x": 0, "xanchor": "left"}


def category_colours(taxonomy: Taxonomy) -> dict[str, str]:
    """Return category name -> CSS colour: its hue, or the next free one where it names none."""
    taken = {category.hue for category in taxonomy.categories}
    free = [hue for hue in HUES if hue not in taken and hue != "grey"] or list(HUES)
    rest = cycle(free)
    return {category.name: HUES[category.hue or next(rest)] for category in taxonomy.categories}


def category_symbols(taxonomy: Taxonomy) -> dict[str, str]:
    """Return category name -> symbol, so that points are told apart without colour too."""
    return dict(zip((category.name for category in taxonomy.categories), cycle(SYMBOLS)))


def shades(taxonomy: Taxonomy) -> dict[str, str]:
    """Return sub-category name -> CSS colour: its category's, paler from member to member."""
    colours = category_colours(taxonomy)
    found = {}
    for category in taxonomy.categories:
        own = [one.name for one in taxonomy.sub_categories if one.category == category.name]
        for i, name in enumerate(own):
            found[name] = transparent(colours[category.name], 0.9 - 0.5 * i / max(len(own) - 1, 1))
    return found


def transparent(colour: str, alpha: float) -> str:
    """Return ``#rrggbb`` as CSS ``rgba``."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {alpha})"


def escape(text: object) -> str:
    """Return text that plotly, which reads a part of HTML, shows as it is."""
    return html.escape(str(text), quote=False)


def in_lines(name: str, most: int = 14, doubtful: Container[str] = ()) -> str:
    """Return a name, escaped, in lines of about so many characters, the last one with its mark."""
    lines = [""]
    for word in name.split():
        if lines[-1] and len(lines[-1]) + len(word) >= most:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return marked("<br>".join(escape(line) for line in lines), name in doubtful)


def name_at_axis(name: str, doubtful: Container[str] = ()) -> str:
    """Return a name as axes show it: escaped, in lines, marked where its share is in doubt."""
    return in_lines(name, _LINE, doubtful)


def marked(name: str, in_doubt: bool) -> str:
    """Return a name, with the mark where its share is in doubt."""
    return f"{name} {MARK}" if in_doubt else name


def with_notes(title: str, *notes: str) -> str:
    """Return the title of an axis with notes below it, each on a line of its own."""
    return "<br>".join([title, *(small(note) for note in notes if note)])


def joined(*notes: str) -> str:
    """Return in one line those of the notes that say something."""
    return "; ".join(filter(None, notes))


def small(note: str) -> str:
    """Return a note in the smallest type that journals allow where the rest has 7 points."""
    return f'<span style="font-size:0.8em">{note}</span>'


def intervals(table: pd.DataFrame, drawn: str = "") -> str:
    """Return what is `drawn` ("bands: "), such as "95% intervals"; "" where a table has none."""
    if "low" not in table or table["low"].isna().all():
        return ""
    levels = set(table["confidence_level"]) if "confidence_level" in table else set()
    return drawn + (f"{100 * levels.pop():g}% intervals" if len(levels) == 1 else "intervals")


def legend_below(plot_height: float, pixels: float) -> dict[str, Any]:
    """Return a legend that starts so many pixels below a plotting area of that height."""
    return _LEGEND | {"y": -pixels / plot_height, "yanchor": "top"}


def height_below(title: str) -> int:
    """Return the pixels that the ticks and the title of an axis take, notes included."""
    return 62 + 18 * title.count("<br>")


def figure(**layout: Any) -> go.Figure:
    """Return an empty figure in the house style."""
    axis = {
        "gridcolor": RULE, "zerolinecolor": RULE, "automargin": True, "ticklabelstandoff": 6,
        "title": {"standoff": 12, "font": {"size": SIZE}},
    }  # fmt: skip
    style = go.layout.Template(
        layout={
            "font": {"family": FONT, "size": SIZE, "color": INK},
            "paper_bgcolor": "white",
            "plot_bgcolor": "white",
            "xaxis": axis,
            "yaxis": axis,
            "hoverlabel": {"align": "left"},
            "legend": _LEGEND | {"y": 1.02, "yanchor": "bottom"},
            "margin": {"l": 16, "r": 24, "t": TOP, "b": BOTTOM},
        }
    )  # fmt: skip
    return go.Figure(layout={"template": style, **layout})
