"""What is near a phrase, strong on a feature, or means the same: by hand and on hashed words."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from saeidioms.corpus.readers import read_corpus
from saeidioms.embedding.embeddings import Embeddings
from saeidioms.embedding.spec import EncoderSpec
from saeidioms.embedding.store import text_keys
from saeidioms.errors import OptionError
from saeidioms.findings import search
from saeidioms.findings.search import search_units, strongest
from saeidioms.idioms.find import find_idioms
from saeidioms.idioms.labellers import label
from saeidioms.idioms.words import plain_key
from saeidioms.sae.activations import SparseActivations

TEXTS = [
    "I am so sorry", "i am so sorry!", "so sorry to hear that", "have you tried talking to her",
    "have you tried yoga", "what happened next", "what happened then", "me too",
] * 3  # fmt: skip


def encode(texts):
    """Vectors that are the closer, the more words two texts share."""
    rows = np.zeros((len(texts), 64), np.float32)
    for row, text in enumerate(texts):
        for word in plain_key(text).split():
            seed = int.from_bytes(word.encode()[:8], "little")
            rows[row] += np.random.default_rng(seed).normal(size=64)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)


@pytest.fixture(scope="module")
def corpus():
    rows = {"conversation_id": [f"c{i // 8}" for i in range(len(TEXTS))], "text": TEXTS}
    return read_corpus(pd.DataFrame(rows))


@pytest.fixture(scope="module")
def vectors(corpus):
    index, texts = pd.factorize(corpus.texts)
    spec = EncoderSpec("hashed words", "0", None, 64, "float32")
    rows = encode(texts).astype(np.float16)
    return Embeddings(rows, index, corpus.ids, text_keys(list(texts)), spec)


@pytest.fixture(scope="module")
def activations(corpus):
    fires = [[("sorry" in text) / len(text), "tried" in text, "happened" in text]
             for text in corpus.texts]  # fmt: skip
    return SparseActivations(sparse.csr_matrix(np.array(fires, np.float32)), corpus.ids, "x")


@pytest.fixture(scope="module")
def features(corpus, activations, vectors):
    return label(find_idioms(corpus, activations, vectors, held_out=0))


def test_the_nearest_texts_come_once_each_with_how_often_they_occur(corpus, vectors):
    found = search_units("I am so sorry", corpus, vectors, encode, n=3)
    assert found["text"].iloc[0] == "I am so sorry"
    assert found["similarity"].iloc[0] == pytest.approx(1, abs=1e-2)
    assert found["count"].iloc[0] == 6  # with and without the exclamation mark
    assert found["text"].iloc[1] == "so sorry to hear that"
    assert found["similarity"].is_monotonic_decreasing


def test_every_vector_is_compared_block_by_block(corpus, vectors, monkeypatch):
    whole = search_units("tried yoga", corpus, vectors, encode, n=8)
    monkeypatch.setattr(search, "_BLOCK", 2)
    in_blocks = search_units("tried yoga", corpus, vectors, encode, n=8)
    assert whole["text"].tolist() == in_blocks["text"].tolist()
    np.testing.assert_allclose(whole["similarity"], in_blocks["similarity"], rtol=1e-5)


def test_a_part_of_a_corpus_is_searched_by_itself(corpus, vectors):
    part = corpus.where(conversation_id="c1")
    found = search_units("me too", part, vectors, encode, n=50)
    assert found["conversation_id"].unique().tolist() == ["c1"]
    assert found.loc[0, ["text", "count"]].tolist() == ["me too", 1]


def test_a_feature_is_strongest_where_its_activation_is(corpus, activations, vectors):
    found = strongest(0, corpus, activations, vectors, n=9)
    assert found["text"].tolist() == ["I am so sorry", "so sorry to hear that"]
    assert found["activation"].tolist() == pytest.approx([1 / 13, 1 / 21])


def test_features_that_say_the_words_come_first_then_those_that_mean_them(features):
    said = features.search("tried talking", encode=encode)
    assert said[["feature", "all_words"]].to_numpy().tolist() == [[1, True], [0, False]]
    near = features.search("sorry for that", encode=encode)
    assert near["feature"].iloc[0] == 0
    assert not near["all_words"].any()


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda c, v, a, f: search_units(" ", c, v, encode), "the query is empty"),
        (lambda c, v, a, f: search_units("x", c, v, encode, n=0), "n is 0"),
        (lambda c, v, a, f: f.search("", encode=encode), "the query is empty"),
        (lambda c, v, a, f: strongest(3, c, a, v), "there is no feature 3; give 0 to 2"),
    ],
)
def test_a_mistake_is_one_sentence(corpus, vectors, activations, features, ask, sentence):
    with pytest.raises(OptionError, match=sentence):
        ask(corpus, vectors, activations, features)
