import numpy as np
import pytest
from scipy import sparse

from saeidioms.taxonomy.spread import spread_over_conversations

N_CONVERSATIONS = 200


@pytest.fixture(scope="module")
def conversations():
    """Conversations of 2 to 20 units."""
    sizes = np.random.default_rng(0).integers(2, 21, N_CONVERSATIONS)
    return np.repeat([f"c{number}" for number in range(N_CONVERSATIONS)], sizes)


def activations(*fires):
    return sparse.csr_matrix(np.column_stack(fires).astype(np.float32))


def test_firing_by_chance_is_1_within_its_error_and_a_topic_far_below(conversations):
    random = np.random.default_rng(1)
    n = len(conversations)
    anywhere = [random.permutation(n) < 150 for _ in range(200)]
    topic = np.isin(conversations, [f"c{number}" for number in range(20)])
    never = np.zeros(n, dtype=bool)
    fires = activations(*anywhere, topic, never)
    spread, error = spread_over_conversations(fires, conversations)
    assert spread[:200].mean() == pytest.approx(1, abs=0.02)
    assert spread[:200].std() == pytest.approx(error[0], rel=0.15)
    assert spread[200] + 5 * error[200] < 0.5
    assert np.isnan(spread[201])
    assert np.isnan(error[201])


def test_once_in_every_conversation_is_above_chance(conversations):
    opening = np.concatenate([[True], conversations[1:] != conversations[:-1]])
    (spread,), (error,) = spread_over_conversations(activations(opening), conversations)
    assert spread - 5 * error > 1
