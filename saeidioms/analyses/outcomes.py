"""What foretells an outcome."""

from __future__ import annotations

from typing import Literal

from saeidioms import charts
from saeidioms.analyses.common import number, slug, statistics_of
from saeidioms.analyses.corpora import use_of
from saeidioms.findings.finding import Finding
from saeidioms.findings.prediction import predict
from saeidioms.pipeline import advance
from saeidioms.run import Run
from saeidioms.stats.selection import Method


def foretell(
    run: Run,
    *,
    target: str,
    unit: Literal["conversation", "message"] = "conversation",
    method: Method = "lasso",
    n: int = 20,
    cluster: str | None = None,
    seed: int = 0,
) -> Finding:
    """Return hypotheses on what foretells a column; see `saeidioms.findings.prediction`."""
    advance(run, "fidelity")
    advance(run, "codes")
    own = statistics_of(run, cluster, seed)
    use = use_of(run, run, own["cluster"])
    asked = {"level": own["level"], "seed": seed}
    found = predict(use, run.corpus, target, unit=unit, method=method, n=n, **asked)
    fidelity = run.features.table.set_index("feature")["fidelity"]
    table = found.table.assign(fidelity=found.table["feature"].map(fidelity))
    whole = found.performance.iloc[0]
    counts = f" (1: {found.one})" if found.one else ""
    method_text = (
        f"Chosen by {method} on a random half of the clusters ({own['cluster']}), tested on "
        f"{number(table['n'])} {unit}s of the {number(table['clusters'])} others: difference of "
        f"the mean {target}{counts} with and without, {100 * own['level']:g}% intervals with "
        "errors by cluster; joint: with all others held. q: Benjamini and Hochberg over all rows. "
        f"All together: {whole['measure']} {whole['value']:.3f} [{whole['low']:.3f}, "
        f"{whole['high']:.3f}] there, 95th percentile of chance {whole['chance']:.3f}. Seed {seed}."
    )
    title = f"What foretells {target}"
    figure = charts.effects(table, title=f"Difference of the mean {target}", most=n)
    return Finding(slug("predict", target, method), title, method_text, table, figure)
