from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from saeidioms.corpus.readers import read_corpus
from saeidioms.errors import ArtifactError, InputError, OptionError
from saeidioms.idioms.features import FeatureTable
from saeidioms.idioms.figures import explained_by_length
from saeidioms.idioms.find import find_idioms
from saeidioms.idioms.split import split_conversations
from saeidioms.idioms.words import plain_key
from saeidioms.sae.activations import SparseActivations

PATTERNS = (
    r"sorry to hear", r"what happened", r"have you tried", r"\bhope\b", r"that must", r"\bme too\b",
    r"\bjobs?\b", r"never found in any of these",
)  # fmt: skip
PHRASES = ["sorry to hear that", "what happened", "have you tried", "I hope", "that must", "me too"]
FRAGMENTS = {"to hear", "hear that", "hear", "of the", "to", "must", "you tried", "me", "too"}


@pytest.fixture(scope="module")
def made(supporters, make):
    activations = make.activations(supporters, *PATTERNS)
    embeddings = make.vectors(supporters)
    return activations, embeddings, find_idioms(supporters, activations, embeddings, seed=0)


@pytest.fixture(scope="module")
def features(made):
    return made[2]


def same(one, other):
    for name in ("table", "idioms", "examples"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(one.centroids, other.centroids)
    return one.encoder == other.encoder


@pytest.mark.parametrize(("feature", "phrase"), list(enumerate(PHRASES)))
def test_the_phrase_behind_a_feature_is_found_whole(features, feature, phrase):
    found = features[feature].idioms["phrase"].tolist()
    assert any(phrase.casefold() in one.casefold() for one in found[:2]), found
    assert not FRAGMENTS & {one.casefold() for one in found}


def test_a_topic_is_found_by_its_word(features):
    assert features[6].idioms["phrase"][0].casefold() in ("job", "new job")


def test_how_a_question_begins_yields_to_what_it_asks(supporters, made, make):
    asks = make.activations(supporters, r"^(do|did|are|have) you\b")
    found = find_idioms(supporters, asks, made[1], seed=0)[0].idioms["phrase"].tolist()
    assert not {"do you", "did you", "are you", "have you"} & set(found)
    assert {"do you have", "have you tried"} <= set(found)


def test_counts_are_those_of_a_search_in_the_corpus(supporters, features):
    row = features[1].idioms.set_index("phrase").loc["what happened"]
    clauses = supporters.table["text"].str.casefold()
    holding = clauses.str.contains(r"\bwhat happened\b")
    assert row["count"] == row["feature_count"] == holding.sum()
    assert row["conversations"] == supporters.table["conversation_id"][holding].nunique()
    assert "what happened" in row["example"].casefold()


def test_idioms_stand_in_enough_units_and_conversations(features):
    idioms = features.idioms
    assert (idioms[["count", "conversations", "feature_count"]].min() >= 3).all()
    assert (idioms["feature_count"] <= idioms["count"]).all()
    assert not idioms.duplicated(["feature", "phrase"]).any()


def test_figures_are_those_of_the_activations(supporters, made):
    activations, _, features = made
    dense = activations.matrix.toarray()
    fires = dense > 0
    table = features.table
    assert table["feature"].tolist() == list(range(len(PATTERNS)))
    assert table["n_units"].tolist() == fires.sum(axis=0).tolist()
    np.testing.assert_allclose(table["density"], fires.mean(axis=0))
    np.testing.assert_allclose(table["max_activation"], dense.max(axis=0))
    np.testing.assert_allclose(table["mean_activation"][0], dense[fires[:, 0], 0].mean(), rtol=1e-5)
    keys = {plain_key(text) for text in supporters.texts[fires[:, 0]]}
    assert table["n_texts"][0] == len(keys)


def test_a_feature_that_never_fires_is_dead_and_says_nothing(features):
    dead = features[len(PATTERNS) - 1]
    assert (dead.flag, dead.n_units, dead.max_activation) == ("dead", 0, 0)
    assert len(dead.idioms) == len(dead.examples) == 0
    assert not features.centroids[dead.feature].any()


def test_examples_go_from_strong_to_weak_without_repeating_a_text(features):
    for feature in range(len(features) - 1):
        examples = features[feature].examples
        assert not examples["text"].map(plain_key).duplicated().any()
        kinds = {kind: rows["activation"] for kind, rows in examples.groupby("kind")}
        assert len(kinds["top"]) == 10
        assert kinds["top"].is_monotonic_decreasing
        assert kinds["top"].min() >= kinds["middle"].max()
        assert kinds["middle"].min() >= kinds["low"].max()


def test_near_misses_do_not_fire_and_are_the_nearest_that_do_not(supporters, made):
    activations, embeddings, features = made
    fires = activations.matrix.toarray() > 0
    row_of = {unit: row for row, unit in enumerate(supporters.ids)}
    closeness = np.asarray(embeddings) @ features.centroids[0]
    misses = features[0].examples.query("kind == 'near miss'")
    rows = [row_of[unit] for unit in misses["unit_id"]]
    assert len(rows) == 10
    assert not fires[rows, 0].any()
    seen = ~split_conversations(supporters, 0)
    firing = {plain_key(text) for text in supporters.texts[fires[:, 0]]}
    others = [row for row in np.flatnonzero(seen) if plain_key(supporters.texts[row]) not in firing]
    assert closeness[rows].max() == pytest.approx(closeness[others].max())
    assert (misses["activation"] == 0).all()


def test_what_is_held_out_is_counted_but_never_shown(supporters, made):
    held = split_conversations(supporters, 0)
    features = made[2]
    assert 0.15 < held.mean() < 0.25
    assert not set(supporters.ids[held]) & set(features.examples["unit_id"])
    whole = find_idioms(supporters, *made[:2], seed=0, held_out=0)
    pd.testing.assert_frame_equal(features.table, whole.table)
    names = ["feature", "phrase"]
    both = features.idioms.merge(whole.idioms, on=names, suffixes=("", " of all"))
    assert len(both) > len(whole.idioms) / 2
    for name in ("count", "conversations", "feature_count"):
        assert both[name].tolist() == both[f"{name} of all"].tolist()


def test_centroids_are_the_weighted_means(made):
    activations, embeddings, features = made
    mean = activations.matrix[:, [0]].toarray().T @ np.asarray(embeddings)
    np.testing.assert_allclose(features.centroids[0], mean[0] / np.linalg.norm(mean), atol=1e-5)


def test_the_same_input_gives_the_same_table_and_a_seed_other_examples(supporters, made):
    activations, embeddings, features = made
    assert same(features, find_idioms(supporters, activations, embeddings, seed=0))
    other = find_idioms(supporters, activations, embeddings, seed=1)
    assert features.examples["unit_id"].tolist() != other.examples["unit_id"].tolist()


def test_rows_are_joined_by_id(supporters, made):
    activations, embeddings, features = made
    order = np.random.default_rng(0).permutation(len(supporters))
    shuffled = SparseActivations(activations.matrix[order], activations.ids[order], "planted")
    moved = replace(embeddings, index=embeddings.index[order], ids=embeddings.ids[order])
    assert same(features, find_idioms(supporters, shuffled, moved, seed=0))


def test_units_without_activations_are_refused(supporters, made):
    activations, embeddings, _ = made
    half = SparseActivations(activations.matrix[:9], activations.ids[:9], "planted")
    with pytest.raises(InputError, match=r"units have no activations \(the first is"):
        find_idioms(supporters, half, embeddings)


def test_impossible_numbers_are_refused(supporters, made):
    with pytest.raises(OptionError, match="n_examples is 0; it must be at least 1"):
        find_idioms(supporters, made[0], made[1], n_examples=0)


def test_what_was_saved_is_loaded_the_same(tmp_path, features):
    odd = features.idioms.assign(example='NA, "quoted" 😢')
    kept = replace(features, idioms=odd)
    kept.save(tmp_path)
    assert same(kept, FeatureTable.load(tmp_path))


def test_a_missing_or_damaged_file_is_named(tmp_path, features):
    features.save(tmp_path)
    (tmp_path / "centroids.safetensors").write_bytes(b"nothing")
    with pytest.raises(ArtifactError, match="is damaged"):
        FeatureTable.load(tmp_path)
    (tmp_path / "idioms.csv").unlink()
    with pytest.raises(ArtifactError, match="is not complete"):
        FeatureTable.load(tmp_path)


def test_there_is_no_feature_beyond_the_last(features):
    with pytest.raises(IndexError, match="give 0 to 7"):
        features[8]


def test_a_text_repeated_in_other_case_is_still_one_text(make):
    corpus = make.corpus(
        ["Me too!", "me too", "ME TOO."] * 4
        + [f"some {'other ' * (i % 5)}words {i}" for i in range(20)]
    )
    features = find_idioms(
        corpus, make.activations(corpus, "^me too", "[02468]$"), make.vectors(corpus)
    )
    assert features.table["flag"].tolist() == ["one text", ""]
    assert features.table["n_texts"].tolist() == [1, 10]


def test_a_feature_of_long_texts_is_flagged_and_one_of_short_texts_is_not(make):
    rng = np.random.default_rng(0)
    lengths = np.sort(rng.integers(1, 40, size=400))
    texts = [" ".join(f"w{rng.integers(1000)}" for _ in range(n)) for n in lengths]
    corpus = make.corpus(texts)
    long = (lengths > 25).astype(np.float32)
    some_short = ((lengths < 6) & (rng.random(400) < 0.2)).astype(np.float32)
    matrix = sparse.csr_matrix(np.stack([long, some_short], axis=1))
    activations = SparseActivations(matrix, corpus.ids, "planted")
    features = find_idioms(corpus, activations, make.vectors(corpus))
    assert features.table["flag"].tolist() == ["length", ""]


def test_length_explains_all_or_nothing_in_the_extremes():
    lengths = np.repeat(np.arange(1, 5), 50)
    own = lengths.astype(np.float32)
    other = np.tile([0.0, 1.0], 100).astype(np.float32)
    shares = explained_by_length(sparse.csr_matrix(np.stack([own, other, 0 * own], 1)), lengths)
    # The best split of 1, 1, 2, 2, 3, 3, 4, 4 lies in the middle and explains 4 of 5 parts.
    np.testing.assert_allclose(shares, [0.8, 0, 0], atol=1e-6)


@pytest.mark.parametrize(
    "texts",
    [
        ["Hello there"],
        ["Hello there"] * 30,
        ["...", "?!", "😢"],
        ["对不起", "对不起你", "对不起我"],
    ],
    ids=["one unit", "one repeated text", "no words", "no spaces"],
)
def test_small_and_odd_corpora_are_read(texts, make):
    corpus = make.corpus(texts)
    features = find_idioms(corpus, make.activations(corpus, ".", "x"), make.vectors(corpus))
    assert features.table["n_units"].tolist() == [len(texts), 0]


def test_idioms_in_scripts_without_spaces_are_found(make):
    texts = [f"我很抱歉听到{end}" for end in "这那它他她你"] + [
        f"今天{end}天气不错" for end in "一二三四五六"
    ]
    corpus = make.corpus(texts)
    features = find_idioms(corpus, make.activations(corpus, "抱歉"), make.vectors(corpus))
    assert features[0].idioms["phrase"].tolist()[:1] == ["我很抱歉听到"]


def test_a_card_tells_what_the_feature_is(make):
    texts = [f"I'm so sorry about {thing}." for thing in ("that", "your dog", "her", "him")] * 6
    texts += [f"have you tried {thing}?" for thing in ("yoga", "talking", "tea", "walks")] * 6
    corpus = make.corpus(texts)
    activations = make.activations(corpus, "sorry", "tried", "yoga")
    features = find_idioms(corpus, activations, make.vectors(corpus))
    card = features[0]._repr_html_()
    assert features[0].idioms["phrase"][0] == "I'm so sorry about"
    assert "so sorry about</mark>" in card
    assert "50.00% of units (24)" in card
    assert features[0].histogram == tuple(features.histograms[0])
    assert sum(features[0].histogram) == 24
    assert features.similar_to(1)["feature"][0] == 2
    assert features[1].neighbours["feature"][0] == 2


def test_features_are_listed_by_place_and_quality_once_they_have_them(make):
    corpus = make.corpus([f"sorry {i}" for i in range(20)] + [f"tried {i}" for i in range(10)])
    activations = make.activations(corpus, "sorry", "tried", "nothing at all")
    features = find_idioms(corpus, activations, make.vectors(corpus))
    with pytest.raises(OptionError, match="these features have no category yet"):
        features.where(category="Affective")
    places = features.table[["feature"]].assign(
        label=["says sorry", "asks", ""], category=["Affective", "Mis-attuned", ""],
        sub_category="", outside="", confidence=0.5,
    )  # fmt: skip
    placed = features.placed(places)
    assert placed.where(category="Affective")["label"].tolist() == ["says sorry"]
    assert placed.where()["feature"].tolist() == [0, 1]  # the dead one is left out
    assert placed.where(min_density=0.5)["feature"].tolist() == [0]
    assert placed.where(min_fidelity=0.1).empty
    assert placed[0].label == "says sorry"
    with pytest.raises(InputError, match="the places are of 2 features and these are 3"):
        features.placed(places.head(2))
    with pytest.raises(OptionError, match="there is no feature 3; give 0 to 2"):
        features.similar_to(3)


def test_groups_tell_where_a_feature_fires(make):
    rows = {
        "conversation_id": [f"c{i}" for i in range(8)],
        "arm": ["a", "a", "a", "a", "b", "b", "b", None],
        "text": ["sorry", "sorry", "sorry", "ok", "sorry", "ok", "ok", "sorry"],
    }
    corpus = read_corpus(pd.DataFrame(rows))
    activations = make.activations(corpus, "sorry", "ok")
    features = find_idioms(corpus, activations, make.vectors(corpus))
    grouped = features.with_groups(corpus, activations, "arm")[0].groups
    assert grouped["value"].tolist() == ["a", "b"]
    assert grouped["density"].tolist() == pytest.approx([3 / 4, 1 / 3])
    assert grouped["n"].tolist() == [4, 3]
    with pytest.raises(OptionError, match="there is no column armm"):
        features.with_groups(corpus, activations, "armm")
