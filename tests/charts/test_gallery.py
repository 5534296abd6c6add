"""The gallery shows every chart, by lines that can be run."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from saeidioms import charts

NO_CHARTS = {"ONE_COLUMN", "TWO_COLUMNS", "Template", "data", "save"}


@pytest.fixture(scope="module")
def gallery():
    path = Path(__file__).parents[2] / "scripts" / "gallery.py"
    spec = importlib.util.spec_from_file_location("gallery", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_chart_has_a_line(gallery):
    drawn = {line.split("charts.", 1)[1].split("(", 1)[0] for line in gallery.LINES.values()}
    assert drawn == set(charts.__all__) - NO_CHARTS


def test_every_line_is_one_that_python_reads(gallery):
    for line in gallery.LINES.values():
        compile(line, "gallery", "eval")


def test_without_cones_for_red_white_stays_white_and_red_and_green_come_closer(gallery):
    colours = Image.fromarray(np.array([[[255, 255, 255], [200, 80, 40], [110, 130, 40]]], "uint8"))
    white, red, green = np.asarray(gallery._without_red(colours), dtype=int)[0]
    assert white == pytest.approx(255, abs=2)
    assert np.abs(red - green).max() < 60 < np.abs(np.array([200, 80]) - [110, 130]).max()
