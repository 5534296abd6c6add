"""The corpus: conversations as one table of units, each with its place in its message."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from saeidioms.artifacts import atomic_path, digest_bytes, read_json, write_json
from saeidioms.corpus.report import ReadReport
from saeidioms.corpus.sentences import split_sentences
from saeidioms.display import Display, Shown, Table
from saeidioms.errors import ArtifactError, InputError, OptionError

_UNITS_FILE = "units.parquet"
_MESSAGES_FILE = "messages.parquet"
_REPORT_FILE = "report.json"
_SHOWN, _LONGEST = 5, 24  # rows, and characters of a value, in a notebook


@dataclass(frozen=True, eq=False, repr=False)
class Corpus(Shown):
    """Conversations as a table with one row a unit (a message, or a sentence of one).

    A corpus never changes: every method returns a new one. Do not write into `table`; the
    arrays handed out are read-only.

    Attributes
    ----------
    table
        N rows. Strings: ``unit_id``, ``message_id``, ``conversation_id``, ``role``, ``text``;
        int64: ``turn`` (place in the whole conversation, dropped rows and other roles included:
        the input's own whole number, else counted from 0), ``start`` and ``end`` (characters of
        the unit in its message); then the metadata columns of the input. Rows go by conversation
        (in the order of the input), turn and start. ``text`` has no outer white space; `start`
        to `end` includes it, so that the units of a message tile it.
    unit
        ``"message"`` or ``"sentence"``.
    report
        What was read and what was dropped, of the whole input.

    Examples
    --------
    >>> import pandas as pd
    >>> from saeidioms.corpus.readers import read_corpus
    >>> rows = {"conversation_id": ["a", "a"], "role": ["seeker", "supporter"],
    ...         "text": ["I lost my job.", "Oh no! what happened?"]}
    >>> support = read_corpus(pd.DataFrame(rows)).where(role="supporter").units("sentence")
    >>> support.texts.tolist()
    ['Oh no!', 'what happened?']
    >>> support.ids.tolist()
    ['a/1#0', 'a/1#1']
    """

    COLUMNS: ClassVar[tuple[str, ...]] = (
        "unit_id", "message_id", "conversation_id", "turn", "role", "text", "start", "end",
    )  # fmt: skip
    UNITS: ClassVar[tuple[str, ...]] = ("message", "sentence")

    table: pd.DataFrame
    unit: str
    report: ReadReport
    _parents: pd.DataFrame | None = field(default=None, repr=False)  # messages of sentences

    def __len__(self) -> int:
        """Return the number of units."""
        return len(self.table)

    @cached_property
    def texts(self) -> np.ndarray:
        """(N,) array of str objects, read-only."""
        return self._array("text")

    @cached_property
    def ids(self) -> np.ndarray:
        """(N,) array of unit ids as str objects, read-only; all different."""
        return self._array("unit_id")

    @cached_property
    def conversations(self) -> np.ndarray:
        """(N,) array of each unit's conversation id as str objects, read-only."""
        return self._array("conversation_id")

    @property
    def metadata(self) -> list[str]:
        """Names of the metadata columns, in the order of the input."""
        return [name for name in self.table.columns if name not in self.COLUMNS]

    @cached_property
    def digest(self) -> str:
        """Digest (32 hexadecimal digits) of every row and column, in their order."""
        return digest_bytes(self.unit.encode(), *_content(self._messages), *_content(self.table))

    def messages(self) -> pd.DataFrame:
        """Return one row a message that has a unit here: ids, whole text, input columns.

        Returns
        -------
        pandas.DataFrame
            ``message_id, conversation_id, turn, role, text``, then the metadata columns.
        """
        return self._messages.drop(columns=["unit_id", "start", "end"])

    def where(self, **columns: Any) -> Corpus:
        """Return the units whose columns have the given values.

        Parameters
        ----------
        **columns
            Column name to a value, or to a list of allowed values. Text is compared without
            regard to case.

        Raises
        ------
        InputError
            If there is no such column or value (what there is, with counts, is listed), or
            nothing is left.
        """
        keep = np.ones(len(self), dtype=bool)
        for name, wanted in columns.items():
            keep &= self._matches(name, wanted)
        if not keep.any():
            asked = ", ".join(f"{name}={value!r}" for name, value in columns.items())
            raise InputError(f"{self.report.source} has no message with {asked} all at once.")
        table = self.table[keep].reset_index(drop=True)
        if self._parents is None:
            return replace(self, table=table)
        left = self._parents["message_id"].isin(table["message_id"])
        return replace(self, table=table, _parents=self._parents[left].reset_index(drop=True))

    def units(self, unit: str = "sentence") -> Corpus:
        """Return the same messages cut into units; a corpus of that unit returns itself.

        Parameters
        ----------
        unit
            ``"sentence"`` (see `saeidioms.corpus.sentences`) or ``"message"``.

        Raises
        ------
        OptionError
            If there is no such unit.
        """
        if unit not in self.UNITS:
            raise OptionError(f"There is no unit {unit!r}; --unit is sentence or message.")
        if unit == self.unit:
            return self
        if unit == "message":
            return Corpus(self._messages, unit, self.report)
        owner, start, end = split_sentences(self.texts)
        table = self.table.take(owner).reset_index(drop=True)
        texts = self.texts[owner]
        first = np.searchsorted(owner, owner, side="left")
        rank = np.arange(len(owner)) - first
        table["unit_id"] = [
            f"{message}#{i}" for message, i in zip(table["message_id"], rank, strict=True)
        ]
        table["text"] = [text[a:b].strip() for text, a, b in zip(texts, start, end, strict=True)]
        table["start"] = start
        table["end"] = end
        return Corpus(table, unit, self.report, self.table)

    def save(self, folder: Path) -> None:
        """Write the corpus to `folder` as Parquet, with the report as JSON.

        Raises
        ------
        ArtifactError
            If the folder cannot be written.
        """
        folder = Path(folder)
        _write_table(self.table, folder / _UNITS_FILE)
        if self._parents is not None:
            _write_table(self._parents, folder / _MESSAGES_FILE)
        write_json(folder / _REPORT_FILE, {"unit": self.unit, "report": self.report.to_dict()})

    @classmethod
    def load(cls, folder: Path) -> Corpus:
        """Return the corpus that was saved in `folder`, equal in every value and type.

        Raises
        ------
        ArtifactError
            If a file is missing or damaged.
        """
        folder = Path(folder)
        record = read_json(folder / _REPORT_FILE)
        unit = record["unit"]
        parents = None if unit == "message" else _read_table(folder / _MESSAGES_FILE)
        report = ReadReport.from_dict(record["report"])
        return cls(_read_table(folder / _UNITS_FILE), unit, report, parents)

    @property
    def _messages(self) -> pd.DataFrame:
        return self.table if self._parents is None else self._parents

    def _array(self, name: str) -> np.ndarray:
        values = np.array(self.table[name], dtype=object)
        values.flags.writeable = False
        return values

    def _display(self) -> Display:
        roles = self.table["role"].value_counts()
        first = self.table.head(_SHOWN)
        return Display(
            f"Corpus of {len(self):,} {self.unit}s",
            {
                "messages": int(self.table["message_id"].nunique()),
                "conversations": int(self.table["conversation_id"].nunique()),
                "roles": ", ".join(f"{role} {count:,}" for role, count in roles.items()),
                "from": self.report.source,
            },
            tables=(
                Table(
                    "Columns of the input",
                    ("column", "values", "such as"),
                    [(name, *_values(self.table[name])) for name in self.metadata],
                ),
                Table(
                    "The first ones",
                    ("unit_id", "role", "text"),
                    list(zip(first["unit_id"], first["role"], first["text"], strict=True)),
                ),
            ),
        )

    def _matches(self, name: str, wanted: Any) -> np.ndarray:
        if name not in self.table.columns:
            near = difflib.get_close_matches(name, self.table.columns, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            names = ", ".join(["role", *self.metadata])
            raise InputError(
                f"{self.report.source} has no column {name}; {hint}columns to choose by: {names}."
            )
        column = self.table[name]
        by_key: dict[str, list[Any]] = {}
        for value in column.dropna().unique():
            by_key.setdefault(_key(value), []).append(value)
        if name == "role" and set(by_key) == {""}:
            raise InputError(
                f"{self.report.source} has no role column, so {wanted} cannot be chosen; leave "
                "out --role, or name the column of speakers with --speaker NAME."
            )
        allowed: list[Any] = []
        for value in wanted if isinstance(wanted, (list, tuple, set, frozenset)) else [wanted]:
            if _key(value) not in by_key:
                raise InputError(self._unknown(name, value))
            allowed += by_key[_key(value)]
        return np.asarray(column.isin(allowed), dtype=bool)

    def _unknown(self, name: str, value: Any) -> str:
        counts = self._messages[name].value_counts()
        listed = ", ".join(f"{one or '(none)'} ({n:,})" for one, n in counts.head(12).items())
        more = f" and {len(counts) - 12} more" if len(counts) > 12 else ""
        near = difflib.get_close_matches(_key(value), {_key(one) for one in counts.index}, n=1)
        hint = f" did you mean {near[0]}?" if near else ""
        return (
            f"{self.report.source} has no {name} {value!r};{hint} there is (messages): "
            f"{listed}{more}."
        )


def _values(column: pd.Series) -> tuple[int, str]:
    """Return how many values a column has, and some of them."""
    values = column.dropna().drop_duplicates()
    return len(values), ", ".join(str(value)[:_LONGEST] for value in values.head(_SHOWN))


def _key(value: Any) -> str:
    """Return what a value is compared by: 1, 1.0, "1" and True, "true" are the same."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        value = int(value)
    return str(value).strip().casefold()


def _content(table: pd.DataFrame) -> list[bytes]:
    """Return each column as bytes that do not depend on the versions of the libraries."""
    parts: list[bytes] = []
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    for name, column in zip(arrow.column_names, arrow.columns, strict=True):
        plain = column.cast(column.type.value_type) if _is_categorical(column) else column
        strings = plain.cast(pa.large_string())
        lengths = pc.fill_null(pc.binary_length(strings), -1)
        parts += [
            name.encode(),
            np.asarray(lengths, dtype="<i8").tobytes(),
            "".join(pc.fill_null(strings, "").to_pylist()).encode(),
        ]
    return parts


def _is_categorical(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_dictionary(column.type))


def _write_table(table: pd.DataFrame, path: Path) -> None:
    with atomic_path(path) as temporary:
        table.to_parquet(temporary, index=False)


def _read_table(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except FileNotFoundError as error:
        raise ArtifactError(f"{path} is missing; run the stage that writes it again.") from error
    except (OSError, pa.ArrowException) as error:
        raise ArtifactError(
            f"{path} cannot be read as Parquet ({error}); delete it and run again."
        ) from error
