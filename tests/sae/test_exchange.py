import json
import os
import warnings

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from safetensors.torch import save_file as save_torch

from saeidioms.errors import ArtifactError
from saeidioms.sae.autoencoder import SparseAutoencoder
from saeidioms.sae.exchange import read_hypothesaes, read_saelens, write_saelens

F, D, K = 24, 10, 3
ARCHITECTURES = {  # what SAELens calls our rules
    "topk": "topk",
    "batch_topk": "jumprelu",
    "jumprelu": "jumprelu",
    "relu": "standard",
}


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(1).normal(0.3, 1, (200, D)).astype(np.float32)


def dictionary(sparsity):
    random = np.random.default_rng(0)
    components = random.normal(size=(F, D))
    components /= np.linalg.norm(components, axis=1, keepdims=True)
    parts = (
        components + 0.2 * random.normal(size=(F, D)),
        0.1 * random.normal(size=F),
        components,
        random.normal(size=D),
    )
    threshold = {"batch_topk": np.full(F, 0.7), "jumprelu": random.uniform(0.2, 1.5, F)}
    return SparseAutoencoder.from_weights(
        *(part.astype(np.float32) for part in parts),
        sparsity=sparsity,
        k=K if "topk" in sparsity else None,
        threshold=threshold[sparsity].astype(np.float32) if sparsity in threshold else None,
    )


def saelens_encode(config, tensors, rows):
    """SAELens 6's documented formulas, in NumPy and float64, as a second opinion."""
    tensors = {name: array.astype(np.float64) for name, array in tensors.items()}
    centred = rows - tensors["b_dec"] if config["apply_b_dec_to_input"] else rows
    pre = centred @ tensors["W_enc"] + tensors["b_enc"]
    if config.get("rescale_acts_by_decoder_norm"):
        pre = pre * np.linalg.norm(tensors["W_dec"], axis=1)
    if config["architecture"] == "topk":
        least = np.sort(pre, axis=1)[:, -config["k"], None]
        return np.where(pre >= least, np.maximum(pre, 0), 0)
    return np.maximum(pre, 0) * (pre > tensors.get("threshold", 0))


def saelens_decode(config, tensors, activations):
    components = tensors["W_dec"].astype(np.float64)
    if config.get("rescale_acts_by_decoder_norm"):
        components = components / np.linalg.norm(components, axis=1, keepdims=True)
    return activations @ components + tensors["b_dec"]


def saelens_parts(folder):
    config = json.loads((folder / "cfg.json").read_text(encoding="utf-8"))
    return config, load_file(folder / "sae_weights.safetensors")


def rewrite(folder, tensors=None, **changes):
    config, old = saelens_parts(folder)
    (folder / "cfg.json").write_text(json.dumps(config | changes), encoding="utf-8")
    save_file(old if tensors is None else tensors, folder / "sae_weights.safetensors")


def assert_same(sae, other, rows):
    ours, theirs = sae.transform(rows), other.transform(rows)
    assert ours.nnz > 0
    np.testing.assert_allclose(ours.toarray(), theirs.toarray(), atol=1e-5)
    np.testing.assert_allclose(
        sae.inverse_transform(ours), other.inverse_transform(theirs), atol=1e-5
    )


@pytest.fixture(params=ARCHITECTURES)
def written(request, tmp_path):
    sae = dictionary(request.param)
    write_saelens(sae, tmp_path / "saelens")
    return sae, tmp_path / "saelens"


@pytest.fixture
def folder(tmp_path):
    write_saelens(dictionary("topk"), tmp_path)
    return tmp_path


def test_what_is_read_from_saelens_is_what_was_written(written, rows):
    sae, folder = written
    again = read_saelens(folder)
    assert (again.transform(rows) != sae.transform(rows)).nnz == 0
    np.testing.assert_array_equal(again.components_, sae.components_)
    assert again.sparsity_ == {"batch_topk": "jumprelu"}.get(sae.sparsity_, sae.sparsity_)


