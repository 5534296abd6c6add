import numpy as np
import pytest
from scipy import sparse

from saeidioms.sae.activations import SparseActivations
from saeidioms.taxonomy.spread import spread_over_conversations

N_CONVERSATIONS = 200


@pytest.fixture(scope="module")
def conversations():
    """Conversations of 2 to 20 units."""
    sizes = np.random.default_rng(0).integers(2, 21, N_CONVERSATIONS)
    return np.repeat([f"c{number}" for number in range(N_CONVERSATIONS)], sizes)


def activations(*fires):
    matrix = sparse.csr_matrix(np.column_stack(fires).astype(np.float32))
    ids = np.array([f"u{number}" for number in range(matrix.shape[0])], dtype=object)
    return SparseActivations(matrix, ids, "planted")


def test_firing_by_chance_is_1_and_a_topic_far_below(conversations):
    random = np.random.default_rng(1)
    n = len(conversations)
    anywhere = random.random(n) < 0.1
    topic = np.isin(conversations, [f"c{number}" for number in range(20)])
    never = np.zeros(n, dtype=bool)
    spread = spread_over_conversations(activations(anywhere, topic, never), conversations)
    assert spread[0] == pytest.approx(1, abs=0.1)
    assert spread[1] < 0.3
    assert np.isnan(spread[2])


def test_once_in_every_conversation_is_above_chance(conversations):
    opening = np.concatenate([[True], conversations[1:] != conversations[:-1]])
    (spread,) = spread_over_conversations(activations(opening), conversations)
    rate = opening.mean()
    sizes = np.unique(conversations, return_counts=True)[1]
    assert spread == pytest.approx(N_CONVERSATIONS / (1 - (1 - rate) ** sizes).sum())
    assert spread > 1.3
