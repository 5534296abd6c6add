"""Build ``report.html``: one file that shows a whole run, opens from disk and fetches nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import plotly.graph_objects as go
import plotly.io
import plotly.offline
from markupsafe import Markup

from saeidioms.artifacts import write_text
from saeidioms.charts.distribution import distribution as distribution_chart
from saeidioms.idioms.feature import WEAK
from saeidioms.report import sections
from saeidioms.report.explorer import embed_json, escape_json, explore
from saeidioms.resources import templates
from saeidioms.taxonomy.grounds import SENTENCE, doubtful

if TYPE_CHECKING:
    from saeidioms.corpus.corpus import Corpus
    from saeidioms.idioms.features import FeatureTable
    from saeidioms.sae.autoencoder import SparseAutoencoder
    from saeidioms.taxonomy.codebook import Codebook
    from saeidioms.taxonomy.coding import Codes
    from saeidioms.taxonomy.distribution import Distribution

_TEMPLATE = Path(__file__).parent / "template"
_SCRIPTS = ("base", "charts", "table", "card", "compare", "main")  # in the order they need


def build_report(
    folder: Path,
    *,
    corpus: Corpus,
    sae: SparseAutoencoder,
    features: FeatureTable,
    codebook: Codebook,
    codes: Codes,
    distribution: Distribution,
    lexicon: pd.DataFrame,
    shares: pd.DataFrame | None = None,
    compared: Mapping[str, pd.DataFrame] | None = None,
    figures: Sequence[tuple[str, go.Figure]] = (),
    examples: Mapping[str, Sequence[str]] | None = None,
    fidelity: pd.DataFrame | None = None,
    labelling: Mapping[str, Any] | None = None,
    level: float = 0.95,
    title: str | None = None,
    notice: str | None = None,
    options: Mapping[str, Any] | None = None,
    versions: Mapping[str, str] | None = None,
) -> Path:
    """Write ``report.html`` into `folder` and return its path.

    The same input gives the same bytes: the page holds no time, host or random identifier.
    Words of the corpus reach the page as escaped text or JSON only, and the page's
    Content-Security-Policy admits no script but its own and no request at all.

    Parameters
    ----------
    folder
        Where to write; made if it is not there.
    corpus, sae, features, codebook, codes, distribution, lexicon
        What the stages of the run made of one corpus.
    shares
        Overall shares with intervals, as ``distribution.shares()`` returns them; computed with its
        defaults if not given. Sub-categories are marked that rest on no faithful feature, where
        `saeidioms.taxonomy.grounds` is joined. Pass them where intervals resample something else
        than conversations.
    compared
        Column -> shares by its groups, as ``distribution.shares(by=column)`` returns them.
    figures
        More charts to show below the distribution: (heading, figure) pairs.
    examples
        Sub-category -> its examples, as `saeidioms.report.sections.marked_examples` returns them;
        without marks if not given.
    fidelity, labelling
        What `saeidioms.idioms.fidelity.measure_fidelity` found, judge by judge, and who labelled.
    level
        Of the intervals in `shares`.
    title
        Heading of the page; the name of the corpus' source by default.
    notice
        A sentence to be read before anything else, for instance that the corpus is synthetic.
    options, versions
        The run's options (nested or not) and the versions of the packages, for the last section.

    Raises
    ------
    ArtifactError
        If the folder cannot be written.
    """
    shares = distribution.shares() if shares is None else shares
    rows, marked = sections.share_rows(shares, codebook.taxonomy), doubtful(shares)
    first = distribution_chart(shares, codebook.taxonomy, of=distribution.of, idioms=lexicon)
    explorer = explore(features, codebook)
    heard = examples or sections.examples(corpus, codes, codebook.taxonomy)
    page = _render(
        title=title or Path(corpus.report.source).name,
        notice=notice,
        overview=sections.overview(corpus, codes, codebook),
        distribution=sections.coverage(distribution, shares),
        doubtful=sorted(marked),
        doubt=SENTENCE if marked else "",
        shares=rows,
        compared=sections.compared(compared or {}),
        level=level,
        taxonomy=codebook.taxonomy,
        figures=[("Share of each kind of expression", first), *figures],
        reading=sections.reading(corpus),
        quality=sections.quality(sae, features),
        labels=None if fidelity is None else sections.labels(fidelity, labelling or {}),
        tree=sections.tree(rows, codebook, lexicon, heard),
        explorer=explorer,
        grouped_by="" if features.groups is None else str(features.groups["by"].iloc[0]),
        options=list(sections.flatten(options or {})),
        versions=versions or {},
    )
    path = folder / "report.html"
    write_text(path, page)
    return path


def _render(*, figures: Sequence[tuple[str, go.Figure]], **context: Any) -> str:
    own = [(_TEMPLATE / f"{name}.js").read_text(encoding="utf-8") for name in _SCRIPTS]
    scripts = [plotly.offline.get_plotlyjs(), "\n".join(own)]
    environment = templates(
        _TEMPLATE,
        {
            "number": _number,
            "percent": _percent,
            "percent_short": _percent_short,
            "plural": _plural,
        },
    )
    page = environment.get_template("page.html").render(
        style=Markup((_TEMPLATE / "page.css").read_text(encoding="utf-8")),
        scripts=[Markup(script) for script in scripts],
        policy=_policy(scripts),
        headings=[heading for heading, _ in figures],
        figures=[escape_json(plotly.io.to_json(figure, engine="json")) for _, figure in figures],
        compared_json=embed_json(context["compared"]),
        names=embed_json(
            {
                "unit": context["overview"]["unit"],
                "weak": WEAK,
                "grouped_by": context["grouped_by"],
                "doubtful": context["doubtful"],
                "colours": {row["name"]: row["colour"] for row in context["shares"]},
            }
        ),
        **context,
    )
    return page.encode("utf-8", "replace").decode()  # file names can hold what UTF-8 cannot


def _policy(scripts: Sequence[str]) -> str:
    """Return the Content-Security-Policy: these inline scripts by their digests, no request."""
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()) for script in scripts]
    allowed = " ".join(f"'sha256-{digest.decode()}'" for digest in digests)
    # Plotly sets styles on elements and turns charts into images for its download button.
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _number(value: float, digits: int = 0) -> str:
    return "–" if pd.isna(value) else f"{value:,.{digits}f}"


def _percent(value: float, digits: int = 1) -> str:
    return "–" if pd.isna(value) else f"{100 * value:.{digits}f}%"


def _percent_short(value: float) -> str:
    return f"{100 * value:g}%"


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
