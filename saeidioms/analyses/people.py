"""Questions about people: who changed, and whether what they are shows in what they say."""

from __future__ import annotations

import pandas as pd

from saeidioms import charts
from saeidioms.analyses.common import coded_at, forest, interval, number, slug, statistics_of
from saeidioms.charts.theme import escape
from saeidioms.findings.finding import Finding
from saeidioms.findings.reliable import FOR_ONE_PERSON, LEAST_RELIABILITY, reliable_change
from saeidioms.findings.trait_scores import traits
from saeidioms.run import Run
from saeidioms.taxonomy.grounds import with_grounds


def reliable_people(
    run: Run,
    *,
    time: str,
    before: str,
    after: str,
    by: str,
    baseline: str,
    cluster: str | None = None,
) -> Finding:
    """Return how many people changed reliably; see `saeidioms.findings.reliable`."""
    own = statistics_of(run, cluster)
    asked = {"time": time, "before": before, "after": after, "by": by, "baseline": baseline}
    found = reliable_change(coded_at(run), **asked, cluster=own["cluster"], level=own["level"])
    table = with_grounds(found.summary, run.grounds)
    method = (
        f"Share of people ({own['cluster']}; {number(table['n'])} a group) whose share of "
        f"messages rose or fell by more than {100 * own['level']:g}% of unchanged people's "
        "would, by the reliability and mean change of "
        f"{number(table['baseline_n'])} people of {baseline}; Wilson intervals, Fisher's exact "
        "test against these. q: Benjamini and Hochberg over all groups and directions. Nothing "
        "is drawn at random."
    ) + _how_reliable(table)
    title = f"Who changed reliably, from {before} to {after}"
    figure = None
    if table.loc[table["level"] == "sub_category", "share"].notna().any():
        figure = charts.reliable_change(table, run.codebook.taxonomy)
    return Finding(slug("reliable", time, by), title, method, table, figure)


def _how_reliable(table: pd.DataFrame) -> str:
    """Say of how many sub-categories nothing can be told, and how far the others can be trusted."""
    own = table[table["level"] == "sub_category"].drop_duplicates("sub_category")
    told = own["reliability"] >= LEAST_RELIABILITY
    said = (
        f" No verdict on {(~told).sum()} of {len(own)} sub-categories, of which the shares of the "
        f"control people agree below {LEAST_RELIABILITY:g} from one time to the other."
        if not told.all()
        else ""
    )
    if (own.loc[told, "reliability"] < FOR_ONE_PERSON).any():
        said += (
            f" Reliabilities below {FOR_ONE_PERSON:g} are too low to act upon for one person: take "
            "the shares of people, not the names."
        )
    return said


def relate_trait(
    run: Run,
    *,
    score: str,
    cluster: str | None = None,
    reliability: float | None = None,
    bound: float = 0.1,
    seed: int = 0,
) -> Finding:
    """Return how a score of people goes with what they say; see `saeidioms.traits`."""
    draws = statistics_of(run, cluster, seed)
    table = traits(coded_at(run), score, reliability=reliability, bound=bound, **draws)
    table = with_grounds(table, run.grounds)
    title = f"{score} and what people say"
    method = (
        f"Correlation of {score} with the share of a person's messages, over "
        f"{number(table['clusters'])} people. {interval(draws)} Equivalence: two one-sided "
        f"tests against ±{bound:g}. q: Benjamini and Hochberg over the sub-categories."
    )
    both = pd.concat(
        [
            table.assign(correlation="as observed"),
            table.drop(columns=["r", "low", "high"])
            .rename(columns={"corrected": "r", "corrected_low": "low", "corrected_high": "high"})
            .assign(correlation="freed of noise"),
        ]
    )
    look = {"by": "correlation", "title": f"Correlation with {escape(score)}", "band": bound}
    figure = forest(both, run.codebook.taxonomy, value="r", **look)
    return Finding(slug("traits", score), title, method, table, figure)
