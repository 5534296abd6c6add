"""Dictionaries from and for other toolkits: folders of SAELens, checkpoints of HypotheSAEs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from pickle import UnpicklingError
from textwrap import shorten
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.numpy import save_file
from safetensors.torch import load_file
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from saeidioms.artifacts import atomic_path, write_json
from saeidioms.errors import ArtifactError
from saeidioms.sae.autoencoder import SparseAutoencoder

CONFIG, WEIGHTS = "cfg.json", "sae_weights.safetensors"
SAELENS_VERSION = "6.54.12"  # whose layout is written; SAELens takes what names none for older

READABLE = {  # what a configuration may say, and what to do if it says something else
    "architecture": (
        ("topk", "jumprelu", "standard"),
        "write a dictionary in training with save_inference_model, or give one of these",
    ),
    "normalize_activations": (
        ("none",),
        "fold the normalisation into the weights with SAELens, or give another dictionary",
    ),
    "reshape_activations": (("none",), "give a dictionary of plain rows"),
}

Array = npt.NDArray[np.float32]


def write_saelens(sae: SparseAutoencoder, folder: str | Path) -> None:
    """Write ``cfg.json`` and ``sae_weights.safetensors`` for ``sae_lens.SAE.load_from_disk``.

    SAELens then encodes and decodes as `sae` does: a top-k dictionary as its ``topk``, thresholds
    as its ``jumprelu``, and thresholds that are all zero as its ``standard``.

    Parameters
    ----------
    sae
        A fitted dictionary.
    folder
        Where to; made if it is not there.

    Raises
    ------
    ArtifactError
        If the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(200, 16))
    >>> sae = SparseAutoencoder(n_features=8, k=2, max_steps=20).fit(rows)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_saelens(sae, folder)
    ...     again = read_saelens(folder)
    >>> bool((again.transform(rows) != sae.transform(rows)).nnz)
    False
    """
    check_is_fitted(sae)
    folder = Path(folder)
    n_features, width = sae.encoder_.shape
    tensors = {
        "W_enc": sae.encoder_.T,
        "b_enc": sae.encoder_bias_,
        "W_dec": sae.components_,
        "b_dec": sae.mean_,
    }
    if sae.sparsity_ == "topk":
        rule = {"architecture": "topk", "k": sae.k_, "rescale_acts_by_decoder_norm": False}
    elif sae.threshold_.any():
        rule = {"architecture": "jumprelu"}
        tensors["threshold"] = sae.threshold_
    else:
        rule = {"architecture": "standard"}
    with atomic_path(folder / WEIGHTS) as path:
        save_file({name: np.ascontiguousarray(array) for name, array in tensors.items()}, path)
    config = {
        **rule,
        "d_in": width,
        "d_sae": n_features,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {
            "sae_lens_version": SAELENS_VERSION,
            "sae_lens_training_version": None,
            "trained_with": "saeidioms",
            "digest": sae.digest_,
        },
    }
    write_json(folder / CONFIG, config)


def read_saelens(folder: str | Path) -> SparseAutoencoder:
    """Read a dictionary that SAELens 6 (or `write_saelens`) wrote.

    Parameters
    ----------
    folder
        Holds ``cfg.json`` and ``sae_weights.safetensors``, of the architecture ``topk``,
        ``jumprelu`` or ``standard``.

    Returns
    -------
    SparseAutoencoder
        With the activations and reconstructions of SAELens, computed in float32 whatever type the
        weights are stored in. Rows of ``components_`` keep their lengths, unless SAELens selects
        by activations times these lengths; they then become 1, which changes no activation.

    Raises
    ------
    ArtifactError
        If a file is missing or damaged, or the dictionary has a part that we do not.
    """
    path = Path(folder) / CONFIG
    config = _read_config(path)
    architecture = config["architecture"]
    shapes = _saelens_shapes(config["d_sae"], config["d_in"])
    if architecture == "jumprelu":
        shapes["threshold"] = (config["d_sae"],)
    weights = Path(folder) / WEIGHTS
    found = _load(weights, load_file)
    arrays = _check(weights, found, shapes, f"{CONFIG} says")
    encoder, components = np.ascontiguousarray(arrays["W_enc"].T), arrays["W_dec"]
    bias, mean = arrays["b_enc"], arrays["b_dec"]
    if not config.get("apply_b_dec_to_input", True):
        bias = (bias + encoder.astype(np.float64) @ mean).astype(np.float32)
    if architecture == "topk":
        k = _check_k(path, "k", config.get("k"), len(encoder))
        if config.get("rescale_acts_by_decoder_norm", False):
            encoder, bias, components = _fold_lengths(encoder, bias, components)
        return SparseAutoencoder.from_weights(encoder, bias, components, mean, k=k)
    if architecture == "standard":
        return SparseAutoencoder.from_weights(encoder, bias, components, mean, sparsity="relu")
    threshold = np.maximum(arrays["threshold"], 0)  # below 0 SAELens's ReLU decides, as ours does
    return SparseAutoencoder.from_weights(
        *(encoder, bias, components, mean), sparsity="jumprelu", threshold=threshold
    )


def read_hypothesaes(file: str | Path) -> SparseAutoencoder:
    """Read a dictionary that HypotheSAEs 2 saved.

    Parameters
    ----------
    file
        The ``.pt`` file of ``hypothesaes.sae.SparseAutoencoder.save``; only tensors and plain
        values are read, so that a foreign file cannot run code.

    Returns
    -------
    SparseAutoencoder
        With the activations of its ``get_activations``. Trained with ``use_batch_topk``, one
        threshold serves all features; else k features are active in a row. The other options
        (Matryoshka prefixes, multi-k, auxiliary k) are of the training and change no activation.

    Raises
    ------
    ArtifactError
        If the file is missing, damaged or of another program.
    """
    path = Path(file)
    saved = _load(path, _load_checkpoint)
    config = saved.get("config") if isinstance(saved, dict) else None
    found = saved.get("state_dict") if isinstance(saved, dict) else None
    if not isinstance(config, dict) or not isinstance(found, dict):
        raise ArtifactError(
            f"{path} holds no config and state_dict; give a .pt file that HypotheSAEs saved."
        )
    n_features = _check_size(path, "m_total_neurons", config.get("m_total_neurons"))
    width = _check_size(path, "input_dim", config.get("input_dim"))
    k = _check_k(path, "k_active_neurons", config.get("k_active_neurons"), n_features)
    shapes: dict[str, tuple[int, ...]] = {
        "encoder.weight": (n_features, width),
        "neuron_bias": (n_features,),
        "decoder.weight": (width, n_features),
        "input_bias": (width,),
        "threshold": (),
    }
    arrays = _check(path, found, shapes, "its config says")
    weights = (
        arrays["encoder.weight"],
        arrays["neuron_bias"],
        np.ascontiguousarray(arrays["decoder.weight"].T),
        arrays["input_bias"],
    )
    if not config.get("use_batch_topk", False):
        return SparseAutoencoder.from_weights(*weights, k=k)
    threshold = np.full(n_features, arrays["threshold"], dtype=np.float32)
    return SparseAutoencoder.from_weights(*weights, sparsity="batch_topk", k=k, threshold=threshold)


def _read_config(path: Path) -> dict[str, Any]:
    """Return the configuration of a SAELens dictionary that ours can stand for."""
    config = _load(path, lambda file: json.loads(file.read_text(encoding="utf-8")))
    if not isinstance(config, dict):
        raise ArtifactError(f"{path} holds no JSON object; give a folder that SAELens wrote.")
    metadata = config.get("metadata")
    inner = metadata.get("sae_lens_version") if isinstance(metadata, dict) else None
    version = config.get("sae_lens_version") or inner
    if not re.match(r"([6-9]|\d\d+)\.", str(version)):
        raise ArtifactError(
            f"{path} was written by SAELens {version or 'of an unknown version'}, and the layout "
            "before 6 differs; load it with SAELens 6 and write it again with save_model."
        )
    for name, (allowed, mend) in READABLE.items():
        value = config.get(name, "none")
        if value not in allowed:
            raise ArtifactError(
                f"{path}: {name} is {value!r}, but only {', '.join(allowed)} can be read; {mend}."
            )
    for name in ("d_in", "d_sae"):
        _check_size(path, name, config.get(name))
    return config


def _saelens_shapes(n_features: int, width: int) -> dict[str, tuple[int, ...]]:
    return {
        "W_enc": (width, n_features),
        "b_enc": (n_features,),
        "W_dec": (n_features, width),
        "b_dec": (width,),
    }


def _fold_lengths(encoder: Array, bias: Array, components: Array) -> tuple[Array, Array, Array]:
    """Move the lengths of the decoder's rows to the encoder, where SAELens applies them."""
    lengths = np.linalg.norm(components.astype(np.float64), axis=1)
    divisors = np.where(lengths > 0, lengths, 1)[:, None]  # of length 0: a feature never fires
    parts = (encoder * lengths[:, None], bias * lengths, components / divisors)
    encoder, bias, components = (part.astype(np.float32) for part in parts)
    return encoder, bias, components


