import logging
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from saeidioms.errors import InputError, OptionError
from saeidioms.sae import data
from saeidioms.sae.autoencoder import SparseAutoencoder, train
from saeidioms.sae.network import Network
from saeidioms.sae.sparsity import RULES, TopK


def small(**options):
    return SparseAutoencoder(device="cpu", **{"n_features": 8, "k": 2, "max_steps": 40} | options)


@parametrize_with_checks(
    [
        *(SparseAutoencoder(max_steps=5, device="cpu", sparsity=rule) for rule in RULES),
        SparseAutoencoder(max_steps=5, device="cpu", prefixes=(0.5, 1)),
        SparseAutoencoder(max_steps=5, device="cpu", seeds=2),
    ]
)
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
    calibrate = data._calibrate

    def calibrate_and_kill(network, *arguments):
        calibrate(network, *arguments)
        network.encoder_bias[:8] = -6

    monkeypatch.setattr(data, "_calibrate", calibrate_and_kill)
    sae = SparseAutoencoder(n_features=24, k=2, device="cpu")
    assert sae.fit(planted.rows).metrics_["dead_share"] == 0
    monkeypatch.setattr(Network, "let_fire", lambda network, dead: None)
    assert sae.fit(planted.rows).metrics_["dead_share"] > 0.2


@pytest.fixture(scope="module")
def by_rule(planted, fitted):
    """A dictionary a rule, trained for the fewest steps that are usual."""
    return {"topk": fitted} | {
        rule: small(n_features=32, sparsity=rule, max_steps=1000).fit(
            planted.rows, groups=planted.conversations
        )
        for rule in RULES
        if rule != "topk"
    }


@pytest.mark.parametrize(
    ("rule", "tolerance", "explained"),
    [
        ("topk", 0.01, 0.98),
        ("batch_topk", 0.05, 0.98),
        ("jumprelu", 0.7, 0.99),  # from above: 2.5 after 1,000 steps, 2.0 after 3,000
        ("relu", 0.8, 0.95),  # 2.65
    ],
)
def test_every_rule_learns_with_about_k_active_features(
    by_rule, planted, rule, tolerance, explained
):
    sae = by_rule[rule]
    assert sae.metrics_["l0"] == pytest.approx(2, abs=tolerance)
    assert sae.metrics_["explained_variance"] > explained
    cosines = sae.components_ @ planted.directions.T
    assert (cosines.max(axis=0) > 0.9).mean() > 0.9


def test_a_longer_training_by_relu_explains_no_less(by_rule, planted):
    longer = small(n_features=32, sparsity="relu", max_steps=2000)
    longer.fit(planted.rows, groups=planted.conversations)
    gain = longer.metrics_["explained_variance"] - by_rule["relu"].metrics_["explained_variance"]
    assert gain > -0.1


@pytest.mark.parametrize("rule", RULES)
def test_a_row_gets_the_same_code_alone_by_every_rule_also_when_loaded(
    by_rule, planted, rule, tmp_path
):
    sae = by_rule[rule]
    sae.save(tmp_path)
    loaded = SparseAutoencoder.load(tmp_path)
    np.testing.assert_array_equal(loaded.threshold_, sae.threshold_)
    assert (loaded.sparsity_, loaded.digest) == (rule, sae.digest)
    together = sae.transform(planted.rows)
    alone = sparse.vstack([loaded.transform(planted.rows[[row]]) for row in range(20)])
    assert (together[:20] != alone).nnz == 0
    shuffled = np.random.default_rng(0).permutation(len(planted.rows))
    assert (sae.transform(planted.rows[shuffled]) != together[shuffled]).nnz == 0
    if rule in ("batch_topk", "jumprelu"):
        assert (sae.threshold_ > 0).all()
        assert (together.data > sae.threshold_[together.indices]).all()
    else:
        assert not sae.threshold_.any()


def test_prefixes_reconstruct_by_themselves(planted):
    def explained_by_first(sae, n):
        activations = sae.transform(planted.rows).toarray()[:, :n]
        decoded = activations @ sae.components_[:n] + sae.mean_
        return 1 - np.square(planted.rows - decoded).sum() / planted.rows.var(axis=0).sum() / 1500

    options = {"n_features": 32, "max_steps": 400}
    nested = small(**options, prefixes=(0.25, 1)).fit(planted.rows)
    plain = small(**options).fit(planted.rows)
    assert explained_by_first(nested, 8) > explained_by_first(plain, 8) + 0.1


def test_a_small_k_is_approached_from_above(planted):
    widths = []

    class Watched(TopK):
        def select(self, pre, k, state, team):
            widths.append(k)
            return super().select(pre, k, state, team)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RULES, "topk", Watched())
        small(n_features=32, k=2, max_steps=100).fit(planted.rows)
    assert widths[0] == 8
    assert widths == sorted(widths, reverse=True)
    assert set(widths[60:]) == {2}


@pytest.mark.parametrize("rule", RULES)
def test_the_best_weights_are_those_of_the_wanted_k(rule):
    noise = np.random.default_rng(0).normal(size=(600, 24)).astype(np.float32)
    sae = small(n_features=64, k=1, max_steps=200, sparsity=rule, patience=100).fit(noise)
    history = sae.history_.set_index("step")["explained_variance"]
    kept = sae.metrics_["explained_variance"]
    if rule != "topk":  # L0 is k at the end alone
        assert kept == pytest.approx(history[200], abs=1e-4)
        return
    assert kept == pytest.approx(history[history.index >= 100].max(), abs=1e-4)
    assert history[history.index < 100].max() > kept + 0.02  # with more than k active features


