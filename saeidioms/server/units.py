"""The units of a run, page by page: all on which a feature fires, and all that hold a text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from saeidioms.errors import OptionError
from saeidioms.idioms.feature import idiom_spans
from saeidioms.idioms.find import aligned_activations

if TYPE_CHECKING:
    from saeidioms.corpus.corpus import Corpus
    from saeidioms.idioms.features import FeatureTable
    from saeidioms.sae.activations import SparseActivations

MOST_ROWS = 200
MAX_CHARACTERS = 2000  # of a unit in a page; the whole of it is asked for by itself
_BEFORE = 200  # characters kept before the first hit where a long unit is cut
_FIRING = 3  # features told with a unit that was found
_IDS = ("unit_id", "message_id", "conversation_id")
_OMITTED = (*_IDS, "text", "start", "end")


@dataclass(frozen=True)
class Units:
    """N units with their activations, laid out for looking things up.

    Attributes
    ----------
    table
        N rows of the corpus.
    texts
        The same texts, for searching.
    by_unit, by_feature
        (N, F) activations, by rows and by columns.
    idioms
        Feature -> its rows of the table of idioms.
    """

    table: pd.DataFrame
    texts: pa.Array
    by_unit: sparse.csr_matrix
    by_feature: sparse.csc_matrix
    idioms: dict[int, pd.DataFrame]

    @classmethod
    def of(cls, corpus: Corpus, activations: SparseActivations, features: FeatureTable) -> Units:
        """Lay out what the stages of a run made.

        Raises
        ------
        InputError
            If a unit has no activations.
        """
        matrix = aligned_activations(corpus, activations)
        return cls(
            corpus.table,
            pa.array(corpus.texts, type=pa.large_string()),
            matrix,
            matrix.tocsc(),
            {int(str(feature)): rows for feature, rows in features.idioms.groupby("feature")},
        )

    def examples(self, feature: int, start: int = 0, n: int = 50) -> dict[str, Any]:
        """Return units on which a feature fires, from strong to weak.

        Parameters
        ----------
        feature
            Its number.
        start, n
            Which of them: `n`, from the place `start`.

        Returns
        -------
        dict
            ``total`` and ``rows``: each with ``row`` (place in the corpus), ``text`` (cut at
            `MAX_CHARACTERS`), ``length`` (of the whole), ``spans`` (its idioms, as characters of
            ``text``), ``activation``, the ids, and ``context`` (the other columns of the input).

        Raises
        ------
        OptionError
            If there is no such feature or page.
        """
        _check_page(start, n)
        if not 0 <= feature < self.by_feature.shape[1]:
            last = self.by_feature.shape[1] - 1
            raise OptionError(f"there is no feature {feature}; give 0 to {last}.")
        own = slice(*self.by_feature.indptr[feature : feature + 2])
        rows, values = self.by_feature.indices[own], self.by_feature.data[own]
        order = np.lexsort((rows, -values))[start : start + n]
        found = [self._unit(row) for row in rows[order].tolist()]
        texts = [unit["text"] for unit in found]
        spans: Sequence[Any] = [()] * len(found)
        if feature in self.idioms and texts:
            spans = idiom_spans(texts, np.full(len(texts), feature), self.idioms[feature])
        for unit, value, marks in zip(found, values[order].tolist(), spans, strict=True):
            unit |= {"activation": round(value, 4), "spans": [[one[0], one[1]] for one in marks]}
        return {"total": len(rows), "rows": found}

    def search(self, text: str, start: int = 0, n: int = 50) -> dict[str, Any]:
        """Return units that hold a text as it stands, letter case aside, in their order.

        Parameters
        ----------
        text
            What to look for, literally.
        start, n
            Which of them: `n`, from the place `start`.

        Returns
        -------
        dict
            As `examples` returns, and ``of`` (N); ``spans`` are the places of `text`, and in place
            of ``activation`` there is ``features``: [number, activation] of the strongest.

        Raises
        ------
        OptionError
            If the text is empty, or there is no such page.
        """
        _check_page(start, n)
        if not text.strip():
            raise OptionError("the text to look for is empty; give a word or more.")
        rows = np.flatnonzero(pc.match_substring(self.texts, text, ignore_case=True))
        pattern = re.compile(re.escape(text), re.IGNORECASE)
        found = [self._unit(row, pattern) for row in rows[start : start + n].tolist()]
        for unit in found:
            unit["spans"] = [match.span() for match in pattern.finditer(unit["text"])]
            unit["features"] = self._strongest(unit["row"])
        return {"total": len(rows), "of": len(self.table), "rows": found}

    def text(self, row: int) -> str:
        """Return the whole text of a unit.

        Raises
        ------
        OptionError
            If there is no such row.
        """
        if not 0 <= row < len(self.table):
            raise OptionError(f"there is no unit {row}; give 0 to {len(self.table) - 1}.")
        return str(self.texts[row])

    def _unit(self, row: int, pattern: re.Pattern[str] | None = None) -> dict[str, Any]:
        values = self.table.iloc[row]
        text = self.text(row)
        first = 0
        if pattern is not None and len(text) > MAX_CHARACTERS and (hit := pattern.search(text)):
            first = max(0, min(hit.start() - _BEFORE, len(text) - MAX_CHARACTERS))
        context = {
            str(name): _cell(value)
            for name, value in values.items()
            if name not in _OMITTED and _is_given(value)
        }
        ids = {name: str(values[name]) for name in _IDS}
        cut = text[first : first + MAX_CHARACTERS]
        return {"row": row, "text": cut, "length": len(text), **ids, "context": context}

    def _strongest(self, row: int) -> list[list[float]]:
        own = slice(*self.by_unit.indptr[row : row + 2])
        features, values = self.by_unit.indices[own], self.by_unit.data[own]
        order = np.lexsort((features, -values))[:_FIRING]
        return [[int(features[i]), round(float(values[i]), 4)] for i in order]


def _check_page(start: int, n: int) -> None:
    if start < 0 or not 1 <= n <= MOST_ROWS:
        raise OptionError(f"start is {start} and n is {n}; give from 0, and 1 to {MOST_ROWS}.")


def _is_given(value: Any) -> bool:
    # A cell may hold a list, of which isna would tell one by one.
    return bool(pd.api.types.is_list_like(value) or not (pd.isna(value) or value == ""))


def _cell(value: Any) -> str:
    """Return a value of a column as people write it."""
    if isinstance(value, (float, np.floating)):
        return f"{value:g}"
    return str(value)
