"""What the share of a sub-category rests on."""

import numpy as np
import pandas as pd
import pytest

from saeidioms.embedding.spec import EncoderSpec
from saeidioms.idioms.features import FeatureTable
from saeidioms.taxonomy.codebook import COLUMNS, Codebook
from saeidioms.taxonomy.grounds import doubtful, grounds, with_grounds
from saeidioms.taxonomy.taxonomy import Taxonomy

# place, fidelity of the label, who placed it
ROWS = [
    ("affirming", 0.8, "offline"),
    ("affirming", 0.5, "offline"),
    ("self-oriented", 0.55, "offline"),
    ("advice-giving", 0.4, "override"),
    ("dismissing emotions", np.nan, "offline"),
    ("", 0.9, "offline"),
]


@pytest.fixture
def codebook():
    taxonomy = Taxonomy.read("empathy")
    places = [place for place, _, _ in ROWS]
    table = pd.DataFrame(
        {
            "feature": range(len(ROWS)),
            "label": "said",
            "category": [taxonomy.category_of(place) if place else "" for place in places],
            "sub_category": places,
            "outside": "",
            "weight": 1.0,
            "also": "",
            "confidence": 0.9,
            "source": [source for _, _, source in ROWS],
            "note": "",
        }
    )
    return Codebook(table[list(COLUMNS)], taxonomy, np.zeros(1))


def features(fidelity):
    table = pd.DataFrame({"feature": range(len(ROWS)), "label": "said", "fidelity": fidelity})
    none = pd.DataFrame()
    centroids = np.zeros((len(ROWS), 2), np.float32)
    return FeatureTable(table, none, none, centroids, EncoderSpec("none", "0", None, 2, "float32"))


@pytest.fixture
def found(codebook):
    return grounds(codebook, features([fidelity for _, fidelity, _ in ROWS]))


def test_features_are_counted_and_those_with_faithful_labels(found, codebook):
    assert found.index.tolist() == list(codebook.taxonomy.names)
    assert found.loc["affirming"].tolist() == [2, 1]
    assert found.loc["self-oriented"].tolist() == [1, 0]
    assert found.loc["expressing sympathy"].tolist() == [0, 0]  # coded by lesser places alone


def test_a_place_that_a_person_gave_is_one_to_build_on(found):
    assert found.loc["advice-giving"].tolist() == [1, 1]


def test_what_rests_on_weak_or_unmeasured_features_or_on_none_is_doubtful(found, codebook):
    shares = pd.DataFrame(
        {"level": "sub_category", "sub_category": [*codebook.taxonomy.names, ""], "share": 0.1}
    )
    marked = doubtful(with_grounds(shares, found))
    assert marked == set(codebook.taxonomy.names) - {"affirming", "advice-giving"}


def test_the_mark_outlives_a_file(found, codebook, tmp_path):
    shares = pd.DataFrame({"sub_category": [*codebook.taxonomy.names, ""]})
    with_grounds(shares, found).to_csv(tmp_path / "shares.csv", index=False)
    read = pd.read_csv(tmp_path / "shares.csv")
    assert doubtful(read) == doubtful(with_grounds(shares, found)) != set()


def test_where_no_label_was_measured_nothing_is_called_doubtful(codebook):
    unmeasured = grounds(codebook, features(np.nan))
    shares = pd.DataFrame({"sub_category": codebook.taxonomy.names})
    assert doubtful(with_grounds(shares, unmeasured)) == set()
    assert doubtful(shares) == set()
    assert unmeasured.loc["affirming", "features"] == 2