def test_the_folder_says_in_saelens_terms_what_we_compute(written, rows):
    sae, folder = written
    config, tensors = saelens_parts(folder)
    activations = saelens_encode(config, tensors, rows)
    assert config["architecture"] == ARCHITECTURES[sae.sparsity_]
    np.testing.assert_allclose(sae.transform(rows).toarray(), activations, atol=1e-5)
    decoded = sae.inverse_transform(sae.transform(rows))
    np.testing.assert_allclose(decoded, saelens_decode(config, tensors, activations), atol=1e-5)


def test_the_folder_holds_two_files_and_no_path_of_this_machine(written, tmp_path):
    _, folder = written
    assert sorted(path.name for path in folder.iterdir()) == ["cfg.json", "sae_weights.safetensors"]
    assert os.fspath(tmp_path) not in (folder / "cfg.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "options",
    [{"apply_b_dec_to_input": False}, {"rescale_acts_by_decoder_norm": True}],
    ids=lambda options: next(iter(options)),
)
def test_options_of_saelens_that_change_activations_are_folded_in(folder, rows, options):
    _, tensors = saelens_parts(folder)
    tensors["W_dec"] *= np.linspace(0.3, 3, F, dtype=np.float32)[:, None]
    rewrite(folder, tensors, **options)
    config, tensors = saelens_parts(folder)
    sae = read_saelens(folder)
    activations = saelens_encode(config, tensors, rows)
    np.testing.assert_allclose(sae.transform(rows).toarray(), activations, atol=1e-5)
    decoded = sae.inverse_transform(sae.transform(rows))
    np.testing.assert_allclose(decoded, saelens_decode(config, tensors, activations), atol=1e-5)


def test_weights_stored_in_half_precision_are_read(folder):
    tensors = {name: torch.from_numpy(array) for name, array in saelens_parts(folder)[1].items()}
    half = {name: tensor.to(torch.bfloat16) for name, tensor in tensors.items()}
    save_torch(half, folder / "sae_weights.safetensors")
    sae = read_saelens(folder)
    assert sae.encoder_.dtype == np.float32
    np.testing.assert_array_equal(sae.mean_, half["b_dec"].float().numpy())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"architecture": "gated"}, "architecture is 'gated', but only topk, jumprelu, standard"),
        ({"normalize_activations": "layer_norm"}, "normalize_activations is 'layer_norm'"),
        ({"reshape_activations": "hook_z"}, "reshape_activations is 'hook_z'"),
        ({"metadata": {}}, "SAELens of an unknown version"),
        ({"metadata": {"sae_lens_version": "5.10.7"}}, "SAELens 5.10.7"),
        ({"k": 0}, "k is 0, not a whole number"),
        ({"k": F + 1}, f"k is {F + 1}, but there are {F} features"),
        ({"d_in": None}, "d_in is None"),
        ({"d_sae": F + 1}, rf"W_enc has the shape \({D}, {F}\), but cfg.json says \({D}, {F + 1}"),
        ({"architecture": "jumprelu"}, "lacks the tensor threshold"),
    ],
)
def test_a_configuration_we_cannot_stand_for_is_refused(folder, changes, sentence):
    rewrite(folder, **changes)
    with pytest.raises(ArtifactError, match=sentence):
        read_saelens(folder)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: t.update(encoder=t.pop("W_enc")), "lacks the tensor W_enc .* unknown encoder"),
        (lambda t: t.update(b_mag=t["b_enc"]), "tensor b_mag, which has no place"),
        (lambda t: t.update(W_dec=np.ascontiguousarray(t["W_dec"].T)), "W_dec has the shape"),
        (lambda t: t.update(b_dec=t["b_dec"].astype(np.int32)), "b_dec is torch.int32"),
        (lambda t: t["W_enc"].fill(np.nan), "W_enc holds NaN"),
    ],
    ids=["misnamed", "unknown", "transposed", "whole numbers", "NaN"],
)
def test_tensors_that_do_not_belong_are_named(folder, change, sentence):
    _, tensors = saelens_parts(folder)
    change(tensors)
    rewrite(folder, tensors)
    with pytest.raises(ArtifactError, match=sentence):
        read_saelens(folder)


