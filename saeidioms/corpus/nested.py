"""Conversations that hold their turns as a list, ESConv's JSON among them -> one row a turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from saeidioms.corpus.columns import KNOWN_NAMES, bare_name, find_known, free_name

_TURN_LISTS = (
    "dialog", "dialogue", "messages", "conversation", "conversations", "turns", "utterances",
    "chat", "data",
)  # fmt: skip
_IDENTIFIERS = (*KNOWN_NAMES["conversation"], "id", "uid", "uuid")
# ESConv calls the one who seeks help "speaker" (or "usr") and the one who gives it "listener"
# (or "sys"), depending on the version; both are given the names that the paper uses.
_ESCONV_ROLES = {"speaker": "seeker", "usr": "seeker", "listener": "supporter", "sys": "supporter"}
_ESCONV_COLUMNS = {"dialog", "emotion_type", "problem_type"}


def find_turn_list(frame: pd.DataFrame) -> str | None:
    """Return the column whose cells are lists of turns (objects or texts), None where none is."""
    for name in frame.columns:
        if bare_name(name) in _TURN_LISTS and any(map(is_turn_list, frame[name])):
            return str(name)
    return None


def is_turn_list(value: Any) -> bool:
    """Tell whether a value is a list that starts with an object or a text."""
    return (
        isinstance(value, (list, tuple, np.ndarray))
        and len(value) > 0
        and isinstance(value[0], (Mapping, str))
    )


def unnest(frame: pd.DataFrame, column: str) -> tuple[pd.DataFrame, bool]:
    """Return one row a turn with the columns of turn and conversation, and whether it is ESConv.

    A conversation without turns becomes one row without text, so that it is counted.
    """
    counts, records = [], []
    for value in frame[column]:
        turns = list(value) if is_turn_list(value) else [{}]
        counts.append(len(turns))
        records += [_flat(turn) if isinstance(turn, Mapping) else {"text": turn} for turn in turns]
    turn_rows = pd.DataFrame(records, dtype=object)
    outer = pd.DataFrame(
        [_flat(record) for record in frame.drop(columns=column).to_dict("records")],
        index=frame.index,
        dtype=object,
    )
    is_esconv = set(frame.columns) >= _ESCONV_COLUMNS and "speaker" in turn_rows.columns
    if is_esconv:
        turn_rows["speaker"] = turn_rows["speaker"].replace(_ESCONV_ROLES)
    return spread(outer, counts, turn_rows), is_esconv


def spread(outer: pd.DataFrame, counts: Sequence[int], turns: pd.DataFrame) -> pd.DataFrame:
    """Return the turns' rows beside their conversations' values, with ids where there are none.

    Parameters
    ----------
    outer
        One row a conversation: its metadata, maybe its id.
    counts
        Turns of each conversation.
    turns
        One row a turn, in the order of the conversations.
    """
    identifier = find_known(list(outer.columns), _IDENTIFIERS)
    named = {
        name: "conversation_id"
        if name == identifier
        else free_name(name, list(turns.columns), prefix="conversation_")
        for name in outer.columns
    }
    outer = outer.rename(columns=named)
    if identifier is None:
        numbers = range(1, len(outer) + 1)
        outer = outer.assign(conversation_id=[f"conversation-{number}" for number in numbers])
    repeated = outer.take(np.repeat(np.arange(len(outer)), counts)).reset_index(drop=True)
    own = turns.drop(columns="conversation_id", errors="ignore").reset_index(drop=True)
    return pd.concat([own, repeated], axis=1)


def _flat(record: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    """Return a record without inner objects: ``survey.empathy``; annotations keep bare names."""
    flat: dict[str, Any] = {}
    for key, value in record.items():
        name = f"{prefix}{key}"
        if not isinstance(value, Mapping):
            flat[name] = value
        elif key == "annotation":
            flat.update({free_name(k, record): v for k, v in _flat(value, prefix).items()})
        else:
            flat.update(_flat(value, f"{name}."))
    return flat
