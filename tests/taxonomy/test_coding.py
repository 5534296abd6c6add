import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.metrics import cohen_kappa_score

from saeidioms.corpus.readers import read_corpus
from saeidioms.errors import ArtifactError, InputError, OptionError
from saeidioms.sae.activations import SparseActivations
from saeidioms.taxonomy.codebook import COLUMNS, Codebook
from saeidioms.taxonomy.coding import Codes, code
from saeidioms.taxonomy.distribution import distribute
from saeidioms.taxonomy.taxonomy import Taxonomy

SAID = [
    ("c1", "I'm so sorry. What happened? Where was it?", "control"),
    ("c1", "Hello.", "control"),
    ("c2", "What happened? Oh no, I'm sorry.", "coach"),
    ("c2", "Zzz.", "coach"),
]
PLACES = ["expressing sympathy", "encouraging elaboration", "greetings", ""]
FIRING = [[0], [1], [1], [2], [1], [0, 1], []]  # features of each sentence, in order


@pytest.fixture
def corpus():
    frame = pd.DataFrame(SAID, columns=["conversation_id", "text", "arm"]).assign(role="supporter")
    return read_corpus(frame).units("sentence")


def make_codebook(name, places):
    taxonomy = Taxonomy.read(name)
    inside = [place if place in taxonomy.names else "" for place in places]
    table = pd.DataFrame(
        {
            "feature": np.arange(len(PLACES)),
            "label": "",
            "category": [taxonomy.category_of(place) if place else "" for place in inside],
            "sub_category": inside,
            "outside": [place if place not in inside else "" for place in places],
            "weight": [8.0, 8.0, 8.0, 0.0],
            "also": "",
            "confidence": 0.9,
            "source": "offline",
            "note": "",
        }
    )
    n_places = len(taxonomy.names) + len(taxonomy.outside)
    return Codebook(table[list(COLUMNS)], taxonomy, np.zeros(n_places))


@pytest.fixture
def codebook():
    return make_codebook("empathy", PLACES)


def activations(corpus, firing=FIRING, strength=1.0):
    matrix = sparse.lil_matrix((len(corpus), len(PLACES)), dtype=np.float32)
    for row, features in enumerate(firing):
        for feature in features:
            matrix[row, feature] = strength
    return SparseActivations(matrix.tocsr(), corpus.ids, "digest")


@pytest.fixture
def codes(corpus, codebook):
    return code(corpus, activations(corpus), codebook)


def test_units_have_every_sub_category_that_is_likely_enough(corpus, codes):
    both = codes.units[codes.units["unit_id"] == corpus.ids[5]]
    assert sorted(both["sub_category"]) == ["encouraging elaboration", "expressing sympathy"]
    assert both["strength"].tolist() == pytest.approx([0.5, 0.5], abs=0.01)
    first = codes.units[codes.units["unit_id"] == corpus.ids[0]]
    assert first["category"].tolist() == ["Affective"]
    assert first["strength"].item() > 0.99


def test_every_message_has_a_row_with_its_columns(corpus, codes):
    columns = [*corpus.messages().columns, "category", "sub_category", "confidence"]
    assert codes.messages.columns.tolist() == columns
    assert codes.messages["text"].tolist() == [text for _, text, _ in SAID]
    assert codes.messages["arm"].tolist() == [arm for _, _, arm in SAID]


def test_a_message_has_the_category_of_most_of_its_units_and_none_where_outside(codes):
    categories = codes.messages["category"]
    assert categories[0] == "Cognitive"
    assert codes.messages["sub_category"][0] == "encouraging elaboration"
    assert codes.messages["confidence"][0] == pytest.approx(2 / 3, abs=0.01)
    assert categories[2] == "Cognitive"
    assert categories.isna().tolist() == [False, True, False, True]
    assert codes.messages["confidence"][3] == 0


def test_a_corpus_in_which_nothing_fires_has_only_messages_without_a_code(corpus, codebook):
    codes = code(corpus, activations(corpus, [[]] * len(corpus)), codebook)
    assert len(codes.units) == 0
    assert codes.units.columns.tolist() == ["unit_id", "category", "sub_category", "strength"]
    assert codes.messages["category"].isna().all()
    assert len(codes.messages) == len(SAID)


def test_weak_activations_leave_a_unit_without_a_code(corpus, codebook):
    codes = code(corpus, activations(corpus, strength=0.01), codebook)
    assert len(codes.units) == 0


def test_activations_are_joined_by_id_not_by_position(corpus, codebook, codes):
    forward = activations(corpus)
    order = np.arange(len(corpus))[::-1]
    shuffled = SparseActivations(forward.matrix[order], corpus.ids[order], "digest")
    again = code(corpus, shuffled, codebook)
    pd.testing.assert_frame_equal(again.units, codes.units)
    pd.testing.assert_frame_equal(again.messages, codes.messages)


def test_a_unit_without_activations_is_refused(corpus, codebook):
    full = activations(corpus)
    part = SparseActivations(full.matrix[:-1], corpus.ids[:-1], "digest")
    with pytest.raises(InputError, match="1 units of the corpus have no activations"):
        code(corpus, part, codebook)


