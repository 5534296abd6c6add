"""Colours: distinct, and told apart by those who see fewer of them."""

import itertools

import numpy as np
import pytest

from saeidioms.charts.theme import category_colours, category_symbols, escape, shades, transparent
from saeidioms.taxonomy.taxonomy import Taxonomy

# Machado, Oliveira and Fernandes 2009 (doi:10.1109/TVCG.2009.113), severity 1, on linear RGB
SEEN = {
    "all colours": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(colour, seen):
    """CIELAB (D65) of ``#rrggbb`` as it is seen."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    x, y, z = XYZ @ np.clip(seen @ linear, 0, 1) / XYZ.sum(axis=1)
    f = [t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z)]
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("name", ["empathy", "schwartz_values"])
@pytest.mark.parametrize("sight", SEEN)
def test_the_four_hues_are_told_apart(sight, name):
    seen = np.array(SEEN[sight])
    places = [lab(one, seen) for one in category_colours(Taxonomy.read(name)).values()]
    assert len(places) == 4
    distances = [np.linalg.norm(a - b) for a, b in itertools.combinations(places, 2)]
    assert min(distances) > 15


@pytest.mark.parametrize("name", ["empathy", "schwartz_values"])
def test_each_category_has_a_colour_of_its_own(name):
    colours = category_colours(Taxonomy.read(name))
    assert len(set(colours.values())) == len(colours)


def test_a_category_without_a_hue_takes_none_that_is_named(taxonomy):
    colours = category_colours(taxonomy)
    assert len(set(colours.values())) == 3


def test_categories_have_symbols_too():
    symbols = category_symbols(Taxonomy.read("empathy"))
    assert len(set(symbols.values())) == 4


def test_members_of_a_category_have_its_colour_ever_paler(taxonomy):
    found = shades(taxonomy)
    red, green, blue = (int(category_colours(taxonomy)["Warm"][i : i + 2], 16) for i in (1, 3, 5))
    assert found["zeal"] == f"rgba({red}, {green}, {blue}, 0.9)"
    assert found["care"] == f"rgba({red}, {green}, {blue}, 0.4)"


def test_colours_turn_transparent():
    assert transparent("#ff8000", 0.5) == "rgba(255, 128, 0, 0.5)"


def test_text_shows_as_it_is():
    assert escape("<i>&") == "&lt;i&gt;&amp;"
