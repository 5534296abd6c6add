"""Questions about groups: how they differ, and how they change."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

from saeidioms import charts
from saeidioms.analyses.common import coded_at, forest, interval, number, sizes, slug, statistics_of
from saeidioms.errors import OptionError
from saeidioms.findings.change import difference_in_differences, within
from saeidioms.findings.finding import Finding
from saeidioms.findings.models import model
from saeidioms.findings.permuted import permute
from saeidioms.findings.replication import study
from saeidioms.findings.sample_size import power
from saeidioms.pipeline import advance
from saeidioms.run import Run
from saeidioms.taxonomy.comparison import compare
from saeidioms.taxonomy.distribution import Kind
from saeidioms.taxonomy.grounds import with_grounds

# C(arm, Treatment('control'))[T.coach] and arm[T.coach]: a column, and one of its values
_LEVEL = re.compile(r"^(?:C\()?`?([^,()`\[]+)`?(?:,.*)?\)?\[(?:T\.)?(.*)\]$")


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
    advance(run, "distribution")
    draws = statistics_of(run, cluster, seed)
    table = compare(
        run.distribution(of), by=by, baseline=baseline, against=against, panel=panel, **draws
    )
    table = with_grounds(table, run.grounds)
    if table["p"].isna().all():
        raise OptionError(
            f"the groups of {by} have too few clusters ({draws['cluster']}) to compare them; give "
            "--cluster with a column that has several values in each group, such as a person."
        )
    figure = charts.change(table, run.codebook.taxonomy, panel=panel)
    tests = table[table["level"] == "sub_category"]
    title = f"Shares of {of} by {by}, against {baseline}"
    method = (
        f"Differences in percentage points of {sizes(tests, of, draws['cluster'])}. "
        f"{interval(draws)} q: Benjamini and Hochberg over {tests['p'].notna().sum()} tests of "
        "sub-categories (categories are a family of their own)."
    )
    return Finding(slug("compare", by, panel), title, method, table, figure)


def permute_groups(
    run: Run,
    *,
    by: str,
    baseline: str,
    against: str | None = None,
    within: str | None = None,
    time: str | None = None,
    at: str | None = None,
    cluster: str | None = None,
    seed: int = 0,
) -> Finding:
    """Return how shares differ between groups, by `saeidioms.findings.permuted.permute`."""
    coded = coded_at(run, time, at)
    people = statistics_of(run, cluster, seed)["cluster"]
    asked: dict[str, Any] = {"by": by, "baseline": baseline, "against": against, "within": within}
    table = with_grounds(permute(coded, **asked, cluster=people, seed=seed), run.grounds)
    where = f" at {time} {at}" if time else ""
    method = (
        f"Differences in percentage points of shares of {len(coded):,} messages{where}. p: labels "
        f"of {by} permuted 10,000 times over whole clusters ({people})"
        f"{f' within {within}' if within else ''}, seed {seed}; q: Benjamini and Hochberg over all "
        "sub-categories and groups; p_family: maxT over all outcomes of a group."
    )
    title = f"Shares of messages by {by}, against {baseline}, by permutation"
    figure = forest(table, run.codebook.taxonomy)
    return Finding(slug("permute", by, at), title, method, table, figure)


def regress(
    run: Run,
    *,
    formula: str,
    kind: Literal["linear", "logistic"] = "linear",
    cluster: str | None = None,
) -> Finding:
    """Return regressions of what messages hold; see `saeidioms.findings.models.model`."""
    own = statistics_of(run, cluster)
    table = model(coded_at(run), formula, kind=kind, cluster=own["cluster"], level=own["level"])
    table = with_grounds(table, run.grounds)
    effect = "average marginal effects" if kind == "logistic" else "coefficients"
    method = (
        f"{kind.capitalize()} models of {number(table['n'])} messages: {effect} in percentage "
        f"points, with errors clustered by {own['cluster']} ({number(table['clusters'])} "
        f"clusters, {100 * own['level']:g}% t intervals). q: Benjamini and Hochberg over the "
        "sub-categories, for each term by itself. Nothing is drawn at random."
    )
    title = "Average marginal effect" if kind == "logistic" else "Coefficient"
    shown = table.assign(term=table["term"].map(_in_words))
    look = {"by": "term", "title": f"{title} in percentage points"}
    figure = forest(shown, run.codebook.taxonomy, **look)
    return Finding(slug("model", kind, formula), f"Messages by {formula}", method, table, figure)


def change_of(
    run: Run,
    *,
    time: str,
    before: str,
    after: str,
    by: str | None = None,
    baseline: str | None = None,
    cluster: str | None = None,
    seed: int = 0,
) -> Finding:
    """Return the change within people, or with a baseline how much more groups change than it.

    See `saeidioms.findings.change`.
    """
    coded, draws = coded_at(run), statistics_of(run, cluster, seed)
    times: dict[str, Any] = {"time": time, "before": before, "after": after}
    taxonomy = run.codebook.taxonomy
    if baseline is None:
        table = within(coded, **times, by=by, cluster=draws["cluster"], level=draws["level"])
        table = with_grounds(table, run.grounds)
        figure = forest(table, taxonomy, by=by) if by else charts.dumbbell(table, taxonomy)
        method = (
            f"Mean change of people's own shares, in percentage points, over "
            f"{number(table['clusters'])} people ({draws['cluster']}) with messages at both "
            f"times{' in a group' if by else ''}; {100 * draws['level']:g}% intervals of a paired "
            "t-test. q: Benjamini and Hochberg over all sub-categories and groups. Nothing is "
            "drawn at random."
        )
        title = f"Change within people, from {before} to {after}"
        return Finding(slug("change", time, by), title, method, table, figure)
    if by is None:
        raise OptionError(f"baseline is {baseline!r}, but --by is missing; name its column.")
    table = difference_in_differences(coded, **times, by=by, baseline=baseline, **draws)
    table = with_grounds(table, run.grounds)
    method = (
        f"Change of each group of {by} less that of {baseline}, in percentage points, of messages "
        f"of {number(table['clusters'])} people ({draws['cluster']}). {interval(draws)} q: "
        "Benjamini and Hochberg over all sub-categories and groups; holm: over the groups of one."
    )
    title = f"Change from {before} to {after}, against {baseline}"
    figure = forest(table, taxonomy)
    return Finding(slug("change", time, by, "against", baseline), title, method, table, figure)


def replicate_study(
    run: Run,
    *,
    time: str,
    before: str,
    after: str,
    by: str,
    baseline: str,
    panel: str | None = None,
    cluster: str | None = None,
    seed: int = 0,
) -> Finding:
    """Return the study's analysis and the honest ones; see `saeidioms.findings.replication`."""
    advance(run, "codes")
    draws = statistics_of(run, cluster, seed)
    found = study(
        *(run.corpus, run.codes, run.codebook.taxonomy),
        time=time,
        before=before,
        after=after,
        by=by,
        baseline=baseline,
        panel=panel,
        **draws,
    )
    table = with_grounds(found.table, run.grounds)
    shown = table if panel is None else table[table[panel] == table[panel].iloc[0]]
    figure = forest(shown, run.codebook.taxonomy, by="analysis")
    where = "" if panel is None else f" The figure is of {panel} {shown[panel].iloc[0]}."
    method = (
        f"{found.summary()} Expressions: {number(table['n_before'])} before, "
        f"{number(table['n_after'])} after, of {number(table['clusters'])} people "
        f"({draws['cluster']}). {interval(draws)}{where}"
    )
    title = (
        f"The study's analysis of the change from {before} to {after}, and beside it honest ones"
    )
    return Finding(slug("study", by, panel), title, method, table, figure)


