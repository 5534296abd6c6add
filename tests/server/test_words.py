import json
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

from saeidioms import pipeline
from saeidioms.errors import ArtifactError, InputError, OptionError
from saeidioms.run import Record, Run
from saeidioms.server.view import Opened
from saeidioms.server.words import Words
from saeidioms.taxonomy.overrides import PROPOSED, EditConflict
from saeidioms.taxonomy.taxonomy import Taxonomy

SAID = {"place": "affirming", "label": "says well done", "note": "a clear case", "version": ""}


def test_a_word_is_kept_shows_as_stale_and_counts_when_made_again(folder):
    words = Words.of(Run(folder))
    assert words.save(3, SAID)["pending"] == [3]
    rows = pd.read_csv(folder / "people" / "overrides.csv", encoding="utf-8-sig")
    assert rows.to_dict("records") == [
        {"feature": 3, "sub_category": "affirming", "label": "says well done"}
        | {"note": "a clear case", "by": "explorer", "dictionary": Run(folder).sae.digest}
    ]
    run = pipeline.resume(folder)
    states = dict(pipeline.states(run))
    assert "overrides is new" in states["codebook"]
    assert states["codes"].startswith("follows codebook")
    assert states["labels"] == "up to date"
    pipeline.advance(run, "codebook")
    row = Run(folder).codebook.table.set_index("feature").loc[3]
    assert (row["sub_category"], row["label"]) == ("affirming", "says well done")
    assert (row["source"], row["note"]) == ("override", "a clear case")
    assert Words.of(Run(folder)).told()["pending"] == []


def test_a_label_alone_leaves_the_place_and_its_weight_to_the_tool(folder):
    before = Run(folder).codebook.table.set_index("feature")
    Words.of(Run(folder)).save(3, SAID | {"place": PROPOSED, "note": ""})
    run = pipeline.resume(folder)
    pipeline.advance(run, "codebook")
    after = Run(folder).codebook.table.set_index("feature")
    assert after.loc[3, "label"] == "says well done"
    pd.testing.assert_frame_equal(after.drop(columns="label"), before.drop(columns="label"))


def test_what_is_taken_back_is_pending_until_it_is_made_again(folder):
    said = SAID | {"place": PROPOSED, "label": ""}
    version = Words.of(Run(folder)).save(3, said)["words"][3]["version"]
    pipeline.advance(pipeline.resume(folder), "codebook")
    words = Words.of(Run(folder))
    assert words.told()["pending"] == []
    assert words.save(3, said | {"note": "", "version": version}) == {"words": {}, "pending": [3]}
    pipeline.advance(pipeline.resume(folder), "codebook")
    assert Words.of(Run(folder)).told()["pending"] == []


def test_a_word_whose_use_cannot_be_recorded_is_not_written(folder, monkeypatch):
    def full(*given):
        raise ArtifactError("run.json cannot be written")

    words = Words.of(Run(folder))
    monkeypatch.setattr(Record, "write", full)
    with pytest.raises(ArtifactError):
        words.save(3, SAID)
    monkeypatch.undo()
    assert words.told()["words"] == {}
    assert set(words.save(3, SAID)["words"]) == {3}


def test_the_first_edit_loads_nothing_again_and_another_option_does(folder):
    opened = Opened(folder)
    before = opened.now()
    before.words.save(3, SAID)
    assert opened.now() is before
    change_record(codebook={"overrides": "own.csv"})(folder)
    assert opened.now() is not before


def test_a_word_is_taken_back_by_saying_what_the_tool_proposes(folder):
    words = Words.of(Run(folder))
    version = words.save(3, SAID)["words"][3]["version"]
    back = {"place": PROPOSED, "label": words.proposed[3], "note": " ", "version": version}
    assert words.save(3, back) == {"words": {}, "pending": []}


def test_the_second_of_two_that_read_the_same_is_told_what_the_first_said(folder):
    one, two = Words.of(Run(folder)), Words.of(Run(folder))
    one.save(3, SAID)
    with pytest.raises(EditConflict, match="feature 3 was changed elsewhere") as caught:
        two.save(3, SAID | {"label": "praises"})
    assert caught.value.theirs.label == "says well done"
    two.save(3, SAID | {"label": "praises", "version": caught.value.theirs.version})
    two.save(4, SAID)  # another feature is nobody's conflict
    assert one.told()["words"][3]["label"] == "praises"