def _load_checkpoint(path: Path) -> Any:
    return torch.load(path, map_location="cpu", weights_only=True)


def _load(path: Path, read: Callable[[Path], Any]) -> Any:
    """Return what `read` makes of the file, or say that it is missing or damaged."""
    try:
        return read(path)
    except FileNotFoundError as error:
        raise ArtifactError(f"{path} is missing; give the place it was saved to.") from error
    except UnpicklingError as error:  # its own sentence advises to run what the file holds
        raise ArtifactError(
            f"{path} is damaged or holds more than tensors and plain values; save it again."
        ) from error
    except (OSError, ValueError, EOFError, RuntimeError, KeyError, SafetensorError) as error:
        reason = shorten(str(error) or type(error).__name__, 160)
        raise ArtifactError(
            f"{path} is damaged or of another program ({reason}); save or copy it again."
        ) from error


def _check(
    path: Path, found: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], source: str
) -> dict[str, Array]:
    """Return the tensors as float32 arrays, if they are those that `shapes` lists."""
    unknown = sorted(str(name) for name in found.keys() - shapes.keys())
    missing = sorted(shapes.keys() - found.keys())
    if missing:
        raise ArtifactError(
            f"{path} lacks the tensor {missing[0]}"
            f"{f' and holds the unknown {unknown[0]}' if unknown else ''}; save it again."
        )
    if unknown:
        raise ArtifactError(
            f"{path} holds the tensor {unknown[0]}, which has no place in a dictionary of ours; "
            "give one without."
        )
    arrays = {}
    for name, shape in shapes.items():
        tensor = found[name]
        if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
            kind = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
            raise ArtifactError(f"{path}: {name} is {kind}, not a tensor of floats; save it again.")
        if tuple(tensor.shape) != shape:
            raise ArtifactError(
                f"{path}: tensor {name} has the shape {tuple(tensor.shape)}, but {source} {shape}; "
                "save both again from the same dictionary."
            )
        arrays[name] = tensor.detach().to(torch.float32).contiguous().numpy()
        if not np.isfinite(arrays[name]).all():
            raise ArtifactError(f"{path}: tensor {name} holds NaN or infinity; train it again.")
    return arrays


def _check_size(path: Path, name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ArtifactError(f"{path}: {name} is {value!r}, not a whole number from 1 on; mend it.")
    return value


def _check_k(path: Path, name: str, value: Any, n_features: int) -> int:
    k = _check_size(path, name, value)
    if k > n_features:
        raise ArtifactError(f"{path}: {name} is {k}, but there are {n_features} features; mend it.")
    return k
