from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock

from saeidioms.errors import ArtifactError
from saeidioms.taxonomy import overrides
from saeidioms.taxonomy.overrides import EXPLORER, UNSAID, Override, OverridesFile
from saeidioms.taxonomy.taxonomy import Taxonomy

EDITED = Override("affirming", "says well done", "seen", EXPLORER)


@pytest.fixture
def sae():
    components = np.eye(6, dtype=np.float32)
    return SimpleNamespace(digest="one", components_=components, n_features_=6)


@pytest.fixture
def file(tmp_path, sae):
    return OverridesFile(tmp_path / "people" / "overrides.csv", Taxonomy.read("empathy"), sae)


def coded(**places):
    rows = [(int(key[1:]), place, f"label {key}", "ann, bob") for key, place in places.items()]
    return pd.DataFrame(rows, columns=["feature", "sub_category", "label", "note"])


def test_nothing_is_said_at_first(file):
    assert file.read() == {}
    assert UNSAID.version == ""


def test_merged_words_replace_merged_words_and_leave_edits(file):
    assert file.merge(coded(f0="affirming", f1="self-oriented")) == []
    file.edit(1, EDITED, file.read()[1].version)
    assert file.merge(coded(f1="advice-giving", f2="")) == [1]
    assert {feature: word.place for feature, word in file.read().items()} == {
        1: "affirming",
        2: "",
    }


def test_an_edited_label_stays_and_takes_the_place_that_coders_settle(file):
    file.edit(3, Override(label="praises", by=EXPLORER), "")
    file.merge(coded(f3="affirming"))
    assert file.read()[3] == Override("affirming", "praises", "", EXPLORER)


def test_the_lock_of_another_program_is_waited_for_and_then_told(file, monkeypatch):
    monkeypatch.setattr(overrides, "_PATIENCE", 0.05)
    file.edit(0, EDITED, "")
    with (
        FileLock(file.path.with_suffix(".lock")),
        pytest.raises(ArtifactError, match="is being written by another program"),
    ):
        file.edit(1, EDITED, "")
    assert set(file.edit(1, EDITED, "")) == {0, 1}


def test_words_follow_their_features_into_another_dictionary(file, sae):
    file.edit(4, EDITED, "")
    order = [5, 4, 3, 2, 1, 0]
    turned = SimpleNamespace(digest="two", components_=sae.components_[order], n_features_=6)
    later = OverridesFile(file.path, file.taxonomy, turned)
    assert [(key, word.place) for key, word in later.read().items()] == [(1, "affirming")]
    later.edit(0, EDITED, "")
    assert set(later.read()) == {0, 1}
    aside = OverridesFile(file.path.with_name("overrides-one.csv"), file.taxonomy, sae)
    assert aside.read() == {4: EDITED}
