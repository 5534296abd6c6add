"""Shares and changes to draw, with names that a page must not take for its own."""

import itertools

import numpy as np
import pandas as pd
import pytest

from saeidioms.taxonomy.distribution import Distribution
from saeidioms.taxonomy.taxonomy import Category, SubCategory, Taxonomy

EVIL = "<b>x</b><script>alert(1)</script>"


def member(name, category):
    return SubCategory(name, category, "", (), (), ("seed " + name,), ())


@pytest.fixture(scope="session")
def taxonomy():
    """Three categories, out of alphabetical order; one sub-category has an evil name."""
    categories = (
        Category("Warm", "", "green"), Category("Cold", "", "red"), Category("Odd", "", None),
    )  # fmt: skip
    members = (
        member("zeal", "Warm"), member("care", "Warm"),
        member(EVIL, "Cold"), member("quips", "Odd"),
    )  # fmt: skip
    return Taxonomy("tiny", "Tiny", "", categories, members, ())


@pytest.fixture(scope="session")
def distribution(taxonomy):
    """Counts of 48 conversations: 2 times x 4 arms x 6 people."""
    design = itertools.product(["before", "after"], ["a", "b", "c", "d"], range(6))
    attributes = pd.DataFrame(design, columns=["time", "arm", "person"])
    attributes["person"] = attributes["arm"] + attributes["person"].astype(str)
    attributes.insert(0, "conversation_id", [f"c{i}" for i in range(len(attributes))])
    counts = np.random.default_rng(0).integers(0, 5, (len(attributes), 4))
    counts[:, 3] = 0
    by_category = np.column_stack([counts[:, :2].max(axis=1), counts[:, 2:]])
    uncoded = np.ones(len(attributes), dtype=np.int64)
    return Distribution(
        counts, by_category, uncoded, 10 * uncoded, attributes, (), taxonomy, "messages"
    )
