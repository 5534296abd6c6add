"""Corpora whose features are known: each fires exactly where a pattern is found."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from saeidioms.corpus.readers import read_corpus
from saeidioms.embedding.embeddings import Embeddings
from saeidioms.embedding.spec import EncoderSpec
from saeidioms.embedding.store import text_keys
from saeidioms.idioms.words import plain_key
from saeidioms.sae.activations import SparseActivations

WIDTH = 64
SPEC = EncoderSpec("hashed words", "0", None, WIDTH, "float32")


def corpus_of(texts, conversations=None):
    """Return a corpus of messages; by default each is a conversation of its own."""
    names = conversations if conversations is not None else range(len(texts))
    rows = {"conversation_id": [f"c{name}" for name in names], "text": list(texts)}
    return read_corpus(pd.DataFrame(rows))


def embed_words(corpus):
    """Return vectors that are the closer, the more words two texts share."""
    index, texts = pd.factorize(corpus.texts)
    vectors = np.zeros((len(texts), WIDTH), dtype=np.float16)
    for row, text in enumerate(texts):
        for word in plain_key(text).split():
            seed = int.from_bytes(word.encode()[:8], "little")
            vectors[row] += np.random.default_rng(seed).normal(size=WIDTH).astype(np.float16)
    norms = np.linalg.norm(vectors.astype(np.float32), axis=1, keepdims=True)
    unit = (vectors / np.maximum(norms, 1e-6)).astype(np.float16)
    return Embeddings(unit, index, corpus.ids, text_keys(list(texts)), SPEC)


def fire(corpus, *patterns):
    """Return activations: feature i fires where pattern i is found, more so in shorter texts."""
    dense = np.array(
        [
            [bool(re.search(one, text, re.IGNORECASE)) / (1 + len(text)) for one in patterns]
            for text in corpus.texts
        ],
        dtype=np.float32,
    )
    return SparseActivations(sparse.csr_matrix(dense), corpus.ids, "planted")


@pytest.fixture(scope="session")
def make():
    """What makes corpora, their vectors and their activations."""
    return SimpleNamespace(corpus=corpus_of, vectors=embed_words, activations=fire)


@pytest.fixture(scope="session")
def supporters(data_folder):
    """The first 12,000 sentences of supporters of EmpatheticDialogues."""
    corpus = read_corpus(data_folder / "empathetic_dialogues.parquet").where(role="supporter")
    first = corpus.table["message_id"].head(8_000).tolist()
    return corpus.where(message_id=first).units("sentence")
