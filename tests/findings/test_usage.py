"""What two sets use differently: as a clustered regression has it, and nothing where it is so."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import sparse

from saeidioms.errors import InputError
from saeidioms.findings.usage import Use, difference


def use(holds, clusters, kinds=None):
    n = holds.shape[1]
    kinds = kinds or ["feature"] * n
    things = pd.DataFrame({"kind": kinds, "name": [f"t{i}" for i in range(n)], "feature": range(n)})
    return Use(sparse.csr_matrix(holds.astype(bool)), things, np.asarray(clusters, dtype=object))


def drawn(random, rates, n_clusters, size=8, prefix="c"):
    """Units of clusters whose own rates differ."""
    own = random.beta(6 * rates, 6 * (1 - rates), (n_clusters, len(rates)))
    rows = np.repeat(own, size, axis=0)
    return use(random.random(rows.shape) < rows, [f"{prefix}{i // size}" for i in range(len(rows))])


def test_differences_and_errors_are_those_of_a_clustered_regression():
    random = np.random.default_rng(0)
    first = drawn(random, np.array([0.2, 0.5]), 30, prefix="a")
    second = drawn(random, np.array([0.3, 0.5]), 40, prefix="b")
    table = difference(first, second).set_index("name")
    design = sm.add_constant(np.repeat([0.0, 1.0], [240, 320]))
    groups = pd.factorize(np.concatenate([first.clusters, second.clusters]))[0]
    for place, name in enumerate(("t0", "t1")):
        both = np.concatenate([side.holds.toarray()[:, place] for side in (first, second)])
        fit = sm.OLS(both.astype(float), design).fit(
            cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}
        )
        row = table.loc[name]
        assert row["difference"] == pytest.approx(100 * fit.params[1])
        width = (row["high"] - row["low"]) / 200
        correction = np.sqrt(70 / 69)
        assert width == pytest.approx(2.04523 * correction * fit.bse[1], rel=1e-4)  # t of 29
    assert table["count"].tolist() == [int(second.holds[:, i].sum()) for i in (0, 1)]


def test_a_cluster_in_both_sets_is_compared_with_itself():
    random = np.random.default_rng(1)
    own = np.repeat(random.random((60, 1)), 20, axis=0)
    names = np.repeat([f"p{i}" for i in range(60)], 20)
    sides = [use(random.random(own.shape) < own, names) for _ in range(2)]
    paired = difference(*sides).iloc[0]
    apart = difference(sides[0], use(sides[1].holds.toarray(), names + "x")).iloc[0]
    assert paired["high"] - paired["low"] < 0.5 * (apart["high"] - apart["low"])


def test_where_nothing_differs_little_is_found_and_planted_use_is():
    found, hits = [], []
    for seed in range(60):
        random = np.random.default_rng(seed)
        rates = np.linspace(0.05, 0.5, 20)
        other = rates.copy()
        other[:2] += 0.25
        first, second = (
            drawn(random, one, 40, prefix=p) for one, p in ((rates, "a"), (other, "b"))
        )
        table = difference(first, second).set_index("name")
        planted = table.index.isin(["t0", "t1"])
        found += list(table.loc[~planted, "p"] < 0.05)
        hits += list(table.loc[planted, "q"] < 0.05)
    assert 0.03 < np.mean(found) < 0.07
    assert np.mean(hits) > 0.95


def test_each_kind_is_a_family_and_the_clearest_come_first():
    random = np.random.default_rng(3)
    kinds = ["sub_category"] * 2 + ["feature"] * 3
    sides = [
        use(random.random((400, 5)) < 0.3 + shift, np.arange(400) // 8 + 1000 * (shift > 0), kinds)
        for shift in (0.0, 0.02)
    ]
    table = difference(*sides)
    assert table["kind"].tolist() == kinds
    for _, rows in table.groupby("kind", sort=False):
        assert rows["p"].is_monotonic_increasing
        assert rows["q"].max() == pytest.approx(rows["p"].max())


def test_what_few_units_hold_is_left_out():
    random = np.random.default_rng(4)
    rare = np.zeros((80, 2), bool)
    rare[:4, 0], rare[:, 1] = True, random.random(80) < 0.5
    side = use(rare, np.arange(80) // 8)
    assert difference(side, use(rare, np.arange(80) // 8 + 100))["name"].tolist() == ["t1"]


def test_what_was_not_coded_alike_is_refused():
    ones = np.ones((4, 2), bool)
    with pytest.raises(InputError, match="`saeidioms apply`"):
        difference(use(ones, list("abcd")), use(ones[:, :1], list("abcd")))
    with pytest.raises(InputError, match="one cluster only"):
        difference(use(ones, list("aaaa")), use(ones, list("abcd")))


def test_all_against_none_is_a_difference_without_an_error_and_no_sign_that_nothing_differs():
    none, every = np.zeros((40, 1), bool), np.ones((40, 1), bool)
    row = difference(use(none, np.arange(40) // 4), use(every, np.arange(40) // 4 + 10)).iloc[0]
    assert row["difference"] == 100
    assert row[["low", "high", "p", "q"]].isna().all()
    same = difference(use(every, np.arange(40) // 4), use(every, np.arange(40) // 4 + 10)).iloc[0]
    assert (same["difference"], same["p"]) == (0, 1)
