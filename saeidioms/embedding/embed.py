"""Embed units: distinct texts only, known ones from disk, the rest by length."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import platformdirs

from saeidioms.corpus.corpus import Corpus
from saeidioms.embedding.embeddings import Embeddings
from saeidioms.embedding.spec import Encoder, EncoderSpec, Precision
from saeidioms.embedding.store import VectorStore, fill_from, text_keys
from saeidioms.errors import ArtifactError, InputError, OptionError
from saeidioms.progress import bar

logger = logging.getLogger(__name__)

CHUNK = 4096  # texts between two shards: what an interruption can cost
SAMPLE = 64  # texts on which a lower precision is checked


def embed(
    corpus: Corpus | Sequence[str],
    *,
    model: str = "all-MiniLM-L6-v2",
    prompt: str | None = None,
    dimensions: int | None = None,
    precision: Precision = "auto",
    device: str | None = None,
    trust_remote_code: bool = False,
    cache: str | Path | None = None,
    known: Embeddings | None = None,
) -> Embeddings:
    """Turn units into vectors of unit length.

    Parameters
    ----------
    corpus
        A corpus, or plain texts (whose ids are their positions).
    model
        Name or folder of a sentence-transformers model. The default is in the ``offline`` extra.
    prompt
        Text put before every unit, for models that want one.
    dimensions
        Keep the first so many dimensions of a Matryoshka model.
    precision
        ``"auto"``, ``"float32"`` or ``"bfloat16"``; see `load_encoder`.
    device
        Where to compute, such as ``"cpu"`` or ``"cuda"``; None: a GPU where there is one.
    trust_remote_code
        Run code that comes with the model.
    cache
        Folder where vectors are kept over runs; None: ``$SAEIDIOMS_CACHE``, or the user's cache.
    known
        Embeddings whose vectors are taken for the same texts, and whose precision is kept.

    Returns
    -------
    Embeddings
        float16 vectors, whether just made or found on disk.

    Raises
    ------
    OptionError
        If the model cannot be had, or an option is out of range.
    InputError
        If there is no text.

    Examples
    --------
    >>> import saeidioms as si
    >>> si.embed(["I'm so sorry to hear that.", "Have you tried yoga?"]).shape
    (2, 384)
    """
    from saeidioms.embedding.encoders import load_encoder  # here: it imports for four seconds

    texts, ids = _texts(corpus)
    index, unique = pd.factorize(pd.Series(texts, dtype=object))
    keys = text_keys(unique)
    encoder = load_encoder(
        model,
        prompt=prompt,
        dimensions=dimensions,
        precision=known.encoder.precision if known else precision,
        device=device,
        trust_remote_code=trust_remote_code,
        sample=[unique[row] for row in np.argsort(keys.view("S16"))[:SAMPLE]],
    )
    vectors = np.empty((len(unique), encoder.spec.dimensions), dtype=np.float16)
    done = np.zeros(len(unique), dtype=bool)
    if known is not None:
        if known.encoder != encoder.spec:
            raise OptionError(
                f"model {encoder.spec.model} is not as it was when the known vectors were made; "
                "use the same model, prompt and dimensions."
            )
        done |= fill_from(known.keys, known.vectors, keys, vectors, ~done)
    store = _open_store(cache, encoder.spec.key)
    done |= store.fill(keys, vectors, ~done)
    missing = np.flatnonzero(~done)
    logger.info(
        "Embedding %s distinct texts with %s (%s), of which %s are kept from before.",
        *(f"{len(unique):,}", encoder.spec.model, encoder.spec.precision, f"{done.sum():,}"),
    )
    _encode(encoder, store, unique, keys, missing, vectors)
    if encoder.truncated:
        logger.warning(
            "%s texts are longer than the model reads; what is beyond is not in their vectors.",
            f"{encoder.truncated:,}",
        )
    return Embeddings(vectors, index.astype(np.int64), ids, keys, encoder.spec)


def embed_like(spec: EncoderSpec) -> Callable[[list[str]], npt.NDArray[np.float32]]:
    """Return what embeds further texts as an encoder did, which is loaded by its name."""

    def encode(texts: list[str]) -> npt.NDArray[np.float32]:
        vectors = embed(
            texts,
            model=spec.model,
            prompt=spec.prompt,
            dimensions=spec.dimensions,
            precision=spec.precision,
        )
        return np.asarray(vectors, dtype=np.float32)

    return encode


def _texts(corpus: Corpus | Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(corpus, Corpus):
        return corpus.texts, corpus.ids
    texts = np.array(list(corpus), dtype=object)
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputError(f"text {row} is {text!r}, not text; give a list of strings.")
    if not len(texts):
        raise InputError("there is no text to embed; give at least one.")
    return texts, np.array([str(row) for row in range(len(texts))], dtype=object)


def _open_store(cache: str | Path | None, key: str) -> VectorStore:
    place = cache or os.environ.get("SAEIDIOMS_CACHE") or platformdirs.user_cache_dir("saeidioms")
    return VectorStore(Path(place) / "embeddings" / key)


def _encode(
    encoder: Encoder,
    store: VectorStore | None,
    texts: np.ndarray,
    keys: np.ndarray,
    missing: np.ndarray,
    vectors: np.ndarray,
) -> None:
    """Fill the missing rows of `vectors`, keeping every chunk in the store at once."""
    by_length = missing[np.argsort([len(texts[row]) for row in missing], kind="stable")]
    with bar("embedding", total=len(missing), unit="text") as shown:
        for start in range(0, len(by_length), CHUNK):
            rows = by_length[start : start + CHUNK]
            vectors[rows] = encoder.encode(texts[rows].tolist())
            store = _keep(store, keys[rows], vectors[rows])
            shown.update(len(rows))


def _keep(store: VectorStore | None, keys: np.ndarray, vectors: np.ndarray) -> VectorStore | None:
    if store is not None:
        try:
            store.add(keys, vectors)
        except ArtifactError as error:
            logger.warning("%s Going on without a cache.", error)
            return None
    return store
