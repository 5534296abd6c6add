"""Measure saeidioms' sparse autoencoders against peers: speed, fit, and whether features mean much.

    python scripts/benchmark_sae.py [--data ../shared/data] [--settings 1024,16 256,8 128,2]
        [--only NAME ...] [--packages FOLDER ...] [--rows N] [--no-quality] [--out FILE.csv]

One table from one run; every row is trained in a process of its own, on the supporter messages of
EmpatheticDialogues but for a held-out tenth (whole conversations). saeidioms gets the same rows as
everybody, and holds out a tenth of them once more for itself. Peers are in `peers.py`.

features, k   size of the dictionary; features active in a row, as asked for
explained     variance of the held-out rows, around the mean of the training rows
l0, dead      features active in a held-out row, mean; share of features that fire on no row at all
seconds       of the training; imports are not counted
peak_mb       memory of the process while it trains, libraries and data included

The rest is measured on labels that no dictionary saw. Features are chosen on one half of the
conversations and scored on the other; see `saeidioms.sae.probing`.

planted       F1 of the best feature for an idiom planted in the demo corpus, mean of the idioms;
              the method is trained on that corpus, with 256 features of which 8 are active
intents       the same for eight intents of the messages (EmpatheticIntents), fires or does not
intents_cut   with the feature's threshold chosen together with the feature
strategies    the same as intents for the strategies of ESConv: other people, another platform
probe_1 ...   F1 of a logistic regression on the 1, 5, 20 features that differ most by the intent
same_0.7 ...  share of features with a partner of decoder cosine 0.7 | 0.9 in a second training with
              another seed, matched one to one, and the mean cosine of all such pairs
redundant     pairs of features with a decoder cosine above 0.8, per feature
absorbed      share of the messages with an intent on which its feature is silent because one other
              feature took its place; planted_absorbed: the same for the planted idioms
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from peers import PEERS, PREFIXES, Learnt, Matrix, Peer
from scipy import sparse

from saeidioms.corpus.corpus import Corpus
from saeidioms.corpus.demo import demo_corpus, planted_units
from saeidioms.corpus.readers import read_corpus
from saeidioms.embedding.embed import embed
from saeidioms.machine import measured
from saeidioms.sae.metrics import dead_share, densities, explained_variance, l0, sum_of_squares
from saeidioms.sae.probing import absorption, best_features, halves, probe_f1, redundancy
from saeidioms.sae.size import split_rows
from saeidioms.sae.stability import match

SETTINGS = [(1024, 16), (256, 8), (128, 2)]
PLANTED_SETTING = (256, 8)
INTENTS = [
    *("sympathizing", "questioning", "wishing", "consoling"),
    *("suggesting", "encouraging", "acknowledging", "agreeing"),
]
DECIMALS = {"seconds": 1, "peak_mb": 0, "l0": 2}

Found = dict[str, float]


@dataclass(frozen=True, eq=False)
class Coded:
    """Vectors (N, D) of units, their conversations (N,), and their labels (N, L)."""

    vectors: Matrix
    groups: npt.NDArray[np.int64]
    labels: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, corpus: Corpus, labels: npt.NDArray[np.bool_], rows: int | None) -> Coded:
        """Embed the first `rows` units of a corpus."""
        vectors = np.asarray(embed(corpus.texts[:rows].tolist()), dtype=np.float32)
        return cls(vectors, pd.factorize(corpus.conversations[:rows])[0], labels[:rows])

    @classmethod
    def load(cls, path: Path) -> Coded:
        """Read what `save` wrote."""
        with np.load(path) as arrays:
            return cls(**arrays)

    def save(self, path: Path) -> None:
        """Write the arrays to an npz file."""
        np.savez(path, **vars(self))


def ours(matrix: Matrix, n_features: int, k: int, seed: int, **options: Any) -> Learnt:
    from saeidioms.sae.autoencoder import SparseAutoencoder

    sae = SparseAutoencoder(n_features, k, seed=seed, device="cpu", **options).fit(matrix)
    return Learnt(sae.transform, sae.components_, sae.mean_)


def quick(matrix: Matrix, n_features: int, k: int, seed: int) -> Learnt:
    """Train just long enough for the explained variance of the peers."""
    steps = 500 if n_features > 128 else 410
    return ours(matrix, n_features, k, seed, max_steps=steps, learning_rate=0.3)


def _ours(**options: Any) -> Peer:
    return Peer("saeidioms.sae.autoencoder", "pip install saeidioms", partial(ours, **options))


METHODS = {
    "saeidioms-quick": Peer("saeidioms.sae.autoencoder", "pip install saeidioms", quick),
    "saeidioms-topk": _ours(sparsity="topk"),
    "saeidioms-consensus": _ours(sparsity="topk", seeds=5),
    "saeidioms-batch_topk": _ours(sparsity="batch_topk"),
    "saeidioms-jumprelu": _ours(sparsity="jumprelu"),
    "saeidioms-relu": _ours(sparsity="relu"),
    "saeidioms-topk-matryoshka": _ours(sparsity="topk", prefixes=PREFIXES),
    "saeidioms-batch_topk-matryoshka": _ours(sparsity="batch_topk", prefixes=PREFIXES),
    **PEERS,
}


def measure(
    what: str, n_features: int, k: int, seed: int, folder: Path, *, quality: bool
) -> dict[str, Any]:
    """Train a method on the messages; return its row of the table, but for the planted idioms."""
    method = METHODS[what]
    method.load()
    messages = Coded.load(folder / "messages.npz")
    train, held_out = split_rows(len(messages.vectors), messages.groups, seed)
    rows, unseen = messages.vectors[train], messages.vectors[held_out]
    with measured() as cost:
        learnt = method.train(rows, n_features, k, seed)
    codes = learnt.encode(messages.vectors)
    residual = unseen - learnt.reconstruct(codes[held_out])
    explained = explained_variance(
        sum_of_squares(residual, np.zeros(1, np.float32)),
        sum_of_squares(unseen, rows.mean(axis=0)),
    )
    found = {
        "what": what,
        "features": len(learnt.decoder),
        "k": k,
        "explained": explained,
        "l0": l0(codes[held_out]),
        "dead": dead_share(densities(codes)),
        "seconds": cost.seconds,
        "peak_mb": cost.peak_memory_mb,
    }
    if quality:
        strategies = Coded.load(folder / "strategies.npz")
        found |= meaning(learnt, codes, messages, strategies, seed)
        found |= stability(learnt.decoder, method.train(rows, n_features, k, seed + 1).decoder)
        found["redundant"] = redundancy(learnt.decoder)
    return found


def meaning(
    learnt: Learnt, codes: sparse.csr_matrix, messages: Coded, strategies: Coded, seed: int
) -> Found:
    """Return what single features, and a few together, say about people's codes."""
    half = halves(messages.groups, seed)
    best = best_features(codes, messages.labels, half)
    cut = best_features(codes, messages.labels, half, tune=True)
    elsewhere = best_features(
        learnt.encode(strategies.vectors), strategies.labels, halves(strategies.groups, seed)
    )
    probes = {f"probe_{k}": probe_f1(codes, messages.labels, half, k) for k in (1, 5, 20)}
    absorbed = absorption(
        *(codes, messages.vectors - learnt.offset, learnt.decoder),
        *(messages.labels, half, best.features),
    )
    scores = {"intents": best.f1, "intents_cut": cut.f1, "strategies": elsewhere.f1}
    scores |= probes | {"absorbed": absorbed}
    return {name: float(np.nanmean(score)) for name, score in scores.items()}


