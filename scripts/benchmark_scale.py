"""Measure training and encoding of more rows than memory holds, from 10^5 to 10^7.

    python scripts/benchmark_scale.py [--rows 100000 1000000 10000000] [--folder DIR]

Rows (float16, 384 wide) are generated: each the sum of 16 of 2,048 directions, and noise. Each
number of rows is trained on for one pass and encoded to CSR on disk in a process of its own, with
1,024 features of which 16 are active. The largest takes 8 GB of disk for the rows and 1.3 GB for
the codes; both are deleted at the end.

Prints one table: seconds of training and of encoding, microseconds a row, peak resident memory
(libraries included), and explained variance of the held-out rows.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from saeidioms.machine import measured
from saeidioms.sae.activations import SHARD_ROWS
from saeidioms.sae.autoencoder import SparseAutoencoder

WIDTH, DIRECTIONS, ACTIVE = 384, 2048, 16
N_FEATURES, K, BATCH = 1024, 16, 512
CHUNK = 50_000


def generate(path: Path, n_rows: int, seed: int) -> None:
    """Write an .npy file of (n_rows, WIDTH) float16."""
    random = np.random.default_rng(seed)
    directions = random.standard_normal((DIRECTIONS, WIDTH), dtype=np.float32) / np.sqrt(WIDTH)
    rows = np.lib.format.open_memmap(path, "w+", np.float16, (n_rows, WIDTH))
    for start in tqdm(range(0, n_rows, CHUNK), f"generating {n_rows:,} rows", disable=None):
        block = 0.02 * random.standard_normal((min(CHUNK, n_rows - start), WIDTH), np.float32)
        for _ in range(ACTIVE):
            chosen = random.zipf(1.3, len(block)) % DIRECTIONS
            block += random.gamma(2, 0.5, (len(block), 1)).astype(np.float32) * directions[chosen]
        rows[start : start + len(block)] = block
    rows.flush()


def train_and_encode(path: Path, folder: Path) -> dict[str, float]:
    """Train on the rows of a file for one pass, and write their activations to `folder`."""
    matrix = np.load(path, mmap_mode="r")
    steps = len(matrix) // BATCH
    with measured() as training:
        sae = SparseAutoencoder(N_FEATURES, K, max_steps=steps, batch_size=BATCH, device="cpu")
        sae.fit(matrix)
    with measured() as encoding:
        sae.encode_to(matrix, folder)
    shards = len(list(folder.glob("*.safetensors")))
    assert shards == -(-len(matrix) // SHARD_ROWS)
    return {
        "rows": len(matrix),
        "train_s": training.seconds,
        "encode_s": encoding.seconds,
        "us_per_row": 1e6 * (training.seconds + encoding.seconds) / len(matrix),
        "peak_mb": max(training.peak_memory_mb, encoding.peak_memory_mb),
        "explained": sae.metrics_["explained_variance"],
    }


def main() -> None:
    """Print the table."""
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[10**5, 10**6, 10**7])
    parser.add_argument("--folder", type=Path, help="where to write; default: the system's")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    table = []
    for n_rows in arguments.rows:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
            folder = Path(name)
            generate(folder / "rows.npy", n_rows, arguments.seed)
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                places = (folder / "rows.npy", folder / "activations")
                table.append(pool.apply(train_and_encode, places))
        print(pd.DataFrame(table[-1:]).round(3).to_string(index=False), flush=True)
    print(pd.DataFrame(table).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
