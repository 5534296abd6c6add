"""Compare what features foretell: ours and HypotheSAEs', each chosen in both ways.

    python scripts/benchmark_prediction.py [--data ../shared/data] [--rows 15000] [--n 20]
        [--packages FOLDER ...] [--out FILE.csv]

Supporters' messages of EmpatheticDialogues; the target is whether the seeker's emotion is a
pleasant one, which nobody told the dictionaries. Dictionaries (256 features, 8 active) are trained,
and features are chosen, on one half of the conversations, and tested on the other. No LLM takes
part.

dictionary, chosen_by   who trained it; whose function chose, and by which method
auc                     of a logistic regression on the n chosen features, on the other half
confirmed               of the n, those that are significant there too (q < .05, errors by
                        conversation)
sign                    of the n, those whose effect has the same sign on both halves
seconds                 of choosing
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from peers import PEERS
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

import saeidioms as si
from saeidioms.seeds import generator
from saeidioms.stats.multiplicity import adjusted
from saeidioms.stats.regression import linear
from saeidioms.stats.selection import METHODS, select

Floats = npt.NDArray[np.float64]
FEATURES, K = 256, 8
PLEASANT = (
    *("joyful", "excited", "proud", "grateful", "hopeful", "confident", "content", "impressed"),
    *("caring", "trusting", "faithful", "anticipating", "prepared"),
)
MIXED = ("surprised", "nostalgic", "sentimental")


def read(folder: Path, rows: int) -> tuple[Any, Floats]:
    """Return the messages of conversations with a clear emotion, and whether it is pleasant."""
    corpus = si.read_corpus(folder / "empathetic_dialogues.parquet").where(role="supporter")
    clear = corpus.table[~corpus.table["emotion"].isin(MIXED)]
    corpus = corpus.where(message_id=clear["message_id"].head(rows).tolist())
    return corpus, corpus.table["emotion"].isin(PLEASANT).to_numpy(np.float64)


def theirs(method: str) -> Callable[[Floats, Floats, int], list[int]]:
    """Return HypotheSAEs' way to choose features."""
    from hypothesaes.select_neurons import select_neurons

    names = {"separation": "separation_score"}

    def choose(activations: Floats, target: Floats, n: int) -> list[int]:
        return list(
            select_neurons(
                activations=activations,
                target=target,
                n_select=n,
                method=names.get(method, method),
                classification=True,
            )[0]
        )

    return choose


def ours(method: Any) -> Callable[[Floats, Floats, int], list[int]]:
    """Return our way: of what is held or not, as `saeidioms.findings.predict` chooses."""

    def choose(activations: Floats, target: Floats, n: int) -> list[int]:
        holds = (activations > 0).astype(np.float64)
        return select(holds, target, n, method, generator(0, "prediction.choice")).tolist()

    return choose


def effects(columns: Floats, target: Floats, clusters: npt.NDArray) -> tuple[Floats, Floats]:
    """Return the difference with and without each feature, and its p with errors by cluster."""
    fits = [
        linear(target, np.column_stack([np.ones(len(target)), column]), clusters, 0.95)
        for column in (columns > 0).T.astype(np.float64)
    ]
    return np.array([fit.coefficients[1] for fit in fits]), np.array([fit.p[1] for fit in fits])


def measure(
    choose: Callable[[Floats, Floats, int], list[int]],
    activations: Floats,
    target: Floats,
    clusters: npt.NDArray,
    first: npt.NDArray[np.bool_],
    n: int,
) -> dict[str, float]:
    """Choose on one half, test on the other."""
    started = time.perf_counter()
    chosen = choose(activations[first], target[first], n)
    seconds = time.perf_counter() - started
    if not chosen:
        return {"n": 0, "seconds": seconds}
    columns = activations[:, chosen]
    model = LogisticRegression(max_iter=1000).fit(columns[first], target[first])
    auc = roc_auc_score(target[~first], model.predict_proba(columns[~first])[:, 1])
    before, _ = effects(columns[first], target[first], clusters[first])
    after, p = effects(columns[~first], target[~first], clusters[~first])
    return {
        "n": len(chosen),
        "auc": float(auc),
        "confirmed": int((adjusted(p) < 0.05).sum()),
        "sign": int((np.sign(before) == np.sign(after)).sum()),
        "seconds": seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=default, metavar="FOLDER")
    parser.add_argument("--rows", type=int, default=15_000)
    parser.add_argument("--n", type=int, default=20, help="features to choose")
    parser.add_argument("--packages", type=Path, nargs="+", default=[], metavar="FOLDER")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, metavar="FILE.csv")
    options = parser.parse_args()
    sys.path += [str(folder.resolve()) for folder in options.packages]
    corpus, target = read(options.data, options.rows)
    vectors = np.asarray(si.embed(corpus), dtype=np.float32)
    clusters = pd.factorize(corpus.conversations)[0]
    first = generator(options.seed, "halves").random(clusters.max() + 1)[clusters] < 1 / 2
    sae = si.SparseAutoencoder(FEATURES, K, seed=options.seed)
    sae.fit(vectors[first], groups=corpus.conversations[first])
    peer = PEERS["hypothesaes"].train(vectors[first], FEATURES, K, options.seed)
    dictionaries = {"saeidioms": sae.transform(vectors), "HypotheSAEs": peer.encode(vectors)}
    ways = {f"saeidioms, {method}": ours(method) for method in METHODS}
    ways |= {
        f"HypotheSAEs, {method}": theirs(method)
        for method in ("correlation", "separation", "lasso")
    }
    rows = []
    for dictionary, codes in dictionaries.items():
        activations = sparse.csr_matrix(codes).toarray().astype(np.float64)
        for way, choose in ways.items():
            found = measure(choose, activations, target, clusters, first, options.n)
            rows.append({"dictionary": dictionary, "chosen_by": way, **found})
    table = pd.DataFrame(rows)
    if options.out:
        table.to_csv(options.out, index=False)
    print(f"{len(target):,} messages, {target.mean():.0%} of pleasant emotions")
    print(table.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
