"""Figures as files."""

import io
import re
import shutil
import sys

import pytest
from PIL import Image

from saeidioms import charts
from saeidioms.charts.theme import figure
from saeidioms.errors import DependencyError, OptionError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
STARTS = {"png": b"\x89PNG", "svg": b"<svg", "pdf": b"%PDF"}
needs_browser = pytest.mark.skipif(
    not any(map(shutil.which, BROWSERS)), reason="neither Chromium nor Chrome is installed"
)


@pytest.fixture
def fig():
    return figure(height=200).add_bar(x=[1, 2], y=[3, 4])


def test_html_needs_nothing_from_elsewhere_and_is_the_same_each_time(fig, tmp_path):
    path = charts.save(fig, tmp_path / "new" / "chart.HTML")
    page = path.read_text(encoding="utf-8")
    assert 'src="http' not in page
    assert "Plotly.newPlot" in page
    assert charts.save(fig, tmp_path / "again.html").read_text(encoding="utf-8") == page


def width_in_mm(image, kind):
    """The width that a format says it has."""
    if kind == "svg":
        return float(re.search(rb'width="([\d.]+)"', image)[1]) / 96 * 25.4
    if kind == "pdf":
        return float(re.search(rb"/MediaBox ?\[0 0 ([\d.]+)", image)[1]) / 72 * 25.4
    with Image.open(io.BytesIO(image)) as picture:
        assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.01)
        assert picture.width == round(86 / 25.4 * 300)  # to the dot
        return picture.width / 300 * 25.4


@needs_browser
@pytest.mark.parametrize("kind", STARTS)
def test_an_image_is_of_its_format_and_as_wide_on_paper_as_asked_for(fig, tmp_path, kind):
    template = charts.Template(width_mm=86, size_pt=7, font="Liberation Serif")
    path = charts.save(fig, tmp_path / f"chart.{kind}", template)
    image = path.read_bytes()
    assert image.startswith(STARTS[kind])
    assert width_in_mm(image, kind) == pytest.approx(86, abs=0.15)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    if kind == "svg":
        zoom = float(re.search(rb'width="([\d.]+)"', image)[1]) / float(
            re.search(rb'viewBox="0 0 ([\d.]+)', image)[1]
        )
        tick = re.search(rb'class="xtick"><text[^>]*font-size: ([\d.]+)px', image)
        assert float(tick[1]) * zoom / 96 * 72 == pytest.approx(7, rel=0.01)  # points on paper
        assert b"Liberation Serif" in image
    assert fig.layout.font.family is None  # the figure itself stays as it is


@pytest.mark.parametrize(
    ("option", "value"), [("width_mm", 18), ("width_mm", 1800), ("size_pt", 0), ("size_pt", 100)]
)
def test_a_size_that_is_no_figures_is_refused(option, value):
    with pytest.raises(OptionError, match=f"{option} is {value}; give "):
        charts.Template(**{option: value})


def test_smaller_type_leaves_more_room_on_the_same_paper():
    one, two = charts.Template(width_mm=180, size_pt=8), charts.Template(width_mm=180, size_pt=6)
    assert two.pixels == pytest.approx(one.pixels * 8 / 6, abs=1)


def test_another_ending_is_refused(fig, tmp_path):
    with pytest.raises(OptionError, match=r"ends in '\.gif'; give \.html, \.png, \.svg or \.pdf"):
        charts.save(fig, tmp_path / "chart.gif")
    assert not list(tmp_path.iterdir())


def test_images_without_kaleido_say_what_to_install(fig, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "kaleido", None)
    with pytest.raises(DependencyError, match=r"PNG images need kaleido; install it with pip"):
        charts.save(fig, tmp_path / "chart.png")


def test_images_without_a_browser_say_what_to_install(fig, tmp_path, monkeypatch):
    errors = pytest.importorskip("choreographer.errors")

    def fail(*_, **__):
        raise errors.ChromeNotFoundError

    monkeypatch.setattr(type(fig), "to_image", fail)
    with pytest.raises(DependencyError, match="SVG images need a Chrome or Chromium browser"):
        charts.save(fig, tmp_path / "chart.svg")
