"""Figures as files."""

import shutil
import sys

import pytest

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


@needs_browser
@pytest.mark.parametrize("kind", STARTS)
def test_images_are_written_in_their_format(fig, tmp_path, kind):
    path = charts.save(fig, tmp_path / f"chart.{kind}", width_mm=90)
    image = path.read_bytes()
    assert image.startswith(STARTS[kind])
    if kind == "png":  # 90 mm at 300 dots per inch; width and height are big-endian at byte 16
        assert int.from_bytes(image[16:20], "big") == pytest.approx(90 / 25.4 * 300, abs=3)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


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
