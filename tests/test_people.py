"""People in the loop of a real run: sheets, samples, a taxonomy that grows."""

import json
import shutil
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from saeidioms import cli, people, pipeline
from saeidioms.run import Run
from saeidioms.taxonomy.taxonomy import Taxonomy

SMALL = ["--role", "supporter", "--n-features", "24", "--k", "2"]


@pytest.fixture(scope="module")
def chats(tmp_path_factory, data_folder):
    table = pd.read_csv(data_folder / "esconv_dev.csv")
    names = table["conversation_id"].unique()[:24]
    path = tmp_path_factory.mktemp("people") / "chats.csv"
    table[table["conversation_id"].isin(names)].to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def finished(chats):
    out = chats.parent / "out"
    cli.main(["run", str(chats), "--out", str(out), *SMALL])
    return out


@pytest.fixture
def copy(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / "out"))


def fill(sheet, place_of, **cells):
    """Give every feature of a sheet a place, and other cells where they are named."""
    workbook = openpyxl.load_workbook(sheet)
    coding = workbook["coding"]
    column = {cell.value: number for number, cell in enumerate(coding[1])}
    for row in coding.iter_rows(min_row=2):
        feature = int(row[column["feature"]].value)
        row[column["sub_category"]].value = place_of(feature)
        for name, value in cells.items():
            row[column[name]].value = value
    workbook.save(sheet)