def test_missing_and_damaged_files_of_saelens_are_named(folder):
    path = folder / "sae_weights.safetensors"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ArtifactError, match=r"sae_weights.safetensors is damaged"):
        read_saelens(folder)
    path.unlink()
    with pytest.raises(ArtifactError, match=r"sae_weights.safetensors is missing"):
        read_saelens(folder)
    for text, sentence in (("{", "cfg.json is damaged"), ("[]", "holds no JSON object")):
        (folder / "cfg.json").write_text(text, encoding="utf-8")
        with pytest.raises(ArtifactError, match=sentence):
            read_saelens(folder)


def checkpoint(path, *, batch=False, **changes):
    """Write a file as HypotheSAEs 2.0.1 does; return its tensors."""
    generator = torch.Generator().manual_seed(0)
    state = {
        "input_bias": torch.randn(D, generator=generator),
        "neuron_bias": 0.1 * torch.randn(F, generator=generator),
        "threshold": torch.tensor(0.8 if batch else 0.0),
        "encoder.weight": torch.randn(F, D, generator=generator) / D**0.5,
        "decoder.weight": torch.randn(D, F, generator=generator),
    }
    config = {
        "input_dim": D,
        "m_total_neurons": F,
        "k_active_neurons": K,
        "aux_k": 2 * K,
        "multi_k": 4 * K,
        "dead_neuron_threshold_steps": 256,
        "prefix_lengths": [8, F],
        "use_batch_topk": batch,
    }
    torch.save({"config": config, "state_dict": state} | changes, path)
    return state


@pytest.mark.parametrize("batch", [False, True], ids=["topk", "batch_topk"])
def test_a_checkpoint_of_hypothesaes_computes_its_formulas(tmp_path, rows, batch):
    state = checkpoint(tmp_path / "sae.pt", batch=batch)
    sae = read_hypothesaes(tmp_path / "sae.pt")
    pre = (torch.from_numpy(rows) - state["input_bias"]) @ state["encoder.weight"].T
    pre = pre + state["neuron_bias"]
    least = state["threshold"] if batch else pre.topk(K + 1).values[:, -1:]
    activations = torch.where(pre > least, pre.relu(), 0)
    np.testing.assert_allclose(sae.transform(rows).toarray(), activations, atol=1e-5)
    decoded = activations @ state["decoder.weight"].T + state["input_bias"]
    np.testing.assert_allclose(sae.inverse_transform(sae.transform(rows)), decoded, atol=1e-4)
    assert (sae.sparsity_, sae.k_) == ("batch_topk" if batch else "topk", K)


def test_a_checkpoint_goes_on_to_saelens(tmp_path, rows):
    checkpoint(tmp_path / "sae.pt", batch=True)
    sae = read_hypothesaes(tmp_path / "sae.pt")
    write_saelens(sae, tmp_path / "saelens")
    assert_same(sae, read_saelens(tmp_path / "saelens"), rows)


def test_a_checkpoint_cannot_run_code(tmp_path):
    ran = tmp_path / "ran"

    class Trap:
        def __reduce__(self):
            return os.mkdir, (os.fspath(ran),)

    checkpoint(tmp_path / "sae.pt", extra=Trap())
    with pytest.raises(ArtifactError, match="more than tensors and plain values; save it again"):
        read_hypothesaes(tmp_path / "sae.pt")
    assert not ran.exists()


