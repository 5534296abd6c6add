"""A small run of made-up parts, shaped as the stages make them, and one page built from it."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from saeidioms.charts.features import feature_map
from saeidioms.corpus.corpus import Corpus
from saeidioms.corpus.report import ReadReport
from saeidioms.embedding.spec import EncoderSpec
from saeidioms.idioms.features import FeatureTable
from saeidioms.report.build import build_report
from saeidioms.taxonomy.taxonomy import Taxonomy

PHRASES = {
    "expressing sympathy": ["i am so sorry to hear that", "my heart goes out to you"],
    "validating emotions": ["it is understandable that you feel", "anyone would be upset"],
    "encouraging elaboration": ["can you tell me more about", "what happened next"],
    "advice-giving": ["have you tried talking to", "you should think about"],
    "self-oriented": ["the same thing happened to me", "when i lost my job"],
}
FILLERS = ["your dog", "the new manager", "that long week", "your mother", "the exam on Friday"]


def make_run(n_features=12, n_examples=6, extra="", idiom_extra="", source=""):
    """Return what build_report takes.

    `extra` is put into every text, `idiom_extra` into phrases, `source` into the corpus' name.
    """
    taxonomy = Taxonomy.read("empathy")
    rng = np.random.default_rng(0)
    subs = [name for name in taxonomy.names if name in PHRASES]
    codebook, table, idioms, examples = [], [], [], []
    for feature in range(n_features):
        sub = "" if feature % 6 == 5 else subs[feature % len(subs)]
        phrases = PHRASES.get(sub, ["nice to meet you", "have a good day"])
        category = taxonomy.category_of(sub) if sub else ""
        label = f"{phrases[feature % 2].capitalize()} ({feature})"
        flag = "dead" if feature == n_features - 1 else ""
        codebook.append(
            {"feature": feature, "label": label, "category": category, "sub_category": sub}
            | {
                "outside": "" if sub else "greetings",
                "weight": 1.0,
                "confidence": round(0.9 - 0.01 * (feature % 50), 3),
            }
            | {"source": "offline", "note": ""}
        )
        table.append(
            {"feature": feature, "density": 0.0 if flag else 0.2 / (feature + 1)}
            | {"n_units": 400 // (feature + 1), "n_texts": 300 // (feature + 1)}
            | {"mean_activation": 0.3, "max_activation": 0.0 if flag else 0.91}
            | {"flag": flag, "stability": 0.9 if flag == "" else 0.4}
            | {"fidelity": 0.8 if flag == "" else 0.5, "label_source": "offline", "definition": ""}
            | {"label": label, "label_source": "offline"}
        )
        idioms.extend(
            {"feature": feature, "phrase": phrase + idiom_extra, "count": 40 - place}
            | {
                "conversations": 30 - place,
                "feature_count": 20,
                "z": 9.0 - place,
                "example": phrase,
            }
            for place, phrase in enumerate(phrases)
        )
        examples.extend(
            {"feature": feature, "kind": kind, "rank": rank, "unit_id": f"u{feature}-{rank}"}
            | {"text": f"{phrases[rank % 2]} {FILLERS[int(rng.integers(5))]}{extra}, {kind} {rank}"}
            | {"activation": max(0.0, top - 0.01 * rank)}
            for kind, top in (("top", 0.9), ("middle", 0.5), ("low", 0.1), ("near miss", 0.0))
            for rank in range(n_examples)
        )
    units = pd.DataFrame(
        {"unit_id": f"m{row}#0", "message_id": f"m{row}", "conversation_id": f"c{row // 6}"}
        | {"turn": row % 6, "role": "supporter"}
        | {"text": f"{PHRASES[sub][row % 2]} {FILLERS[row % 5]}{extra}", "start": 0, "end": 20}
        for row, sub in enumerate([*subs * 12, "self-oriented"])
    )
    coded = pd.DataFrame(
        {"unit_id": f"m{row}#0", "category": taxonomy.category_of(sub), "sub_category": sub}
        | {"strength": 0.9 - 0.01 * row}
        for row, sub in enumerate(subs * 12)
    )
    messages = units.merge(coded, on="unit_id", how="left")
    levels = [("category", category.name, "") for category in taxonomy.categories]
    levels += [("sub_category", taxonomy.category_of(name), name) for name in taxonomy.names]
    shares = pd.DataFrame(
        {"level": level, "category": category, "sub_category": sub}
        | {"share": 0.05 + 0.02 * row, "low": 0.03 + 0.02 * row, "high": 0.07 + 0.02 * row}
        | {"count": 10 + row, "n": 200, "clusters": 50}
        for row, (level, category, sub) in enumerate(levels)
    )
    idioms, codes = pd.DataFrame(idioms), pd.DataFrame(codebook)
    report = ReadReport(
        source=f"chats/pilot{source}.csv",
        format="csv",
        columns={"text": "message", "role": "speaker", "turn": None},
        rows=64,
        kept=61,
        dropped={"empty": 3},
        examples={"empty": [4, 9, 12]},
        conversations=11,
    )
    return {
        "corpus": Corpus(units, "sentence", report),
        "sae": SimpleNamespace(
            metrics_={"explained_variance": 0.734, "l0": 15.9, "dead_share": 1 / n_features}
            | {"n_train": 900, "n_validation": 100},
            n_features_=n_features,
            k_=16,
            sparsity_="topk",
            stability_=np.where(np.arange(n_features) % 4 == 3, 0.4, 0.9),
            seed=0,
            seeds=5,
        ),
        "features": FeatureTable(
            pd.DataFrame(table),
            idioms,
            pd.DataFrame(examples),
            rng.normal(size=(n_features, 8)).astype(np.float32),
            EncoderSpec("all-MiniLM-L6-v2", "0", None, 8, "float32"),
            rng.integers(1, 9, size=(n_features, 16)),
            pd.DataFrame(
                {"feature": feature, "by": "arm", "value": value, "density": 0.1, "n": 300}
                for feature in range(n_features)
                for value in ("control", f"coach{extra}")
            ),
        ),
        "codebook": SimpleNamespace(
            table=codes,
            taxonomy=taxonomy,
            groups=taxonomy.names,
            cues={"question": np.linspace(0, 1, len(taxonomy.names))},
        ),
        "codes": SimpleNamespace(units=coded, messages=messages),
        "distribution": SimpleNamespace(
            of="messages", exposure=np.array([40, 21]), uncoded=np.array([1, 0])
        ),
        "lexicon": idioms.merge(codes[["feature", "category", "sub_category"]], on="feature"),
        "shares": shares,
        "compared": {
            column: pd.concat(
                [
                    shares.assign(**{column: value, "share": shares["share"] / (1 + place)})
                    for place, value in enumerate(values)
                ]
            )
            for column, values in (
                ("arm", ["control", f"coach{extra}"]),
                (f"setting{extra}", ["home", "work"]),
            )
        },
    }


@pytest.fixture(scope="session")
def run_parts():
    return make_run


@pytest.fixture(scope="session")
def page_path(tmp_path_factory):
    """A page of 150 features with notice, options and versions."""
    parts = make_run(n_features=150)
    judged = {"judge": "embedding", "detection": 0.8, "fuzzing": 0.7, "intruder": 0.6}
    return build_report(
        tmp_path_factory.mktemp("report"),
        **parts,
        figures=[("Map of the features", feature_map(parts["features"], parts["codebook"]))],
        fidelity=pd.DataFrame([judged]),
        labelling={"labeller": "offline", "destination": None, "masked": True},
        title="Pilot chats",
        notice="These conversations are synthetic.",
        options={"sae": {"n_features": 150, "k": 16}, "seed": 0},
        versions={"saeidioms": "0.1.0"},
    )
