"""Whether a tool, a model or a crowd agrees with experts as experts do; no run takes part."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from saeidioms import charts
from saeidioms.analyses.common import number
from saeidioms.errors import InputError, OptionError
from saeidioms.findings.experts import expert_table
from saeidioms.findings.finding import Finding
from saeidioms.stats.agreement import Level


def agree_with_experts(
    ratings: str | Path,
    *,
    experts: Sequence[str],
    others: Sequence[str],
    scale: Level = "ordinal",
    points: tuple[int, int] | None = None,
    cluster: str | None = None,
    seed: int = 0,
) -> Finding:
    """Return the agreement with experts, beside theirs; see `saeidioms.findings.expert_table`.

    Parameters
    ----------
    ratings
        CSV file of ratings.
    experts
        Coders.
    others
        Each a coder, or ``name=coder,coder,...``.
    scale, points, cluster, seed
        As for `saeidioms.findings.expert_table`.

    Raises
    ------
    InputError
        If the file cannot be read.
    OptionError
        If a group of others is named twice, or a coder is not there.
    """
    try:
        table = pd.read_csv(ratings)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{ratings} cannot be read as CSV ({why}); give a table.") from error
    groups: dict[str, list[str]] = {}
    for other in others:
        name, _, coders = other.partition("=")
        if name in groups:
            raise OptionError(f"others names {name!r} twice; give each group once.")
        groups[name] = [one.strip() for one in (coders or name).split(",")]
    rows = expert_table(
        table,
        experts=experts,
        others=groups,
        scale=scale,
        points=points,
        cluster=cluster,
        seed=seed,
    )
    method = (
        f"Cohen's kappa ({'unweighted' if scale == 'nominal' else 'quadratic weights'}), "
        f"Krippendorff's alpha ({scale}) and Gwet's {'AC1' if scale == 'nominal' else 'AC2'} over "
        f"{number(rows['n'])} items in {number(rows['clusters'])} clusters ({cluster or 'items'}); "
        f"95% intervals from drawing whole clusters 2,000 times, seed {seed}. Others are compared "
        "with the experts' median; the fair yardstick is an expert and the rest."
    )
    title = "Agreement with experts, beside that of experts"
    return Finding("experts", title, method, rows, charts.expert_agreement(rows))
