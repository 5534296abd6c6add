"""One feature, and the card on which it shows itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from saeidioms.display import Bars, Cell, Display, Marked, Share, Shown, Span, Table
from saeidioms.idioms.occurrences import find_occurrences

# Labels below this detection are called weak: of 100 test units, guessing gets 0.4 to 0.6 right
# in 95% of cases. On ESConv, 92% of shuffled offline labels are below, and 40% of the right ones
# (similarity of embeddings, 254 features, half of which have up to 54 test units).
WEAK = 0.6
_KINDS = {
    "top": "Strongest",
    "middle": "In the middle",
    "low": "Weakest",
    "near miss": "Near misses: close, but it does not fire",
}
_SHOWN = {"top": 6, "middle": 3, "low": 3, "near miss": 4}
_IDIOMS, _WEIGHT, _LONGEST = 8, 0.45, 300


@dataclass(frozen=True, eq=False, repr=False)
class Feature(Shown):
    """One feature, with what one reads to understand it; in a notebook, a card.

    Attributes
    ----------
    feature
        Its number.
    density
        Share of the units it fires on.
    n_units, n_texts
        Units it fires on, and distinct texts among them (letter case and punctuation aside).
    mean_activation, max_activation
        Over the units it fires on; 0 where there is none.
    flag, stability, label, label_source, definition, suggestion, fidelity
        See `FeatureTable`.
    idioms, examples
        Its rows of the tables of the same names.
    neighbours
        ``feature, label, cosine``: the features that fire on the most similar units.
    histogram
        Units by activation, in equal steps from 0 to the highest; empty where it is not known.
    groups
        ``by, value, density, n``: share of the units of each group that it fires on, where
        `FeatureTable.with_groups` counted it.
    category, sub_category, outside, confidence
        Its place, where `FeatureTable.placed` gave one; "" and NaN otherwise.
    """

    feature: int
    density: float
    n_units: int
    n_texts: int
    mean_activation: float
    max_activation: float
    flag: str
    stability: float
    label: str
    label_source: str
    definition: str
    suggestion: str
    fidelity: float
    idioms: pd.DataFrame
    examples: pd.DataFrame
    neighbours: pd.DataFrame
    histogram: tuple[int, ...] = ()
    groups: pd.DataFrame | None = None
    category: str = ""
    sub_category: str = ""
    outside: str = ""
    confidence: float = float("nan")

    def _display(self) -> Display:
        title = f"Feature {self.feature}"
        return Display(
            f"{title}: {self.label}" if self.label else title,
            self._facts(),
            (self.definition,),
            (
                *(self._idioms(), *self._examples(), self._neighbours()),
                *([] if self.groups is None else [_groups(self.groups)]),
            ),
        )

    def _facts(self) -> dict[str, Cell]:
        facts: dict[str, Cell] = {}
        if self.sub_category or self.outside:
            place = " › ".join(name for name in (self.category, self.sub_category) if name)
            facts[""] = f"{place or self.outside} (confidence {self.confidence:.2f})"
        facts["fires on"] = f"{100 * self.density:.2f}% of units ({self.n_units:,})"
        if self.flag:
            facts["flag"] = self.flag
        if self.fidelity == self.fidelity:
            facts["fidelity"] = f"{self.fidelity:.2f}{', weak' if self.fidelity < WEAK else ''}"
        if self.stability == self.stability:
            facts["stability"] = self.stability
        if self.label_source:
            facts["label by"] = self.label_source
        if any(self.histogram):
            highest = f"units by activation, from 0 to {self.max_activation:.2f}"
            facts["activations"] = Bars(self.histogram, highest)
        return facts

    def _idioms(self) -> Table:
        rows = self.idioms.head(_IDIOMS)
        return Table(
            "Idioms",
            ("idiom", "units", "of them fires on", "conversations"),
            [
                (str(phrase), int(count), int(own), int(conversations))
                for phrase, count, own, conversations in zip(
                    *(rows[name] for name in ("phrase", "count", "feature_count", "conversations")),
                    strict=True,
                )
            ],
        )

    def _examples(self) -> list[Table]:
        return [
            Table(
                heading,
                ("activation", "text") if kind != "near miss" else ("text",),
                [
                    (text,) if kind == "near miss" else (float(activation), text)
                    for activation, text in zip(
                        *self._marked(self.examples[self.examples["kind"] == kind], _SHOWN[kind]),
                        strict=True,
                    )
                ],
            )
            for kind, heading in _KINDS.items()
        ]

    def _marked(self, rows: pd.DataFrame, most: int) -> tuple[list[float], list[Marked]]:
        """Return activations, and texts in which the feature's idioms are marked."""
        rows = rows.head(most)
        texts = [text[:_LONGEST] + ("…" if len(text) > _LONGEST else "") for text in rows["text"]]
        spans = idiom_spans(texts, np.full(len(texts), self.feature), self.idioms)
        marked = [Marked(text, own) for text, own in zip(texts, spans, strict=True)]
        return rows["activation"].tolist(), marked

    def _neighbours(self) -> Table:
        rows = self.neighbours
        return Table(
            "Neighbours: features that fire on similar units",
            ("feature", "label", "cosine"),
            [
                (str(number), str(label), float(cosine))
                for number, label, cosine in zip(
                    rows["feature"], rows["label"], rows["cosine"], strict=True
                )
            ],
        )


def _groups(rows: pd.DataFrame) -> Table:
    return Table(
        f"Share of units that it fires on, by {rows['by'].iloc[0]}" if len(rows) else "",
        ("group", "share", "units"),
        [
            (str(value), Share(float(density)), int(n))
            for value, density, n in zip(rows["value"], rows["density"], rows["n"], strict=True)
        ],
    )


def idiom_spans(
    texts: Sequence[str], features: npt.NDArray[np.int64], idioms: pd.DataFrame
) -> list[tuple[Span, ...]]:
    """Return where in each text the idioms of a feature stand; no two spans touch.

    Parameters
    ----------
    texts
        n texts.
    features
        (n,) the feature whose idioms are looked for in each.
    idioms
        ``feature, phrase``.
    """
    number, phrases = pd.factorize(idioms["phrase"])
    held = find_occurrences(texts, phrases.tolist())
    held["feature"] = np.asarray(features)[held["text"]]
    own = pd.DataFrame({"feature": idioms["feature"], "phrase": number}).drop_duplicates()
    found = held.merge(own, on=["feature", "phrase"]).sort_values(["text", "start"])
    spans: list[list[Span]] = [[] for _ in texts]
    columns = (found[name].tolist() for name in ("text", "start", "end"))
    for text, start, end in zip(*columns, strict=True):
        here = spans[text]
        if here and start <= here[-1].end:  # overlapping ones become one
            here[-1] = Span(here[-1].start, max(end, here[-1].end), _WEIGHT)
        else:
            here.append(Span(start, end, _WEIGHT))
    return [tuple(here) for here in spans]
