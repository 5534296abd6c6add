"""What was read from an input, what was dropped, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class ReadReport:
    """The account that every corpus carries of how it was read.

    Attributes
    ----------
    source
        File, folder or kind of object that was read.
    format
        How it was understood, such as ``"csv"`` or ``"json, nested"``.
    columns
        Our name (``text``, ``role``, ``conversation``, ``turn``) to the column of the input,
        None where the input has none.
    rows
        Rows (one a message) of the input.
    kept
        Rows that became messages.
    dropped
        Reason to number of rows.
    examples
        Reason to the first few row numbers. Rows count from 1, a header row not counted.
    conversations
        Conversations among the kept messages.
    """

    source: str
    format: str
    columns: dict[str, str | None]
    rows: int
    kept: int
    dropped: dict[str, int]
    examples: dict[str, list[int]]
    conversations: int

    def to_dict(self) -> dict[str, Any]:
        """Return the report as a JSON-able dictionary."""
        return asdict(self)

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> ReadReport:
        """Return the report that `to_dict` gave."""
        return cls(**value)

    def sentence(self) -> str:
        """Return all of it in one line."""
        found = ", ".join(
            f"{name} in `{column}`" if column else f"no {name} column"
            for name, column in self.columns.items()
        )
        return (
            f"Read {_count(self.kept, 'message')} in {_count(self.conversations, 'conversation')} "
            f"from {self.source} ({self.format}): {found}; {self.losses()}."
        )

    def losses(self) -> str:
        """Return what was dropped, as part of a sentence."""
        if not self.dropped:
            return "no row dropped"
        reasons = ", ".join(
            f"{count:,} {reason} ({self._where(reason)})" for reason, count in self.dropped.items()
        )
        return f"dropped {sum(self.dropped.values()):,} of {_count(self.rows, 'row')}: {reasons}"

    def _where(self, reason: str) -> str:
        rows = self.examples[reason]
        more = ", ..." if self.dropped[reason] > len(rows) else ""
        return f"row{'s' if self.dropped[reason] > 1 else ''} {', '.join(map(str, rows))}{more}"


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" + ("" if number == 1 else "s")
