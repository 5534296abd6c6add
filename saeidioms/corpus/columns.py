"""Which column of an input is which."""

from __future__ import annotations

import difflib
import re
from collections.abc import Container, Iterable, Sequence
from typing import Any

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
    free = [name for name in names if name not in taken]
    found = {
        ours: chosen.get(ours) or find_known(free, known) for ours, known in KNOWN_NAMES.items()
    }
    if found["text"] is None:
        raise InputError(
            f"{source} has no column known to hold messages; its columns are: {listed(names)}; "
            "name the one that does with --text NAME."
        )
    return found


def find_known(names: Iterable[str], known: Sequence[str]) -> str | None:
    """Return the one of `names` that comes first in `known`, however it is written."""
    by_bare_name = {bare_name(name): name for name in reversed(list(names))}
    hits = (by_bare_name[bare_name(name)] for name in known if bare_name(name) in by_bare_name)
    return next(hits, None)


def bare_name(name: str) -> str:
    """Return a name in small letters and digits alone."""
    return re.sub(r"[\W_]", "", str(name)).lower()


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


def free_name(name: str, taken: Container[str], prefix: str = "input_") -> str:
    """Return `name`, with `prefix` before it as often as it is taken."""
    while name in taken:
        name = f"{prefix}{name}"
    return name