def test_it_works_in_a_pipeline_and_a_grid_search(planted):
    labels = (planted.rows @ planted.directions[0] > 0.5).astype(int)
    steps = make_pipeline(small(max_steps=200), LogisticRegression())
    search = GridSearchCV(steps, {"sparseautoencoder__n_features": [8, 32]}, cv=2)
    search.fit(planted.rows, labels)
    assert search.best_params_ == {"sparseautoencoder__n_features": 32}
    names = search.best_estimator_[0].get_feature_names_out()
    assert names[:2].tolist() == ["sparseautoencoder0", "sparseautoencoder1"]
    assert len(names) == 32


def test_history_has_a_row_a_check(fitted):
    columns = ["step", "loss", "explained_variance", "dead_share", "learning_rate"]
    assert list(fitted.history_.columns) == columns
    assert fitted.history_["step"].is_monotonic_increasing
    assert fitted.history_["learning_rate"].iloc[-1] == 0


def test_ends_early_where_nothing_can_be_learnt():
    noise = np.random.default_rng(0).normal(size=(300, 40))
    sae = small(max_steps=2000, patience=2).fit(noise)
    assert sae.history_["step"].iloc[-1] < 2000


@pytest.mark.parametrize("rule", ["batch_topk", "jumprelu", "relu"])
def test_takes_all_steps_where_checks_are_at_unequal_l0(rule):
    noise = np.random.default_rng(0).normal(size=(60, 10))
    sae = small(max_steps=400, patience=1, sparsity=rule, learning_rate=0).fit(noise)
    assert sae.history_["step"].iloc[-1] == 400


def test_a_training_that_diverges_is_told():
    with pytest.raises(OptionError, match="learning_rate"):
        small(learning_rate=1e30).fit(ROWS)


@pytest.mark.parametrize("n_rows", [4, 10, 30])
def test_few_rows_are_enough_to_run(n_rows):
    rows = np.random.default_rng(0).normal(size=(n_rows, 12))
    sae = SparseAutoencoder(max_steps=5, device="cpu").fit(rows)
    assert sae.transform(rows).shape == (n_rows, sae.n_features_)


@pytest.mark.parametrize("rule", RULES)
def test_rows_that_repeat_and_rows_of_zeros_are_rows_like_others(planted, rule):
    rows = planted.rows[:300].copy()
    rows[100:200], rows[200:250] = rows[0], 0
    sae = small(sparsity=rule).fit(rows)
    assert all(np.isfinite(array).all() for array in (sae.encoder_, sae.components_, sae.mean_))
    activations = sae.transform(rows)
    assert (activations[100:200] != activations[[0] * 100]).nnz == 0


@pytest.mark.parametrize("sizes", [{"n_features": 1, "k": 1}, {"n_features": 8, "k": 8}])
@pytest.mark.parametrize("rule", RULES)
def test_the_least_and_the_densest_dictionaries_are_dictionaries(planted, sizes, rule):
    sae = small(**sizes, sparsity=rule).fit(planted.rows)
    assert np.isfinite(sae.metrics_["explained_variance"])


def test_k_may_be_more_than_the_rows_are_wide():
    rows = np.random.default_rng(0).normal(size=(300, 3))
    assert small(n_features=12, k=6).fit(rows).metrics_["l0"] <= 6


def test_a_mapped_matrix_of_half_precision_is_one_of_its_values(planted, tmp_path):
    half = planted.rows.astype(np.float16)
    np.save(tmp_path / "rows.npy", half)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    straight, streamed = small().fit(half.astype(np.float32)), small().fit(mapped)
    assert streamed.digest == straight.digest
    assert streamed.metrics_ == straight.metrics_
    assert (streamed.transform(mapped) != straight.transform(half)).nnz == 0


def test_a_mapped_row_that_is_not_finite_is_named(planted, tmp_path):
    fit, rows = small(max_steps=1).fit(planted.rows), planted.rows.copy()
    rows[1234, 5] = -np.inf
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    for use in (small().fit, fit.transform, lambda rows: fit.encode_to(rows, tmp_path / "codes")):
        for given in (rows, mapped):
            with pytest.raises(InputError, match="row 1234, column 5"):
                use(given)
    with pytest.raises(InputError, match="5 features, but"):
        fit.transform(mapped[:, :5])


def test_activations_of_another_dictionary_are_not_turned_back(fitted):
    with pytest.raises(InputError, match=r"activations of 5 features .* has 32"):
        fitted.inverse_transform(np.ones((2, 5)))


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
        ({}, np.full((40, 6), 1e300), InputError, "row [0-9]+, column 0"),
        ({}, np.ones((40, 6)), InputError, "the same vector"),
        ({}, np.full((40, 6), 0.1), InputError, "the same vector"),
        ({}, np.zeros((0, 6)), InputError, "0 sample"),
        ({}, ROWS[:1], InputError, "at least 4"),
        ({"k": 9}, ROWS, OptionError, "lower k"),
        ({"n_features": 41}, ROWS, InputError, "at most 40"),
        ({"n_features": 2.5}, ROWS, OptionError, "n_features=2.5"),
        ({"k": 0}, ROWS, OptionError, "k=0"),
        ({"sparsity": "gated"}, ROWS, OptionError, "sparsity='gated'"),
        ({"prefixes": (0.5, 2)}, ROWS, OptionError, "prefixes="),
        ({"prefixes": (0.25, 0.5)}, ROWS, OptionError, "that end with 1"),
        ({"seeds": 0}, ROWS, OptionError, "seeds=0"),
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


@pytest.mark.parametrize(("given", "said"), [({}, "1 active"), ({"k": 3}, "3 active")])
def test_the_size_that_is_chosen_and_taken_is_said(given, said, caplog):
    with caplog.at_level(logging.INFO):
        fitted = train(ROWS, **given, max_steps=2, device="cpu")
    assert f"{fitted.n_features_} features, {said}" in caplog.text
