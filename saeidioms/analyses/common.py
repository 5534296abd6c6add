"""What every question to a run shares: how it is asked, told and kept."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from saeidioms import charts
from saeidioms.charts.export import FORMATS
from saeidioms.errors import OptionError
from saeidioms.findings.finding import Finding
from saeidioms.pipeline import advance
from saeidioms.run import Run
from saeidioms.taxonomy.coded import CodedMessages
from saeidioms.taxonomy.distribution import CONVERSATION
from saeidioms.taxonomy.taxonomy import Taxonomy

logger = logging.getLogger(__name__)


def coded_at(run: Run, time: str | None = None, at: str | None = None) -> CodedMessages:
    """Return the messages of a run with what they hold; those of one time, where it is named."""
    advance(run, "codes")
    coded = CodedMessages.join(run.corpus, run.codes, run.codebook.taxonomy)
    if time is None and at is None:
        return coded
    if time is None or at is None:
        raise OptionError("time and at go together: a column, and the value of it to look at.")
    return coded.where(coded.groups(time) == at, f"{time} {at}")


def statistics_of(run: Run, cluster: str | None, seed: int = 0) -> dict[str, Any]:
    """Return what the intervals of a run are made with, its own cluster where none is given."""
    own = run.record.options["distribution"]
    draws = {name: own[name] for name in ("cluster", "level", "n_boot")}
    return draws | {"seed": seed} | ({"cluster": cluster} if cluster else {})


def forest(
    table: pd.DataFrame, taxonomy: Taxonomy, *, value: str = "difference", **look: Any
) -> go.Figure | None:
    """Return a forest plot; None where no sub-category has an estimate."""
    if table.loc[table["level"] == "sub_category", value].isna().all():
        return None
    return charts.forest(table, taxonomy, value=value, **look)


def keep(
    run: Run,
    finding: Finding,
    formats: Sequence[str] = (),
    template: charts.Template = charts.TWO_COLUMNS,
) -> str:
    """Write a finding to the run's folder, and the report with it; return where.

    Its figure is a page of HTML, and an image of each of `formats` besides.
    """
    folder = finding.save(run.folder.findings, run.codes_digest)
    draw(finding, folder, formats, template)
    advance(run)
    return str(folder)


def draw(finding: Finding, folder: Path, formats: Sequence[str], template: charts.Template) -> None:
    """Write the figure of a finding to its folder, in place of those of an earlier answer."""
    for kind in FORMATS:
        (folder / f"figure.{kind}").unlink(missing_ok=True)
    if finding.figure is None:
        if formats:
            logger.warning("There is no figure of this: the table says it.")
        return
    charts.save(finding.figure, folder / "figure.html")
    for kind in dict.fromkeys(formats):
        charts.save(finding.figure, folder / f"figure.{kind}", template)


def sizes(table: pd.DataFrame, of: str, cluster: str) -> str:
    """Return how much the groups of a comparison hold, in words."""
    n = table[["n", "baseline_n"]].drop_duplicates()
    least, most = int(n.min().min()), int(n.max().max())
    size = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    whole = "conversations" if cluster == CONVERSATION else f"clusters ({cluster})"
    return f"{size} {of} a group, in {number(table['clusters'])} {whole}"


def number(values: pd.Series) -> str:
    """Return whole numbers as one, or from the least to the most."""
    least, most = int(values.min()), int(values.max())
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def interval(draws: dict[str, Any]) -> str:
    """Return how intervals were made, as a sentence."""
    return (
        f"{100 * draws['level']:g}% intervals from drawing whole clusters ({draws['cluster']}) "
        f"{draws['n_boot']:,} times, seed {draws['seed']}."
    )


def slug(*parts: str | None) -> str:
    """Return the name of a finding's folder."""
    words = "-".join(part for part in parts if part)
    return "".join(letter if letter.isalnum() else "-" for letter in words.lower())
