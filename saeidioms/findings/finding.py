"""A finding: a table, how it was made, and the figure that shows it; kept in a run folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import plotly.io

from saeidioms.artifacts import atomic_path, read_json, write_json, write_text

_ABOUT, _TABLE, _FIGURE = "finding.json", "table.csv", "figure.json"


@dataclass(frozen=True, eq=False)
class Finding:
    """What was found by one question to a run.

    Attributes
    ----------
    name
        Of its folder.
    title
        One line, for a heading.
    method
        Sentences that a table is read with: how many of what, which method and which seed.
    table
        Tidy.
    figure
        What shows it; None where a table says it better.
    """

    name: str
    title: str
    method: str
    table: pd.DataFrame
    figure: go.Figure | None = None

    def save(self, folder: Path, codes: str) -> Path:
        """Write the finding to a folder of its name in `folder`; return that folder.

        Parameters
        ----------
        folder
            Of all findings of a run.
        codes
            Digest of the codes that it was made from.
        """
        own = folder / self.name
        with atomic_path(own / _TABLE) as path:
            self.table.to_csv(path, index=False, lineterminator="\n", float_format="%.6g")
        if self.figure is not None:
            write_text(own / _FIGURE, plotly.io.to_json(self.figure, engine="json"))
        about = {"title": self.title, "method": self.method, "codes": codes}
        write_json(own / _ABOUT, about | {"figure": self.figure is not None})
        return own

    @classmethod
    def load(cls, folder: Path) -> Finding:
        """Read what `save` wrote to a folder of its own.

        Raises
        ------
        ArtifactError
            If it is damaged.
        """
        about = read_json(folder / _ABOUT)
        figure = go.Figure(read_json(folder / _FIGURE)) if about["figure"] else None
        table = pd.read_csv(folder / _TABLE)
        return cls(folder.name, about["title"], about["method"], table, figure)


def findings_in(folder: Path, codes: str) -> Iterator[Finding]:
    """Yield the findings of a run that were made from these codes, in the order of their names."""
    for about in sorted(folder.glob(f"*/{_ABOUT}")):
        if json.loads(about.read_text(encoding="utf-8"))["codes"] == codes:
            yield Finding.load(about.parent)