def planted(what: str, seed: int, folder: Path) -> Found:
    """Train a method on the demo corpus; return how well single features find its idioms."""
    method = METHODS[what]
    method.load()
    demo = Coded.load(folder / "planted.npz")
    learnt = method.train(demo.vectors, *PLANTED_SETTING, seed)
    codes, half = learnt.encode(demo.vectors), halves(demo.groups, seed)
    best = best_features(codes, demo.labels, half)
    absorbed = absorption(
        *(codes, demo.vectors - learnt.offset, learnt.decoder),
        *(demo.labels, half, best.features),
    )
    means = {"planted": np.nanmean(best.f1), "planted_absorbed": np.nanmean(absorbed)}
    return {name: float(mean) for name, mean in means.items()}


def stability(first: Matrix, second: Matrix) -> Found:
    """Compare the dictionaries of two trainings."""
    cosines = match(first, second)
    shares = {f"same_{least}": float(np.mean(cosines >= least)) for least in (0.7, 0.9)}
    return shares | {"same_cosine": float(cosines.mean())}


def prepare(data: Path, rows: int | None, folder: Path, *, quality: bool) -> None:
    """Embed what is measured, and leave it in `folder` for the processes to come."""
    corpus = read_corpus(data / "empathetic_dialogues.parquet").where(role="supporter")
    intents = corpus.table["intent"].to_numpy(object)[:, None] == np.array(INTENTS, dtype=object)
    Coded.of(corpus, intents, rows).save(folder / "messages.npz")
    if not quality:
        return
    corpus = read_corpus(data / "esconv_dev.csv").where(role="supporter")
    strategies = pd.get_dummies(corpus.table["strategy"]).to_numpy(bool)
    Coded.of(corpus, strategies, rows).save(folder / "strategies.npz")
    corpus = demo_corpus().where(role="supporter").units("sentence")
    truth = planted_units(corpus)
    held = pd.crosstab(truth["unit_id"], truth["idiom"]).reindex(corpus.ids, fill_value=0)
    Coded.of(corpus, held.to_numpy() > 0, rows).save(folder / "planted.npz")


