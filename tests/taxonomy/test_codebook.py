from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from saeidioms.embedding.embed import embed, embed_like
from saeidioms.errors import ArtifactError, InputError, OptionError
from saeidioms.idioms.features import FeatureTable
from saeidioms.taxonomy.codebook import COLUMNS, Codebook
from saeidioms.taxonomy.placing import place
from saeidioms.taxonomy.reading import SeedReading
from saeidioms.taxonomy.taxonomy import Taxonomy

PLANTED = {  # expressions that are no seeds, and where a reader puts them
    "I'm so sorry to hear about your grandmother.": "expressing sympathy",
    "That must be really frustrating for you.": "validating emotions",
    "I'm always here if you want to talk.": "demonstrating availability",
    "I understand what you are saying.": "demonstrating understanding",
    "Can you tell me more about what happened?": "encouraging elaboration",
    "You are such a strong and kind person.": "affirming",
    "I'm sure everything will be alright soon.": "providing reassurance",
    "Have you tried talking to your manager about it?": "advice-giving",
    "The same thing happened to me a few years ago.": "self-oriented",
    "Stop overreacting, it's not that bad.": "dismissing emotions",
}
HELLO = "Hello there, how are you today?"
TEXTS = [*PLANTED, HELLO]
IDIOMS = [
    (0, "sorry to hear", 40, 30, 9.0),
    (1, "that must be", 25, 20, 8.0),
    (10, "sorry to hear", 40, 30, 2.0),
    (10, "how are you", 60, 50, 12.0),
]


