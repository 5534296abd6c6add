"""Sheets in which people code features by hand, without seeing what the tool thinks."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from saeidioms.artifacts import digest_bytes
from saeidioms.errors import InputError, OptionError
from saeidioms.idioms.features import FeatureTable
from saeidioms.progress import track
from saeidioms.seeds import generator
from saeidioms.taxonomy.form import CONTROL, Form, bullets, choices, write_form
from saeidioms.taxonomy.taxonomy import Taxonomy

CONFIDENT = (1, 2, 3, 4, 5)
CODED = ("sub_category", "second", "label", "confident", "note")  # what coders fill in
COLUMNS = (
    "row", "feature", "examples", "does not fire on", "idioms", "tool_label",
    *CODED, "coder", "dictionary",
)  # fmt: skip

_HIDDEN = ("coder", "dictionary")
_WIDTHS = {
    "row": 6, "feature": 8, "examples": 70, "does not fire on": 45, "idioms": 28, "tool_label": 28,
    "sub_category": 26, "second": 26, "label": 30, "confident": 10, "note": 30,
}  # fmt: skip
_LONGEST = 500  # characters of an example
_NEAR_MISSES, _IDIOMS = 4, 8

_INSTRUCTIONS = (
    "Each row of the sheet 'coding' is one feature: a kind of expression that was found in the "
    "conversations. Code by the definitions below, alone, and without talking to other coders.",
    "1. Read the examples, which the feature fires on (it does not fire on those of the next "
    "column), and the idioms. Ask what the examples have in common.",
    "2. sub_category: choose the place that fits most of the examples. Choose 'none' where no "
    "place does. An empty cell means that you did not code the row.",
    "3. second: only where many examples fit another place as well.",
    "4. label: what the examples have in common, in a few words of your own.",
    "5. confident: from 1 (a guess) to 5 (sure).",
    "6. note: whatever the others should know.",
    "Sort and filter as you like, but change nothing in the white columns, and add none.",
)


def write_sheet(
    features: FeatureTable,
    taxonomy: Taxonomy,
    path: str | Path,
    *,
    coders: Sequence[str] = (),
    blind: bool = True,
    n_examples: int = 8,
    seed: int = 0,
) -> tuple[Path, ...]:
    """Write a coding sheet: a workbook with instructions and codebook, and the rows as CSV.

    Read what coders wrote by `saeidioms.taxonomy.merging.merge_sheets`.

    Parameters
    ----------
    features
        One row each, but for dead ones, in random order, another for each coder; the column
        ``row`` keeps the order.
    taxonomy
        Its sub-categories, outside groups and "none" are what coders choose from.
    path
        Of the workbook, ``.xlsx``; the CSV lies next to it.
    coders
        Names; each has a file with the name behind the stem (``sheet-ann.xlsx``). By default there
        is one file, and its name is the coder's.
    blind
        Whether to hide what the tool thinks: the label, activations, and which examples are
        strongest. All coders see the same examples in the same order.
    n_examples
        The most examples, half of them strong and half of middling activation.
    seed
        Of all orders.

    Returns
    -------
    tuple of pathlib.Path
        The workbooks.

    Raises
    ------
    OptionError
        If `path` is no ``.xlsx``, a file is there already, `n_examples` is less than 1, a coder
        is named twice or by what no file can be named, or the taxonomy has a place named "none".
    InputError
        If all features are dead.
    ArtifactError
        If a file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".xlsx":
        raise OptionError(f"the sheet is to be {path}; give a name that ends in .xlsx.")
    if n_examples < 1:
        raise OptionError(f"n_examples is {n_examples}; it must be at least 1.")
    _check_coders(coders)
    names = list(coders) or [""]
    paths = [path.with_name(f"{path.stem}-{name}.xlsx") if name else path for name in names]
    for file in [each for workbook in paths for each in (workbook, workbook.with_suffix(".csv"))]:
        if file.exists():
            raise OptionError(
                f"{file} is there already, and may hold somebody's work; "
                "move it away, or give another name."
            )
    places = choices(taxonomy)
    if (features.table["flag"] == "dead").all():
        raise InputError("no feature fires on anything; there is nothing to code.")
    rows = _rows(features, blind=blind, n_examples=n_examples, seed=seed)
    offers: dict[str, Sequence[str | int]] = {"confident": CONFIDENT}
    offers |= dict.fromkeys(("sub_category", "second"), places)
    form = Form(_INSTRUCTIONS, CODED, offers, _WIDTHS, frozen="feature", hidden=_HIDDEN)
    for name, workbook in track(list(zip(names, paths, strict=True)), "coding sheets"):
        table = rows.iloc[generator(seed, f"order of {name}").permutation(len(rows))]
        table = table.assign(row=np.arange(1, len(table) + 1), coder=name)
        table = table[[column for column in COLUMNS if column in table]]
        write_form(table, form, taxonomy, workbook)
    return tuple(paths)


