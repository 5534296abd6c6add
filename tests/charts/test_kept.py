"""The figures of answers: kept as pages, written as images where asked for, drawn where known."""

import logging
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from saeidioms import charts
from saeidioms.analyses import common, groups
from saeidioms.findings.finding import Finding
from saeidioms.taxonomy.comparison import compare


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(common, "advance", lambda run: None)
    return SimpleNamespace(folder=SimpleNamespace(findings=tmp_path), codes_digest="d")


@pytest.fixture
def saved(monkeypatch):
    """Files that were asked for, with their templates; images are made of nothing."""
    asked = {}

    def save(figure, path, template=charts.TWO_COLUMNS):
        path.write_bytes(b"")
        asked[path.name] = template
        return path

    monkeypatch.setattr(common.charts, "save", save)
    return asked


@pytest.fixture
def finding(distribution, taxonomy):
    table = compare(distribution, by="arm", baseline="a", n_boot=100)
    return Finding("compare-arm", "Arms", "", table, charts.forest(table, taxonomy))


def test_a_figure_is_a_page_and_an_image_of_each_format_asked_for(run, saved, finding):
    template = charts.Template(width_mm=88)
    common.keep(run, finding, ["pdf", "png", "pdf"], template)
    assert set(saved) == {"figure.html", "figure.pdf", "figure.png"}
    assert saved["figure.pdf"] == saved["figure.png"] == template


def test_an_image_of_an_earlier_answer_does_not_stay_beside_a_later_table(run, saved, finding):
    folder = run.folder.findings / finding.name
    common.keep(run, finding, ["pdf"])
    assert (folder / "figure.pdf").exists()
    common.keep(run, finding)
    assert not (folder / "figure.pdf").exists()
    assert (folder / "figure.html").exists()


def test_an_image_of_what_has_no_figure_is_missed_aloud(run, saved, finding, caplog):
    with caplog.at_level(logging.WARNING):
        common.keep(run, Finding("bare", "Bare", "", finding.table), ["pdf"])
    assert "There is no figure of this" in caplog.text
    assert not saved


def test_the_figure_of_a_finding_read_again_has_its_table(run, saved, finding):
    folder = common.keep(run, finding)
    again = Finding.load(run.folder.findings / "compare-arm")
    assert folder.endswith("compare-arm")
    assert len(charts.data(again.figure)) == (finding.table["level"] == "sub_category").sum()


def test_where_nothing_is_known_there_is_no_forest(finding, taxonomy):
    assert common.forest(finding.table.assign(difference=np.nan), taxonomy) is None
    assert common.forest(finding.table, taxonomy) is not None
    only = finding.table[finding.table["level"] == "category"]
    assert common.forest(pd.DataFrame(only), taxonomy) is None


@pytest.mark.parametrize(
    ("term", "words"),
    [
        ("round", "round"),
        ("arm[T.coach]", "arm: coach"),
        ("C(arm, Treatment('control'))[T.coach]:round", "arm: coach × round"),
        ("C(`my arm`)[T.a:b]", "my arm: a:b"),
        ("arm[T.coach]:setting[T.work]", "arm: coach × setting: work"),
        ("I(round ** 2)", "I(round ** 2)"),
    ],
)
def test_terms_of_a_model_are_said_without_what_the_formula_needed(term, words):
    assert groups._in_words(term) == words