def alone(function: Callable, *arguments: Any, **options: Any) -> Any:
    """Call a function in a new process, whose peak memory is then its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments, **options).result()


def choose(only: Sequence[str] | None) -> list[str]:
    """Return the methods to measure; say which are not installed."""
    chosen = []
    for what in only or METHODS:
        if METHODS[what].missing():
            print(f"{what} is left out: {METHODS[what].install}")
        else:
            chosen.append(what)
    return chosen


def setting(text: str) -> tuple[int, int]:
    """Read ``1024,16``."""
    n_features, k = map(int, text.split(","))
    return n_features, k


def say(row: dict[str, Any]) -> None:
    figures = [
        f"{name} {value:.3f}" if isinstance(value, float) else f"{name} {value}"
        for name, value in row.items()
    ]
    print(time.strftime("%H:%M:%S"), *figures, sep="  ", flush=True)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    add("--data", type=Path, default=default, metavar="FOLDER", help="conversations with codes")
    add("--settings", type=setting, nargs="+", default=SETTINGS, metavar="FEATURES,K")
    add("--only", nargs="+", choices=METHODS, metavar="NAME", help=", ".join(METHODS))
    packages = "where peers were installed with pip --target; looked in last"
    add("--packages", type=Path, nargs="+", default=[], metavar="FOLDER", help=packages)
    add("--seed", type=int, default=0)
    add("--rows", type=int, help="only so many first units of each corpus, for a quick try")
    add("--no-quality", action="store_true", help="speed and fit only")
    add("--out", type=Path, metavar="FILE.csv", help="written row by row")
    return parser.parse_args()


def main() -> None:
    options = read_options()
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # as the command line does; for all alike
    os.environ["TQDM_DISABLE"] = "1"  # in the processes to come: only rows of the table are printed
    sys.path += [str(folder.resolve()) for folder in options.packages]
    logging.basicConfig(level=logging.WARNING)
    quality = not options.no_quality
    methods = choose(options.only)
    rows: list[dict[str, Any]] = []
    idioms: dict[str, Found] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(options.data, options.rows, folder, quality=quality)
        for size, what in product(options.settings, methods):
            row = alone(measure, what, *size, options.seed, folder, quality=quality)
            if quality and what not in idioms:
                idioms[what] = alone(planted, what, options.seed, folder)
            rows.append(row | idioms.get(what, {}))
            say(rows[-1])
            if options.out:
                pd.DataFrame(rows).to_csv(options.out, index=False)
    table = pd.DataFrame(rows)
    places = {column: DECIMALS.get(column, 3) for column in table.columns}
    print(table.round(places).to_string(index=False))


if __name__ == "__main__":
    main()
