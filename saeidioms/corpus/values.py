"""What an input's values become: text, labels, metadata."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pandas as pd

_MISSING_CELLS = ["", "NA", "N/A", "NaN", "nan", "NULL", "null"]
_WHOLE = re.compile(r"-?(0|[1-9]\d{0,17})")
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")


def as_text(values: pd.Series) -> np.ndarray:
    """Return (N,) objects: str without outer white space, None where the value is not text."""
    array = np.array(
        [value.strip() if isinstance(value, str) else None for value in values], dtype=object
    )
    return _encodable(array)


def as_labels(values: pd.Series) -> np.ndarray:
    """Return (N,) str objects of ids or names: whole numbers without a point, "" where missing."""
    codes, distinct = pd.factorize(values)  # code -1: missing
    names = np.array([*(_label(value) for value in distinct), ""], dtype=object)
    return _encodable(names)[codes]


def as_metadata(values: pd.Series) -> pd.Series:
    """Return a column of one type that Parquet can hold: mixed and nested values become text."""
    if values.dtype != object:
        return values
    kind = pd.api.types.infer_dtype(values, skipna=True)
    try:
        if kind == "boolean":
            return values.astype("boolean")
        if kind == "integer":
            return values.astype("Int64" if values.isna().any() else "int64")
        if kind in ("floating", "mixed-integer-float"):
            return values.astype("float64")
    except OverflowError:  # whole numbers beyond 64 bits are names, not amounts
        pass
    texts = [None if _is_missing(value) else _plain(value) for value in values]
    return pd.Series(_encodable(np.array(texts, dtype=object))).infer_objects()


def typed_metadata(values: pd.Series) -> pd.Series:
    """Return a column of a text file as whole numbers, numbers, booleans or text.

    Only numbers in their usual form count: "007" and numbers of 19 digits or more are names.
    Empty cells, NA, NaN and null are missing; None is kept, since groups may be called so.
    """
    if not values.map(lambda value: isinstance(value, str) or _is_missing(value)).all():
        return as_metadata(values)
    texts = values.astype(object).where(values.notna(), "")
    blank = texts.isin(_MISSING_CELLS)
    texts = texts.mask(blank, None)
    distinct = texts.dropna().unique()
    if len(distinct) == 0:
        return texts.infer_objects()
    if all(map(_WHOLE.fullmatch, distinct)):
        return texts.astype("Int64") if blank.any() else texts.astype("int64")
    if all(map(_NUMBER.fullmatch, distinct)):
        return texts.astype("float64")
    if {text.lower() for text in distinct} <= {"true", "false"}:
        truths = texts.map(lambda text: None if text is None else text.lower() == "true")
        return truths.astype("boolean" if blank.any() else "bool")
    return texts.infer_objects()


def _is_missing(value: Any) -> bool:
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def _label(value: Any) -> str:
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return _plain(value).strip()


def _plain(value: Any) -> str:
    if isinstance(value, (dict, list, tuple, np.ndarray)):
        return json.dumps(value, ensure_ascii=False, default=_jsonable)
    return str(value)


def _jsonable(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else str(value)


def _encodable(texts: np.ndarray) -> np.ndarray:
    """Replace halves of surrogate pairs, which JSON can hold and UTF-8 cannot, by U+FFFD."""
    try:
        "".join(text for text in texts if text is not None).encode()
    except UnicodeEncodeError:
        mended = [
            text
            if text is None
            else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            for text in texts
        ]
        return np.array(mended, dtype=object)
    return texts
