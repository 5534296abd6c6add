import json

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file, save_file
from scipy import sparse

from saeidioms.errors import ArtifactError, InputError, OptionError, SaeidiomsError
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


def weights(sae):
    return {
        name: getattr(sae, f"{name}_") for name in ("encoder", "encoder_bias", "components", "mean")
    }


@pytest.mark.parametrize("rule", ["topk", "batch_topk", "jumprelu", "relu"])
def test_a_dictionary_of_another_program_is_one_of_ours(fitted, planted, rule, tmp_path):
    threshold = np.linspace(0, 0.5, 32, dtype=np.float32) if rule != "relu" else None
    sae = SparseAutoencoder.from_weights(
        **weights(fitted), sparsity=rule, k=None if rule == "relu" else 2, threshold=threshold
    )
    pre = (planted.rows - fitted.mean_) @ fitted.encoder_.T + fitted.encoder_bias_
    fires = pre > (0 if threshold is None else threshold)
    if rule == "topk":
        fires &= pre >= np.sort(pre, axis=1)[:, -2:-1]
    activations = sae.transform(planted.rows)
    np.testing.assert_allclose(activations.toarray(), np.where(fires, pre, 0), atol=1e-4)
    sae.save(tmp_path)
    loaded = SparseAutoencoder.load(tmp_path)
    assert (loaded.sparsity_, loaded.k_, loaded.digest) == (rule, sae.k_, sae.digest)
    assert (loaded.transform(planted.rows) != activations).nnz == 0
    assert loaded.metrics_ == {}
    assert len(loaded.history_) == 0


def test_what_decides_the_codes_decides_the_digest(fitted):
    def digest(**changes):
        given = {"sparsity": "topk", "k": 2} | weights(fitted) | changes
        return SparseAutoencoder.from_weights(**given).digest

    assert digest() == fitted.digest
    others = [digest(**{name: array + 1}) for name, array in weights(fitted).items()]
    others += [digest(k=3), digest(threshold=np.ones(32))]
    others += [digest(sparsity=rule) for rule in ("batch_topk", "jumprelu", "relu")]
    assert len({fitted.digest, *others}) == len(others) + 1


@pytest.mark.parametrize(
    ("name", "shape", "asked"),
    [
        ("encoder_bias", (31,), r"\(32,\)"),
        ("components", (32, 31), r"\(32, 32\)"),
        ("components", (31, 32), r"\(32, 32\)"),
        ("mean", (1, 32), r"\(32,\)"),
        ("threshold", (), r"\(32,\)"),
    ],
)
def test_a_weight_of_another_shape_is_named(fitted, name, shape, asked):
    given = weights(fitted) | {name: np.ones(shape)}
    with pytest.raises(
        InputError, match=f"{name} is of shape .*, but the encoder asks for {asked}"
    ):
        SparseAutoencoder.from_weights(**given, k=2)


@pytest.mark.parametrize(
    "rule", [{"sparsity": "gated", "k": 2}, {"sparsity": "topk"}, {"sparsity": "topk", "k": None}]
)
def test_a_rule_that_is_none_is_refused(fitted, rule):
    with pytest.raises(OptionError, match="is no rule; give one of topk, batch_topk"):
        SparseAutoencoder.from_weights(**weights(fitted), **rule)


@pytest.mark.parametrize(
    "changes",
    [
        *({"k": 0}, {"k": -1}, {"k": 33}, {"k": 2.5}),
        {"encoder": np.ones(32)},
        {"encoder": np.full((32, 32), np.nan)},
    ],
    ids=["k=0", "k=-1", "k=33", "k=2.5", "flat encoder", "nan"],
)
def test_weights_that_cannot_be_used_are_refused_at_once(fitted, changes):
    with pytest.raises(SaeidiomsError):
        SparseAutoencoder.from_weights(**{"k": 2} | weights(fitted) | changes)


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
