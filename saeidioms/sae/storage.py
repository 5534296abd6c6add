"""How a trained dictionary lies on disk, and how it is checked when it is read again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from saeidioms.artifacts import atomic_path, digest_bytes, read_json, write_json
from saeidioms.errors import ArtifactError, InputError

FORMAT, KIND = 2, "saeidioms sparse autoencoder"
CONFIG, WEIGHTS, HISTORY = "config.json", "model.safetensors", "history.csv"

DECISIVE = ("encoder", "encoder_bias", "components", "mean", "threshold")

Tensors = dict[str, npt.NDArray[np.float32]]


def structure(n_features: int, width: int) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of every stored tensor; all are float32."""
    return {
        "encoder": (n_features, width),
        "encoder_bias": (n_features,),
        "components": (n_features, width),
        "mean": (width,),
        "threshold": (n_features,),
        "density": (n_features,),
        "stability": (n_features,),
    }


def check_shapes(tensors: Tensors) -> None:
    """Raise InputError where weights do not fit the encoder's shape."""
    if tensors["encoder"].ndim != 2:
        raise InputError(f"encoder is of shape {tensors['encoder'].shape}; give (F, D).")
    expected = structure(*tensors["encoder"].shape)
    for name, tensor in tensors.items():
        if tensor.shape != expected[name]:
            raise InputError(
                f"{name} is of shape {tensor.shape}, but the encoder asks for {expected[name]}; "
                "give weights of one dictionary."
            )
        if not np.isfinite(tensor).all():
            raise InputError(f"{name} holds NaN or infinite numbers; give finite weights.")


def digest_model(tensors: Tensors, rule: Mapping[str, Any]) -> str:
    """Return the digest of weights and sparsity rule: what decides the codes, and nothing else."""
    parts = [json.dumps(dict(rule), sort_keys=True).encode()]
    for name in DECISIVE:
        array = np.ascontiguousarray(tensors[name])
        parts += [name.encode(), repr(array.shape).encode(), array.tobytes()]
    return digest_bytes(*parts)


def write_model(
    folder: Path, tensors: Tensors, config: Mapping[str, Any], history: pd.DataFrame
) -> None:
    """Write the three files, the configuration last."""
    with atomic_path(folder / WEIGHTS) as path:
        save_file({name: np.ascontiguousarray(array) for name, array in tensors.items()}, path)
    with atomic_path(folder / HISTORY) as path:
        history.to_csv(path, index=False, lineterminator="\n")
    write_json(folder / CONFIG, {"kind": KIND, "format": FORMAT, **config})


def read_model(folder: Path) -> tuple[Tensors, dict[str, Any], pd.DataFrame]:
    """Read and check the three files.

    Raises
    ------
    ArtifactError
        If one is missing or damaged, a tensor has another shape or dtype than the configuration
        says, or weights and configuration are of different dictionaries.
    """
    config = read_json(folder / CONFIG)
    if config.get("kind") != KIND or config.get("format") != FORMAT:
        raise ArtifactError(
            f"{folder / CONFIG} describes {config.get('kind', 'something unknown')!r} of format "
            f"{config.get('format')}; this version reads {KIND!r} of format {FORMAT}: train again."
        )
    missing = {"n_features", "width", "sparsity", "digest", "options", "metrics"} - config.keys()
    if missing:
        raise ArtifactError(f"{folder / CONFIG} lacks {', '.join(sorted(missing))}; train again.")
    path = folder / WEIGHTS
    try:
        tensors = load_file(path)
        history = pd.read_csv(folder / HISTORY)
    except FileNotFoundError as error:
        raise ArtifactError(f"{error.filename or path} is missing; train again.") from error
    except (OSError, SafetensorError, ValueError) as error:
        raise ArtifactError(f"{folder} is damaged ({error}); train again.") from error
    _check(path, tensors, structure(config["n_features"], config["width"]))
    if digest_model(tensors, config["sparsity"]) != config["digest"]:
        raise ArtifactError(
            f"{path} holds other weights than {folder / CONFIG} describes (their digests differ); "
            "copy both files from the same dictionary, or train again."
        )
    return tensors, config, history


def _check(path: Path, tensors: Tensors, expected: Mapping[str, tuple[int, ...]]) -> None:
    for name, shape in expected.items():
        if name not in tensors:
            raise ArtifactError(f"{path} lacks the tensor {name}; train again.")
        found = tensors[name]
        if found.shape != shape or found.dtype != np.float32:
            raise ArtifactError(
                f"{path}: tensor {name} is {found.dtype} of shape {found.shape}, but {CONFIG} says "
                f"float32 of shape {shape}; copy both files from the same dictionary."
            )
    unknown = sorted(tensors.keys() - expected.keys())
    if unknown:
        raise ArtifactError(f"{path} holds the unknown tensor {unknown[0]}; train again.")
