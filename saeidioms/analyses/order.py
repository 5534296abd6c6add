"""Questions about order: within messages, from message to message, over conversations."""

from __future__ import annotations

from typing import Literal

from saeidioms import charts
from saeidioms.analyses.common import coded_at, interval, number, slug, statistics_of
from saeidioms.errors import OptionError
from saeidioms.findings.course import trajectory
from saeidioms.findings.finding import Finding
from saeidioms.findings.following import transitions
from saeidioms.findings.pairs import cooccurrence
from saeidioms.findings.sequences import find_templates
from saeidioms.findings.use_of_templates import template_use
from saeidioms.pipeline import advance
from saeidioms.run import Run
from saeidioms.taxonomy.grounds import with_grounds


def course(
    run: Run,
    *,
    parts: int = 3,
    turns: int | None = None,
    by: str | None = None,
    chart: Literal["lines", "areas"] = "lines",
    cluster: str | None = None,
    seed: int = 0,
) -> Finding:
    """Return shares over the course of conversations; see `saeidioms.findings.course`."""
    draws = statistics_of(run, cluster, seed)
    table = trajectory(coded_at(run), parts=parts, turns=turns, by=by, **draws)
    table = with_grounds(table, run.grounds)
    by_turn = turns is not None
    draw = {"lines": charts.lines, "areas": charts.stacked_area}[chart]
    figure = draw(table, run.codebook.taxonomy, by=by, turns=by_turn)
    what = f"message, up to {turns} and later ones" if by_turn else f"one of {parts} equal parts"
    method = (
        f"Share of {number(table['n'])} messages in each {what}, of {number(table['clusters'])} "
        f"clusters. {interval(draws)}"
    )
    title = f"Over the conversation{f', by {by}' if by else ''}"
    return Finding(
        slug("trajectory", by, "turns" if by_turn else None), title, method, table, figure
    )


def recurring(
    run: Run,
    *,
    min_support: float = 0.01,
    max_length: int = 5,
    cluster: str | None = None,
    seed: int = 0,
) -> Finding:
    """Return recurring sequences within messages; see `saeidioms.findings.sequences`."""
    advance(run, "codes")
    draws = statistics_of(run, cluster, seed)
    taxonomy = run.codebook.taxonomy
    table = find_templates(
        *(run.corpus, run.codes, taxonomy),
        min_support=min_support,
        max_length=max_length,
        **draws,
    )
    figure = charts.templates(table, taxonomy) if len(table) else None
    size = f"{number(table['n'])} messages with two moves or more" if len(table) else "messages"
    method = (
        f"Sequences of sub-categories in at least {min_support:.1%} of {size}; lift and p against "
        f"1,000 corpora whose moves are shuffled within messages. {interval(draws)} q: Benjamini "
        "and Hochberg over every sequence that is as frequent in the data or in a shuffled corpus."
    )
    return Finding("templates", "Recurring sequences within messages", method, table, figure)


def use_of_templates(
    run: Run,
    *,
    by: str,
    baseline: str | None = None,
    cluster: str | None = None,
    seed: int = 0,
) -> Finding:
    """Return how far groups (or people) follow templates; see `template_use`."""
    advance(run, "codes")
    draws = statistics_of(run, cluster, seed)
    parts = (run.corpus, run.codes, run.codebook.taxonomy)
    found = find_templates(*parts, **draws)
    names = found.loc[(found["q"] < 0.05) & (found["lift"] > 1), "template"]
    if names.empty:
        raise OptionError(
            "no sequence recurs more often than chance in this run (q < .05), so that there is no "
            "template to follow; see saeidioms templates."
        )
    table = template_use(*parts, names, by=by, baseline=baseline, **draws)
    method = (
        f"Coverage: share of messages that follow one of {len(names)} templates (q < .05, lift "
        "above 1). Novelty: share of sequences not found in as many of the others'"
        f"{f' ({baseline})' if baseline else ''}. Variety: distinct sequences in equally many "
        f"messages. {interval(draws)}"
    )
    figure = charts.template_use(table, by=by) if table["value"].notna().any() else None
    return Finding(slug("templates", by), f"Use of templates by {by}", method, table, figure)


def follow(
    run: Run,
    *,
    first: str | None = None,
    second: str | None = None,
    chart: Literal["map", "bands"] = "map",
    seed: int = 0,
) -> Finding:
    """Return what follows what, from message to message; see `saeidioms.findings.following`."""
    advance(run, "codes")
    taxonomy = run.codebook.taxonomy
    found = transitions(run.corpus, run.codes, taxonomy, first=first, second=second, seed=seed)
    overall = found.overall.iloc[0]
    draw = {"map": charts.transition_map, "bands": charts.sankey}[chart]
    figure = draw(found.table, taxonomy)
    method = (
        f"Each message by its primary sub-category, and the next one of the conversation. Lift, p "
        "and q (Benjamini and Hochberg over all cells) against 2,000 corpora in which moves change "
        f"places within conversation and role, seed {seed}; all cells together: "
        f"p = {overall['p']:.3g}."
    )
    title = "What follows what"
    return Finding(slug("transitions", first, second), title, method, found.table, figure)


def together(run: Run, *, cluster: str | None = None, seed: int = 0) -> Finding:
    """Return what occurs in the same message; see `saeidioms.findings.pairs`."""
    draws = statistics_of(run, cluster, seed)
    table = cooccurrence(coded_at(run), **draws)
    figure = charts.cooccurrence(table, run.codebook.taxonomy)
    method = (
        f"Pairs of sub-categories in {number(table['n'])} messages, against independence. "
        f"{interval(draws)} q: Benjamini and Hochberg over all pairs."
    )
    return Finding("together", "What is said together", method, table, figure)
