"""Coding sheets: blinded, safe to open, and only ever filled in for their own dictionary."""

import csv
import re

import numpy as np
import pandas as pd
import pytest
from openpyxl import load_workbook

from saeidioms.corpus.readers import read_corpus
from saeidioms.embedding.spec import EncoderSpec
from saeidioms.errors import InputError, OptionError
from saeidioms.idioms.features import FeatureTable
from saeidioms.taxonomy.coding_sheet import CODED, digest_of, write_sheet
from saeidioms.taxonomy.form import choices
from saeidioms.taxonomy.formulas import disarm, rearm
from saeidioms.taxonomy.taxonomy import Taxonomy

DANGEROUS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(A1)",
    " =1",
]
SPEC = EncoderSpec("planted", "0", None, 4, "float32")
OPENERS = {0: r"\bsorry\b", 1: r"\bcongrat", 2: r"\bhave you\b", 3: r"\bhope\b"}


def table_of(examples, idioms=(), dead=(), seed=0):
    """Return features with these (feature, kind, text) and (feature, phrase), and labels."""
    n = 1 + max(feature for feature, _, _ in examples)
    table = pd.DataFrame(
        {
            "feature": np.arange(n),
            "flag": ["dead" if feature in dead else "" for feature in range(n)],
            "label": [f"label of {feature}" for feature in range(n)],
        }
    )
    rows = pd.DataFrame(examples, columns=["feature", "kind", "text"])
    rows = rows.assign(activation=np.linspace(0.9, 0.1, len(rows)))
    phrases = pd.DataFrame(idioms, columns=["feature", "phrase"])
    vectors = np.random.default_rng(seed).normal(size=(n, 4)).astype(np.float32)
    return FeatureTable(table, phrases, rows, vectors, SPEC)


def numbered(n=12, **rest):
    """Return n features with ten strong and middling examples and near misses each."""
    examples = [
        (feature, kind, f"{kind} {i} of {feature}")
        for feature in range(n)
        for kind in ("top", "middle", "near miss")
        for i in range(10)
    ]
    return table_of(examples, [(0, "so sorry")], **rest)