def test_many_writers_at_a_time_lose_nothing(folder):
    sixteen = range(16)
    with ThreadPoolExecutor(8) as pool:
        several = [Words.of(Run(folder)) for _ in range(4)]
        list(pool.map(lambda number: several[number % 4].save(number, SAID), sixteen))
    assert set(several[0].told()["words"]) == set(sixteen)


def test_words_outlive_another_run_of_the_same_chats(folder):
    Words.of(Run(folder)).save(3, SAID)
    assert started(folder).record.options["codebook"]["overrides"] == "people/overrides.csv"


def started(folder, **sections):
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    before = {name: record["options"][name] for name in ("corpus", "units", "sae")}
    return pipeline.start(record["source"], folder, before | sections)


def test_words_that_a_new_encoder_would_lose_are_refused_before_anything_is_made(folder):
    Words.of(Run(folder)).save(3, SAID)
    before = (folder / "run.json").read_bytes()
    with pytest.raises(OptionError, match=r"overrides.csv speaks of features of another encoder"):
        started(folder, embed={"model": "hashing"})
    assert (folder / "run.json").read_bytes() == before
    (folder / "people" / "overrides.csv").unlink()
    assert (
        started(folder, embed={"model": "hashing"}).record.options["codebook"]["overrides"] is None
    )


def test_words_that_another_taxonomy_does_not_know_are_refused_at_once(folder):
    Words.of(Run(folder)).save(3, SAID)
    path = folder / "taxonomy.yaml"
    Taxonomy.read("empathy").save(path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("affirming", "applauding"), encoding="utf-8")
    with pytest.raises(InputError, match=r"overrides.csv, row 2: 'affirming' is no sub-category"):
        started(folder, codebook={"taxonomy": str(path)})


def test_words_on_an_older_dictionary_are_carried_over_and_kept_aside(folder):
    Words.of(Run(folder)).save(3, SAID)
    run = pipeline.resume(folder)
    run.record.options["sae"]["seed"] = 5
    pipeline.advance(run, "codebook")
    words = Words.of(Run(folder))
    assert words.told()["pending"] == []
    inherited = words.told()["words"]
    free = next(number for number in range(16) if number not in inherited)
    told = words.save(free, SAID)
    assert set(told["words"]) == {free, *inherited}
    (aside,) = (folder / "people").glob("overrides-*.csv")
    assert pd.read_csv(aside, encoding="utf-8-sig")["feature"].tolist() == [3]


@pytest.mark.parametrize(
    ("number", "change", "sentence"),
    [
        (16, {}, "no feature 16; give 0 to 15"),
        (3, {"place": "afirming"}, "'afirming' is no place"),
        (3, {"label": 7}, "label is 7; give text"),
        (3, {"label": "x" * 201}, "the label has 201 characters; 200 are allowed"),
        (3, {"note": "x" * 4001}, "the note has 4,001 characters"),
        (3, {"label": "\ud800"}, "half a character"),
    ],
)
def test_what_is_no_word_is_refused_in_a_sentence(folder, number, change, sentence):
    with pytest.raises(InputError, match=sentence):
        Words.of(Run(folder)).save(number, SAID | change)
    assert not (folder / "people" / "overrides.csv").exists()


def test_words_that_a_table_could_misread_come_back_as_they_were(folder):
    words = Words.of(Run(folder))
    label, note = '=cmd|"x",y', 'two\nlines; "quoted",\u2028 and ﻿more 😀'
    told = words.save(3, SAID | {"label": label, "note": note})["words"][3]
    assert (told["label"], told["note"]) == (label, note)
    assert words.told()["words"][3] == told


def change_codebook(folder):
    path = folder / "codebook" / "codebook.csv"
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")


def change_record(**changes):
    def change(folder):
        record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        record["options"]["codebook"].update(changes.pop("codebook", {}))
        (folder / "run.json").write_text(json.dumps(record | changes), encoding="utf-8")

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (change_codebook, "codebook.csv was edited by hand, and wins"),
        (change_record(codebook={"overrides": "own.csv"}), "has overrides already, own.csv"),
        (change_record(dictionary="first"), "is that of first"),
    ],
)
def test_a_run_that_takes_no_words_says_why(folder, change, reason):
    change(folder)
    view = Opened(folder).now()
    assert reason in view.told()["read_only"]
    with pytest.raises(OptionError, match=reason):
        view.words.save(3, SAID)
