import logging
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.utils.estimator_checks import parametrize_with_checks

from saeidioms.errors import InputError, OptionError
from saeidioms.sae import training
from saeidioms.sae.autoencoder import SparseAutoencoder, train
from saeidioms.sae.network import Network
from saeidioms.sae.sparsity import TopK


def small(**options):
    return SparseAutoencoder(device="cpu", **{"n_features": 8, "k": 2, "max_steps": 40} | options)


@parametrize_with_checks([SparseAutoencoder(max_steps=30, device="cpu")])
def test_keeps_the_contract_of_scikit_learn(estimator, check):
    check(estimator)


def test_finds_the_planted_directions(fitted, planted):
    cosines = fitted.components_ @ planted.directions.T
    assert (cosines.max(axis=0) > 0.98).all()
    assert fitted.metrics_["explained_variance"] > 0.98


def test_decoder_rows_are_of_unit_length(fitted):
    np.testing.assert_allclose(np.linalg.norm(fitted.components_, axis=1), 1, atol=1e-5)


def test_the_stored_weights_work_on_raw_rows(fitted, planted):
    rows = planted.rows[:50]
    pre = (rows - fitted.mean_) @ fitted.encoder_.T + fitted.encoder_bias_
    expected = np.zeros_like(pre)
    top = np.argsort(pre, axis=1)[:, -2:]
    kept = np.maximum(np.take_along_axis(pre, top, axis=1), 0)
    np.put_along_axis(expected, top, kept, axis=1)
    activations = fitted.transform(rows)
    assert isinstance(activations, sparse.csr_matrix)
    assert activations.dtype == np.float32
    np.testing.assert_allclose(activations.toarray(), expected, atol=1e-5)
    decoded = activations.toarray() @ fitted.components_ + fitted.mean_
    np.testing.assert_allclose(fitted.inverse_transform(activations), decoded, atol=1e-5)


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_the_scale_of_the_rows_does_not_matter(planted, factor):
    plain = small().fit(planted.rows)
    scaled = small().fit(planted.rows * np.float32(factor))
    assert scaled.metrics_["explained_variance"] == pytest.approx(
        plain.metrics_["explained_variance"], abs=0.02
    )


def test_a_row_gets_the_same_code_in_any_company(fitted, planted):
    together = fitted.transform(planted.rows)
    alone = sparse.vstack([fitted.transform(planted.rows[[i]]) for i in range(1490, 1500)])
    assert (together[1490:] != alone).nnz == 0


def test_a_seed_decides_everything_and_no_global_generator_anything(planted):
    torch.manual_seed(1)
    first = small(seed=3).fit(planted.rows)
    state = torch.random.get_rng_state()
    np.random.seed(5)  # noqa: NPY002 - the global generator must not matter
    torch.manual_seed(2)
    second = small(seed=3).fit(planted.rows)
    torch.manual_seed(1)
    assert torch.equal(state, torch.random.get_rng_state())
    assert first.digest == second.digest
    np.testing.assert_array_equal(first.encoder_, second.encoder_)
    pd.testing.assert_frame_equal(first.history_, second.history_)
    assert small(seed=4).fit(planted.rows).digest != first.digest


def test_features_that_start_dead_come_back(planted, monkeypatch):
    calibrate = training._calibrate

    def calibrate_and_kill(network, inputs):
        calibrate(network, inputs)
        with torch.no_grad():
            network.encoder_bias[:8] = -6

    monkeypatch.setattr(training, "_calibrate", calibrate_and_kill)
    sae = SparseAutoencoder(n_features=24, k=2, device="cpu")
    assert sae.fit(planted.rows).metrics_["dead_share"] == 0
    monkeypatch.setattr(training, "_let_fire", lambda bias, dead: None)
    assert sae.fit(planted.rows).metrics_["dead_share"] > 0.2


