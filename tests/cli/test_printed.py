"""Tables as text, in terminals of any width."""

import numpy as np
import pandas as pd
import pytest

from saeidioms.cli.printed import as_text


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "level": ["category", "sub_category", "sub_category", "uncoded"],
            "category": ["Affective", "Affective", "Affective", ""],
            "sub_category": ["", "demonstrating availability", "expressing sympathy", ""],
            "group": "coach",
            "baseline_share": [0.4, 0.21234, 0.1, np.nan],
            "low": [0.1, 0.2, 0.3, np.nan],
            "high": [0.2, 0.3, 0.4, np.nan],
            "p": [0.00001, 0.5, np.nan, np.nan],
            "said": ["many words " * 9, "few", "x", ""],
            "features": [np.nan, 0, 4, np.nan],
            "faithful": [np.nan, 0, 2, np.nan],
        }
    )


def lines(table, width):
    text = as_text(table, width)
    return text.split("\n\n")[0].splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal(table, width):
    shown = lines(table, width)
    assert max(map(len, shown[:5])) <= width
    assert any("demonstrating" in line for line in shown)


def test_what_has_no_room_is_named_with_the_file_that_holds_it(table):
    text = as_text(table, 40)
    assert "... and in table.csv: " in text
    left_out = text.split("... and in table.csv: ")[1].split("\n")[0].split(", ")
    for name in left_out:
        assert name not in text.split("... and in")[0].splitlines()[0].split()


def test_what_another_column_tells_goes_first_but_never_a_name():
    pairs = pd.DataFrame(
        {
            "sub_category": ["expressing sympathy", "affirming"],
            "other_category": ["Cognitive", "Affective"],
            "other": ["encouraging elaboration", "validating emotions"],
            "lift": [0.68, 1.2],
        }
    )
    text = as_text(pairs, 60)
    assert "expressing sympathy  encouraging elaboration  0.68" in text
    assert "... and in table.csv: other_category" in text


def test_numbers_are_never_cut(table):
    for width in range(30, 120, 7):
        text = as_text(table, width)
        assert "0.21…" not in text
        assert "[0.2, 0.3]" in text or "interval" in text


def test_where_there_is_no_terminal_everything_is_there(table, capsys):
    text = as_text(table)
    assert "... and in" not in text
    assert "many words many words" in text
    assert "baseline_share" in text


def test_intervals_names_and_small_p_are_written_as_in_papers(table):
    text = as_text(table)
    assert "[0.2, 0.3]" in text
    assert "<.0001" in text
    assert "  demonstrating availability †" in text
    assert "none of these" in text
    assert "group: coach" in text  # the same in all rows: once
    assert "No feature of this sub-category has a faithful label" in text


def test_many_rows_end(table):
    many = pd.DataFrame({"n": range(100)})
    assert "... and 20 rows more in table.csv" in as_text(many)


def test_a_table_without_rows_or_with_texts_alone_is_shown():
    assert as_text(pd.DataFrame({"a": [], "b": []})) == "a  b"
    assert "only" in as_text(pd.DataFrame({"said": ["only"]}), 3)


def test_what_was_left_out_is_told_only_where_there_is_some(table):
    assert "left_out" not in as_text(table.assign(left_out=0))
    assert "left_out: 3" in as_text(table.assign(left_out=3))


def test_a_column_of_which_no_row_says_anything_is_not_told(table):
    assert "than_most" not in as_text(table.assign(than_most=""))


def test_sub_categories_stand_under_their_category_group_by_group():
    rows = [
        ("category", "Affective", ""),
        ("category", "Cognitive", ""),
        ("sub_category", "Affective", "sympathy"),
        ("sub_category", "Affective", "validation"),
        ("sub_category", "Cognitive", "elaboration"),
        ("uncoded", "", ""),
    ]
    table = pd.DataFrame(
        [(*row, group, i) for group in ("a", "b") for i, row in enumerate(rows)],
        columns=["level", "category", "sub_category", "group", "n"],
    )
    text = as_text(table, 80)
    names = [line.split("  a ")[0].split("  b ")[0].strip() for line in text.splitlines()[1:]]
    order = ["Affective", "sympathy", "validation", "Cognitive", "elaboration", "none of these"]
    assert names == order * 2
    assert [line.split()[-2] for line in text.splitlines()[1:]] == ["a"] * 6 + ["b"] * 6


def test_tables_of_sub_categories_alone_keep_their_order():
    table = pd.DataFrame(
        {
            "level": "sub_category",
            "category": ["Affective", "Cognitive", "Affective", "Cognitive"],
            "sub_category": ["sympathy", "elaboration", "sympathy", "elaboration"],
            "part": [1, 1, 2, 2],
        }
    )
    assert [line.split()[-1] for line in as_text(table, 80).splitlines()[1:5]] == list("1122")


def test_true_and_false_are_words():
    text = as_text(pd.DataFrame({"label": ["a", "b"], "all_words": [True, False]}), 80)
    assert [line.split()[1] for line in text.splitlines()] == ["all_words", "yes", "no"]
