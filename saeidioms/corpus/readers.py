"""Read conversations from whatever holds them: files, folders, frames, datasets."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from saeidioms.corpus.columns import listed
from saeidioms.corpus.corpus import Corpus
from saeidioms.corpus.files import (
    TRANSCRIPT,
    frame_of_records,
    read_delimited,
    read_json,
    read_json_lines,
    read_parquet,
    read_text_files,
)
from saeidioms.corpus.nested import find_turn_list, unnest
from saeidioms.corpus.tabulate import tabulate
from saeidioms.corpus.transcripts import find_transcripts, has_turns, untangle
from saeidioms.corpus.values import as_metadata, typed_metadata
from saeidioms.errors import InputError, OptionError

_READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    "csv": lambda path: read_delimited(path, "csv"),
    "tsv": lambda path: read_delimited(path, "tsv"),
    "jsonl": read_json_lines,
    "json": read_json,
    "parquet": read_parquet,
    "txt": read_text_files,
}
FORMATS = tuple(_READERS)
_ENDINGS = {".tab": "tsv", ".ndjson": "jsonl", ".pq": "parquet", ".text": "txt"}
_TEXT_TYPED = ("csv", "tsv", "txt")  # formats that know only text: types are read off the values


def read_corpus(
    source: str | Path | pd.DataFrame | Any,
    *,
    format: str | None = None,
    text: str | None = None,
    speaker: str | None = None,
    conversation: str | None = None,
    turn: str | None = None,
    max_chars: int = 20_000,
) -> Corpus:
    """Read conversations into a corpus of messages of all roles.

    One row is one message, in CSV (comma, semicolon, tab or bar), TSV, JSON Lines, JSON or
    Parquet, or one conversation: nested JSON such as ESConv's or ``{"messages": [...]}``, or a
    transcript whose turns are opened by ``Name: ``, in one cell or one .txt file. Columns are
    found by their names, said in one line of the log, and kept in the report of the corpus.
    Every other column becomes metadata. Rows that are empty, not text or too long are dropped,
    counted and reported; they keep their place, so the turns of the others do not change.

    Parameters
    ----------
    source
        File, folder of .txt files, pandas frame, or anything with ``to_pandas()`` (a Hugging
        Face dataset, an Arrow table); also a list of texts or of dictionaries.
    format
        ``csv``, ``tsv``, ``jsonl``, ``json``, ``parquet`` or ``txt``; by the file's ending if
        not given.
    text, speaker, conversation, turn
        The columns of messages, their speakers (``role`` in the corpus), conversations and
        places in them; found by their names if not given.
    max_chars
        Longer messages are dropped.

    Returns
    -------
    Corpus
        With ``unit="message"``. Without a column of speakers ``role`` is ``""``; a row without
        conversation is a conversation of its own. Turns are the input's numbers if they are
        whole and differ within each conversation, otherwise places counted from 0.

    Raises
    ------
    InputError
        If the source is missing, empty, malformed (the line is given), or has no usable row.
    OptionError
        If an option is not allowed.

    Examples
    --------
    >>> chats = read_corpus([{"speaker": "Supporter", "text": "Oh no! what happened?"}])
    >>> chats.report.columns["role"]
    'speaker'
    """
    if max_chars < 1:
        raise OptionError(f"--max-chars is {max_chars}; give a whole number of at least 1.")
    frame, name, format = _read(source, format)
    typed = format in _TEXT_TYPED
    turn_list = None if text in frame.columns else find_turn_list(frame)
    if turn_list is not None:
        frame, is_esconv = unnest(frame, turn_list)
        kind = "ESConv: speaker or usr = seeker, listener or sys = supporter"
        format += f", {kind}" if is_esconv else f", turns in {turn_list}"
        typed |= is_esconv  # ESConv writes its scores as text
    elif (column := _transcripts(frame, name, format, text, speaker)) is not None:
        frame, text = untangle(frame, column), None
        format += f", transcripts in {column}"
    return tabulate(
        frame,
        source=name,
        format=format,
        chosen={"text": text, "role": speaker, "conversation": conversation, "turn": turn},
        convert=typed_metadata if typed else as_metadata,
        max_chars=max_chars,
    )


def _transcripts(
    frame: pd.DataFrame, name: str, format: str, text: str | None, speaker: str | None
) -> str | None:
    """Return the column of transcripts, None where each row is a message."""
    if format != "txt":
        return find_transcripts(frame, text) if speaker is None else None
    if not has_turns(frame, TRANSCRIPT):
        raise InputError(
            f"{name} has no turns opened by `Name: `, such as `Supporter: What happened?`; write "
            "each turn on a line of its own, its speaker first."
        )
    return TRANSCRIPT


def _read(source: Any, format: str | None) -> tuple[pd.DataFrame, str, str]:
    """Return the frame, what to call its source, and its format."""
    if isinstance(source, (str, Path)):
        path = Path(source)
        format = _format(path, format)
        return _READERS[format](path), str(path), format
    if isinstance(source, pd.DataFrame):
        return _with_index(source), "the frame", "frame"
    if hasattr(source, "to_pandas"):
        return _with_index(source.to_pandas()), f"the {type(source).__name__}", "dataset"
    if isinstance(source, (list, tuple)):
        return frame_of_records(source, "the list"), "the list", "list"
    if (
        isinstance(source, dict)
        and source
        and all(hasattr(v, "to_pandas") for v in source.values())
    ):
        raise InputError(f"The dataset has the parts {listed(source)}; give one of them.")
    raise InputError(
        f"A value of type {type(source).__name__} cannot be read; give a path, a pandas frame, "
        "a dataset or a list of texts."
    )


def _format(path: Path, format: str | None) -> str:
    if format is not None and format not in FORMATS:
        near = difflib.get_close_matches(format.lower(), FORMATS, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise OptionError(
            f"--format {format} is not known; {hint}formats are: {', '.join(FORMATS)}."
        )
    if not path.exists():
        raise InputError(f"{path} does not exist{_neighbour(path)}; check the path.")
    if path.is_dir():
        if format not in (None, "txt"):
            raise InputError(f"{path} is a folder; give a {format} file in it.")
        return "txt"
    ending = path.suffix.lower()
    found = format or _ENDINGS.get(ending, ending[1:])
    if found not in FORMATS:
        raise InputError(
            f"{path} does not tell its format by its ending; name it with --format, one of: "
            f"{', '.join(FORMATS)} (a spreadsheet can be saved as CSV)."
        )
    return found


def _neighbour(path: Path) -> str:
    folder = path.parent
    names = [file.name for file in folder.iterdir()] if folder.is_dir() else []
    near = difflib.get_close_matches(path.name, names, n=1)
    return f" (there is {folder / near[0]})" if near else ""


def _with_index(frame: pd.DataFrame) -> pd.DataFrame:
    """Turn a named index into columns: it is data."""
    named = [name for name in frame.index.names if name is not None]
    return frame.reset_index() if named else frame
