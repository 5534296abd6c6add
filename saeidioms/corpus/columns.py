"""Which column of an input is which, and how its values become text, ids, turns or metadata."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from saeidioms.errors import InputError

# The first of these names that an input has is taken; case, spaces, hyphens and underscores do
# not count. Names that others use for something else as well come last.
KNOWN_NAMES: dict[str, tuple[str, ...]] = {
    "text": (
        "text", "message", "utterance", "content", "body", "sentence", "msg", "message_text",
        "message_content", "utterance_text", "turn_text", "comment", "post", "reply", "response",
        "chat_message", "value",
    ),
    "role": (
        "role", "speaker", "author", "sender", "speaker_role", "speaker_type", "interlocutor",
        "from", "user", "username", "name", "author_role", "speaker_id", "author_id", "sender_id",
    ),
    "conversation": (
        "conversation_id", "dialog_id", "dialogue_id", "conv_id", "convo_id", "chat_id",
        "thread_id", "session_id", "transcript_id", "interaction_id", "discussion_id", "call_id",
        "conversation", "dialog", "dialogue", "thread", "chat", "session", "conv", "convo",
        "conversation_hash",
    ),
    "turn": (
        "turn", "turn_id", "turn_index", "turn_idx", "turn_number", "turn_no", "message_index",
        "message_idx", "message_number", "msg_index", "msg_idx", "utterance_index",
        "utterance_idx", "utterance_number", "index", "idx", "position", "sequence", "seq",
        "order", "timestamp", "created_at", "sent_at",
    ),
}  # fmt: skip
FLAGS = {"text": "--text", "role": "--speaker", "conversation": "--conversation", "turn": "--turn"}


def detect_columns(
    names: Sequence[str], chosen: dict[str, str | None], source: str
) -> dict[str, str | None]:
    """Return our name (text, role, conversation, turn) to the input's column, None where none.

    Raises
    ------
    InputError
        If a chosen column is not there, or no column holds text.
    """
    for ours, name in chosen.items():
        if name is not None and name not in names:
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
            hint = f"did you mean `{near[0]}`? " if near else ""
            raise InputError(
                f"{source} has no column `{name}` for {FLAGS[ours]}; {hint}"
                f"its columns are: {listed(names)}."
            )
    taken = {name for name in chosen.values() if name is not None}
    free = {_bare(name): name for name in reversed(names) if name not in taken}
    found: dict[str, str | None] = {}
    for ours, known in KNOWN_NAMES.items():
        hits = (free[_bare(name)] for name in known if _bare(name) in free)
        found[ours] = chosen.get(ours) or next(hits, None)
    if found["text"] is None:
        raise InputError(
            f"{source} has no column known to hold messages; its columns are: {listed(names)}; "
            "name the one that does with --text NAME."
        )
    return found


def listed(names: Iterable[str], most: int = 30) -> str:
    """Return names as a list to be read, cut after `most`."""
    all_names = list(names)
    more = f" and {len(all_names) - most} more" if len(all_names) > most else ""
    return ", ".join(all_names[:most]) + more


def unique_names(names: Iterable[Any]) -> list[str]:
    """Return column names as text, with a number after those that are empty or come again."""
    result: list[str] = []
    seen: set[str] = set()
    for position, given in enumerate(names, start=1):
        name = str(given).strip() or f"column {position}"
        unique, again = name, 1
        while unique in seen:
            again += 1
            unique = f"{name}.{again}"
        seen.add(unique)
        result.append(unique)
    return result


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
    values = values.reset_index(drop=True)
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
    texts = values.astype(object)
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


def free_name(name: str, reserved: Iterable[str]) -> str:
    """Return `name`, with ``input_`` before it where the corpus has that name for itself."""
    taken = set(reserved)
    while name in taken:
        name = f"input_{name}"
    return name


_MISSING_CELLS = ["", "NA", "N/A", "NaN", "nan", "NULL", "null"]
_WHOLE = re.compile(r"-?(0|[1-9]\d{0,17})")
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")


def _bare(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or value != value


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
