"""Measure the sparse autoencoder against HypotheSAEs, on one split of one corpus, in one run.

    python scripts/benchmark_sae.py CHATS.parquet
    python scripts/benchmark_sae.py --vectors VECTORS.npy --groups LABELS.npy

Prints one table: seconds, explained variance of the held-out tenth (whole conversations; around
the mean of the training rows), share of features that fire on no held-out row, and peak memory
of the training's own process. HypotheSAEs is measured if it is installed
(`pip install hypothesaes`), with its own defaults, from the same training rows.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import multiprocessing
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from saeidioms.machine import measured
from saeidioms.sae.autoencoder import SparseAutoencoder
from saeidioms.sae.metrics import explained_variance, sum_of_squares
from saeidioms.sae.size import split_rows

SETTINGS = [(1024, 16), (256, 8), (128, 2)]
COLUMNS = ["what", "features", "k", "seconds", "explained", "silent", "peak_mb"]


def ours(vectors: Path, groups: Path, n_features: int, k: int, seed: int) -> dict[str, float]:
    matrix = np.load(vectors)
    labels = np.load(groups)
    sae = SparseAutoencoder(n_features, k, seed=seed, device="cpu")
    with measured() as cost:
        sae.fit(matrix, groups=labels)
    return {
        "seconds": cost.seconds,
        "explained": sae.metrics_["explained_variance"],
        "silent": sae.metrics_["silent_share"],
        "peak_mb": cost.peak_memory_mb,
    }


def hypothesaes(
    vectors: Path, groups: Path, n_features: int, k: int, seed: int
) -> dict[str, float]:
    from hypothesaes.quickstart import train_sae

    matrix = np.load(vectors)
    train, held_out = split_rows(len(matrix), np.load(groups), seed)
    rows = matrix[train]
    with measured() as cost:
        sae = train_sae(embeddings=rows, M=n_features, K=k)
    activations = np.asarray(sae.get_activations(matrix[held_out]))
    import torch

    with torch.no_grad():
        inputs = torch.from_numpy(matrix[held_out])
        decoded = sae(inputs)[0].cpu().numpy()
    residual = sum_of_squares(matrix[held_out] - decoded, np.zeros(1, np.float32))
    total = sum_of_squares(matrix[held_out], rows.mean(axis=0))
    return {
        "seconds": cost.seconds,
        "explained": explained_variance(residual, total),
        "silent": float(np.mean(~(activations > 0).any(axis=0))),
        "peak_mb": cost.peak_memory_mb,
    }


def prepare(arguments: argparse.Namespace, folder: Path) -> tuple[Path, Path]:
    """Return files of vectors and group labels, embedding the chats where they are given."""
    groups = folder / "groups.npy"
    if arguments.vectors:
        np.save(groups, pd.factorize(np.load(arguments.groups, allow_pickle=False))[0])
        return arguments.vectors, groups
    from saeidioms.corpus.readers import read_corpus
    from saeidioms.embedding.embed import embed

    corpus = read_corpus(arguments.chats).where(role=arguments.role)
    vectors = folder / "vectors.npy"
    np.save(vectors, np.asarray(embed(corpus), dtype=np.float32))
    np.save(groups, pd.factorize(corpus.conversations)[0])
    return vectors, groups


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("chats", nargs="?", type=Path, help="file of conversations to embed")
    parser.add_argument("--vectors", type=Path, help=".npy file of (N, D) float32 instead")
    parser.add_argument("--groups", type=Path, help=".npy file of (N,) labels of conversations")
    parser.add_argument("--role", default="supporter", help="whose messages (default supporter)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ours-only", action="store_true", help="leave HypotheSAEs out")
    arguments = parser.parse_args()
    if bool(arguments.chats) == bool(arguments.vectors and arguments.groups):
        parser.error("give a file of chats, or --vectors and --groups")
    logging.basicConfig(level=logging.WARNING)
    measurers = {"saeidioms": ours}
    if not arguments.ours_only:
        if importlib.util.find_spec("hypothesaes"):
            measurers["HypotheSAEs"] = hypothesaes
        else:
            print("HypotheSAEs is not measured; pip install hypothesaes to compare with it.")
    table = []
    with tempfile.TemporaryDirectory() as folder:
        vectors, groups = prepare(arguments, Path(folder))
        for what, measure in measurers.items():
            for n_features, k in SETTINGS:
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    found = pool.apply(measure, (vectors, groups, n_features, k, arguments.seed))
                table.append({"what": what, "features": n_features, "k": k, **found})
                print(f"{time.strftime('%H:%M:%S')} {table[-1]}")
    print(pd.DataFrame(table, columns=COLUMNS).round(4).to_string(index=False))


if __name__ == "__main__":
    main()
