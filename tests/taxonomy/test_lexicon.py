import numpy as np
import pandas as pd
import pytest

from saeidioms.corpus.demo import planted_units
from saeidioms.corpus.readers import read_corpus
from saeidioms.idioms.features import FeatureTable
from saeidioms.idioms.occurrences import find_occurrences
from saeidioms.run import Run
from saeidioms.taxonomy.coding import Codes
from saeidioms.taxonomy.lexicon import lexicon

SAID = ["So sorry to hear that.", "I'm so sorry.", "How are you?", "how are you feeling", "Well."]
STRENGTHS = [0.9, 0.7, 0.3, 0.4, None]
IDIOMS = [
    (0, "so sorry", 2, 2, 9.0),
    (1, "so sorry", 2, 2, 2.0),
    (1, "how are you", 2, 2, 12.0),
    (1, "sorry to *", 1, 1, 3.0),
    (0, "well", 1, 1, 3.0),
]


@pytest.fixture
def corpus():
    return read_corpus(pd.DataFrame({"text": SAID, "conversation_id": list("abcde")}))


@pytest.fixture
def features():
    idioms = pd.DataFrame(IDIOMS, columns=["feature", "phrase", "count", "conversations", "z"])
    table = pd.DataFrame({"feature": [0, 1]})
    none = pd.DataFrame({"feature": []})
    return FeatureTable(table, idioms, none, np.zeros((2, 1)), None)


def codes_of(corpus, strengths):
    rows = [
        (unit, "Affective", "sympathy", strength)
        for unit, strength in zip(corpus.ids, strengths, strict=True)
        if strength is not None
    ]
    columns = ["unit_id", "category", "sub_category", "strength"]
    return Codes(pd.DataFrame(rows, columns=columns), corpus.messages())


def test_an_idiom_goes_where_the_units_that_hold_it_go(features, corpus):
    words = lexicon(features, corpus, codes_of(corpus, STRENGTHS))
    assert words.columns.tolist() == [
        "phrase", "count", "conversations", "feature", "category", "sub_category",
    ]  # fmt: skip
    assert words["phrase"].tolist() == ["how are you", "so sorry", "sorry to *"]
    assert words["sub_category"].tolist() == ["", "sympathy", "sympathy"]  # 0.35, 0.8 and 0.9
    assert words["category"].tolist() == ["", "Affective", "Affective"]


def test_a_phrase_of_several_features_goes_to_the_one_it_sets_apart_most(features, corpus):
    words = lexicon(features, corpus, codes_of(corpus, STRENGTHS)).set_index("phrase")
    assert words.loc["so sorry", "feature"] == 0


def test_without_codes_or_idioms_there_is_no_place(features, corpus):
    words = lexicon(features, corpus, codes_of(corpus, [None] * 5))
    assert words["sub_category"].tolist() == ["", "", ""]
    bare = FeatureTable(
        features.table, features.idioms.head(0), features.examples, np.zeros((2, 1)), None
    )
    assert lexicon(bare, corpus, codes_of(corpus, STRENGTHS)).empty


def test_where_idioms_of_the_demo_stand_what_they_are_placed_under_was_planted(demo_run):
    run = Run(demo_run / "run")
    words = run.lexicon.dropna(subset="sub_category").reset_index(drop=True)
    found = find_occurrences(run.corpus.texts.tolist(), words["phrase"].tolist())
    found = found[["text", "phrase"]].drop_duplicates()
    said = pd.MultiIndex.from_arrays(
        [run.corpus.ids[found["text"]], words["sub_category"].to_numpy()[found["phrase"]]]
    )
    truth = planted_units(run.corpus)
    planted = pd.MultiIndex.from_frame(truth[["unit_id", "sub_category"]])
    assert len(words) > 50
    assert said.isin(planted).mean() > 0.75
