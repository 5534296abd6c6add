import numpy as np
import pytest
from scipy import sparse

from saeidioms.sae import rows as rows_module
from saeidioms.sae.metrics import (
    dead_share,
    densities,
    explained_variance,
    l0,
    measure,
    score,
    sum_of_squares,
)

ACTIVATIONS = sparse.csr_matrix(
    np.array([[0, 1.0, 0, 2.0], [0, 0.5, 0, 0], [0, 0, 0, 0]], dtype=np.float32)
)


def test_l0_and_densities_as_defined():
    assert l0(ACTIVATIONS) == pytest.approx(3 / 3)
    np.testing.assert_allclose(densities(ACTIVATIONS), [0, 2 / 3, 0, 1 / 3])


def test_stored_zeros_do_not_count_as_firing():
    stored = sparse.csr_matrix((np.float32([0, 1]), [0, 1], [0, 2]), shape=(1, 2))
    assert l0(stored) == 1
    np.testing.assert_array_equal(densities(stored), [0, 1])


def test_a_feature_is_dead_that_fires_in_no_part():
    assert dead_share(np.array([0, 0.1, 0, 0])) == 0.75


def test_explained_variance_as_defined():
    assert explained_variance(1.0, 4.0) == 0.75
    assert np.isnan(explained_variance(0.0, 0.0))


def test_sum_of_squares_over_several_blocks():
    rows = np.random.default_rng(0).normal(size=(20_000, 3)).astype(np.float32)
    center = np.float32([1, 2, 3])
    expected = ((rows - center).astype(np.float64) ** 2).sum()
    assert sum_of_squares(rows, center) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("block", [7, 64, 10_000])
def test_a_score_does_not_depend_on_the_blocks(fitted, planted, monkeypatch, block):
    monkeypatch.setattr(rows_module, "BLOCK", block)
    rows = np.arange(0, 1500, 7)
    found = score(
        fitted._coder(), fitted.components_, planted.rows, rows, planted.rows.mean(axis=0)
    )
    activations = fitted.transform(planted.rows[rows])
    np.testing.assert_array_equal(found.firings, (activations > 0).sum(axis=0).A1)
    assert (found.n_rows, found.l0) == (len(rows), pytest.approx(l0(activations)))
    residual = np.square(planted.rows[rows] - fitted.inverse_transform(activations)).sum()
    total = np.square(planted.rows[rows] - planted.rows.mean(axis=0)).sum()
    assert found.explained_variance == pytest.approx(1 - residual / total, abs=1e-5)


def test_a_feature_that_fires_in_training_alone_is_silent_but_not_dead(fitted, planted):
    coder, parts = fitted._coder(), (fitted.components_, planted.rows)
    fires = fitted.transform(planted.rows)[:, 0].toarray()[:, 0] > 0
    train, held_out = np.arange(1500), np.flatnonzero(~fires)
    metrics, density = measure(coder, *parts, train, held_out, planted.rows.mean(axis=0))
    assert fires.any()
    assert density[0] == 0
    assert metrics["silent_share"] == pytest.approx(1 / 32 + metrics["dead_share"])


def test_the_metrics_of_a_fit_are_those_of_its_held_out_rows(fitted, planted):
    from saeidioms.sae.size import split_rows

    train, held_out = split_rows(len(planted.rows), planted.conversations, seed=0)
    rows = planted.rows[held_out].astype(np.float64)
    activations = fitted.transform(planted.rows[held_out])
    residual = ((rows - fitted.inverse_transform(activations)) ** 2).sum()
    total = ((rows - planted.rows[train].mean(axis=0, dtype=np.float64)) ** 2).sum()
    assert fitted.metrics_["explained_variance"] == pytest.approx(1 - residual / total, abs=1e-5)
    assert fitted.metrics_["l0"] == pytest.approx(np.mean((activations > 0).sum(axis=1)))
    assert fitted.metrics_["n_validation"] == len(held_out)
    np.testing.assert_allclose(fitted.density_, np.asarray((activations > 0).mean(axis=0))[0])
