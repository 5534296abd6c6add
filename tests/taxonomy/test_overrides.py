import errno
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock

from saeidioms.errors import ArtifactError, InputError
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
    mixed = Override("affirming", "praises", "ann, bob", "explorer: label")
    assert file.read()[3] == mixed
    file.merge(coded(f3="advice-giving"))
    assert file.read()[3] == replace(mixed, place="advice-giving")
    file.merge(coded())
    assert file.read()[3] == Override(label="praises", by=EXPLORER)


def test_what_an_edit_leaves_as_coders_said_it_stays_theirs(file):
    file.merge(coded(f3="affirming"))
    before = file.read()[3]
    file.edit(3, replace(before, label="praises"), before.version)
    before = file.read()[3]
    file.edit(3, replace(before, note="seen"), before.version)
    file.merge(coded(f3="advice-giving"))
    assert file.read()[3] == Override("advice-giving", "praises", "seen", "explorer: label, note")


def test_a_part_that_is_taken_back_is_the_coders_again(file):
    file.merge(coded(f3="self-oriented"))
    file.edit(3, EDITED, file.read()[3].version)
    file.edit(3, replace(EDITED, label=""), EDITED.version)
    file.merge(coded(f3="advice-giving"))
    assert file.read()[3] == Override("affirming", "label f3", "seen", "explorer: place, note")


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
    later = replace(file, sae=turned(sae))
    assert [(key, word.place) for key, word in later.read().items()] == [(1, "affirming")]
    later.edit(0, EDITED, "")
    assert set(later.read()) == {0, 1}
    aside = OverridesFile(file.path.with_name("overrides-one.csv"), file.taxonomy, sae)
    assert aside.read() == {4: EDITED}


def turned(sae, digest="two"):
    """The same features, trained again in reverse order."""
    return SimpleNamespace(digest=digest, components_=sae.components_[::-1].copy(), n_features_=6)


def test_text_like_a_formula_comes_back_as_it_was_from_an_older_dictionary(file, sae):
    said = Override("affirming", "=label", "- a note", EXPLORER)
    file.edit(4, said, "")
    note = "inherited from feature 4 (cosine 1.00); - a note"
    assert replace(file, sae=turned(sae)).read() == {1: replace(said, note=note)}


def test_a_file_that_was_replaced_without_its_dictionary_is_not_read_by_another(file, sae):
    file.edit(4, EDITED, "")
    replace(file, sae=turned(sae)).edit(0, EDITED, "")
    aside = file.path.with_name("overrides-one.csv")
    aside.replace(file.path)  # as if a writer were killed
    assert file.read() == {4: EDITED}
    file.path.with_name("dictionary-one.safetensors").unlink()
    with pytest.raises(ArtifactError, match=r"dictionary-one.safetensors is missing"):
        replace(file, sae=turned(sae)).read()


def test_words_on_features_of_another_encoder_are_refused_with_a_way_out(file):
    file.edit(4, EDITED, "")
    wide = SimpleNamespace(digest="wide", components_=np.eye(6, 9), n_features_=6)
    with pytest.raises(InputError, match=r"overrides.csv speaks of features of another encoder"):
        replace(file, sae=wide).read()


def test_rows_of_two_dictionaries_are_refused(file, sae):
    file.edit(4, EDITED, "")
    with file.path.open("a", encoding="utf-8") as more:
        more.write("2,affirming,,,,two\n")
    with pytest.raises(InputError, match=r"several dictionaries \(one, two\)"):
        file.read()


def test_what_fails_while_a_file_is_written_is_not_told_of_its_lock(file, monkeypatch):
    def full(*given, **named):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    with pytest.raises(ArtifactError, match="No space left") as caught:
        file.edit(4, EDITED, "")
    assert ".lock" not in str(caught.value)
    monkeypatch.undo()
    assert set(file.edit(4, EDITED, "")) == {4}  # the lock is free again
