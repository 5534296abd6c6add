"""What the page's feature table holds: one record a feature, cut to what one file can carry."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from saeidioms.idioms.feature import idiom_spans

if TYPE_CHECKING:
    from saeidioms.idioms.features import FeatureTable
    from saeidioms.taxonomy.codebook import Codebook

MAX_CHARACTERS = 300
BUDGET = 4_500_000  # bytes of records: with plotly.js (4.8 MB) the page stays under 10 MB
IDIOMS = 8
NEIGHBOURS = 5
_BLOCK = 1024  # features whose neighbours are looked for together
KINDS = ("top", "middle", "low", "near miss")
# Examples a feature of each kind; the first row whose records fit the budget is taken.
SAMPLES = ((8, 4, 4, 4), (5, 2, 2, 3), (3, 1, 1, 1), (1, 0, 0, 1), (0, 0, 0, 0))

_ESCAPES = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


@dataclass(frozen=True)
class Explorer:
    """The records of all features as JSON for the page, and how much of the examples they hold."""

    json: Markup
    shown: int
    available: int


def explore(features: FeatureTable, codebook: Codebook, budget: int = BUDGET) -> Explorer:
    """Return the records of all features, with as many examples each as the budget allows.

    Parameters
    ----------
    features
        F features with their idioms and examples.
    codebook
        Label, category, sub-category and confidence of each feature; its labels are the ones shown.
    budget
        The most bytes the records may take. Where the largest sample of examples is over it, every
        feature gets fewer, weak examples first; features and idioms are never left out.
    """
    base = list(_records(features, codebook))
    examples = _examples(features)
    for sample in SAMPLES:
        records = [
            record | {"examples": _sample(examples.get(record["feature"], {}), sample)}
            for record in base
        ]
        text = embed_json(records)
        if len(text.encode("utf-8", "replace")) <= budget:
            break
    shown = sum(len(rows) for record in records for rows in record["examples"].values())
    return Explorer(text, shown, len(features.examples))


def embed_json(value: Any) -> Markup:
    """Return `value` as JSON that can stand inside a script element: no markup can end it."""
    return escape_json(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def escape_json(text: str) -> Markup:
    """Return JSON text with every character that HTML or JavaScript could read as its own escaped.

    These characters occur only inside JSON strings, where an escape means the same.
    """
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return Markup(text)


def shorten(text: str, limit: int = MAX_CHARACTERS) -> str:
    """Return `text` without line breaks, cut at `limit` characters with an ellipsis."""
    line = " ".join(text[: 4 * limit].split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _records(features: FeatureTable, codebook: Codebook) -> Iterator[dict[str, Any]]:
    coded: dict[int, dict[str, Any]] = codebook.table.set_index("feature").to_dict("index")
    idioms, neighbours, groups = _idioms(features.idioms), _neighbours(features), _groups(features)
    for row in features.table.to_dict("records"):
        feature = int(row["feature"])
        entry = coded.get(feature, {})
        own = _text(entry.get("label")) not in ("", _text(row["label"]))  # a person's label
        yield {
            "feature": feature,
            "label": _text(entry.get("label")) or _text(row["label"]) or f"Feature {feature}",
            "category": _text(entry.get("category")),
            "sub_category": _text(entry.get("sub_category")),
            "outside": _text(entry.get("outside")),
            "confidence": _number(entry.get("confidence")),
            "source": _text(entry.get("source")),
            "note": shorten(_text(entry.get("note"))),
            "density": _number(row["density"], digits=6),
            "n_units": int(row["n_units"]),
            "n_texts": int(row["n_texts"]),
            "mean_activation": _number(row["mean_activation"]),
            "max_activation": _number(row["max_activation"]),
            "flag": _text(row["flag"]),
            "stability": _number(row["stability"]),
            "fidelity": None if own else _number(row["fidelity"]),
            "label_source": "a person" if own else _text(row["label_source"]),
            "definition": shorten(_text(row["definition"])),
            "idioms": idioms.get(feature, []),
            "neighbours": neighbours[feature],
            "groups": groups.get(feature, []),
            "histogram": []
            if features.histograms is None
            else features.histograms[feature].tolist(),
        }


def _neighbours(features: FeatureTable) -> list[list[list[Any]]]:
    """Return by feature those that fire on the most similar units: [feature, cosine]."""
    vectors, living = features.centroids, features.table["density"].to_numpy() > 0
    found: list[list[list[Any]]] = []
    for start in range(0, len(vectors), _BLOCK):
        cosine = vectors[start : start + _BLOCK] @ vectors.T
        rows = np.arange(len(cosine))
        cosine[:, ~living] = cosine[rows, start + rows] = -np.inf
        order = np.argsort(-cosine, axis=1, kind="stable")[:, :NEIGHBOURS]
        near = np.take_along_axis(cosine, order, axis=1)
        found += [
            [
                [int(other), _number(value, digits=2)]
                for other, value in zip(others, values, strict=True)
                if np.isfinite(value)
            ]
            for others, values in zip(order, near, strict=True)
        ]
    return found


def _groups(features: FeatureTable) -> dict[int, list[list[Any]]]:
    """Return by feature the share of each group's units it fires on: [group, share, units]."""
    if features.groups is None:
        return {}
    return {
        int(str(feature)): [
            [str(value), _number(density), int(n)]
            for value, density, n in zip(rows["value"], rows["density"], rows["n"], strict=True)
        ]
        for feature, rows in features.groups.groupby("feature")
    }


def _idioms(table: pd.DataFrame) -> dict[int, list[list[Any]]]:
    """Return by feature its most distinctive phrases: [phrase, units, conversations]."""
    ranked = table.sort_values(["feature", "z"], ascending=[True, False], kind="stable")
    return {
        int(feature): [
            [shorten(str(phrase)), int(count), int(conversations)]
            for phrase, count, conversations in zip(
                rows["phrase"], rows["count"], rows["conversations"], strict=True
            )
        ]
        for feature, rows in ranked.groupby("feature").head(IDIOMS).groupby("feature")
    }


def _examples(features: FeatureTable) -> dict[int, dict[str, list[list[Any]]]]:
    """Return by feature and kind the examples in their order: [text, activation, spans]."""
    found: dict[int, dict[str, list[list[Any]]]] = {}
    ordered = features.examples.sort_values(["feature", "rank"], kind="stable")
    texts = [shorten(str(text)) for text in ordered["text"]]
    spans = idiom_spans(texts, ordered["feature"].to_numpy(), features.idioms)
    for feature, kind, text, activation, own in zip(
        ordered["feature"], ordered["kind"], texts, ordered["activation"], spans, strict=True
    ):
        rows = found.setdefault(int(feature), {}).setdefault(str(kind), [])
        rows.append([text, _number(activation), [[start, end] for start, end, _ in own]])
    return found


def _sample(
    examples: Mapping[str, list[list[Any]]], sizes: tuple[int, ...]
) -> dict[str, list[list[Any]]]:
    return {
        kind: examples[kind][:size]
        for kind, size in zip(KINDS, sizes, strict=True)
        if size and kind in examples
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any, digits: int = 4) -> float | None:
    """Return a number with `digits` significant digits; None if not finite: JSON has no NaN."""
    if value is None or not np.isfinite(value):
        return None
    return float(f"{float(value):.{digits}g}")