def stopped(capsys, *arguments):
    """Run a command that must fail; return its one sentence."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        cli.main([str(argument) for argument in arguments])
    assert caught.value.code == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if "saeidioms: " in line]
    assert len(lines) == 1
    return lines[0]


def coded_sample(run, path, place_of):
    """Write a copy of the sample of a run, with a place for each text."""
    table = pd.read_csv(run / "people" / "sample.csv", encoding="utf-8-sig", dtype=str)
    table["sub_category"] = table["text"].map(place_of)
    table.to_csv(path, index=False, sep=";", encoding="utf-8-sig")
    return path


def test_sheets_hide_what_the_tool_thinks_and_say_how_to_go_on(copy, capsys):
    cli.main(["sheet", str(copy), "--coders", "ann", "bob"])
    said = capsys.readouterr().out
    sheets = [copy / "people" / f"sheet-{name}.xlsx" for name in ("ann", "bob")]
    assert f"saeidioms merge {copy} {sheets[0]} {sheets[1]}" in said
    header = [cell.value for cell in openpyxl.load_workbook(sheets[0])["coding"][1]]
    assert "sub_category" in header
    assert "tool_label" not in header
    before = sheets[0].read_bytes()
    assert "is there already" in stopped(capsys, "sheet", copy, "--coders", "ann")
    assert sheets[0].read_bytes() == before


def test_what_is_open_is_settled_by_an_adjudicator_from_any_folder(copy, capsys, monkeypatch):
    monkeypatch.setattr(people, "advance", lambda run, *_: run.record.write(run.folder.record))
    cli.main(["sheet", str(copy), "--coders", "ann", "bob", "cem"])
    sheets = [copy / "people" / f"sheet-{name}.xlsx" for name in ("ann", "bob", "cem")]
    for sheet, place in zip(sheets, ("affirming", "none", "self-oriented"), strict=True):
        fill(sheet, lambda feature, place=place: place)
    cli.main(["merge", str(copy), str(sheets[0])])
    assert "One coder alone" in capsys.readouterr().out
    monkeypatch.chdir(copy.parent)
    cli.main(["merge", copy.name, *map(str, sheets), "--adjudicator", "cem"])
    assert ", 0 are open" in capsys.readouterr().out
    overrides = pd.read_csv(copy / "people" / "overrides.csv", encoding="utf-8-sig")
    assert (overrides["sub_category"] == "self-oriented").all()
    said = "ann: affirming; bob: none; cem (adjudicator): self-oriented"
    assert (overrides["note"] == said).all()
    moved = copy.rename(copy.with_name("moved"))
    run = Run(moved)
    named = run.folder.given(run.record.options["codebook"]["overrides"])
    assert named == moved / "people" / "overrides.csv"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda record: record["options"]["codebook"].update(overrides="own.csv"), "own.csv"),
        (lambda record: record.update(dictionary="first"), "is that of first; merge there"),
    ],
)
def test_what_others_said_is_not_merged_over(copy, capsys, change, sentence):
    record = json.loads((copy / "run.json").read_text(encoding="utf-8"))
    change(record)
    (copy / "run.json").write_text(json.dumps(record), encoding="utf-8")
    cli.main(["sheet", str(copy)])
    sheet = copy / "people" / "sheet.xlsx"
    fill(sheet, lambda feature: "affirming")
    assert sentence in stopped(capsys, "merge", copy, sheet)
    assert not (copy / "people" / "overrides.csv").exists()


def test_what_coders_agree_on_counts_and_outlives_the_dictionary(copy, chats, capsys, monkeypatch):
    def advance(run, until="distribution"):  # the report is not looked at
        pipeline.advance(run, until)

    monkeypatch.setattr(people, "advance", advance)
    cli.main(["sheet", str(copy), "--coders", "ann", "bob"])
    sheets = [copy / "people" / f"sheet-{name}.xlsx" for name in ("ann", "bob")]
    fill(sheets[0], lambda feature: "affirming", label="says well done")
    fill(sheets[1], lambda feature: "affirming" if feature % 4 else "none")
    cli.main(["merge", str(copy), *map(str, sheets)])
    said = capsys.readouterr().out
    assert "alpha" in said
    assert "are open" in said
    run = Run(copy)
    table = run.codebook.table.set_index("feature")
    settled = table[table["source"] == "override"]
    assert len(settled) >= 12
    assert (settled["sub_category"] == "affirming").all()
    assert (settled["label"] == "says well done").all()
    assert (settled.index % 4 > 0).all()  # what they differ on stays the tool's
    assert (table.loc[table.index % 4 == 0, "source"] != "override").all()
    assert (copy / "people" / "agreement.csv").is_file()
    shares = pd.read_csv(copy / "distribution" / "distribution.csv").dropna()
    assert shares.loc[shares["share"].idxmax(), "sub_category"] == "affirming"

    overrides = copy / "people" / "overrides.csv"
    other = copy.parent / "other"
    again = ["--seed", "7", "--overrides", str(overrides), "--until", "codebook"]
    cli.main(["run", str(chats), "--out", str(other), *SMALL, *again])
    inherited = Run(other).codebook.table
    inherited = inherited[inherited["source"] == "override"]
    assert 5 <= len(inherited) < len(table)
    assert inherited["note"].str.contains(r"inherited from feature \d+ \(cosine 0\.[789]").all()


def test_a_sample_that_people_coded_judges_and_corrects(copy, capsys):
    cli.main(["sample", str(copy), "--n", "60"])
    path = copy / "people" / "sample.csv"
    table = pd.read_csv(path, encoding="utf-8-sig", dtype=str, keep_default_na=False)
    assert table["before"].str.len().median() > 5
    table["sub_category"] = [
        "encouraging elaboration" if "?" in t else "none" for t in table["text"]
    ]
    table.to_csv(path, index=False)
    cli.main(["agreement", str(copy), str(path)])
    assert "encouraging elaboration" in capsys.readouterr().out
    people = copy / "people"
    figures = pd.read_csv(people / "validation.csv").set_index("sub_category")
    assert figures.loc["encouraging elaboration", "kappa"] > 0.5
    shares = pd.read_csv(people / "corrected.csv").set_index("sub_category")
    assert shares.loc["affirming", "share"] < shares.loc["affirming", "naive"]
    assert "encouraging elaboration" in (people / "corrected.html").read_text(encoding="utf-8")
    assert "is there already" in stopped(capsys, "sample", copy)


def test_a_sample_keeps_its_design_when_the_sheet_is_renamed_for_a_coder(copy, capsys):
    cli.main(["sample", str(copy), "--n", "40"])
    (copy / "people" / "sample.xlsx").unlink()
    design = (copy / "people" / "design.csv").read_bytes()
    (copy / "people" / "sample.csv").rename(copy / "people" / "sample-ann.csv")
    assert "design.csv is there already" in stopped(capsys, "sample", copy, "--seed", "1")
    assert (copy / "people" / "design.csv").read_bytes() == design


def test_a_sample_without_what_was_said_before_says_so(copy, caplog):
    record = json.loads((copy / "run.json").read_text(encoding="utf-8"))
    record["source"] = str(copy / "gone.csv")
    (copy / "run.json").write_text(json.dumps(record), encoding="utf-8")
    cli.main(["sample", str(copy), "--n", "40"])
    assert "'before' of the sheet stays empty" in caplog.text
    table = pd.read_csv(copy / "people" / "sample.csv", encoding="utf-8-sig")
    assert table["before"].isna().all()


def test_a_workbook_of_the_sample_judges_codes_by_the_codebook_as_it_was_edited(copy, capsys):
    cli.main(["sample", str(copy), "--n", "60"])
    path = copy / "people" / "sample.xlsx"
    assert f"saeidioms agreement {copy} {path}" in capsys.readouterr().out
    workbook = openpyxl.load_workbook(path)
    header = [cell.value for cell in workbook["coding"][1]]
    for row in workbook["coding"].iter_rows(min_row=2):
        row[header.index("sub_category")].value = "affirming"
    workbook.save(path)
    book = copy / "codebook" / "codebook.csv"
    edited = pd.read_csv(book, encoding="utf-8-sig", dtype=str, keep_default_na=False)
    edited = edited.assign(sub_category="affirming", outside="", also="", weight="9")
    edited.to_csv(book, index=False)
    cli.main(["agreement", str(copy), str(path)])
    figures = pd.read_csv(copy / "people" / "validation.csv").set_index("sub_category")
    assert figures.loc["affirming", "recall"] > 0.9
    shares = pd.read_csv(copy / "people" / "corrected.csv").set_index("sub_category")
    assert shares.loc["affirming", "naive"] > 0.8  # of the codes as they are now


def by_question_mark(text):
    return "encouraging elaboration" if "?" in text else "greetings"


def test_two_coders_of_a_sample_are_compared_with_each_other(copy, capsys):
    cli.main(["sample", str(copy), "--n", "60"])
    ann = coded_sample(copy, copy.parent / "ann.csv", by_question_mark)
    bob = coded_sample(copy, copy.parent / "bob.csv", lambda text: "none")
    cli.main(["agreement", str(copy), str(ann), str(bob)])
    said = capsys.readouterr().out
    assert "Krippendorff's alpha -0." in said
    figures = pd.read_csv(copy / "people" / "validation.csv").set_index("sub_category")
    texts = Run(copy).corpus.table.set_index("unit_id")["text"]
    drawn = texts.loc[pd.read_csv(copy / "people" / "design.csv", encoding="utf-8-sig")["unit_id"]]
    halves = drawn.str.contains("?", regex=False).sum() / 2
    assert figures.loc["encouraging elaboration", "positives"] == halves > 0
    assert "given twice" in stopped(capsys, "agreement", copy, ann, ann)
    wrong = coded_sample(copy, copy.parent / "wrong.csv", lambda text: "afirming")
    assert "wrong.csv, row 2: 'afirming'" in stopped(capsys, "agreement", copy, wrong)


def test_a_taxonomy_grows_into_a_file_that_a_run_takes(copy, capsys):
    cli.main(["taxonomy", "grow", str(copy)])
    path = copy / "people" / "taxonomy.yaml"
    assert str(path) in capsys.readouterr().out
    grown = Taxonomy.read(path)
    assert grown.categories[-1].name == "Proposed"
    assert grown.names[:10] == Taxonomy.read("empathy").names
    assert grown.cues == Taxonomy.read("empathy").cues
    cli.main(["codebook", str(copy), "--taxonomy", str(path)])
    assert (Run(copy).codebook.table["category"] == "Proposed").any()
    assert "may be edited" in stopped(capsys, "taxonomy", "grow", copy)


def test_a_dry_run_of_labelling_changes_and_sends_nothing(copy, capsys, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    before = (copy / "run.json").read_bytes()
    asked = ["--labeller", "endpoint", "--llm", "some", "--base-url", "http://127.0.0.1:9/v1"]
    cli.main(["labels", str(copy), *asked, "--dry-run", "--prices", "1", "2"])
    said = capsys.readouterr().out
    assert int(said.split(" calls")[0]) > 3 * 24  # three labels for each feature, and judging them
    assert "by the prices given" in said
    assert (copy / "run.json").read_bytes() == before
    assert not (copy / "answers.jsonl").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["agreement", "{run}", "sample.csv"], "draw with `saeidioms sample"),
        (["merge", "{run}", "nothing.xlsx"], "nothing.xlsx"),
        (["labels", "{run}", "--dry-run"], "--labeller"),
        (["labels", "{run}", "--llm", "some"], "--labeller is offline"),
        (["labels", "{run}", "--labeller", "local"], "needs a model"),
    ],
)
def test_a_mistake_is_one_sentence(copy, capsys, arguments, sentence):
    with pytest.raises(SystemExit) as stopped:
        cli.main([argument.format(run=copy) for argument in arguments])
    assert stopped.value.code == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert sentence in said
    assert said.startswith("saeidioms: ")


def test_a_refused_option_is_not_remembered(copy, capsys):
    before = json.loads((copy / "run.json").read_text(encoding="utf-8"))["options"]
    with pytest.raises(SystemExit):
        cli.main(["labels", str(copy), "--labeller", "local"])
    assert json.loads((copy / "run.json").read_text(encoding="utf-8"))["options"] == before
