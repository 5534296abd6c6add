"""The page of one person, for whoever coaches them: no script, no request, fit for paper."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Container
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from saeidioms.charts.theme import category_colours, marked
from saeidioms.findings.by_conversation import FELL, ROSE
from saeidioms.findings.habit import LESS, MORE
from saeidioms.findings.person import Profile
from saeidioms.report.explorer import shorten
from saeidioms.resources import templates
from saeidioms.taxonomy.grounds import SENTENCE, doubtful
from saeidioms.taxonomy.taxonomy import Taxonomy

IDIOMS = 12
RAREST = 3
LABELS = 12  # conversations that are named on the axis
_TEMPLATE = Path(__file__).parent / "template"
_AXES = {0.1: 0.05, 0.2: 0.1, 0.3: 0.1, 0.4: 0.2, 0.6: 0.2, 0.8: 0.2, 1.0: 0.25}  # end -> step
WORDS = {MORE: "more than most", LESS: "less than most", ROSE: "rose", FELL: "fell"}


def profile_page(profile: Profile, notice: str | None = None) -> str:
    """Return the page of a person as HTML.

    The same profile gives the same text. Words of the corpus are escaped; the page's
    Content-Security-Policy admits its own style and nothing else.

    Parameters
    ----------
    profile
        As `saeidioms.findings.profile` returns it. Sub-categories that rest on no faithful feature
        are marked where `saeidioms.taxonomy.grounds` is joined to its shares.
    notice
        A sentence to be read before anything else, for instance that the corpus is synthetic.
    """
    environment = templates(
        _TEMPLATE,
        {
            "percent": _percent,
            "place": _place,
            "plural": _plural,
            "points": _points,
        },
    )
    style = (_TEMPLATE / "profile.css").read_text(encoding="utf-8") + _hues(profile.taxonomy)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    shares, course = _shares(profile), _course(profile)
    parts = [row for row in shares if row["level"] == "sub_category" and row["against"] != LESS]
    rarest = sorted(parts, key=lambda row: row["estimate"])
    return environment.get_template("profile.html").render(
        style=Markup(style),
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'none'",
        profile=profile,
        notice=notice,
        doubt=SENTENCE if doubtful(profile.shares) else "",
        shares=shares,
        words=WORDS,
        found=_found(shares, course),
        less=[row for row in shares if row["against"] == LESS],
        rarest=rarest[:RAREST],
        unfound=[row["name"] for row in rarest[RAREST:] if row["count"] == 0],
        ticks=_ticks(shares),
        idioms=_idioms(profile),
        examples=_examples(profile),
        course=course,
        times=_times(profile),
    )


def _shares(profile: Profile) -> list[dict[str, Any]]:
    """Return every category followed by its sub-categories; places on the axis run from 0 to 1."""
    end = _end_of_axis(profile.shares)
    taxonomy, in_doubt = profile.taxonomy, doubtful(profile.shares)
    notes = {category.name: category.definition for category in taxonomy.categories}
    notes |= {sub.name: sub.definition for sub in taxonomy.sub_categories}
    return [
        row
        | _named(row, taxonomy, in_doubt)
        | {"at": {name: row[name] / end for name in ("low", "estimate", "high", "others_share")}}
        | {"definition": notes[row["sub_category"] or row["category"]]}
        for row in _by_category(profile.shares, taxonomy)
    ]


def _found(shares: list[dict[str, Any]], course: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Return what differs from most people, or changed, for sure: names by what is said of it."""
    told = [(row["against"], row["name"]) for row in shares]
    told += [(row["direction"], row["name"]) for row in course]
    return {word: [name for own, name in told if own == word] for word in WORDS}


