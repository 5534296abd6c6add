"""A small version of ``scripts/simulate_findings.py``: intervals hold the planted truth."""

import importlib.util
import sys
from pathlib import Path

import pandas as pd
import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "simulate_findings.py"


@pytest.fixture(scope="module")
def table():
    spec = importlib.util.spec_from_file_location("simulate_findings", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = script  # where its dataclasses look for their annotations
    spec.loader.exec_module(script)
    script.N_BOOT = 200
    rows = pd.concat([script.answers(seed, 48) for seed in range(1, 6)], ignore_index=True)
    return script.summarise(rows).set_index("question")


def test_intervals_hold_the_truth_about_as_often_as_they_say(table):
    covered = table["covered"].dropna()
    assert len(covered) == 6
    assert covered.between(0.90, 0.995).all()


def test_where_nothing_differs_little_is_found(table):
    nothing = table[table.index.str.startswith("nothing")]
    assert nothing["p05"].between(0, 0.12).all()
    assert table["fdr"].mean() < 0.15  # one false finding in one of five corpora is 0.2 already
