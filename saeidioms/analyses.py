"""Questions to a finished run: each answer is a table, a figure, and a section of the report."""

from __future__ import annotations

from typing import Any

import pandas as pd

from saeidioms import charts
from saeidioms.findings.finding import Finding
from saeidioms.findings.traits import traits
from saeidioms.pipeline import advance
from saeidioms.run import Run
from saeidioms.taxonomy.coded import CodedMessages
from saeidioms.taxonomy.comparison import compare
from saeidioms.taxonomy.distribution import CONVERSATION, Kind


def coded_messages(run: Run) -> CodedMessages:
    """Return the messages of a run with what each of them holds."""
    return CodedMessages.join(run.corpus, run.codes, run.codebook.taxonomy)


def compare_groups(
    run: Run,
    *,
    by: str,
    baseline: str,
    against: str | None = None,
    panel: str | None = None,
    cluster: str | None = None,
    of: Kind = "messages",
    seed: int = 0,
) -> Finding:
    """Return how shares differ between groups; see `saeidioms.taxonomy.comparison.compare`."""
    advance(run, "codes")
    draws = statistics_of(run, cluster, seed)
    table = compare(
        run.distribution(of), by=by, baseline=baseline, against=against, panel=panel, **draws
    )
    figure = charts.change(table, run.codebook.taxonomy, panel=panel)
    tests = table[table["level"] == "sub_category"]
    title = f"Shares of {of} by {by}, against {baseline}"
    method = (
        f"Differences in percentage points of {_sizes(tests, of, draws['cluster'])}. "
        f"{_interval(draws)} q: Benjamini and Hochberg over {tests['p'].notna().sum()} tests of "
        "sub-categories (categories are a family of their own)."
    )
    return Finding(_slug("compare", by, panel), title, method, table, figure)


def relate_trait(
    run: Run,
    *,
    score: str,
    cluster: str,
    reliability: float | None = None,
    bound: float = 0.1,
    seed: int = 0,
) -> Finding:
    """Return how a score of people goes with what they say; see `saeidioms.traits`."""
    advance(run, "codes")
    draws = statistics_of(run, cluster, seed)
    coded = coded_messages(run)
    table = traits(coded, score, reliability=reliability, bound=bound, **draws)
    title = f"{score} and what people say"
    method = (
        f"Correlation of {score} with the share of a person's messages, over "
        f"{_number(table['clusters'])} people. {_interval(draws)} Equivalence: two one-sided "
        f"tests against ±{bound:g}. q: Benjamini and Hochberg over the sub-categories."
    )
    return Finding(_slug("traits", score), title, method, table)


def statistics_of(run: Run, cluster: str | None, seed: int) -> dict[str, Any]:
    """Return what the intervals of a run are made with, its own cluster where none is given."""
    own = run.record.options["distribution"]
    draws = {name: own[name] for name in ("cluster", "level", "n_boot")}
    return draws | {"seed": seed} | ({"cluster": cluster} if cluster else {})


def keep(run: Run, finding: Finding) -> str:
    """Write a finding to the run's folder, and the report with it; return where."""
    folder = finding.save(run.folder.findings, run.codes_digest)
    if finding.figure is not None:
        charts.save(finding.figure, folder / "figure.html")
    advance(run)
    return str(folder)


def _sizes(table: pd.DataFrame, of: str, cluster: str) -> str:
    n = table[["n", "baseline_n"]].drop_duplicates()
    least, most = int(n.min().min()), int(n.max().max())
    size = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    whole = "conversations" if cluster == CONVERSATION else f"clusters ({cluster})"
    return f"{size} {of} a group, in {_number(table['clusters'])} {whole}"


def _number(values: pd.Series) -> str:
    least, most = int(values.min()), int(values.max())
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def _interval(draws: dict[str, Any]) -> str:
    return (
        f"{100 * draws['level']:g}% intervals from drawing whole clusters ({draws['cluster']}) "
        f"{draws['n_boot']:,} times, seed {draws['seed']}."
    )


def _slug(*parts: str | None) -> str:
    words = "-".join(part for part in parts if part)
    return "".join(letter if letter.isalnum() else "-" for letter in words.lower())
