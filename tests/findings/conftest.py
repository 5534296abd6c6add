"""The demo corpus, coded by what was planted in it: findings without any embedding."""

import pandas as pd
import pytest

from saeidioms.corpus.demo import demo_corpus, planted_units
from saeidioms.taxonomy.coded import CodedMessages
from saeidioms.taxonomy.coding import Codes
from saeidioms.taxonomy.taxonomy import Taxonomy


@pytest.fixture(scope="session")
def taxonomy():
    return Taxonomy.read("empathy")


@pytest.fixture(scope="session")
def support():
    """The supporters' sentences."""
    return demo_corpus(seed=0).where(role="supporter").units("sentence")


@pytest.fixture(scope="session")
def planted(support):
    """Codes of the sentences: the sub-categories of the idioms planted in them."""
    units = planted_units(support).drop(columns="idiom").drop_duplicates()
    return Codes(units.assign(strength=1.0), support.messages())


@pytest.fixture(scope="session")
def coded(support, planted, taxonomy):
    return CodedMessages.join(support, planted, taxonomy)


def table_of(rows, codes, taxonomy):
    """Messages of a frame, of which those marked in `codes` (name -> mask) hold sub-categories."""
    messages = pd.DataFrame(rows).assign(text="said", role="supporter")
    messages.insert(0, "message_id", [f"m{i}" for i in range(len(messages))])
    names = list(taxonomy.names)
    holds = pd.DataFrame(False, index=messages.index, columns=names)
    for name, mask in codes.items():
        holds[name] = mask
    return CodedMessages(messages, holds.to_numpy(), taxonomy)


@pytest.fixture(scope="session")
def make(taxonomy):
    """Return what makes coded messages of plain rows."""
    return lambda rows, **codes: table_of(
        rows, {name.replace("_", "-"): mask for name, mask in codes.items()}, taxonomy
    )