def test_a_codebook_of_another_dictionary_is_refused(corpus, codebook):
    full = activations(corpus)
    wide = SparseActivations(sparse.hstack([full.matrix] * 2, format="csr"), corpus.ids, "digest")
    with pytest.raises(InputError, match="have 8 features and the codebook 4"):
        code(corpus, wide, codebook)


def test_threshold_out_of_range_is_refused(corpus, codebook):
    with pytest.raises(OptionError, match="min_strength is -1"):
        code(corpus, activations(corpus), codebook, min_strength=-1)


def test_another_taxonomy_needs_no_other_code(corpus):
    values = make_codebook("schwartz_values", ["power", "tradition", "plain facts", ""])
    codes = code(corpus, activations(corpus), values)
    assert set(codes.units["sub_category"]) == {"power", "tradition"}
    assert codes.messages["category"][0] == "Conservation"
    assert codes.messages["category"].isna().tolist() == [False, True, False, True]


def test_input_columns_of_the_same_name_are_kept_beside(codebook):
    frame = pd.DataFrame({"text": ["Hello."], "category": ["mine"], "role": ["supporter"]})
    corpus = read_corpus(frame).units("sentence")
    codes = code(corpus, activations(corpus, [[0]]), codebook)
    assert codes.messages["category_input"].tolist() == ["mine"]
    assert codes.messages["category"].tolist() == ["Affective"]


def test_saved_and_loaded_they_are_the_same(tmp_path, codes):
    codes.save(tmp_path)
    loaded = Codes.load(tmp_path)
    pd.testing.assert_frame_equal(loaded.units, codes.units)
    pd.testing.assert_frame_equal(loaded.messages, codes.messages)


def test_missing_and_damaged_files_are_named(tmp_path, codes):
    with pytest.raises(ArtifactError, match=r"codes.parquet is missing"):
        Codes.load(tmp_path)
    codes.save(tmp_path)
    (tmp_path / "messages.parquet").write_bytes(b"no parquet")
    with pytest.raises(ArtifactError, match=r"messages.parquet is damaged"):
        Codes.load(tmp_path)


def test_categories_agree_with_supporters_own_strategies(data_folder):
    """The whole path on a fifth of ESConv; the strategies are read only to be compared."""
    from saeidioms.embedding.embed import embed
    from saeidioms.idioms.find import find_idioms
    from saeidioms.sae.autoencoder import SparseAutoencoder

    frame = pd.read_csv(data_folder / "esconv_dev.csv")
    kept = frame["conversation_id"].drop_duplicates().iloc[::5]
    frame = frame[frame["conversation_id"].isin(kept)]
    corpus = read_corpus(frame).where(role="supporter").units("sentence")
    vectors = embed(corpus)
    sae = SparseAutoencoder(128, 8, seed=0).fit(vectors, groups=corpus.conversations)
    acts = sae.encode(vectors)
    features = find_idioms(corpus, acts, vectors)
    messages = code(
        corpus, acts, Codebook.propose(features, Taxonomy.read("empathy"), sae=sae)
    ).messages
    crosswalk = {
        "Questions": "Cognitive",
        "Restatement or Paraphrasing": "Cognitive",
        "Affirmation and Reassurance": "Motivational",
        "Providing Suggestions": "Mis-attuned",
        "Information": "Mis-attuned",
        "Self-disclosure": "Mis-attuned",
        "Other": "none",
        "Reflection of feelings": "Affective",
    }
    coded = messages["category"].astype(object).where(messages["category"].notna(), "none")
    truth = messages["strategy"].map(crosswalk).to_numpy(object)
    either = (messages["strategy"] == "Reflection of feelings") & (coded == "Cognitive")
    truth[either.to_numpy()] = "Cognitive"
    assert cohen_kappa_score(truth, coded.to_numpy(object)) > 0.25


@pytest.mark.parametrize("said", ["👍", "🙏🏽❤️", "...", "?!", "—", "(^_^)"])
def test_signs_alone_are_uncoded_and_counted_as_such(codebook, said):
    frame = pd.DataFrame(
        {"conversation_id": "c1", "role": "supporter", "text": [said, "I'm so sorry."]}
    )
    corpus = read_corpus(frame).units("message")
    codes = code(corpus, activations(corpus, [[0], [0]]), codebook)
    assert codes.units["unit_id"].tolist() == [corpus.ids[1]]
    assert codes.messages["sub_category"].isna().tolist() == [True, False]
    counted = distribute(corpus, codes, codebook.taxonomy)
    assert counted.exposure.tolist() == [2]  # it is still something that was said
    assert counted.uncoded.tolist() == [1]


@pytest.mark.parametrize("said", ["ok 👍", "5!", "对不起", "Жаль"])
def test_a_letter_or_digit_of_any_script_is_enough(codebook, said):
    corpus = read_corpus(pd.DataFrame({"text": [said], "role": "supporter"})).units("message")
    assert len(code(corpus, activations(corpus, [[0]]), codebook).units) > 0
