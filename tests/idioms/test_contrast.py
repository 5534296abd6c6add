import math

import numpy as np
import pytest

from saeidioms.idioms.contrast import log_odds


def written_out(y_in, n_in, y_out, n_out):
    """Equations 16, 20 and 22 of Monroe et al. with the pooled counts as the prior."""
    a, a0 = y_in + y_out, n_in + n_out + 1
    delta = math.log((y_in + a) / (n_in + a0 - (y_in + a))) - math.log(
        (y_out + a) / (n_out + a0 - (y_out + a))
    )
    return delta / math.sqrt(1 / (y_in + a) + 1 / (y_out + a))


@pytest.mark.parametrize(
    "case", [(20, 1000, 0, 84_000), (50, 1000, 950, 84_000), (3, 3, 0, 9), (3, 3, 9, 9)]
)
def test_z_is_the_formula_written_out(case):
    columns = [np.array([value], dtype=float) for value in case]
    assert log_odds(*columns)[0] == pytest.approx(written_out(*case))


def test_a_phrase_equally_frequent_on_both_sides_scores_nothing():
    assert log_odds(*np.array([[10.0], [100.0], [90.0], [900.0]]))[0] == pytest.approx(0, abs=0.01)


def test_more_of_the_same_evidence_scores_higher():
    few, many = log_odds(*np.array([[5.0, 50], [1000, 1000], [0, 0], [9000, 9000]]))
    assert many > few > 0