def test_the_auxiliary_loss_explains_what_is_left_by_dead_features_alone(planted):
    inputs = torch.from_numpy(planted.rows[:64])
    network = Network(torch.from_numpy(planted.directions.astype(np.float32)), TopK(2))
    done, dead = network(inputs), torch.tensor([3, 7])
    left_over = (inputs - done.reconstruction).detach()
    pre = inputs @ network.encoder.T
    explained = torch.relu(pre[:, dead]) @ network.decoder[dead]
    expected = (left_over - explained).square().mean() / left_over.square().mean()
    found = training._auxiliary(network, inputs, done, dead)
    torch.testing.assert_close(found, expected)
    weights = (network.encoder, network.decoder)
    for one, other in zip(
        torch.autograd.grad(found, weights), torch.autograd.grad(expected, weights), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_history_has_a_row_a_check(fitted):
    columns = ["step", "loss", "explained_variance", "dead_share", "learning_rate"]
    assert list(fitted.history_.columns) == columns
    assert fitted.history_["step"].is_monotonic_increasing
    assert fitted.history_["learning_rate"].iloc[-1] < 4e-3 / 10


def test_ends_early_where_nothing_can_be_learnt():
    noise = np.random.default_rng(0).normal(size=(300, 40))
    sae = small(max_steps=2000, patience=2).fit(noise)
    assert sae.history_["step"].iloc[-1] < 2000


@pytest.mark.parametrize("n_rows", [4, 10, 30])
def test_few_rows_are_enough_to_run(n_rows):
    rows = np.random.default_rng(0).normal(size=(n_rows, 12))
    sae = SparseAutoencoder(max_steps=20, device="cpu").fit(rows)
    assert sae.transform(rows).shape == (n_rows, sae.n_features_)


def test_encode_codes_each_distinct_vector_once_and_keeps_the_ids(fitted, planted):
    index = np.array([0, 1, 0, 2, 1])
    embeddings = SimpleNamespace(
        vectors=planted.rows[:3], index=index, ids=np.array(list("abcde"), dtype=object)
    )
    activations = fitted.encode(embeddings)
    assert activations.ids.tolist() == list("abcde")
    assert activations.sae_digest == fitted.digest
    assert (activations.matrix != fitted.transform(planted.rows[:3])[index]).nnz == 0
    embeddings.vectors = planted.rows[:3, :5]
    with pytest.raises(InputError, match="5 wide"):
        fitted.encode(embeddings)


def test_learns_from_real_messages(data_folder, tmp_path):
    from saeidioms.embedding.embed import embed  # loads a language model: only where it is needed

    chats = pd.read_csv(data_folder / "esconv_dev.csv")
    chats = chats[chats["role"] == "supporter"].head(400)
    embeddings = embed(chats["text"].tolist(), cache=tmp_path)
    sae = train(embeddings, n_features=32, k=4, groups=chats["conversation_id"], device="cpu")
    assert sae.metrics_["explained_variance"] > 0.2
    assert sae.metrics_["dead_share"] == 0
    assert sae.encode(embeddings).shape == (400, 32)


def test_one_group_alone_is_split_by_rows(planted, caplog):
    sae = small().fit(planted.rows, groups=np.zeros(1500))
    assert sae.metrics_["n_validation"] == 150
    assert "one group" in caplog.text


ROWS = np.random.default_rng(0).normal(size=(40, 6))


def with_nan():
    rows = ROWS.copy()
    rows[7, 3] = np.nan
    return rows


@pytest.mark.parametrize(
    ("options", "rows", "error", "sentence"),
    [
        ({}, with_nan(), InputError, "row 7, column 3"),
        ({}, np.full((40, 6), 1e300), InputError, "row 0, column 0"),
        ({}, np.ones((40, 6)), InputError, "the same vector"),
        ({}, np.full((40, 6), 0.1), InputError, "the same vector"),
        ({}, np.zeros((0, 6)), InputError, "0 sample"),
        ({}, ROWS[:1], InputError, "at least 4"),
        ({"k": 9}, ROWS, OptionError, "lower k"),
        ({"n_features": 41}, ROWS, InputError, "at most 40"),
        ({"n_features": 2.5}, ROWS, OptionError, "n_features=2.5"),
        ({"k": 0}, ROWS, OptionError, "k=0"),
        ({"seed": -1}, ROWS, OptionError, "seed=-1"),
        ({"learning_rate": float("nan")}, ROWS, OptionError, "learning_rate=nan"),
        ({"batch_size": None}, ROWS, OptionError, "batch_size=None"),
        ({"device": "abacus"}, ROWS, OptionError, "abacus"),
    ],
)
def test_refuses_in_one_sentence(options, rows, error, sentence):
    estimator = SparseAutoencoder(**{"n_features": 8, "k": 2, "max_steps": 20} | options)
    with pytest.raises(error, match=sentence):
        estimator.fit(rows)


def test_refuses_groups_of_another_length():
    with pytest.raises(InputError, match="groups has 3 entries"):
        small().fit(ROWS, groups=[1, 2, 3])


def test_warns_of_more_features_than_the_rows_can_teach(caplog):
    with caplog.at_level(logging.WARNING):
        small(n_features=20).fit(ROWS)
    assert "20 for 40 rows" in caplog.text
