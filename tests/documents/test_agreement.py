"""What people said of features and codes is printed, as long as it was said of these."""

from functools import partial

import openpyxl
import pandas as pd
import pytest

from saeidioms import people
from saeidioms.documents.agreement import OVERALL, agreement_of
from saeidioms.documents.write import write_codebook
from saeidioms.pipeline import advance, resume
from saeidioms.run import Run
from saeidioms.taxonomy.merging import merge_sheets


def fill(sheet, places):
    """Give the features of a sheet their places, by turns."""
    workbook = openpyxl.load_workbook(sheet)
    coding = workbook["coding"]
    column = {cell.value: number for number, cell in enumerate(coding[1])}
    for row in coding.iter_rows(min_row=2):
        feature = int(row[column["feature"]].value)
        row[column["sub_category"]].value = places[feature % len(places)]
    workbook.save(sheet)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Leave it to the codebook to make what it needs, without drawing the report anew."""
    monkeypatch.setattr(people, "advance", lambda run, until=None: None)
    monkeypatch.setattr(people, "merge_sheets", partial(merge_sheets, n_boot=60))


@pytest.fixture
def judged(copy):
    """A run of which people judged a sample of units as the tool did, but for some."""
    run = resume(copy)
    path = people.draw(run, n=60)
    table = pd.read_csv(path.with_suffix(".csv"), encoding="utf-8-sig")
    primary = run.codes.units.drop_duplicates("unit_id").set_index("unit_id")["sub_category"]
    said = table["unit_id"].map(primary).fillna("none")
    said[::7] = "none"
    coded = copy / "ann.csv"
    table.assign(sub_category=said).to_csv(coded, index=False)
    people.judge(run, [coded])
    return copy


def test_the_figures_of_a_judged_sample_are_printed(judged):
    figures = pd.read_csv(judged / "people" / "validation.csv")
    found = agreement_of(Run(judged))
    assert len(found) == len(figures)
    for row in figures.to_dict("records"):
        own = found[row["level"], row[row["level"]]]
        if row["f1"] == row["f1"]:
            assert (own.f1.value, own.kappa.low) == (row["f1"], row["kappa_low"])
    write_codebook(resume(judged), ["md"])
    said = (judged / "documents" / "codebook.md").read_text(encoding="utf-8")
    best = figures.dropna(subset=["f1", "f1_low"]).iloc[0]
    assert f"F1 {best['f1']:.2f} [{best['f1_low']:.2f}, {best['f1_high']:.2f}]" in said
    assert "|  | Precision | Recall | F1 | Kappa |" in said


def test_figures_of_other_codes_are_left_out_and_that_is_said(judged, caplog):
    run = resume(judged)
    run.record.options["codes"]["min_strength"] = 0.6
    advance(run, "codes")
    assert agreement_of(run) == {}
    assert "is of other codes than the run has now" in caplog.text


def test_alpha_of_coders_is_printed_where_the_codebook_is_by_their_word(copy):
    run = resume(copy)
    names = run.codebook.taxonomy.names
    sheets = people.write_sheets(run, ["ann", "bob"], n_examples=2)
    fill(sheets[0], names[:4])
    fill(sheets[1], (*names[:3], names[5]))
    people.merge(run, sheets)
    table = pd.read_csv(copy / "people" / "agreement.csv")
    alpha = table[table["coefficient"] == "alpha"].set_index("of")
    found = agreement_of(run)
    assert found[OVERALL].coders.value == alpha.loc["sub_category", "value"]
    own = found["sub_category", names[0]]
    assert (own.coders.value, own.n) == (1.0, alpha.loc[names[0], "n"])
    write_codebook(run, ["md"])
    said = (copy / "documents" / "codebook.md").read_text(encoding="utf-8")
    row = alpha.loc["sub_category"]
    cell = f"{row['value']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
    assert f"| all sub-categories | {cell} |" in said
    assert "features were placed, or refused, by people" in said
    assert "| by people |" in said
    run.record.options["codebook"]["overrides"] = None
    assert agreement_of(run) == {}