def test_checkpoints_that_do_not_fit_are_refused(tmp_path):
    path = tmp_path / "sae.pt"
    with pytest.raises(ArtifactError, match=r"sae.pt is missing"):
        read_hypothesaes(path)
    torch.save([1, 2], path)
    with pytest.raises(ArtifactError, match="no config and state_dict"):
        read_hypothesaes(path)
    state = checkpoint(path)
    checkpoint(path, state_dict=state | {"decoder.weight": state["encoder.weight"]})
    with pytest.raises(ArtifactError, match=r"decoder.weight has the shape \(24, 10\)"):
        read_hypothesaes(path)
    checkpoint(path, state_dict=state | {"input_bias": [0.0] * D})
    with pytest.raises(ArtifactError, match="input_bias is list"):
        read_hypothesaes(path)
    checkpoint(path, config={"input_dim": D, "m_total_neurons": F})
    with pytest.raises(ArtifactError, match="k_active_neurons is None"):
        read_hypothesaes(path)


@pytest.mark.parametrize("size", [0, 10, 1000, -100])
def test_a_truncated_checkpoint_is_damaged(tmp_path, size):
    checkpoint(tmp_path / "sae.pt")
    (tmp_path / "sae.pt").write_bytes((tmp_path / "sae.pt").read_bytes()[:size])
    with pytest.raises(ArtifactError, match=r"sae.pt is damaged"):
        read_hypothesaes(tmp_path / "sae.pt")


def peer(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the peer's imports are not ours to mend
        return pytest.importorskip(
            name,
            reason=f"{name} is not installed: its own loader is not tried",
            exc_type=ImportError,
        )


def test_saelens_itself_loads_what_we_write(written, rows):
    sae, folder = written
    loaded = peer("sae_lens").SAE.load_from_disk(folder)
    with torch.no_grad():
        activations = loaded.encode(torch.from_numpy(rows))
        decoded = loaded.decode(activations)
    assert loaded.cfg.architecture() == ARCHITECTURES[sae.sparsity_]
    np.testing.assert_allclose(sae.transform(rows).toarray(), activations, atol=1e-5)
    np.testing.assert_allclose(sae.inverse_transform(sae.transform(rows)), decoded, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("TopK", {"k": K}),
        ("TopK", {"k": K, "rescale_acts_by_decoder_norm": True, "apply_b_dec_to_input": False}),
        ("JumpReLU", {"apply_b_dec_to_input": False}),
        ("Standard", {}),
    ],
)
def test_we_load_what_saelens_itself_writes(tmp_path, rows, name, options):
    library = peer("sae_lens")
    config = getattr(library, f"{name}SAEConfig")(d_in=D, d_sae=F, **options)
    theirs = getattr(library, f"{name}SAE")(config)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(torch.rand(parameter.shape, generator=generator) - 0.4)
        theirs.save_model(tmp_path)
        activations = theirs.encode(torch.from_numpy(rows))
        decoded = theirs.decode(activations)
    sae = read_saelens(tmp_path)
    np.testing.assert_allclose(sae.transform(rows).toarray(), activations, atol=1e-5)
    np.testing.assert_allclose(sae.inverse_transform(sae.transform(rows)), decoded, atol=1e-4)


@pytest.mark.parametrize("batch", [False, True], ids=["topk", "batch_topk"])
def test_hypothesaes_own_activations_are_ours(tmp_path, rows, batch):
    peer("hypothesaes")
    theirs = peer("hypothesaes.sae").SparseAutoencoder(
        *(D, F, K), multi_k=12, prefix_lengths=[8, F], use_batch_topk=batch, device="cpu"
    )
    theirs.fit(torch.from_numpy(rows), n_epochs=30, show_progress=False)
    theirs.save(os.fspath(tmp_path / "sae.pt"))
    expected = theirs.get_activations(rows, show_progress=False)
    sae = read_hypothesaes(tmp_path / "sae.pt")
    np.testing.assert_allclose(sae.transform(rows).toarray(), expected, atol=1e-5)
