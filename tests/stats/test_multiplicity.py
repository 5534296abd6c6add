"""Corrections are those of statsmodels, and what was not tested does not count."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from saeidioms.stats.multiplicity import adjusted, adjusted_within

P = np.array([0.03, 0.001, 0.5, 0.03, 0.9, 0.012, 0.04])


@pytest.mark.parametrize("method", ["fdr_bh", "holm"])
def test_adjusted_p_values_are_those_of_statsmodels(method):
    np.testing.assert_allclose(adjusted(P, method), multipletests(P, method=method)[1])


@pytest.mark.parametrize("method", ["fdr_bh", "holm"])
def test_what_was_not_tested_does_not_count(method):
    with_gap = np.insert(P, 3, np.nan)
    found = adjusted(with_gap, method)
    assert np.isnan(found[3])
    np.testing.assert_allclose(np.delete(found, 3), adjusted(P, method))
    assert np.isnan(adjusted([np.nan, np.nan], method)).all()


def test_each_family_is_corrected_by_itself():
    found = adjusted_within(P, ["a", "a", "b", "b", "b", "b", "b"])
    np.testing.assert_allclose(found, [*adjusted(P[:2]), *adjusted(P[2:])])
