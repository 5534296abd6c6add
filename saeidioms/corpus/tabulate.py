"""A frame of rows and its columns' names -> a corpus, with an account of what was dropped."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
import pandas as pd

from saeidioms.corpus.columns import detect_columns, free_name, unique_names
from saeidioms.corpus.corpus import Corpus
from saeidioms.corpus.report import ReadReport
from saeidioms.corpus.values import as_labels, as_text
from saeidioms.errors import InputError

logger = logging.getLogger(__name__)

_EXAMPLES = 5  # row numbers given for each reason


def tabulate(
    frame: pd.DataFrame,
    *,
    source: str,
    format: str,
    chosen: dict[str, str | None],
    convert: Callable[[pd.Series], pd.Series],
    max_chars: int,
) -> Corpus:
    """Return the corpus of messages of a frame with one row a message.

    Parameters
    ----------
    frame
        One row a message, any columns.
    source, format
        What is read, for messages and the report.
    chosen
        Our column name (text, role, conversation, turn) to the one the user asked for.
    convert
        Gives a metadata column its type.
    max_chars
        Longer messages are dropped and counted.

    Raises
    ------
    InputError
        If columns are missing or no row is usable.
    """
    frame = frame.set_axis(unique_names(frame.columns), axis=1)
    columns = detect_columns(list(frame.columns), chosen, source)
    if len(frame) == 0:
        raise InputError(f"{source} has columns but no rows; give a file with messages in it.")
    texts = as_text(frame[columns["text"]])
    reasons = _reasons(texts, max_chars)
    conversations = _conversations(frame, columns["conversation"])
    codes, _ = pd.factorize(conversations)
    turns, verbatim = _turns(frame, columns["turn"], codes, source)
    roles = as_labels(frame[columns["role"]]) if columns["role"] else np.full(len(frame), "")

    order = np.lexsort((turns, codes))
    order = order[reasons[order] == ""]
    report = _report(reasons, conversations, columns, source, format)
    if len(order) == 0:
        raise InputError(
            f"{source} has no usable message in column `{columns['text']}`: {report.losses()}; "
            "name another column with --text NAME, or raise --max-chars."
        )
    message_ids = [f"{c}/{t}" for c, t in zip(conversations[order], turns[order], strict=True)]
    lengths = np.fromiter(map(len, texts[order]), dtype=np.int64, count=len(order))
    table = pd.DataFrame(
        {
            "unit_id": message_ids,
            "message_id": message_ids,
            "conversation_id": conversations[order],
            "turn": turns[order],
            "role": roles[order],
            "text": texts[order],
            "start": np.zeros(len(order), dtype=np.int64),
            "end": lengths,
        }
    )
    used = {name for ours, name in columns.items() if ours != "turn" or verbatim}
    extra = [name for name in frame.columns if name not in used]
    table = pd.concat([table, _metadata(frame[extra].iloc[order], convert)], axis=1)
    logger.info(report.sentence())
    return Corpus(table, "message", report)


def _reasons(texts: np.ndarray, max_chars: int) -> np.ndarray:
    """Return (N,) str objects: why a row is dropped, "" where it is kept."""
    reasons = np.full(len(texts), "", dtype=object)
    lengths = np.fromiter((-1 if text is None else len(text) for text in texts), dtype=np.int64)
    reasons[lengths == -1] = "not text"
    reasons[lengths == 0] = "empty"
    reasons[lengths > max_chars] = f"over {max_chars:,} characters"
    return reasons


def _conversations(frame: pd.DataFrame, column: str | None) -> np.ndarray:
    """Return (N,) conversation ids; a row without one is a conversation of its own."""
    own = np.array([f"row-{number}" for number in range(1, len(frame) + 1)], dtype=object)
    if column is None:
        return own
    named = as_labels(frame[column])
    return np.where(named == "", own, named)


def _turns(
    frame: pd.DataFrame, column: str | None, codes: np.ndarray, source: str
) -> tuple[np.ndarray, bool]:
    """Return (N,) int64 turns, and whether they are the input's own numbers.

    Whole numbers that are not negative and differ within each conversation are kept: rows that
    an input leaves out keep their place. Anything else only orders the rows of a conversation.
    """
    if column is None:
        return _positions(codes, np.zeros(len(frame))), False
    keys = _sortable(frame[column])
    if keys is None:
        logger.warning(
            "Column `%s` of %s cannot be put in order, so turns follow the order of the rows; "
            "name another with --turn NAME.", column, source,
        )  # fmt: skip
        return _positions(codes, np.zeros(len(frame))), False
    if _is_turn_number(keys, codes):
        return keys.astype(np.int64), True
    logger.info("Turns are counted from 0 in each conversation, in the order of `%s`.", column)
    return _positions(codes, keys), False


def _sortable(values: pd.Series) -> np.ndarray | None:
    """Return (N,) float64 that order the values, or None: numbers, dates, ISO 8601 texts."""
    are_dates = pd.api.types.is_datetime64_any_dtype(values)
    if not are_dates:
        numbers = pd.to_numeric(values, errors="coerce")
        if not numbers.isna().any():
            return numbers.to_numpy(dtype=np.float64)
        values = values.astype(object)
    format = None if are_dates else "ISO8601"
    dates = pd.to_datetime(values, errors="coerce", utc=True, format=format)
    if dates.isna().any():
        return None
    return dates.dt.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.float64)


def _is_turn_number(keys: np.ndarray, codes: np.ndarray) -> bool:
    if keys.min() < 0 or keys.max() > 1_000_000 or (keys != np.floor(keys)).any():
        return False
    pairs = pd.DataFrame({"conversation": codes, "turn": keys})
    if pairs.duplicated().any():
        return False
    # One number running through all conversations is a row number, not a turn.
    return len(np.unique(codes)) == 1 or pairs["turn"].duplicated().any()


def _positions(codes: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Return (N,) int64: the place of each row in its conversation, by key, then row."""
    order = np.lexsort((keys, codes))
    counts = np.bincount(codes)
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    positions = np.empty(len(codes), dtype=np.int64)
    positions[order] = np.arange(len(codes)) - starts
    return positions


def _metadata(frame: pd.DataFrame, convert: Callable[[pd.Series], pd.Series]) -> pd.DataFrame:
    taken = list(Corpus.COLUMNS)
    result = {}
    for name in frame.columns:
        ours = free_name(name, taken)
        taken.append(ours)
        result[ours] = convert(frame[name].reset_index(drop=True))
    return pd.DataFrame(result, index=range(len(frame)))


def _report(
    reasons: np.ndarray,
    conversations: np.ndarray,
    columns: dict[str, str | None],
    source: str,
    format: str,
) -> ReadReport:
    kept = reasons == ""
    rows = {reason: np.flatnonzero(reasons == reason) + 1 for reason in np.unique(reasons[~kept])}
    return ReadReport(
        source=source,
        format=format,
        columns=columns,
        rows=len(reasons),
        kept=int(kept.sum()),
        dropped={reason: len(numbers) for reason, numbers in rows.items()},
        examples={reason: numbers[:_EXAMPLES].tolist() for reason, numbers in rows.items()},
        conversations=len(set(conversations[kept])),
    )
