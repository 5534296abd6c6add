"""Measure the training of TopK dictionaries on a GPU against peers, and against the hardware.

    python scripts/benchmark_gpu.py [--settings 384,1024,16 768,8192,32 1536,65536,64]
        [--batch 4096] [--passes 20] [--rows 131072] [--packages FOLDER ...] [--device cuda]

Rows are drawn from a normal distribution: only speed is measured here. A training of `passes` and
one of twice as many are timed; their difference leaves out what comes once (loading, compiling,
recording). Everybody trains on the same rows, with the same batches, in one run.

million_rows_s  rows a second, in millions
share           of the time that the hardware's limits leave: the encoder's product at the rate that
                a large bfloat16 product reaches here, and the bytes that Adam has to move (weight,
                gradient and two moments of 2 F D numbers) at the rate that a large copy reaches
ratio           rows a second of saeidioms over this one's

HypotheSAEs' and sparsify's own code is used as they come (`pip install hypothesaes eai-sparsify`);
what is not installed is left out. sparsify's trainer wants a language model, so that its
`SparseCoder` is trained here by a loop of four lines with torch's fused Adam.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

SETTINGS = [(384, 1024, 16), (768, 8192, 32), (1536, 65536, 64)]
ADAM_ACCESSES = 8  # of a weight: its gradient is cleared, four are read, three are written

Matrix = npt.NDArray[np.float32]


def saeidioms(rows: Matrix, n_features: int, k: int, batch: int, passes: int, device: str) -> None:
    from saeidioms.sae.autoencoder import SparseAutoencoder

    steps = passes * (len(rows) // batch)
    SparseAutoencoder(
        *(n_features, k), max_steps=steps, batch_size=batch, patience=steps, device=device
    ).fit(rows)


def hypothesaes(
    rows: Matrix, n_features: int, k: int, batch: int, passes: int, device: str
) -> None:
    from hypothesaes.quickstart import train_sae

    train_sae(rows, n_features, k, batch_size=batch, n_epochs=passes, show_progress=False)


def sparsify(rows: Matrix, n_features: int, k: int, batch: int, passes: int, device: str) -> None:
    from sparsify import SparseCoder, SparseCoderConfig

    coder = SparseCoder(
        rows.shape[1], SparseCoderConfig(num_latents=n_features, k=k), device=device
    )
    adam = torch.optim.Adam(coder.parameters(), lr=1e-3, fused=True)
    held = torch.from_numpy(rows).to(device)
    for _ in range(passes):
        for places in torch.randperm(len(held), device=device).split(batch):
            coder(held[places]).fvu.backward()
            adam.step()
            adam.zero_grad()
            coder.set_decoder_norm_to_unit_norm()


METHODS: dict[str, Callable[..., None]] = {
    "saeidioms": saeidioms,
    "hypothesaes": hypothesaes,
    "sparsify": sparsify,
}


def best_seconds(function: Callable[[], object], device: str, times: int = 5) -> float:
    """Return the seconds of the fastest of some calls."""
    best = float("inf")
    for _ in range(times):
        wait(device)
        start = time.perf_counter()
        function()
        wait(device)
        best = min(best, time.perf_counter() - start)
    return best


def wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def limits(device: str) -> tuple[float, float]:
    """Return what is reached here: operations a second of a bfloat16 product, bytes a second."""
    side, numbers = (8192, 2**28) if device.startswith("cuda") else (1024, 2**24)
    square = torch.randn(side, side, device=device).bfloat16()
    source = torch.empty(numbers, device=device)
    target = torch.empty_like(source)
    product = best_seconds(lambda: square @ square, device)
    copy = best_seconds(lambda: target.copy_(source), device)
    return 2 * side**3 / product, 2 * 4 * numbers / copy


def rows_per_second(
    train: Callable[..., None], arguments: tuple, passes: int, device: str
) -> float:
    """Return the rows a second of a training, without what comes once."""
    seconds = []
    train(*arguments, 1, device)
    for n in (passes, 2 * passes):
        wait(device)
        start = time.perf_counter()
        train(*arguments, n, device)
        wait(device)
        seconds.append(time.perf_counter() - start)
    return passes * len(arguments[0]) / (seconds[1] - seconds[0])


def setting(text: str) -> tuple[int, int, int]:
    """Read ``384,1024,16``."""
    width, n_features, k = map(int, text.split(","))
    return width, n_features, k


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--settings", type=setting, nargs="+", default=SETTINGS, metavar="D,FEATURES,K")
    add("--batch", type=int, default=4096)
    add("--passes", type=int, default=20)
    add("--rows", type=int, default=2**17)
    add("--packages", type=Path, nargs="+", default=[], help="where peers were installed")
    add("--device", default="cuda")
    options = parser.parse_args()
    sys.path += [str(folder.resolve()) for folder in options.packages]
    os.environ["TQDM_DISABLE"] = "1"
    device = options.device
    arithmetic, bandwidth = limits(device)
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else device
    print(f"{name}: {arithmetic / 1e12:.1f} TFLOP/s in bfloat16, {bandwidth / 1e9:.0f} GB/s")
    table = []
    for width, n_features, k in options.settings:
        rows = np.random.default_rng(0).standard_normal((options.rows, width), np.float32)
        step = 2 * options.batch * width * n_features / arithmetic
        step += ADAM_ACCESSES * 4 * 2 * n_features * width / bandwidth
        ours = float("nan")
        for what, train in METHODS.items():
            if importlib.util.find_spec(what) is None:
                print(f"{what} is left out: it is not installed")
                continue
            try:
                arguments = (rows, n_features, k, options.batch)
                speed = rows_per_second(train, arguments, options.passes, device)
            except torch.OutOfMemoryError:
                print(f"{what} runs out of memory at {width, n_features, k}")
                torch.cuda.empty_cache()
                continue
            ours = speed if what == "saeidioms" else ours
            table.append(
                {
                    **{"what": what, "d": width, "features": n_features, "k": k},
                    "million_rows_s": speed / 1e6,
                    "share": speed * step / options.batch,
                    "ratio": ours / speed,
                }
            )
            print(pd.DataFrame(table[-1:]).round(3).to_string(index=False))
    print(pd.DataFrame(table).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