def plan(
    run: Run,
    *,
    by: str,
    baseline: str,
    difference: float,
    against: str | None = None,
    outcome: str | None = None,
    conversations: Sequence[int] = (80, 160, 320, 640, 1280, 2560),
    cluster: str | None = None,
    seed: int = 0,
) -> Finding:
    """Return how many conversations a difference needs; see `saeidioms.findings.sample_size`."""
    people = statistics_of(run, cluster, seed)["cluster"]
    asked: dict[str, Any] = {"by": by, "baseline": baseline, "against": against, "outcome": outcome}
    found = power(
        coded_at(run),
        **asked,
        difference=difference,
        conversations=conversations,
        cluster=people,
        seed=seed,
    )
    method = (
        f"Conversations and clusters ({people}) that find a difference of {difference:g} points "
        f"with a power of 80% (test at .05, one outcome), from "
        f"{number(found.table['simulations'])} simulated studies of each size, drawn from this "
        f"run's clusters, seed {seed}. Where none is given, {max(conversations):,} conversations "
        "do not suffice."
    )
    title = f"Conversations needed for {difference:g} points by {by}, against {baseline}"
    figure = charts.power_curve(found.table, run.codebook.taxonomy, needed=found.needed)
    return Finding(slug("power", by), title, method, found.needed, figure)


def _in_words(term: str) -> str:
    """Return a term of a model without what the formula needed: arm: coach × round."""
    factors = re.split(r":(?![^\[]*\])", term)  # a colon within brackets is part of a value
    parts = (_LEVEL.sub(r"\1: \2", factor) for factor in factors)
    return " × ".join(parts)
