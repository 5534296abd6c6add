"""The page's sections that are read rather than explored: shares, corpus, quality, taxonomy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from saeidioms.charts.theme import category_colours
from saeidioms.display import highlighted
from saeidioms.idioms.feature import WEAK
from saeidioms.report.explorer import shorten
from saeidioms.sae.stability import STABLE
from saeidioms.taxonomy.evidence import carrying_words
from saeidioms.taxonomy.grounds import doubtful

if TYPE_CHECKING:
    from saeidioms.corpus.corpus import Corpus
    from saeidioms.idioms.features import FeatureTable
    from saeidioms.sae.autoencoder import SparseAutoencoder
    from saeidioms.taxonomy.codebook import Codebook
    from saeidioms.taxonomy.coding import Codes
    from saeidioms.taxonomy.distribution import Distribution
    from saeidioms.taxonomy.placing import Encode
    from saeidioms.taxonomy.taxonomy import Taxonomy

IDIOMS = 14
EXAMPLES = 4
# As the classes of `saeidioms.sae.sparsity` are called, which import torch.
RULES = {"topk": "TopK", "batch_topk": "BatchTopK", "jumprelu": "JumpReLU", "relu": "ReLU"}
LEAST_FORM = 0.2  # log-odds under which a cue of form is not worth a reader's time


def overview(corpus: Corpus, codes: Codes, codebook: Codebook) -> dict[str, Any]:
    """Return the counts of the page's first line."""
    assigned = codebook.table["sub_category"].fillna("") != ""
    messages = codes.messages
    coded = corpus.table["unit_id"].isin(codes.units["unit_id"])
    return {
        "messages": len(messages),
        "conversations": int(messages["conversation_id"].nunique()),
        "units": len(corpus),
        "unit": corpus.unit,
        "features": len(assigned),
        "unassigned": int((~assigned).sum()),
        "coded_share": corpus.table.loc[coded, "message_id"].nunique() / len(messages),
    }


def reading(corpus: Corpus) -> dict[str, Any]:
    """Return what was read and dropped, as rows to show."""
    report = corpus.report
    return {
        "sentence": report.sentence(),
        "dropped": [
            {"reason": reason, "rows": rows, "examples": report.examples.get(reason, [])}
            for reason, rows in report.dropped.items()
            if rows
        ],
    }


def quality(sae: SparseAutoencoder, features: FeatureTable) -> dict[str, Any]:
    """Return the autoencoder's sizes and its measures on held-out units."""
    flags = features.table["flag"].fillna("")
    metrics = {name: float(value) for name, value in sae.metrics_.items()}
    known = np.isfinite(sae.stability_).any()
    return {
        **metrics,
        "n_features": int(sae.n_features_),
        "k": int(sae.k_),
        "rule": RULES[sae.sparsity_],
        "seed": sae.seed,
        "seeds": sae.seeds,
        "stable": float((sae.stability_ >= STABLE).mean()) if known else None,
        "flags": {str(flag): int(rows) for flag, rows in flags[flags != ""].value_counts().items()},
        "encoder": features.encoder,
    }


def labels(fidelity: pd.DataFrame, about: Mapping[str, Any]) -> dict[str, Any]:
    """Return how faithful the labels are, judge by judge, and where texts went to be labelled."""
    judges = []
    for judge, rows in fidelity.groupby("judge", sort=False):
        measured = rows["detection"].dropna()
        row = {"judge": str(judge), "measured": len(measured), "n": len(rows)}
        row |= {"weak": int((measured < WEAK).sum())}
        row |= {name: float(rows[name].median()) for name in ("detection", "fuzzing", "intruder")}
        judges.append(row)
    return {"judges": judges, "weak_below": WEAK, **about}


def coverage(distribution: Distribution, shares: pd.DataFrame) -> dict[str, Any]:
    """Return what the shares are shares of, and how much of it no kind covers."""
    exposure = int(np.sum(distribution.exposure))
    return {
        "of": distribution.of,
        "exposure": exposure,
        "uncoded": float(np.sum(distribution.uncoded)) / max(exposure, 1),
        "clusters": int(shares["clusters"].max()),
    }


def compared(tables: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, Any]]:
    """Return by column its groups and, in the order of the taxonomy, the shares in each."""
    found = {}
    for column, table in tables.items():
        groups = table[column].drop_duplicates().tolist()
        sizes = table.drop_duplicates(column).set_index(column)["n"]
        things = table[["level", "category", "sub_category"]].drop_duplicates()
        rows = []
        for level, category, name in _nested(things):
            own = table[(table["level"] == level) & (table["category"] == category)]
            own = own[own["sub_category"] == name].set_index(column)
            whole = level == "category"
            rows.append(
                {
                    "name": category if whole else name,
                    "category": category,
                    "whole": whole,
                    "shares": [
                        [_known(own.loc[group, part]) for part in ("share", "low", "high")]
                        for group in groups
                    ],
                }
            )
        values = [[str(group), int(sizes[group])] for group in groups]
        found[column] = {"values": values, "rows": rows}
    return found