def read_csv(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def column(sheet, name):
    """Return the cells below a header."""
    position = [cell.value for cell in sheet[1]].index(name) + 1
    return [sheet.cell(row, position) for row in range(2, sheet.max_row + 1)]


@pytest.fixture(scope="module")
def taxonomy():
    return Taxonomy.read("empathy")


@pytest.fixture(scope="module")
def real(data_folder):
    """Features of sentences of EmpatheticDialogues that hold one word each."""
    corpus = read_corpus(data_folder / "empathetic_dialogues.parquet").where(role="supporter")
    texts = list(dict.fromkeys(corpus.texts[:20_000]))
    examples = []
    for feature, pattern in OPENERS.items():
        found = [text for text in texts if re.search(pattern, text, re.IGNORECASE)]
        examples += [(feature, "top", text) for text in found[:10]]
        examples += [(feature, "middle", text) for text in found[10:20]]
        examples += [(feature, "near miss", text) for text in texts[feature::500][:5]]
    return table_of(examples)


def test_workbook_and_csv_hold_the_same_rows(tmp_path, real, taxonomy):
    (book,) = write_sheet(real, taxonomy, tmp_path / "sheet.xlsx")
    rows = read_csv(book.with_suffix(".csv"))
    sheet = load_workbook(book)["coding"]
    assert [cell.value for cell in sheet[1]] == list(rows[0])
    for name in rows[0]:
        written = ["" if cell.value is None else str(cell.value) for cell in column(sheet, name)]
        assert written == [rearm(row[name]) for row in rows]
    assert sorted(int(row["feature"]) for row in rows) == list(OPENERS)
    assert all(not row[name] for row in rows for name in CODED)


def test_real_examples_stand_on_a_line_each_beside_their_feature(tmp_path, real, taxonomy):
    (book,) = write_sheet(real, taxonomy, tmp_path / "sheet.xlsx", n_examples=6)
    for row in read_csv(book.with_suffix(".csv")):
        lines = row["examples"].split("\n")
        assert len(lines) == 6
        assert all(re.search(OPENERS[int(row["feature"])], line, re.IGNORECASE) for line in lines)


def test_a_blind_sheet_says_nothing_of_what_the_tool_thinks(tmp_path, taxonomy):
    features = numbered()
    (book,) = write_sheet(features, taxonomy, tmp_path / "sheet.xlsx")
    text = book.with_suffix(".csv").read_text(encoding="utf-8-sig")
    assert "tool_label" not in text
    assert "label of" not in text
    sheets = load_workbook(book).worksheets
    assert not [c for s in sheets for r in s for c in r if "label of" in str(c.value)]
    for row in read_csv(book.with_suffix(".csv")):
        shown = re.findall(r"(top|middle) (\d+) of", row["examples"])
        assert len(shown) == 8
        assert {kind for kind, _ in shown} == {"top", "middle"}
        assert "near miss" not in row["examples"]
        assert "near miss 0" in row["does not fire on"]
    orders = {re.sub(r" of \d+", "", row["examples"]) for row in read_csv(book.with_suffix(".csv"))}
    assert len(orders) > 1  # shuffled, so that the place says nothing of the strength


def test_a_sheet_that_is_not_blind_shows_labels_and_the_strongest_first(tmp_path, taxonomy):
    features = numbered(2)
    (book,) = write_sheet(features, taxonomy, tmp_path / "sheet.xlsx", blind=False)
    for row in read_csv(book.with_suffix(".csv")):
        assert row["tool_label"] == f"label of {row['feature']}"
        strengths = [float(line.split()[1]) for line in row["examples"].split("\n")]
        assert strengths == sorted(strengths, reverse=True)


@pytest.mark.parametrize(("kinds", "expected"), [(["top"], 8), (["middle"], 8), (["low"], 0)])
def test_a_feature_that_lacks_one_kind_of_example_shows_more_of_the_other(
    tmp_path, taxonomy, kinds, expected
):
    examples = [(0, kind, f"{kind} {i}") for kind in kinds for i in range(10)]
    (book,) = write_sheet(table_of(examples), taxonomy, tmp_path / "sheet.xlsx")
    (row,) = read_csv(book.with_suffix(".csv"))
    assert len(row["examples"].split("\n") if row["examples"] else []) == expected


def test_coders_get_the_same_examples_in_other_orders_of_rows(tmp_path, taxonomy):
    features = numbered()
    books = write_sheet(features, taxonomy, tmp_path / "sheet.xlsx", coders=["ann", "ben"])
    assert [book.name for book in books] == ["sheet-ann.xlsx", "sheet-ben.xlsx"]
    ann, ben = (read_csv(book.with_suffix(".csv")) for book in books)
    assert [row["coder"] for row in ann] == ["ann"] * 12
    assert [row["feature"] for row in ann] != [row["feature"] for row in ben]
    assert [int(row["row"]) for row in ben] == list(range(1, 13))
    shown = {row["feature"]: row["examples"] for row in ann}
    assert all(shown[row["feature"]] == row["examples"] for row in ben)


def test_a_seed_gives_the_same_sheet_again_and_another_another(tmp_path, taxonomy):
    features = numbered()
    same = [
        write_sheet(features, taxonomy, tmp_path / f"{i}.xlsx", seed=seed)[0]
        for i, seed in enumerate([0, 0, 1])
    ]
    first, second, third = (book.with_suffix(".csv").read_text() for book in same)
    assert first == second != third


@pytest.mark.parametrize("text", DANGEROUS)
def test_what_looks_like_a_formula_is_written_as_text(tmp_path, taxonomy, text):
    features = table_of([(0, "top", "a")], [(0, text)])
    features.table["label"] = text
    (book,) = write_sheet(features, taxonomy, tmp_path / "sheet.xlsx", blind=False)
    (row,) = read_csv(book.with_suffix(".csv"))
    assert row["tool_label"][0] == "'"
    (cell,) = column(load_workbook(book)["coding"], "tool_label")
    assert cell.data_type == "s"
    assert cell.quotePrefix
    assert rearm(row["tool_label"]) == cell.value == text.strip()


@pytest.mark.parametrize("text", [*DANGEROUS, "", "'", "'=1", "''=1", "it's", "a=b", "sorry - sad"])
def test_disarmed_text_comes_back_as_it_was(text):
    assert rearm(disarm(text)) == text


def test_a_coder_s_words_in_apostrophes_stay(tmp_path):
    assert disarm("'so sorry' and the like") == "'so sorry' and the like"


def test_no_cell_of_a_workbook_is_a_formula(tmp_path, real, taxonomy):
    (book,) = write_sheet(real, taxonomy, tmp_path / "sheet.xlsx", blind=False)
    cells = [cell for sheet in load_workbook(book) for row in sheet for cell in row]
    assert {cell.data_type for cell in cells} == {"s", "n"}


def test_control_characters_and_endless_texts_do_not_break_a_workbook(tmp_path, taxonomy):
    features = table_of([(0, "top", "so\x0b sad\x00\n\nindeed"), (0, "middle", "very " * 20_000)])
    (book,) = write_sheet(features, taxonomy, tmp_path / "sheet.xlsx")
    (cell,) = column(load_workbook(book)["coding"], "examples")
    assert "• so sad indeed" in cell.value.split("\n")
    assert len(cell.value) < 600
    assert "…" in cell.value


def test_drop_downs_hold_every_place_and_none(tmp_path, real, taxonomy):
    (book,) = write_sheet(real, taxonomy, tmp_path / "sheet.xlsx")
    workbook = load_workbook(book)
    sheet, lists = workbook["coding"], workbook["lists"]
    assert lists.sheet_state == "hidden"
    rules = {str(rule.sqref): rule.formula1 for rule in sheet.data_validations.dataValidation}
    header = [cell.value for cell in sheet[1]]
    for name in ("sub_category", "second", "confident"):
        letter = sheet.cell(1, header.index(name) + 1).column_letter
        first, last = re.findall(r"\$(\w)\$(\d+)", rules[f"{letter}2:{letter}5"])
        offered = [lists[f"{first[0]}{row}"].value for row in range(1, int(last[1]) + 1)]
        assert offered == ([1, 2, 3, 4, 5] if name == "confident" else list(choices(taxonomy)))
    groups = [group.name for group in taxonomy.outside]
    assert choices(taxonomy) == (*taxonomy.names, *groups, "none")


def test_the_first_sheet_holds_instructions_and_the_whole_codebook(tmp_path, real, taxonomy):
    (book,) = write_sheet(real, taxonomy, tmp_path / "sheet.xlsx")
    first = load_workbook(book).worksheets[0]
    text = "\n".join(str(cell.value) for row in first for cell in row if cell.value)
    for sub in taxonomy.sub_categories:
        assert all(part in text for part in (sub.name, sub.definition, *sub.include, *sub.exclude))
    assert all(group.definition in text for group in taxonomy.outside)


def test_header_stays_in_sight_and_hidden_columns_out_of_it(tmp_path, real, taxonomy):
    (book,) = write_sheet(real, taxonomy, tmp_path / "sheet.xlsx")
    sheet = load_workbook(book)["coding"]
    assert sheet.freeze_panes == "C2"
    hidden = [cell.value for cell in sheet[1] if sheet.column_dimensions[cell.column_letter].hidden]
    assert hidden == ["coder", "dictionary"]
    assert all(cell.alignment.wrap_text for cell in column(sheet, "examples"))


def test_dead_features_are_not_asked_about(tmp_path, taxonomy):
    features = numbered(4, dead=[1])
    (book,) = write_sheet(features, taxonomy, tmp_path / "sheet.xlsx")
    rows = read_csv(book.with_suffix(".csv"))
    assert sorted(int(row["feature"]) for row in rows) == [0, 2, 3]
    with pytest.raises(InputError, match="nothing to code"):
        write_sheet(numbered(2, dead=[0, 1]), taxonomy, tmp_path / "other.xlsx")


def test_the_digest_is_of_the_features_and_not_of_their_labels():
    features, other = numbered(), numbered(seed=1)
    labels = features.table[["feature"]].assign(label="new", label_source="a person")
    assert digest_of(features.relabelled(labels)) == digest_of(features)
    assert digest_of(other) != digest_of(features)


def test_a_sheet_that_may_hold_work_is_not_written_over(tmp_path, taxonomy):
    path = tmp_path / "sheet.xlsx"
    write_sheet(numbered(2), taxonomy, path)
    before = path.read_bytes()
    with pytest.raises(OptionError, match="somebody's work"):
        write_sheet(numbered(2), taxonomy, path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "mend"),
    [
        ({"path": "sheet.csv"}, r"ends in \.xlsx"),
        ({"n_examples": 0}, "at least 1"),
        ({"coders": ["ann", "Ann"]}, "named twice"),
        ({"coders": ["../ann"]}, "can name no file"),
        ({"coders": "ann"}, "a list of names"),
    ],
)
def test_options_that_are_not_allowed_are_refused(tmp_path, taxonomy, options, mend):
    given = {"path": "sheet.xlsx", **options}
    with pytest.raises(OptionError, match=mend):
        write_sheet(numbered(2), taxonomy, tmp_path / given.pop("path"), **given)
    assert not list(tmp_path.iterdir())
