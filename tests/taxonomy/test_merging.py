"""Filled sheets: read with the mend for each mistake, merged with open ties, agreement as known."""

import csv

import numpy as np
import pandas as pd
import pytest
from openpyxl import load_workbook
from sklearn.metrics import cohen_kappa_score

from saeidioms.embedding.embed import embed
from saeidioms.embedding.spec import EncoderSpec
from saeidioms.errors import ArtifactError, InputError, OptionError
from saeidioms.idioms.features import FeatureTable
from saeidioms.stats.agreement import krippendorff_alpha
from saeidioms.taxonomy.codebook import Codebook
from saeidioms.taxonomy.coding_sheet import write_sheet
from saeidioms.taxonomy.filled_sheet import read_sheet
from saeidioms.taxonomy.merging import merge_sheets
from saeidioms.taxonomy.taxonomy import Taxonomy

TEXTS = [
    "I'm so sorry to hear about your grandmother.",
    "That must be really frustrating for you.",
    "You are such a strong and kind person.",
    "Have you tried talking to your manager about it?",
    "Hello there, how are you today?",
    "The meeting is on the second floor.",
]
SYMPATHY, VALIDATING, AFFIRMING = "expressing sympathy", "validating emotions", "affirming"
ADVICE, GREETINGS = "advice-giving", "greetings"
CODERS = {  # planted: all agree on 0 and 4, two of three on 1 and 5, nobody on 2 and 3
    "ann": [SYMPATHY, VALIDATING, AFFIRMING, ADVICE, GREETINGS, "none"],
    "ben": [SYMPATHY, VALIDATING, VALIDATING, "none", GREETINGS, "none"],
    "cem": [SYMPATHY, AFFIRMING, SYMPATHY, "", GREETINGS, ADVICE],
}
DRAWS = {"n_boot": 20}


@pytest.fixture(scope="module")
def taxonomy():
    return Taxonomy.read("empathy")


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAEIDIOMS_CACHE", str(tmp_path_factory.mktemp("cache")))
        return table_of(TEXTS, embed(TEXTS))


def table_of(texts, vectors):
    n = len(texts)
    table = pd.DataFrame({"feature": np.arange(n), "flag": "", "label": texts})
    table = table.assign(density=0.1, n_units=10, n_texts=10, max_activation=0.9)
    table = table.assign(mean_activation=0.5, label_source="offline", definition="", suggestion="")
    examples = pd.DataFrame({"feature": np.arange(n), "kind": "top", "text": texts})
    idioms = pd.DataFrame(columns=["feature", "phrase", "z"])
    spec = getattr(vectors, "encoder", EncoderSpec("planted", "0", None, 4, "float32"))
    return FeatureTable(
        table, idioms, examples.assign(activation=0.5), np.asarray(vectors, np.float32), spec
    )


def fill(path, answers):
    """Write what a coder says, {feature: cells or the sub-category}, into a workbook."""
    book = load_workbook(path)
    sheet = book["coding"]
    at = {cell.value: cell.column for cell in sheet[1]}
    for row in range(2, sheet.max_row + 1):
        said = answers.get(sheet.cell(row, at["feature"]).value, "")
        cells = said if isinstance(said, dict) else {"sub_category": said}
        for name, value in cells.items():
            sheet.cell(row, at[name]).value = value if value != "" else None
    book.save(path)
    return path


@pytest.fixture(scope="module")
def sheets(tmp_path_factory, features, taxonomy):
    """The sheets of the planted coders."""
    path = tmp_path_factory.mktemp("sheets") / "sheet.xlsx"
    books = write_sheet(features, taxonomy, path, coders=list(CODERS))
    said = [dict(enumerate(places)) for places in CODERS.values()]
    return [fill(book, answers) for book, answers in zip(books, said, strict=True)]


@pytest.fixture(scope="module")
def merged(sheets, features, taxonomy):
    return merge_sheets(sheets, features, taxonomy, **DRAWS)