@pytest.fixture(scope="module")
def taxonomy():
    return Taxonomy.read("empathy")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """Keep vectors of this module's texts out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAEIDIOMS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def vectors():
    return embed(TEXTS)


def feature_table(vectors, flags=(), texts=TEXTS, idioms=IDIOMS):
    n = len(texts)
    table = pd.DataFrame(
        {
            "feature": np.arange(n),
            "density": 0.1,
            "n_units": 10,
            "n_texts": 10,
            "mean_activation": 0.5,
            "max_activation": 0.9,
            "flag": [*flags, *[""] * (n - len(flags))],
            "label": texts,
            "label_source": "offline",
            "definition": "",
            "suggestion": "",
        }
    )
    idioms = pd.DataFrame(idioms, columns=["feature", "phrase", "count", "conversations", "z"])
    idioms = idioms.assign(feature_count=5, example="an example")
    examples = pd.DataFrame(
        {"feature": range(n), "kind": "top", "rank": 0, "text": texts, "activation": 0.9}
    ).assign(unit_id="u")
    return FeatureTable(
        table=table,
        idioms=idioms,
        examples=examples,
        centroids=np.asarray(vectors, np.float32),
        encoder=vectors.encoder,
    )


@pytest.fixture(scope="module")
def features(vectors):
    return feature_table(vectors)


@pytest.fixture(scope="module")
def dictionary(vectors):
    """Stand in for a dictionary whose features are exactly the planted expressions."""
    matrix = np.asarray(vectors, np.float64)
    mean = matrix.mean(axis=0)
    steps = matrix - mean
    return SimpleNamespace(
        components_=steps / np.linalg.norm(steps, axis=1, keepdims=True), mean_=mean
    )


@pytest.fixture(scope="module")
def codebook(features, taxonomy, dictionary):
    return Codebook.propose(features, taxonomy, sae=dictionary)


def write_csv(tmp_path, text):
    path = tmp_path / "overrides.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_planted_features_get_their_sub_category(codebook):
    assert codebook.table["sub_category"].tolist() == [*PLANTED.values(), ""]
    assert codebook.table["category"][0] == "Affective"


def test_without_a_dictionary_the_centroids_tell_the_same(features, taxonomy):
    table = Codebook.propose(features, taxonomy).table
    assert table["sub_category"].tolist() == [*PLANTED.values(), ""]


def test_what_is_outside_says_so_and_weighs_against_the_sub_categories(codebook):
    row = codebook.table.iloc[-1]
    assert (row["category"], row["outside"]) == ("", "greetings")
    assert codebook.evidence[-1, codebook.groups.index("greetings")] == row["weight"] > 0
    assert codebook.weights.shape == (len(TEXTS), 10)


def test_each_feature_weighs_most_for_its_own_place(codebook):
    own = [codebook.groups.index(name) for name in [*PLANTED.values(), "greetings"]]
    assert codebook.evidence.argmax(axis=1).tolist() == own
    assert ((codebook.evidence > 0).sum(axis=1) <= 3).all()
    assert codebook.table["confidence"].between(0, 1).all()


def test_below_the_threshold_a_feature_is_unassigned_and_weighs_nothing(
    features, taxonomy, dictionary
):
    book = Codebook.propose(features, taxonomy, sae=dictionary, min_confidence=1.0)
    assert (book.table["sub_category"] == "").all()
    assert not book.evidence.any()
    assert book.table["note"][0] == "unsure: nearest is expressing sympathy"


def test_features_that_stand_for_no_expression_are_left_out(vectors, taxonomy, dictionary):
    flagged = feature_table(vectors, flags=["dead", "length", "one text"])
    table = Codebook.propose(flagged, taxonomy, sae=dictionary).table
    assert table["note"].tolist()[:3] == ["unassigned: dead", "unassigned: length", ""]
    assert table["sub_category"].tolist()[:2] == ["", ""]
    assert table["sub_category"][2] == "demonstrating availability"


def test_threshold_out_of_range_is_refused(features, taxonomy):
    with pytest.raises(OptionError, match=r"min_confidence is 1.5; it must lie between 0 and 1"):
        Codebook.propose(features, taxonomy, min_confidence=1.5)


def test_overrides_win_and_are_marked(tmp_path, features, taxonomy, dictionary, codebook):
    path = write_csv(
        tmp_path,
        "feature,sub_category,note\n3,affirming,read by hand\n1,,nothing in it\n0,greetings,\n",
    )
    book = Codebook.propose(features, taxonomy, sae=dictionary, overrides=path)
    table = book.table.set_index("feature")
    assert table.loc[3, ["category", "sub_category", "source", "note"]].tolist() == [
        "Motivational", "affirming", "override", "read by hand",
    ]  # fmt: skip
    assert table.loc[1, ["sub_category", "outside", "source"]].tolist() == ["", "", "override"]
    assert table.loc[0, ["sub_category", "outside"]].tolist() == ["", "greetings"]
    assert not book.evidence[1].any()
    assert np.flatnonzero(book.evidence[3]).tolist() == [book.groups.index("affirming")]
    assert book.evidence[3].max() >= codebook.evidence[3].max()
    others = [0, 1, 3]
    pd.testing.assert_frame_equal(
        table.drop(others), codebook.table.set_index("feature").drop(others)
    )


def test_a_spreadsheet_may_write_semicolons(tmp_path, features, taxonomy):
    path = write_csv(tmp_path, "\ufefffeature;sub_category\r\n3;affirming\r\n")
    table = Codebook.propose(features, taxonomy, overrides=path).table
    assert table["sub_category"][3] == "affirming"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("feature,sub_category\n3,afirming\n", r"row 2: 'afirming' .* did you mean affirming"),
        ("feature,sub_category\n3,affirming\n99,affirming\n", r"row 3: .* no feature 99; .* is 10"),
        ("feature,sub_category\nx,affirming\n", r"row 2: feature is 'x'"),
        ("feature,sub_category\n3,affirming\n3,affirming\n", r"row 3: .* already at .*row 2"),
        ("feature,subcategory\n3,affirming\n", r"'subcategory' is unknown; did you mean sub_cat"),
        ("feature,note\n3,a\n", r"the column 'sub_category' is missing"),
        ("feature,sub_category\n3,affirming,by me, really\n", r"row 2: 4 cells where .* has 2"),
        ("", "the column 'feature' is missing; the first row must name each"),
        ("feature,sub_category\n\n3,afirming\n", r"row 3: 'afirming'"),
    ],
)
def test_a_wrong_override_is_named_by_row_and_mend(tmp_path, features, taxonomy, text, message):
    with pytest.raises(InputError, match=message):
        Codebook.propose(features, taxonomy, overrides=write_csv(tmp_path, text))


def test_saved_and_loaded_it_is_the_same(tmp_path, codebook):
    codebook.save(tmp_path)
    loaded = Codebook.load(tmp_path)
    assert tuple(loaded.table.columns) == COLUMNS
    pd.testing.assert_frame_equal(loaded.table, codebook.table, check_dtype=False)
    np.testing.assert_array_equal(loaded.evidence, codebook.evidence)
    np.testing.assert_array_equal(loaded.base, codebook.base)
    assert loaded.taxonomy == codebook.taxonomy
    loaded.save(tmp_path / "again")
    first, second = (folder / "codebook.csv" for folder in (tmp_path, tmp_path / "again"))
    assert first.read_bytes() == second.read_bytes()


def edited(tmp_path, codebook, **cells):
    codebook.save(tmp_path)
    path = tmp_path / "codebook.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    for column, value in cells.items():
        table.loc[4, column] = value
    table.to_csv(path, index=False)
    return tmp_path


def test_a_person_may_edit_the_codebook_s_file(tmp_path, codebook):
    loaded = Codebook.load(edited(tmp_path, codebook, sub_category="affirming", also=""))
    row = loaded.table.iloc[4]
    assert (row["category"], row["sub_category"]) == ("Motivational", "affirming")
    assert np.flatnonzero(loaded.evidence[4]).tolist() == [loaded.groups.index("affirming")]


def test_a_place_named_without_a_weight_weighs_the_median(tmp_path, codebook):
    loaded = Codebook.load(edited(tmp_path, codebook, weight="0"))
    median = loaded.table["weight"].drop(4).median()
    assert loaded.table["weight"][4] == pytest.approx(median, abs=1e-4)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            {"sub_category": "advise-giving"},
            r"row 6: 'advise-giving' .* did you mean advice-giving",
        ),
        ({"weight": "much"}, r"row 6: weight is 'much'; give a number of at least 0"),
        ({"weight": "-1"}, r"row 6: weight is '-1'"),
        ({"confidence": "1.2"}, r"row 6: confidence is '1.2'; give a number from 0 to 1"),
        ({"also": "affirming"}, r"row 6: also is 'affirming'; write each place with a number"),
        ({"also": "afirming 1"}, r"row 6: 'afirming' .* did you mean affirming"),
        ({"source": "me"}, r"row 6: source is 'me'; give offline or override"),
        ({"feature": "40"}, r"must hold each feature from 0 to 10 once"),
    ],
)
def test_a_wrong_edit_is_named_by_row_and_mend(tmp_path, codebook, cells, message):
    with pytest.raises(InputError, match=message):
        Codebook.load(edited(tmp_path, codebook, **cells))


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(ArtifactError, match=r"codebook.csv is missing; run the codebook stage"):
        Codebook.load(tmp_path)


def test_another_taxonomy_needs_no_other_code():
    said = {
        "I want to decide for myself how I live.": "self-direction",
        "I always lock my doors so that we are safe.": "security",
        "All people should have equal rights.": "universalism",
        "I pray and go to church with my family.": "tradition",
        "I want a lot of money and expensive things.": "power",
    }
    vectors = embed(list(said))
    features = feature_table(vectors, texts=list(said), idioms=[])
    book = Codebook.propose(features, "schwartz_values")
    assert book.taxonomy == Taxonomy.read("schwartz_values")
    assert book.table["sub_category"].tolist() == list(said.values())


@pytest.fixture(scope="module")
def without_cues(features, taxonomy, dictionary):
    return Codebook.propose(features, taxonomy, sae=dictionary, cues=False)


def test_form_counts_as_the_seeds_say_and_can_be_switched_off(codebook, without_cues):
    asks = pd.Series(codebook.cues["question"], codebook.groups)
    assert asks.idxmax() == "encouraging elaboration"
    assert asks["advice-giving"] > asks["expressing sympathy"]
    first_person = pd.Series(codebook.cues["I"], codebook.groups)
    assert first_person.idxmax() == "self-oriented"
    assert tuple(codebook.cues) == codebook.taxonomy.cues
    assert not without_cues.cues


def test_form_is_kept_with_the_codebook(codebook, tmp_path):
    codebook.save(tmp_path)
    loaded = Codebook.load(tmp_path)
    assert list(loaded.cues) == list(codebook.cues)
    for cue, weights in codebook.cues.items():
        np.testing.assert_array_equal(loaded.cues[cue], weights)


def test_a_label_of_a_person_counts_where_one_by_rules_does_not(vectors, taxonomy):
    features = feature_table(vectors)
    label = "gives advice: you should talk to a doctor, try this"
    confidence = []
    for source in ("", "offline", "human"):
        table = features.table.assign(label=label, label_source=source)
        book = Codebook.propose(replace(features, table=table), taxonomy)
        confidence.append(book.table["confidence"][7])  # "Have you tried talking to ..."
    none, rules, person = confidence
    assert person > rules == none


def test_a_feature_of_several_ways_of_speaking_goes_where_most_of_them_do(vectors, taxonomy):
    """One idiom of four that speaks for no other place must not keep it from its own."""
    said = ["Same here, I'm so tired.", "The same thing happened to me.", "Me too, last year."]
    other = "Such a shame to read this."
    idioms = ["same here", "the same thing happened to me", "me too", "such a shame"]
    centroid = np.asarray(embed([*said, other]), np.float32).mean(axis=0)
    features = feature_table(
        vectors,
        texts=[*said, other],
        idioms=[(0, phrase, 40, 30, 9.0) for phrase in idioms],
    )
    features = replace(
        features,
        table=features.table.head(1),
        examples=features.examples.assign(feature=0),
        centroids=(centroid / np.linalg.norm(centroid))[None],
    )
    encode = embed_like(features.encoder)
    reading = SeedReading.learn(taxonomy, encode)
    (probabilities,) = place(features, reading, encode)
    assert reading.groups[probabilities.argmax()] == "self-oriented"


def test_the_sub_category_that_a_labeller_names_counts(vectors, taxonomy):
    features = feature_table(vectors)
    confidence = []
    for named in ("", "advice-giving", "affirming"):
        table = features.table.assign(label_source="a model", suggestion=named)
        book = Codebook.propose(replace(features, table=table), taxonomy)
        confidence.append(book.table["confidence"][7])  # "Have you tried talking to ..."
    without, right, wrong = confidence
    assert right > without > wrong


def test_a_given_encoder_is_used_for_seeds_and_idioms(features, taxonomy, dictionary):
    asked = []

    def encode(texts):
        asked.extend(texts)
        return np.asarray(embed(texts))

    Codebook.propose(features, taxonomy, sae=dictionary, encode=encode)
    assert {"I'm so sorry to hear that.", *features.idioms["phrase"]} <= set(asked)
