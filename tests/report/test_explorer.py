import json

import pandas as pd
import pytest

from saeidioms.report.explorer import embed_json, explore, shorten


def records(parts, **options):
    explorer = explore(parts["features"], parts["codebook"], **options)
    return json.loads(explorer.json), explorer


def test_json_in_a_script_element_cannot_end_it_and_reads_back_the_same():
    value = ["</script><!--", "a & b", "line\u2028and\u2029page", "日本語", "\ud800"]
    text = embed_json(value)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == value


def test_every_feature_has_a_record_with_its_idioms_and_examples_in_order(run_parts):
    parts = run_parts()
    found, explorer = records(parts)
    assert [record["feature"] for record in found] == list(range(12))
    assert found[1]["sub_category"] == "validating emotions"
    assert found[1]["idioms"][0] == ["it is understandable that you feel", 40, 30]
    assert [activation for _, activation, _ in found[1]["examples"]["top"]] == [
        pytest.approx(0.9 - 0.01 * rank) for rank in range(6)
    ]
    assert explorer.shown == explorer.available - 12 * 3 * 2  # four of the weaker kinds


def test_a_small_budget_cuts_examples_but_no_feature_and_no_idiom(run_parts):
    parts = run_parts()
    whole, explorer = records(parts)
    budget = int(0.6 * len(explorer.json))
    cut, smaller = records(parts, budget=budget)
    assert 0 < smaller.shown < explorer.shown
    assert len(smaller.json.encode()) <= budget
    assert [record["idioms"] for record in cut] == [record["idioms"] for record in whole]


def test_the_label_a_person_put_into_the_codebook_is_the_one_shown(run_parts):
    parts = run_parts()
    parts["codebook"].table.loc[2, "label"] = "Asks what came next"
    parts["codebook"].table.loc[3, "label"] = None
    parts["features"].table.loc[3, "label"] = ""
    found, _ = records(parts)
    assert [found[2]["label"], found[3]["label"]] == ["Asks what came next", "Feature 3"]
    assert [found[2]["label_source"], found[2]["fidelity"]] == ["a person", None]
    assert found[4]["fidelity"] == 0.8  # measured of the tool's own label


def test_missing_numbers_become_null(run_parts):
    parts = run_parts()
    parts["codebook"].table["confidence"] = float("nan")
    parts["features"].table["mean_activation"] = pd.Series([None] * 12, dtype="Float64")
    found, _ = records(parts)
    assert found[0]["confidence"] is None
    assert found[0]["mean_activation"] is None


def test_long_text_is_cut_at_the_limit_and_line_breaks_are_spaces():
    assert shorten("so\n sorry\tfor you", 40) == "so sorry for you"
    long = shorten("word " * 200_000, 50)
    assert len(long) <= 50
    assert long.endswith("…")