def digest_of(features: FeatureTable) -> str:
    """Return the digest of the features themselves, whatever their labels."""
    encoder = json.dumps(asdict(features.encoder), sort_keys=True)
    return digest_bytes(features.centroids.astype("<f4").tobytes(), encoder.encode())


def _check_coders(coders: Sequence[str]) -> None:
    if isinstance(coders, str):
        raise OptionError(f"coders is {coders!r}; give a list of names.")
    seen: set[str] = set()
    for name in coders:
        if not re.fullmatch(r"\w[\w .-]*", name) or name != name.strip():
            raise OptionError(
                f"the coder {name!r} can name no file; use letters, digits, spaces, dots and '-'."
            )
        if name.casefold() in seen:
            raise OptionError(f"the coder {name!r} is named twice; give each another name.")
        seen.add(name.casefold())


def _rows(features: FeatureTable, *, blind: bool, n_examples: int, seed: int) -> pd.DataFrame:
    """Return a row for each feature that fires, by number."""
    empty = features.examples.iloc[:0]
    examples = dict(tuple(features.examples.groupby("feature")))
    idioms = dict(tuple(features.idioms.groupby("feature")["phrase"]))
    alive = features.table[features.table["flag"] != "dead"]
    rows = []
    for feature, label in zip(alive["feature"].tolist(), alive["label"], strict=True):
        own = examples.get(feature, empty)
        shown = _chosen(own, n_examples)
        if blind:
            order = generator(seed, f"examples of feature {feature}").permutation(len(shown))
            texts = shown["text"].iloc[order].map(_plain).tolist()
        else:
            pairs = zip(shown["activation"], shown["text"], strict=True)
            texts = [f"{activation:.2f} {_plain(text)}" for activation, text in pairs]
        misses = own.loc[own["kind"] == "near miss", "text"].head(_NEAR_MISSES).map(_plain)
        rows.append(
            {
                "feature": feature,
                "examples": bullets(texts),
                "does not fire on": bullets(misses),
                "idioms": bullets(map(_plain, idioms.get(feature, [])[:_IDIOMS])),
                **({} if blind else {"tool_label": _plain(label)}),
            }
        )
    columns = ["feature", "examples", "does not fire on", "idioms"]
    table = pd.DataFrame(rows, columns=columns if blind else [*columns, "tool_label"])
    return table.assign(**dict.fromkeys(CODED, ""), dictionary=digest_of(features))


def _chosen(examples: pd.DataFrame, n: int) -> pd.DataFrame:
    """Return half strong and half middling examples, or more of one where the other lacks."""
    strong, middling = (examples[examples["kind"] == kind] for kind in ("top", "middle"))
    n_middling = min(len(middling), n - min(len(strong), -(-n // 2)))
    return pd.concat([strong.head(n - n_middling), middling.head(n_middling)])


def _plain(text: str) -> str:
    """Return a text as one line that any spreadsheet takes, and a coder reads."""
    line = " ".join(CONTROL.sub(" ", text).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
