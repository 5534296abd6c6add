"""Train a dictionary on a matrix of any size, on one or several processes.

    python -m saeidioms.sae VECTORS --out DIR --n-features 1024 --k 16
    torchrun --nproc-per-node 4 -m saeidioms.sae VECTORS --out DIR --n-features 65536 --k 64

VECTORS is an .npy file of (N, D) float16 or float32, which is read block by block, or the
embeddings folder of a run. The processes of torchrun share the rows of every batch (on GPUs by
NCCL, one each; else by gloo), and end with the same dictionary as one process would. The training
goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import importlib.util
import inspect
import logging
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import distributed

from saeidioms.config import bind
from saeidioms.embedding.embeddings import Embeddings
from saeidioms.errors import InputError, SaeidiomsError
from saeidioms.sae.autoencoder import SparseAutoencoder
from saeidioms.sae.team import Team

KINDS = {
    "sparsity": str,
    "log_dir": Path,
    "device": str,
    "learning_rate": float,
    "aux_coefficient": float,
}


def main() -> None:
    """Train, save, and encode where that is asked for; exits with 2 where the user can mend it."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    parsed = vars(_parser().parse_args())
    vectors, out, encode = parsed.pop("vectors"), parsed.pop("out"), parsed.pop("encode")
    given = {name: value for name, value in parsed.items() if value is not None}
    try:
        _train(_open(vectors), out, given, encode=encode)
    except SaeidiomsError as error:
        print(f"saeidioms: {error}", file=sys.stderr)
        sys.exit(2)
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()


def _train(matrix: Any, out: Path, given: dict[str, Any], *, encode: bool) -> None:
    options = bind("sae", SparseAutoencoder, given)
    options["checkpoint"] = out / "checkpoint.safetensors"
    if options["log_dir"] is None and importlib.util.find_spec("tensorboard"):
        options["log_dir"] = out / "tensorboard"
    if "LOCAL_RANK" in os.environ:
        options["device"] = _join(options["device"])
    sae = SparseAutoencoder(**options).fit(matrix)
    if Team.current().rank:
        return
    sae.save(out)
    print(", ".join(f"{name} {value:.4g}" for name, value in sae.metrics_.items()))
    if encode:
        sae.encode_to(matrix, out / "activations")


def _join(device: str | None) -> str:
    """Join the processes that torchrun started; return this one's device."""
    on_gpu = (device is None and torch.cuda.is_available()) or str(device).startswith("cuda")
    distributed.init_process_group("nccl" if on_gpu else "gloo")
    if Team.current().rank:
        logging.disable(logging.WARNING)  # said once
    return f"cuda:{os.environ['LOCAL_RANK']}" if on_gpu else device or "cpu"


def _open(path: Path) -> Any:
    if path.is_dir():
        return Embeddings.load(path)
    try:
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read ({error}); give an .npy file or an embeddings folder."
        ) from error
    if matrix.ndim != 2 or matrix.dtype not in (np.float16, np.float32):
        raise InputError(
            f"{path} holds {matrix.dtype} of shape {matrix.shape}; give (N, D) float16 or float32."
        )
    return matrix


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("saeidioms.sae", description=__doc__, formatter_class=raw)
    parser.add_argument("vectors", metavar="VECTORS", type=Path)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder")
    parser.add_argument("--encode", action="store_true", help="write the rows' activations, too")
    options = parser.add_argument_group("options of SparseAutoencoder")
    for name in inspect.signature(SparseAutoencoder).parameters:
        flag = "--" + name.replace("_", "-")
        if name == "prefixes":
            options.add_argument(flag, type=float, nargs="+")
        elif name != "checkpoint":
            options.add_argument(flag, type=KINDS.get(name, int))
    return parser


if __name__ == "__main__":
    main()