def _nested(things: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    """Yield each category, and behind it its sub-categories."""
    for category in things.loc[things["level"] == "category", "category"]:
        yield "category", category, ""
        own = (things["level"] == "sub_category") & (things["category"] == category)
        for name in things.loc[own, "sub_category"]:
            yield "sub_category", category, name


def _known(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def share_rows(shares: pd.DataFrame, taxonomy: Taxonomy) -> list[dict[str, Any]]:
    """Return categories and, below each, its sub-categories with share and interval."""
    colours, marked = category_colours(taxonomy), doubtful(shares)
    return [
        {
            "name": category.name,
            "doubtful": False,
            "definition": category.definition,
            "colour": colours[category.name],
            **_share(shares, "category", category.name),
            "children": [
                {"name": child.name, "doubtful": child.name in marked}
                | _share(shares, "sub_category", child.name)
                for child in taxonomy.sub_categories
                if child.category == category.name
            ],
        }
        for category in taxonomy.categories
    ]


def examples(corpus: Corpus, codes: Codes, taxonomy: Taxonomy) -> dict[str, list[str]]:
    """Return for each sub-category distinct texts, from the strongest down to a typical one."""
    coded = codes.units.merge(corpus.table[["unit_id", "text"]], on="unit_id", validate="m:1")
    return {name: _examples(coded, name) for name in taxonomy.names}


def marked_examples(
    corpus: Corpus, codes: Codes, codebook: Codebook, sae: SparseAutoencoder, encode: Encode
) -> dict[str, list[str]]:
    """Return the examples of each sub-category with the words marked that carry their code."""
    heard = examples(corpus, codes, codebook.taxonomy)
    pairs = [(text, name) for name, texts in heard.items() for text in texts]
    texts, places = zip(*pairs, strict=True) if pairs else ((), ())
    spans = carrying_words(texts, places, codebook, sae, encode)
    marked: dict[str, list[str]] = {name: [] for name in heard}
    for (text, name), own in zip(pairs, spans, strict=True):
        marked[name].append(highlighted(text, own))
    return marked


def tree(
    rows: list[dict[str, Any]],
    codebook: Codebook,
    lexicon: pd.DataFrame,
    heard: Mapping[str, Sequence[str]],
) -> list[dict[str, Any]]:
    """Return `rows` of :func:`share_rows` with features, idioms and examples of sub-categories."""
    notes = {sub_category.name: sub_category for sub_category in codebook.taxonomy.sub_categories}
    return [
        category
        | {
            "children": [
                child
                | {
                    "definition": notes[child["name"]].definition,
                    "include": notes[child["name"]].include,
                    "exclude": notes[child["name"]].exclude,
                    "form": _form(codebook, child["name"]),
                    "features": _features(codebook.table, child["name"]),
                    "idioms": _idioms(lexicon, child["name"]),
                    "examples": heard[child["name"]],
                }
                for child in category["children"]
            ]
        }
        for category in rows
    ]


def flatten(options: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield every option as (dotted name, JSON value), in the order given."""
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", json.dumps(value, ensure_ascii=False, default=str)


def _share(shares: pd.DataFrame, level: str, name: str) -> dict[str, Any]:
    found = shares[(shares["level"] == level) & (shares[level] == name)]
    if found.empty:
        return {"share": np.nan, "low": np.nan, "high": np.nan, "count": 0, "n": 0}
    row = found.iloc[0]
    return {
        "share": float(row["share"]),
        "low": float(row["low"]),
        "high": float(row["high"]),
        "count": int(row["count"]),
        "n": int(row["n"]),
    }


def _form(codebook: Codebook, sub_category: str) -> list[dict[str, Any]]:
    """Return the cues of form that speak for or against a sub-category, the strongest first."""
    place = codebook.groups.index(sub_category)
    weights = {cue: float(values[place]) for cue, values in codebook.cues.items()}
    ranked = sorted(weights, key=lambda cue: -abs(weights[cue]))
    return [
        {"cue": cue, "odds": float(np.exp(weights[cue]))}
        for cue in ranked
        if abs(weights[cue]) >= LEAST_FORM
    ]


def _features(table: pd.DataFrame, sub_category: str) -> list[dict[str, Any]]:
    own = table[table["sub_category"] == sub_category]
    ranked = own.sort_values(["confidence", "feature"], ascending=[False, True])
    return [
        {"feature": int(feature), "label": shorten(str(label), 80)}
        for feature, label in zip(ranked["feature"], ranked["label"], strict=True)
    ]


def _idioms(lexicon: pd.DataFrame, sub_category: str) -> list[dict[str, Any]]:
    own = lexicon[lexicon["sub_category"] == sub_category]
    ranked = own.sort_values(["conversations", "count"], ascending=False, kind="stable")
    distinct = ranked.drop_duplicates("phrase").head(IDIOMS)
    return [
        {"phrase": shorten(str(phrase), 80), "count": int(count), "conversations": int(spread)}
        for phrase, count, spread in zip(
            distinct["phrase"], distinct["count"], distinct["conversations"], strict=True
        )
    ]


def _examples(coded: pd.DataFrame, sub_category: str) -> list[str]:
    """Return distinct texts, from the strongest in even steps down to a typical one."""
    own = coded[coded["sub_category"] == sub_category]
    ranked = own.sort_values("strength", ascending=False, kind="stable")
    texts = ranked["text"].drop_duplicates().tolist()
    places = np.linspace(0, len(texts) // 2, min(EXAMPLES, len(texts)), dtype=int)
    return [shorten(str(texts[place])) for place in np.unique(places)]
