"""What comes again with another seed, and dictionaries made of it."""

import numpy as np
import pytest

from saeidioms.errors import OptionError
from saeidioms.sae.autoencoder import SparseAutoencoder
from saeidioms.sae.selection import stable_part
from saeidioms.sae.stability import STABLE, Consensus, match, partners


def directions(n, width, seed=0):
    rows = np.random.default_rng(seed).standard_normal((n, width))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_partners_are_found_whatever_their_order_and_length():
    rows, order = directions(20, 50), np.random.default_rng(1).permutation(20)
    found, cosines = partners(rows, 3 * rows[order])
    np.testing.assert_array_equal(order[found], np.arange(20))
    np.testing.assert_allclose(cosines, 1, atol=1e-5)


def test_a_feature_is_the_partner_of_one_only():
    rows = directions(2, 9)
    twins = np.stack([rows[0], rows[0]])
    np.testing.assert_allclose(sorted(match(twins, rows)), [rows[0] @ rows[1], 1], atol=1e-5)


def test_a_row_of_zeros_resembles_nothing():
    rows = directions(3, 9)
    rows[1] = 0
    np.testing.assert_allclose(match(rows, directions(3, 9)), [1, 0, 1], atol=1e-5)


def test_the_consensus_is_what_most_hold():
    true, random = directions(12, 60), np.random.default_rng(2)
    members = []
    for seed in range(5):
        noisy = true + 0.06 * random.standard_normal(true.shape)
        noisy[:2] = directions(2, 60, seed=10 + seed)  # of which every one has its own
        members.append(random.permutation(noisy).astype(np.float32))
    consensus = Consensus.of(members)
    common = consensus.mean(members)
    cosines = match(true, common)
    single = np.mean([match(true, member) for member in members], axis=0)
    assert (cosines[2:] > single[2:]).all()
    assert (cosines[2:] > 0.95).all()
    means = consensus.cosines.mean(axis=0)
    assert (means >= STABLE).sum() == 10


@pytest.fixture(scope="module")
def ensembles(planted):
    """Two consensus dictionaries from seeds that have none in common, with features to spare."""
    options = {"n_features": 40, "k": 2, "seeds": 3, "max_steps": 400, "device": "cpu"}
    return [SparseAutoencoder(**options, seed=seed).fit(planted.rows) for seed in (0, 50)]


def test_stable_features_come_again_and_are_those_that_were_planted(planted, ensembles):
    one, other = ensembles
    stable = one.stability_ >= STABLE
    assert 20 <= stable.sum() < 40
    assert (match(one.components_, other.components_)[stable] > 0.9).mean() > 0.9
    nearest = (one.components_ @ planted.directions.T).max(axis=1)
    assert (nearest[stable] > 0.95).mean() > 0.9


def test_the_consensus_explains_as_much_as_one_training(planted, ensembles):
    one = ensembles[0]
    alone = SparseAutoencoder(40, 2, max_steps=400, device="cpu").fit(planted.rows)
    gap = alone.metrics_["explained_variance"] - one.metrics_["explained_variance"]
    assert gap < 0.01
    assert np.isnan(alone.stability_).all()
    assert one.history_["step"].is_monotonic_increasing


def test_stability_is_kept_on_disk(ensembles, tmp_path):
    ensembles[0].save(tmp_path)
    loaded = SparseAutoencoder.load(tmp_path)
    np.testing.assert_array_equal(loaded.stability_, ensembles[0].stability_)
    assert loaded.seeds == 3


def test_an_ensemble_gives_the_same_dictionary_again(planted):
    options = {"n_features": 8, "k": 2, "seeds": 2, "max_steps": 40, "device": "cpu"}
    digests = {SparseAutoencoder(**options).fit(planted.rows).digest for _ in range(2)}
    assert len(digests) == 1


def test_the_stable_part_is_a_dictionary_of_its_own(planted, ensembles, tmp_path):
    whole = ensembles[0]
    part = stable_part(whole)
    kept = whole.stability_ >= STABLE
    assert part.n_features_ == kept.sum()
    np.testing.assert_array_equal(part.components_, whole.components_[kept])
    residual = planted.rows - part.inverse_transform(part.transform(planted.rows))
    assert np.square(residual).sum() < 0.1 * planted.rows.var(axis=0).sum() * len(planted.rows)
    part.save(tmp_path)
    assert SparseAutoencoder.load(tmp_path).digest == part.digest
    with pytest.raises(OptionError, match=r"no feature has a stability of 1\.5"):
        stable_part(whole, 1.5)
    single = SparseAutoencoder(8, 2, max_steps=10, device="cpu").fit(planted.rows)
    with pytest.raises(OptionError, match="train with seeds=5"):
        stable_part(single)
