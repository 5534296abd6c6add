import json

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file, save_file
from scipy import sparse

from saeidioms.errors import ArtifactError, InputError
from saeidioms.sae import activations as activations_module
from saeidioms.sae.activations import SparseActivations
from saeidioms.sae.autoencoder import SparseAutoencoder


@pytest.fixture
def folder(fitted, tmp_path):
    fitted.save(tmp_path / "sae")
    return tmp_path / "sae"


def rewrite_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_what_is_loaded_is_what_was_saved(fitted, folder, planted):
    loaded = SparseAutoencoder.load(folder)
    assert loaded.digest == fitted.digest
    assert loaded.metrics_ == fitted.metrics_
    assert loaded.get_params() == fitted.get_params()
    pd.testing.assert_frame_equal(loaded.history_, fitted.history_)
    assert (loaded.transform(planted.rows) != fitted.transform(planted.rows)).nnz == 0
    assert sorted(path.name for path in folder.iterdir()) == [
        *("config.json", "history.csv", "model.safetensors")
    ]


def test_saving_twice_writes_the_same_bytes(folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    SparseAutoencoder.load(folder).save(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_tensor_of_another_shape_is_named(folder):
    rewrite_config(folder, width=31)
    with pytest.raises(ArtifactError, match=r"tensor encoder .*\(32, 32\).*\(32, 31\)"):
        SparseAutoencoder.load(folder)


def test_a_tensor_of_another_dtype_is_named(folder):
    tensors = load_file(folder / "model.safetensors")
    tensors["mean"] = tensors["mean"].astype(np.float64)
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ArtifactError, match="tensor mean is float64"):
        SparseAutoencoder.load(folder)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [(lambda t: t.pop("mean"), "lacks the tensor mean"), (lambda t: t.update(x=t["mean"]), "x")],
)
def test_missing_and_unknown_tensors_are_named(folder, change, sentence):
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ArtifactError, match=sentence):
        SparseAutoencoder.load(folder)


def test_weights_of_another_dictionary_of_the_same_size_are_refused(folder, planted, tmp_path):
    other = SparseAutoencoder(n_features=32, k=2, seed=1, max_steps=20, device="cpu")
    other.fit(planted.rows).save(tmp_path / "other")
    (tmp_path / "other" / "model.safetensors").replace(folder / "model.safetensors")
    with pytest.raises(ArtifactError, match="other weights"):
        SparseAutoencoder.load(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "history.csv"])
def test_missing_and_truncated_files_are_refused(folder, name):
    path = folder / name
    path.write_bytes(path.read_bytes()[:40] if name != "history.csv" else b"")
    with pytest.raises(ArtifactError, match=r"damaged|cannot be read"):
        SparseAutoencoder.load(folder)
    path.unlink()
    with pytest.raises(ArtifactError, match=name):
        SparseAutoencoder.load(folder)


@pytest.mark.parametrize("changes", [{"format": 1}, {"kind": "else"}, {"digest": "0"}])
def test_other_formats_and_digests_are_refused(folder, changes):
    rewrite_config(folder, **changes)
    with pytest.raises(ArtifactError):
        SparseAutoencoder.load(folder)


@pytest.fixture
def coded():
    matrix = sparse.random(25, 7, density=0.3, format="csr", dtype=np.float32, rng=0)
    ids = np.array([f"m{i}" for i in range(25)], dtype=object)
    return SparseActivations(matrix, ids, "abc")


def test_activations_come_back_from_several_shards(coded, tmp_path, monkeypatch):
    monkeypatch.setattr(activations_module, "SHARD_ROWS", 10)
    coded.save(tmp_path)
    assert len(list(tmp_path.glob("*.safetensors"))) == 3
    loaded = SparseActivations.load(tmp_path)
    assert (loaded.matrix != coded.matrix).nnz == 0
    assert loaded.shape == (25, 7)
    assert loaded.ids.tolist() == coded.ids.tolist()
    assert loaded.digest == coded.digest


def test_activations_without_a_row_come_back(tmp_path):
    none = SparseActivations(sparse.csr_matrix((0, 3), dtype=np.float32), np.array([]), "abc")
    none.save(tmp_path)
    assert SparseActivations.load(tmp_path).shape == (0, 3)


def test_the_digest_of_activations_tells_ids_and_values_apart(coded):
    renamed = SparseActivations(coded.matrix, coded.ids[::-1], "abc")
    doubled = SparseActivations(coded.matrix * 2, coded.ids, "abc")
    assert len({coded.digest, renamed.digest, doubled.digest}) == 3


def test_activations_need_one_id_a_row(coded):
    with pytest.raises(InputError, match="3 ids were given for 25 rows"):
        SparseActivations(coded.matrix, coded.ids[:3], "abc")


def test_damaged_and_mixed_activations_are_refused(coded, tmp_path):
    coded.save(tmp_path)
    shard = tmp_path / "00000.safetensors"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:50])
    with pytest.raises(ArtifactError, match="damaged"):
        SparseActivations.load(tmp_path)
    SparseActivations(coded.matrix * 2, coded.ids, "abc").save(tmp_path / "other")
    shard.write_bytes((tmp_path / "other" / shard.name).read_bytes())
    with pytest.raises(ArtifactError, match="different activations"):
        SparseActivations.load(tmp_path)
    shard.unlink()
    with pytest.raises(ArtifactError, match="damaged"):
        SparseActivations.load(tmp_path)
