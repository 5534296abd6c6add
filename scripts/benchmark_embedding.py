"""Measure embedding against plain sentence-transformers, on the same texts, in one run.

    python scripts/benchmark_embedding.py [--chats FILE] [--texts 4000] [--rounds 3]

Prints texts per second (the best of the rounds, which alternate between the methods so that all
see the same machine), the ratio to plain `SentenceTransformer.encode`, the smallest cosine to its
float32 vectors, and the arithmetic reached, as GFLOP/s of the model's matrix products on the
tokens of the texts (padding is not counted) and as a share of a large product's on this machine.
"""

from __future__ import annotations

import argparse
import logging
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from saeidioms.corpus.readers import read_corpus
from saeidioms.embedding.encoders import _computes_in_bfloat16, _load, load_encoder
from saeidioms.seeds import generator

MODEL = "sentence-transformers/all-MiniLM-L6-v2"


def peak_gflops(dtype: torch.dtype) -> float:
    """Return GFLOP/s of a product of the model's widest layer's shape on 2,048 tokens."""
    left, right = torch.randn(2048, 384, dtype=dtype), torch.randn(384, 1536, dtype=dtype)
    best = float("inf")
    for _ in range(50):
        start = time.perf_counter()
        left @ right
        best = min(best, time.perf_counter() - start)
    return 2 * 2048 * 384 * 1536 / best / 1e9


def main() -> None:
    data = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chats", type=Path, default=data / "empathetic_dialogues.parquet")
    parser.add_argument("--role", default="supporter")
    parser.add_argument("--texts", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    os.environ["HF_HUB_OFFLINE"] = "1"

    texts = np.unique(read_corpus(arguments.chats).where(role=arguments.role).texts)
    chosen = generator(0, "benchmark").choice(len(texts), arguments.texts, replace=False)
    sample = texts[np.sort(chosen)].tolist()
    plain = _load(MODEL, "cpu", False)
    methods = {
        "sentence-transformers, float32": lambda: plain.encode(sample, show_progress_bar=False),
        "saeidioms, float32": load_encoder(MODEL, precision="float32", device="cpu"),
        "saeidioms, bfloat16": load_encoder(MODEL, precision="bfloat16", device="cpu"),
    }
    automatic = "bfloat16" if _computes_in_bfloat16(torch.device("cpu")) else "float32"
    seconds = dict.fromkeys(methods, float("inf"))
    vectors = {}
    for _ in range(arguments.rounds):
        for name, method in methods.items():
            start = time.perf_counter()
            vectors[name] = method() if callable(method) else method.encode(sample)
            seconds[name] = min(seconds[name], time.perf_counter() - start)

    tokens = int(plain.preprocess(sample)["attention_mask"].sum())
    weights = sum(
        module.weight.numel() for module in plain.modules() if isinstance(module, torch.nn.Linear)
    )
    first, *_ = methods
    exact = vectors[first]
    rows = []
    for name, taken in seconds.items():
        kind = torch.bfloat16 if "bfloat16" in name else torch.float32
        reached = 2 * weights * tokens / taken / 1e9
        rows.append(
            {
                "method": name + (" (chosen by auto)" if name == f"saeidioms, {automatic}" else ""),
                "texts/s": round(len(sample) / taken),
                "ratio": round(seconds[first] / taken, 2),
                "cosine": round(float((vectors[name] * exact).sum(axis=1).min()), 5),
                "GFLOP/s": round(reached),
                "of peak": f"{reached / peak_gflops(kind):.0%}",
            }
        )
    print(f"{len(sample):,} texts, {tokens:,} tokens, {torch.get_num_threads()} threads")
    print(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main()
