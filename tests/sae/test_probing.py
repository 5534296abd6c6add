import time

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.feature_selection import f_classif

from saeidioms.sae.probing import (
    absorption,
    best_features,
    f_statistics,
    halves,
    probe_f1,
    redundancy,
)

FIRST_HALF = np.array([True] * 4 + [False] * 4)
# columns: fires with the label in the first half | by chance | weakly always, strongly with it
ACTIVATIONS = sparse.csr_matrix(
    np.array(
        [
            *([2, 0, 3], [1, 1, 4], [0, 1, 1], [0, 0, 2]),
            *([1, 0, 9], [0, 1, 8], [2, 0, 1], [0, 1, 1]),
        ],
        dtype=np.float32,
    )
)
LABEL = np.array([[1, 1, 0, 0, 1, 1, 0, 0]], dtype=bool).T


def random_case(n=400, features=30, codes=4):
    random = np.random.default_rng(0)
    dense = random.uniform(0.1, 2, (n, features)) * (random.random((n, features)) < 0.2)
    return sparse.csr_matrix(dense.astype(np.float32)), random.random((n, codes)) < 0.3


def test_the_best_feature_is_chosen_on_one_part_and_scored_on_the_other():
    best = best_features(ACTIVATIONS, LABEL, FIRST_HALF)
    assert best.features.tolist() == [0]
    assert best.thresholds.tolist() == [0]
    # fires on rows 4 and 6 of the second half, of which 4 has the label, as has 5
    np.testing.assert_allclose(best.f1, [2 * 1 / (2 + 2)])


def test_a_threshold_makes_the_feature_that_always_fires_the_best():
    rows = ACTIVATIONS[:, [1, 2]]
    assert best_features(rows, LABEL, FIRST_HALF).f1 == pytest.approx(2 * 2 / (4 + 2))
    tuned = best_features(rows, LABEL, FIRST_HALF, tune=True)
    assert (tuned.features.tolist(), tuned.thresholds.tolist()) == ([1], [2.5])  # between 2 and 3
    assert tuned.f1.tolist() == [1]


def test_best_features_are_those_of_a_search_one_by_one():
    activations, labels = random_case()
    choose = halves(np.arange(400), 0)
    dense = activations.toarray()

    def f1(said, truth):
        return 2 * (said & truth).sum() / (said.sum() + truth.sum())

    for tune in (False, True):
        best = best_features(activations, labels, choose, tune=tune)
        for label in range(labels.shape[1]):
            truth = labels[:, label]
            cuts = [[0, *dense[choose, f]] if tune else [0] for f in range(30)]
            highest = max(
                f1(dense[choose, f] > cut, truth[choose]) for f in range(30) for cut in cuts[f]
            )
            said = dense[:, best.features[label]] > best.thresholds[label]
            assert f1(said[choose], truth[choose]) == pytest.approx(highest)
            assert f1(said[~choose], truth[~choose]) == pytest.approx(best.f1[label])


def test_rows_whose_activations_tie_go_together():
    tied = sparse.csr_matrix(np.float32([[1], [1], [1], [2], [1], [2]]))
    truth = np.array([[0, 1, 0, 1, 1, 1]], dtype=bool).T
    best = best_features(tied, truth, np.array([True] * 4 + [False] * 2), tune=True)
    assert best.thresholds.tolist() in ([0.5], [1.5])  # not somewhere among the ones


def test_stored_zeros_do_not_fire():
    stored = sparse.csr_matrix((np.float32([0, 1, 1, 1]), [0, 1, 1, 1], [0, 1, 2, 3, 4]))
    truth = np.array([[1, 0, 1, 0]], dtype=bool).T
    best = best_features(stored, truth, np.array([True, True, False, False]))
    assert best.f1.tolist() in ([0], [2 / 3])
    nothing = best_features(0 * stored, truth, np.array([True, True, False, False]), tune=True)
    assert nothing.f1.tolist() == [0]


def test_a_label_that_lacks_rows_in_a_part_has_no_score():
    labels = np.column_stack([LABEL[:, 0] & FIRST_HALF, LABEL[:, 0] & ~FIRST_HALF, LABEL[:, 0]])
    undefined = [True, True, False]
    best = best_features(ACTIVATIONS, labels, FIRST_HALF)
    assert np.isnan(best.f1).tolist() == undefined
    assert np.isnan(probe_f1(ACTIVATIONS, labels, FIRST_HALF, 2)).tolist() == undefined
    vectors = ACTIVATIONS.toarray()
    shares = absorption(ACTIVATIONS, vectors, np.eye(3), labels, FIRST_HALF, best.features)
    assert np.isnan(shares).tolist() == undefined


def test_f_statistics_are_those_of_scikit_learn():
    activations, labels = random_case()
    found = f_statistics(activations, labels)
    for label in range(labels.shape[1]):
        expected = f_classif(activations.toarray().astype(np.float64), labels[:, label])[0]
        np.testing.assert_allclose(found[label], expected, rtol=1e-5)