def _by_category(table: pd.DataFrame, taxonomy: Taxonomy) -> list[dict[str, Any]]:
    """Return the rows of a table with every category before its sub-categories."""
    order = [category.name for category in taxonomy.categories]
    place = table["category"].map(order.index)
    rows = table.assign(place=place, part=table["level"] != "category")
    ranked = rows.sort_values(["place", "part"], kind="stable")
    return ranked.drop(columns=["place", "part"]).to_dict("records")


def _named(
    row: dict[str, Any], taxonomy: Taxonomy, in_doubt: Container[str] = ()
) -> dict[str, Any]:
    """Return the name to show, marked where it is in doubt, and the class of its colour."""
    order = [category.name for category in taxonomy.categories]
    hue = f"hue-{order.index(row['category'])}" if row["category"] in order else ""
    name = row["sub_category"] or row["category"]
    return {"name": marked(name, name in in_doubt), "hue": hue}


def _end_of_axis(shares: pd.DataFrame) -> float:
    highest = float(shares[["high", "others_share"]].max(axis=None))
    return next((end for end in _AXES if end >= highest), 1.0)


def _ticks(shares: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """Return the places on the axis that are named, 0 to 1, with the shares they stand for."""
    end = _end_of_axis(pd.DataFrame(shares))
    return [(value / end, value) for value in np.arange(0, end + 1e-9, _AXES[end])]


def _idioms(profile: Profile) -> list[dict[str, Any]]:
    rows = profile.idioms.head(IDIOMS).to_dict("records")
    return [row | _named(row, profile.taxonomy) for row in rows]


def _examples(profile: Profile) -> list[dict[str, Any]]:
    """Return for each sub-category that they said its name, colour, definition and sentences."""
    said = profile.examples.groupby("sub_category")["text"].agg(list)
    return [
        {"name": sub.name, "definition": sub.definition}
        | {"hue": _named({"category": sub.category, "sub_category": ""}, profile.taxonomy)["hue"]}
        | {"texts": [shorten(str(text)) for text in said[sub.name]]}
        for sub in profile.taxonomy.sub_categories
        if sub.name in said.index
    ]


def _course(profile: Profile) -> list[dict[str, Any]]:
    """Return what was ever said with its change and the places of its conversations, 0 to 1."""
    if profile.change.empty:
        return []
    keys = ["level", "category", "sub_category"]
    parts = profile.course.groupby(keys, sort=False)
    said = [row for row in _by_category(profile.change, profile.taxonomy) if row["p"] == row["p"]]
    rows, in_doubt = [], doubtful(profile.shares)
    for row in said:
        points = parts.get_group(tuple(row[key] for key in keys))
        across = (points["part"] - 0.5) / len(points)
        columns = (across, points["share"], points["low"], points["high"])
        named = _named(row, profile.taxonomy, in_doubt)
        rows.append(row | named | {"points": list(zip(*columns, strict=True))})
    return rows


def _times(profile: Profile) -> list[tuple[float, str]]:
    """Return the places of conversations, 0 to 1, with what to call them, if they are few."""
    parts = profile.course.drop_duplicates("part")
    names = parts["at" if profile.order else "part"].astype(str)
    places = (parts["part"] - 0.5) / len(parts)
    return list(zip(places, names, strict=True)) if len(parts) <= LABELS else []


def _hues(taxonomy: Taxonomy) -> str:
    """Return a class for each category's colour, so that no element needs a style of its own."""
    colours = category_colours(taxonomy).values()
    return "".join(f".hue-{i} {{ --hue: {colour}; }}\n" for i, colour in enumerate(colours))


def _place(value: float) -> str:
    """Return a place from 0 to 1 as SVG wants it."""
    return f"{100 * value:.2f}%"


def _percent(value: float) -> str:
    """Return a share as a coach reads it: no decimals that so few messages could carry."""
    return "under 1%" if 0 < value < 0.005 else f"{100 * value:.0f}%"


def _points(value: float) -> str:
    """Return a difference in percentage points with its sign."""
    return f"{value:+.0f}".replace("-", "−") if round(value) else "0"


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
