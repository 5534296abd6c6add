"""Questions about all messages: what they hold, and in which words."""

from __future__ import annotations

from typing import Literal

from saeidioms import charts
from saeidioms.analyses.common import interval, number, slug, statistics_of
from saeidioms.charts.idiom_bars import most_frequent
from saeidioms.errors import OptionError
from saeidioms.findings.finding import Finding
from saeidioms.pipeline import advance
from saeidioms.run import Run
from saeidioms.taxonomy.distribution import Kind
from saeidioms.taxonomy.grounds import with_grounds


def shares_of(
    run: Run,
    *,
    of: Kind = "messages",
    by: str | None = None,
    chart: Literal["bars", "treemap"] = "bars",
    cluster: str | None = None,
    seed: int = 0,
) -> Finding:
    """Return the share of each sub-category, overall or by group.

    Raises
    ------
    OptionError
        If a treemap of groups is asked for.
    """
    if by and chart == "treemap":
        raise OptionError("chart is 'treemap', which shows all messages together; leave --by out.")
    advance(run, "distribution")
    draws, taxonomy = statistics_of(run, cluster, seed), run.codebook.taxonomy
    table = with_grounds(run.distribution(of).shares(by=by, **draws), run.grounds)
    if by:
        figure = charts.by_group(table, taxonomy, by=by, of=of)
    elif chart == "treemap":
        figure = charts.treemap(table, taxonomy, of=of)
    else:
        figure = charts.distribution(table, taxonomy, of=of, idioms=run.lexicon)
    method = (
        f"Shares of {number(table['n'])} {of}{' in each group' if by else ''}, of "
        f"{number(table['clusters'])} clusters. {interval(draws)}"
    )
    title = f"Shares of {of}{f' by {by}' if by else ''}"
    return Finding(slug("shares", of, by), title, method, table, figure)


def idioms_of(run: Run, *, n: int = 6) -> Finding:
    """Return the idioms of each sub-category that most conversations hold."""
    advance(run, "codes")
    taxonomy = run.codebook.taxonomy
    table = most_frequent(run.lexicon, taxonomy, "conversations", n)
    figure = charts.idiom_bars(run.lexicon, taxonomy, most=n) if len(table) else None
    method = (
        f"The {n} idioms of each sub-category in most of {len(set(run.corpus.conversations)):,} "
        f"conversations, and the {run.corpus.unit}s that hold them. Nothing is drawn at random."
    )
    columns = ["category", "sub_category", "phrase", "conversations", "count"]
    return Finding("idioms", "Idioms of each sub-category", method, table[columns], figure)