@pytest.fixture
def blank(tmp_path, features, taxonomy):
    """An unfilled workbook."""
    return write_sheet(features, taxonomy, tmp_path / "blank.xlsx")[0]


def edit_csv(path, change):
    """Let `change` edit the list of rows, each a dict, of a CSV; return it."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    rows = change(rows) or rows
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows(rows)
    return path


def settled(merged):
    return dict(zip(merged.table["feature"], merged.table["settled"], strict=True))


def test_a_workbook_is_read_as_it_was_filled_in(blank, features, taxonomy):
    said = {"sub_category": VALIDATING, "second": AFFIRMING, "label": "=frustration", "note": "x"}
    fill(blank, {1: {**said, "confident": 4, "label": "frustration"}, 3: "none"})
    rows = read_sheet(blank, features, taxonomy).set_index("feature")
    assert rows.index.tolist() == list(range(6))
    assert rows.loc[1].tolist() == ["blank", VALIDATING, AFFIRMING, "frustration", 4.0, "x"]
    assert rows.loc[3, "sub_category"] == "none"
    assert rows.loc[0, ["sub_category", "second", "label", "note"]].tolist() == [""] * 4
    assert np.isnan(rows.loc[0, "confident"])


def test_a_csv_is_read_like_the_workbook(sheets, features, taxonomy):
    def code(rows):
        for row in rows:
            row["sub_category"] = CODERS["ann"][int(row["feature"])]

    path = edit_csv(sheets[0].with_suffix(".csv"), code)
    pd.testing.assert_frame_equal(
        read_sheet(path, features, taxonomy), read_sheet(sheets[0], features, taxonomy)
    )


def test_order_of_columns_and_rows_blank_rows_and_letter_case_do_not_matter(
    blank, features, taxonomy
):
    def shuffle(rows):
        rows = [dict(reversed(row.items())) for row in rows]
        rows.sort(key=lambda row: int(row["feature"]))
        rows[2]["sub_category"] = "  Expressing  SYMPATHY "
        return [rows[4], dict.fromkeys(rows[0], ""), *rows[:4]]

    path = edit_csv(blank.with_suffix(".csv"), shuffle)
    rows = read_sheet(path, features, taxonomy)
    assert rows["feature"].tolist() == [0, 1, 2, 3, 4]
    assert rows["sub_category"].tolist() == ["", "", SYMPATHY, "", ""]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_csv_of_a_spreadsheet_that_knows_other_delimiters_is_read(
    blank, features, taxonomy, delimiter
):
    path = blank.with_suffix(".csv")
    pd.read_csv(path, dtype=str).to_csv(path, sep=delimiter, index=False, encoding="utf-8-sig")
    assert len(read_sheet(path, features, taxonomy)) == 6


def test_words_that_look_like_formulas_come_back_from_csv(blank, features, taxonomy):
    def code(rows):
        for row, label in zip(rows, ["-ing forms", "'-ing forms", "'tis"], strict=False):
            row |= {"sub_category": "none", "label": label}

    path = edit_csv(blank.with_suffix(".csv"), code)
    labels = read_sheet(path, features, taxonomy)["label"]
    assert sorted(labels[labels != ""]) == ["'tis", "-ing forms", "-ing forms"]


def set_cells(**cells):
    def change(rows):
        rows[2] |= cells

    return change


MISTAKES = {
    "a place there is not": (set_cells(sub_category="afirming"), "did you mean affirming"),
    "a second there is not": (
        set_cells(sub_category="affirming", second="advice"),
        "second is 'advice'",
    ),
    "a second like the first": (
        set_cells(sub_category="affirming", second="affirming"),
        "another place",
    ),
    "a label alone": (set_cells(label="sadness"), "sub_category is empty; choose one, or 'none'"),
    "a number beyond": (set_cells(sub_category="affirming", confident="6"), "from 1 to 5"),
    "no number": (set_cells(feature="x"), "give a number from 0 to 5"),
    "a feature too many": (set_cells(feature="6"), "give a number from 0 to 5"),
}


@pytest.mark.parametrize(("change", "mend"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_with_file_row_and_mend(blank, features, taxonomy, change, mend):
    path = edit_csv(blank.with_suffix(".csv"), change)
    with pytest.raises(InputError, match=mend) as caught:
        read_sheet(path, features, taxonomy)
    assert str(caught.value).startswith(f"{path}, row 4: ")


COLUMN_MISTAKES = {
    "a column too many": (
        lambda rows: [{**row, "thoughts": "x"} for row in rows],
        "column 'thoughts' is unknown; put what it says into 'note'",
    ),
    "a column misspelt": (
        lambda rows: [
            {("subcategory" if name == "sub_category" else name): row[name] for name in row}
            for row in rows
        ],
        "did you mean sub_category",
    ),
    "a column gone": (
        lambda rows: [{name: row[name] for name in row if name != "dictionary"} for row in rows],
        "column 'dictionary' is missing",
    ),
    "a feature twice": (lambda rows: [*rows, rows[0]], "row 8: feature .* stands already at .*2"),
    "two coders": (set_cells(coder="ben"), "several coders"),
}


@pytest.mark.parametrize(("change", "mend"), COLUMN_MISTAKES.values(), ids=COLUMN_MISTAKES)
def test_a_table_that_was_changed_is_refused(blank, features, taxonomy, change, mend):
    path = edit_csv(blank.with_suffix(".csv"), change)
    with pytest.raises(InputError, match=mend):
        read_sheet(path, features, taxonomy)


def test_a_cell_beyond_the_header_is_not_lost_in_silence(blank, features, taxonomy):
    path = blank.with_suffix(".csv")
    head, rest = path.read_text(encoding="utf-8-sig").split("\n", 1)
    path.write_text(f"{head}\n{rest.rstrip()},a thought\n", encoding="utf-8")
    with pytest.raises(InputError, match="no column name above it"):
        read_sheet(path, features, taxonomy)


def test_a_sheet_of_another_dictionary_is_refused(blank, features, taxonomy):
    other = table_of(TEXTS, np.random.default_rng(0).normal(size=(6, 4)))
    for path in (blank, blank.with_suffix(".csv")):
        with pytest.raises(ArtifactError, match="another dictionary or corpus"):
            read_sheet(path, other, taxonomy)


def test_a_formula_a_coder_left_is_named_with_its_cell(blank, features, taxonomy):
    fill(blank, {feature: {"sub_category": "none", "label": "=A1"} for feature in range(6)})
    with pytest.raises(InputError, match=r"row 2: the cell \w2 holds a formula"):
        read_sheet(blank, features, taxonomy)


def test_a_file_that_is_no_sheet_is_refused(tmp_path, blank, features, taxonomy):
    book = load_workbook(blank)
    book["coding"].title = "mine"
    book.save(tmp_path / "renamed.xlsx")
    (tmp_path / "text.xlsx").write_text("no workbook")
    (tmp_path / "latin.csv").write_bytes("feature,é\n".encode("latin-1"))
    (tmp_path / "empty.csv").write_text("")
    for name, mend in {
        "renamed.xlsx": "no sheet 'coding', only instructions, mine, lists",
        "text.xlsx": "cannot be read as XLSX",
        "latin.csv": "save it as CSV UTF-8",
        "empty.csv": "column 'feature' is missing",
        "missing.csv": "cannot be read",
        "missing.xlsx": "cannot be read",
    }.items():
        with pytest.raises(InputError, match=mend) as caught:
            read_sheet(tmp_path / name, features, taxonomy)
        assert name in str(caught.value)


def test_the_majority_settles_and_ties_stay_open(merged):
    assert settled(merged) == {
        **{0: "unanimous", 1: "majority", 2: "open"},
        **{3: "open", 4: "unanimous", 5: "majority"},
    }
    assert merged.table["sub_category"].tolist() == [
        SYMPATHY,
        VALIDATING,
        "",
        "",
        GREETINGS,
        "none",
    ]
    assert merged.open["feature"].tolist() == [2, 3]
    assert merged.table["note"][1] == f"ann, ben: {VALIDATING}; cem: {AFFIRMING}"


def test_two_of_four_are_no_majority(tmp_path, features, taxonomy):
    coders = dict(zip("abcd", [AFFIRMING, AFFIRMING, ADVICE, SYMPATHY], strict=True))
    books = write_sheet(features, taxonomy, tmp_path / "s.xlsx", coders=list(coders))
    for book, place in zip(books, coders.values(), strict=True):
        fill(book, {0: place})
    assert settled(merge_sheets(books, features, taxonomy, **DRAWS)) == {0: "open"}


def test_the_adjudicator_settles_what_is_open_and_nothing_else(
    tmp_path, sheets, merged, features, taxonomy
):
    (book,) = write_sheet(features, taxonomy, tmp_path / "last.xlsx", coders=["dee"])
    fill(book, {0: ADVICE, 2: {"sub_category": AFFIRMING, "label": "praise"}})
    after = merge_sheets([*sheets, book], features, taxonomy, adjudicator="dee", **DRAWS)
    assert after.table["sub_category"][0] == SYMPATHY
    assert after.table.loc[2, ["sub_category", "label", "settled"]].tolist() == [
        AFFIRMING, "praise", "adjudicator",
    ]  # fmt: skip
    assert "dee (adjudicator)" in after.table["note"][2]
    assert after.open["feature"].tolist() == [3]
    pd.testing.assert_frame_equal(after.agreement, merged.agreement)


def test_where_all_must_agree_a_majority_leaves_it_open(sheets, features, taxonomy):
    merged = merge_sheets(sheets, features, taxonomy, rule="unanimous", **DRAWS)
    assert merged.open["feature"].tolist() == [1, 2, 3, 5]


def test_the_label_is_that_of_the_surest_coder_behind_the_place(tmp_path, features, taxonomy):
    said = {
        "ann": {"sub_category": AFFIRMING, "label": "praise", "confident": 2},
        "ben": {"sub_category": AFFIRMING, "label": "kind words", "confident": 5},
        "cem": {"sub_category": ADVICE, "label": "a hint", "confident": 5},
    }
    books = write_sheet(features, taxonomy, tmp_path / "s.xlsx", coders=list(said))
    for book, cells in zip(books, said.values(), strict=True):
        fill(book, {0: cells})
    assert merge_sheets(books, features, taxonomy, **DRAWS).table["label"].item() == "kind words"


def test_a_note_without_a_place_is_listed_and_not_lost(tmp_path, features, taxonomy):
    (book,) = write_sheet(features, taxonomy, tmp_path / "s.xlsx", coders=["ann"])
    fill(book, {5: {"note": "I cannot read this"}})
    merged = merge_sheets([book], features, taxonomy, **DRAWS)
    assert merged.open["note"].tolist() == ["ann: not coded (I cannot read this)"]
    assert merged.overrides.empty


def test_agreement_is_that_of_the_words_of_the_coders(merged):
    found = merged.agreement.set_index(["coefficient", "of", "coders"])
    words = np.array([[word or None for word in said] for said in CODERS.values()], object)
    alpha = found.loc[("alpha", "sub_category", "all coders")]
    assert alpha["value"] == pytest.approx(krippendorff_alpha(words))
    assert alpha["low"] <= alpha["value"] <= alpha["high"]
    assert alpha["n"] == 6
    kappa = found.loc[("kappa", "sub_category", "ann and cem")]
    both = [0, 1, 2, 4, 5]
    expected = cohen_kappa_score(words[0, both].tolist(), words[2, both].tolist())
    assert kappa["value"] == pytest.approx(expected)
    assert kappa["n"] == 5


def test_agreement_on_the_category_forgives_what_stays_within_it(merged, taxonomy):
    found = merged.agreement
    alpha = found[found["coefficient"] == "alpha"].set_index("of")["value"]
    assert taxonomy.category_of(SYMPATHY) == taxonomy.category_of(VALIDATING)
    assert alpha["category"] != alpha["sub_category"]
    names = ["none" if word == "none" else "outside" if word == GREETINGS else word
             for said in CODERS.values() for word in said]  # fmt: skip
    inside = {sub.name: sub.category for sub in taxonomy.sub_categories}
    words = np.array([inside.get(name, name) or None for name in names], object).reshape(3, 6)
    assert alpha["category"] == pytest.approx(krippendorff_alpha(words))


def test_each_place_has_its_own_agreement(merged):
    found = merged.agreement
    alpha = found[found["coefficient"] == "alpha"].set_index("of")["value"]
    assert alpha[GREETINGS] == pytest.approx(1)
    assert alpha[ADVICE] < 0.5
    assert "self-oriented" not in alpha  # nobody named it


def test_one_coder_has_no_agreement_and_is_taken_at_their_word(sheets, features, taxonomy):
    merged = merge_sheets(sheets[:1], features, taxonomy, **DRAWS)
    assert merged.agreement.empty
    assert merged.table["sub_category"].tolist() == CODERS["ann"]


def test_empty_sheets_settle_nothing(tmp_path, features, taxonomy):
    books = write_sheet(features, taxonomy, tmp_path / "s.xlsx", coders=["ann", "ben"])
    merged = merge_sheets(books, features, taxonomy, **DRAWS)
    assert merged.table.empty
    assert merged.overrides.empty
    assert merged.agreement["value"].isna().all()


def test_overrides_are_what_a_codebook_reads(tmp_path, merged, features, taxonomy):
    merged.save(tmp_path / "overrides.csv")
    book = Codebook.propose(
        features, taxonomy, encode=lambda texts: np.asarray(embed(texts)),
        overrides=tmp_path / "overrides.csv",
    )  # fmt: skip
    table = book.table.set_index("feature")
    assert (table["source"] == "override").tolist() == [True, True, False, False, True, True]
    assert table.loc[1, "sub_category"] == VALIDATING
    assert table.loc[4, "outside"] == GREETINGS
    assert table.loc[5, ["sub_category", "outside"]].tolist() == ["", ""]
    assert table.loc[1, "note"] == f"ann, ben: {VALIDATING}; cem: {AFFIRMING}"


def test_a_label_that_looks_like_a_formula_is_disarmed_in_the_overrides(
    tmp_path, features, taxonomy
):
    (book,) = write_sheet(features, taxonomy, tmp_path / "s.xlsx", coders=["ann"])
    said = {"sub_category": AFFIRMING, "label": "-ing forms"}
    fill(book, {0: said})
    merged = merge_sheets([book], features, taxonomy, **DRAWS)
    merged.save(tmp_path / "overrides.csv")
    assert merged.overrides["label"].tolist() == ["-ing forms"]
    assert pd.read_csv(tmp_path / "overrides.csv")["label"].tolist() == ["'-ing forms"]


def test_sheets_that_cannot_be_merged_are_refused(tmp_path, sheets, features, taxonomy):
    copy = tmp_path / "copy.xlsx"
    copy.write_bytes(sheets[0].read_bytes())
    with pytest.raises(InputError, match=r"sheet-ann.xlsx and .*copy.xlsx are both of ann"):
        merge_sheets([sheets[0], copy], features, taxonomy)
    with pytest.raises(OptionError, match="did you mean cem"):
        merge_sheets(sheets, features, taxonomy, adjudicator="cemm")
    with pytest.raises(OptionError, match="'majority' or 'unanimous'"):
        merge_sheets(sheets, features, taxonomy, rule="loudest")
    with pytest.raises(OptionError, match="no sheets"):
        merge_sheets([], features, taxonomy)