def test_a_feature_that_never_varies_ranks_last_and_one_that_says_all_first():
    columns = np.column_stack([np.zeros(8), np.ones(8), LABEL[:, 0], [1, 0, 0, 0, 1, 1, 0, 0]])
    statistics = f_statistics(sparse.csr_matrix(columns), LABEL)[0]
    assert statistics[:2].tolist() == [0, 0]
    assert statistics.argmax() == 2


def test_a_probe_of_more_features_reads_what_no_single_one_says():
    random = np.random.default_rng(0)
    hidden = random.random((2000, 2)) < 0.5
    truth = hidden.all(axis=1, keepdims=True)  # both features at once
    noise = random.random((2000, 10)) < 0.5
    activations = sparse.csr_matrix(np.column_stack([hidden, noise]).astype(np.float32))
    choose = halves(np.arange(2000), 0)
    assert probe_f1(activations, truth, choose, 1)[0] == pytest.approx(2 / 3, abs=0.05)
    assert probe_f1(activations, truth, choose, 2)[0] == 1
    assert probe_f1(activations, truth, choose, 99)[0] > 0.9


def test_redundancy_counts_pairs_of_one_direction():
    decoder = np.array([[1, 0], [2, 0.1], [0, 1], [-1, 0], [0, 0]], dtype=np.float32)
    assert redundancy(decoder) == 1 / 5
    assert redundancy(decoder, same=-2) == 10 / 5


def test_absorption_counts_plain_rows_that_one_other_feature_took():
    # features: the label in general, a special case of it, something else
    decoder = np.array([[1, 0], [0.8, 0.6], [0, 1]])
    codes = np.array([[2, 0, 0], [0, 2, 0], [2, 0, 1], [0, 0, 2], [0, 0, 1], [0, 0, 3]])
    codes = np.concatenate([codes, codes]).astype(np.float64)
    labels = np.tile([True, True, True, False, False, False], 2)[:, None]
    choose = np.arange(12) < 6
    parents = np.array([0])

    def share(codes):
        rows = sparse.csr_matrix(codes)
        return absorption(rows, codes @ decoder, decoder, labels, choose, parents).tolist()

    assert share(codes) == [1 / 3]
    np.testing.assert_array_equal(share(codes * [1, 0, 1] + codes[:, [1, 0, 2]] * [1, 0, 0]), [0])


def test_several_small_features_absorb_nothing():
    decoder = np.array([[1, 0, 0, 0], [0.9, 0.4, 0, 0], [0.9, 0, 0.4, 0], [0.9, 0, 0, 0.4]])
    codes = np.array([[3, 0, 0, 0], [0, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]] * 2, dtype=float)
    labels = np.array([[1, 1, 0, 0] * 2], dtype=bool).T
    rows, choose = sparse.csr_matrix(codes), np.arange(8) < 4
    shares = absorption(rows, codes @ decoder, decoder, labels, choose, np.array([0]))
    assert shares.tolist() == [0]


def test_halves_keep_groups_whole_and_are_halves():
    groups = np.repeat([f"c{number}" for number in range(101)], 3)
    half = halves(groups, 0)
    assert half.dtype == bool
    assert half.reshape(-1, 3).all(axis=1).sum() == 51
    assert (half.reshape(-1, 3) == half[::3, None]).all()
    assert (half == halves(groups, 0)).all()
    assert (half != halves(groups, 1)).any()


def test_a_large_corpus_takes_no_time():
    random = np.random.default_rng(0)
    columns = np.argsort(random.random((51_000, 64)), axis=1)[:, :16] * 16
    pointers = np.arange(0, columns.size + 1, 16)
    values = random.random(columns.size).astype(np.float32)
    activations = sparse.csr_matrix((values, columns.ravel(), pointers), shape=(51_000, 1024))
    labels = random.random((51_000, 8)) < 0.1
    choose = halves(np.arange(51_000), 0)
    start = time.perf_counter()
    best_features(activations, labels, choose)
    assert time.perf_counter() - start < 1


def test_words_foretell_codes_of_people_as_one_expects(data_folder):
    coded = pd.read_csv(data_folder / "empathetic_intents_manual.csv")
    words = ["sorry", "?", "hope", "glad"]
    texts = coded["text"].str.lower()
    fires = np.column_stack([texts.str.contains(word, regex=False) for word in words])
    intents = ["sympathizing", "questioning"]
    labels = np.column_stack([coded["intent"] == intent for intent in intents])
    choose = halves(np.arange(len(coded)), 0)
    best = best_features(sparse.csr_matrix(fires.astype(np.float32)), labels, choose)
    assert [words[feature] for feature in best.features] == ["sorry", "?"]
    assert (best.f1 > 0.5).all()
