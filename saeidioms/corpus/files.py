"""Files -> frames: one function a format, and what can be wrong with each."""

from __future__ import annotations

import csv
import io
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from saeidioms.corpus.columns import unique_names
from saeidioms.corpus.nested import is_turn_list
from saeidioms.errors import InputError

logger = logging.getLogger(__name__)

TRANSCRIPT = "transcript"  # column of the texts of text files
_DELIMITERS = {"csv": ",;\t|", "tsv": "\t"}
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


def read_delimited(path: Path, format: str) -> pd.DataFrame:
    """Return a CSV or TSV file with every value as text, "NA" and "" included.

    Raises
    ------
    InputError
        If a row is malformed; its line is given.
    """
    text = read_text(path)
    with _unlimited_fields(len(text)):
        header, *rows = _rows(path, text, _DELIMITERS[format])
    return pd.DataFrame(rows, columns=unique_names(header), dtype=object)


def _rows(path: Path, text: str, delimiters: str) -> list[list[str]]:
    """Return the header and the rows, cut at the delimiter that gives the header most columns."""
    delimiter = max(delimiters, key=lambda mark: len(_header(text, mark)))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    line = 1
    try:
        for row in reader:
            if row and rows and len(row) != len(rows[0]):
                raise InputError(
                    f"{path}, line {line}: {len(row)} values where the header has {len(rows[0])} "
                    f"columns ({_NAMES[delimiter]}-separated); mend the line, or put values that "
                    "hold the separator in double quotes."
                )
            if row:
                rows.append(row)
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"{path}, line {line}: the row that begins here is malformed ({error}); check its "
            "double quotes."
        ) from error
    return rows


def _header(text: str, delimiter: str) -> list[str]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return next((row for row in rows if row), [])


def read_json_lines(path: Path) -> pd.DataFrame:
    """Return a file with one JSON object a line; empty lines are passed over.

    Raises
    ------
    InputError
        If a line is no JSON object; its number is given.
    """
    records = []
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise InputError(
                f"{path}, line {number} is not valid JSON ({error}); mend it."
            ) from error
        if not isinstance(record, dict):
            raise InputError(
                f"{path}, line {number} holds {_kind(record)}; each line must be an object such "
                'as {"text": "..."}.'
            )
        records.append(record)
    return pd.DataFrame(records, dtype=object)


def read_json(path: Path) -> pd.DataFrame:
    """Return a JSON file: a list of rows or of conversations, alone or as an object's one list.

    Raises
    ------
    InputError
        If it is not valid JSON, or nested in another way.
    """
    try:
        value = json.loads(read_text(path))
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path} is not valid JSON ({error}); mend it, or give --format jsonl if each line is "
            "an object of its own."
        ) from error
    if isinstance(value, dict):
        lists = [inner for inner in value.values() if is_turn_list(inner)]
        others = [inner for inner in value.values() if isinstance(inner, (dict, list))]
        if len(lists) == 1 and any(is_turn_list(turn) for turn in _inner(lists[0])):
            value = lists[0]  # {"data": [{"dialog": [...]}, ...]}
        elif len(lists) == 1 == len(others) and len(value) == 1:
            value = lists[0]  # {"data": [{"text": "..."}, ...]}
        elif lists:
            value = [value]  # one conversation
    return frame_of_records(value, str(path))


def frame_of_records(value: Any, source: str) -> pd.DataFrame:
    """Return a list of objects, or of texts, as a frame.

    Raises
    ------
    InputError
        If it is something else.
    """
    if isinstance(value, (list, tuple)):
        if all(isinstance(row, dict) for row in value):
            return pd.DataFrame(list(value), dtype=object)
        if all(isinstance(row, str) for row in value):
            return pd.DataFrame({"text": list(value)}, dtype=object)
    raise InputError(
        f"{source} holds {_kind(value)} nested in a way that is not known; give a list of rows "
        '[{"text": "...", "role": "..."}, ...] or of conversations [{"messages": [...]}, ...].'
    )


def read_parquet(path: Path) -> pd.DataFrame:
    """Return a Parquet file.

    Raises
    ------
    InputError
        If it is none, or damaged.
    """
    try:
        return pd.read_parquet(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path} is damaged or no Parquet file; write it again.") from error


def read_text_files(path: Path) -> pd.DataFrame:
    """Return the .txt files of a folder and the folders in it, or one file: one row each.

    Raises
    ------
    InputError
        If the folder has none.
    """
    files = [path]
    if path.is_dir():
        files = sorted(file for file in path.rglob("*.txt") if not file.name.startswith("."))
    if not files:
        raise InputError(
            f"{path} is a folder without .txt files; give a file, or a folder with one .txt file "
            "a conversation."
        )
    root = path if path.is_dir() else path.parent
    ids = [file.relative_to(root).with_suffix("").as_posix() for file in files]
    texts = [read_text(file, allow_empty=path.is_dir()) for file in files]
    return pd.DataFrame({"conversation_id": ids, TRANSCRIPT: texts}, dtype=object)


def read_text(path: Path, allow_empty: bool = False) -> str:
    """Return a file's text: UTF-8, UTF-16 with its mark, or, with a warning, Windows-1252.

    Raises
    ------
    InputError
        If the file cannot be read, is empty, or is binary.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check the file.") from error
    text = _decoded(content, path)
    if text is None or "\0" in text:
        raise InputError(
            f"{path} is a binary file; give CSV, TSV, JSON, JSONL, Parquet or text (a "
            "spreadsheet can be saved as CSV)."
        )
    if not text.strip() and not allow_empty:
        raise InputError(f"{path} is empty; give a file with messages in it.")
    return text


def _decoded(content: bytes, path: Path) -> str | None:
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        place = error.start
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError:
        return None
    if any(ord(mark) < 32 and not mark.isspace() for mark in text):
        return None
    logger.warning(
        "%s is not UTF-8 (byte %d); it was read as Windows-1252, so look whether accents and "
        "quotation marks are right, or save it as UTF-8.", path, place,
    )  # fmt: skip
    return text


@contextmanager
def _unlimited_fields(size: int) -> Iterator[None]:
    """Let a field be as long as the whole text: the csv module stops at 131,072 characters."""
    before = csv.field_size_limit(size + 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _inner(rows: Sequence[Any]) -> Iterator[Any]:
    for row in rows:
        if isinstance(row, dict):
            yield from row.values()


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "a truth value"}
    return names.get(type(value), "a number" if isinstance(value, (int, float)) else "nothing")
