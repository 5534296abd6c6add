"""The study's analysis is the textbook's; the honest ones beside it are wider, and know control."""

import numpy as np
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

from saeidioms.errors import InputError, OptionError
from saeidioms.findings.replication import CLUSTERS, CONTROL, PUBLISHED, study
from saeidioms.taxonomy.coding import Codes

ASKED = {"time": "time", "before": "before", "after": "after", "by": "arm", "baseline": "control"}


@pytest.fixture(scope="module")
def found(support, planted, taxonomy):
    return study(support, planted, taxonomy, **ASKED, n_boot=500)


def test_the_published_analysis_is_the_textbooks(found, support, planted):
    rows = planted.units.merge(support.table[["unit_id", "arm", "time"]], on="unit_id")
    before = rows[rows["time"] == "before"]
    after = rows[(rows["time"] == "after") & (rows["arm"] != "control")]
    table = found.table[found.table["analysis"] == PUBLISHED].set_index("sub_category")
    for name in ("advice-giving", "validating emotions"):
        counts = [(part["sub_category"] == name).sum() for part in (after, before)]
        sizes = [len(after), len(before)]
        row = table.loc[name]
        assert row["p"] == pytest.approx(proportions_ztest(counts, sizes)[1])
        ends = confint_proportions_2indep(
            *(counts[0], sizes[0], counts[1], sizes[1]), method="wald"
        )
        assert (row["low"], row["high"]) == pytest.approx(tuple(100 * np.array(ends)))
        assert (row["n_after"], row["n_before"]) == (sizes[0], sizes[1])


def test_people_as_clusters_widen_intervals_about_the_same_differences(found):
    by = found.table.set_index("analysis")
    np.testing.assert_allclose(by.loc[PUBLISHED, "difference"], by.loc[CLUSTERS, "difference"])
    widths = (by["high"] - by["low"]).groupby(level=0).median()
    assert widths[CLUSTERS] > widths[PUBLISHED]
    assert widths[CONTROL] > widths[CLUSTERS]


def test_the_shares_of_expressions_add_up_to_one(found):
    rows = found.table[(found.table["analysis"] == PUBLISHED)]
    rows = rows[rows["level"] == "sub_category"]
    assert rows["before"].sum() == pytest.approx(1)
    assert rows["after"].sum() == pytest.approx(1)


def test_the_falls_that_were_planted_are_found_against_control_too(found):
    rows = found.table[found.table["analysis"] == CONTROL].set_index("sub_category")
    assert rows.loc["advice-giving", "high"] < 0
    assert rows.loc["validating emotions", "low"] > 0


def test_holm_is_never_below_benjamini_and_hochberg(found):
    assert (found.table["holm"] >= found.table["q"] - 1e-12).all()
    assert (found.table["q"] >= found.table["p"] - 1e-12).all()


def test_panels_are_analysed_apart(support, planted, taxonomy):
    table = study(support, planted, taxonomy, **ASKED, panel="setting", n_boot=100).table
    assert table.groupby("setting")["n_before"].first().sum() < len(planted.units)
    assert table["setting"].nunique() == 2
    assert len(table) == 2 * 3 * 14


def test_the_summary_counts_what_the_table_holds(found):
    text = found.summary()
    rows = found.table[found.table["level"] == "sub_category"]
    for name in (PUBLISHED, CLUSTERS, CONTROL):
        assert str((rows[rows["analysis"] == name]["q"] < 0.05).sum()) in text


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"before": "first"}, "before is 'first', which is no value of time"),
        ({"baseline": "none"}, "baseline is 'none', which is no value of arm; there are: control"),
        ({"by": "arms"}, "did you mean arm"),
        ({"cluster": "person"}, "there is no column person"),
    ],
)
def test_a_mistake_is_one_sentence(support, planted, taxonomy, options, sentence):
    with pytest.raises(OptionError, match=sentence):
        study(support, planted, taxonomy, **(ASKED | options))


def test_a_sub_category_that_nobody_used_leaves_the_summary_whole(support, planted, taxonomy):
    used = planted.units[planted.units["sub_category"] != "affirming"].reset_index(drop=True)
    codes = Codes(used, support.messages())
    text = study(support, codes, taxonomy, **ASKED, n_boot=100).summary()
    assert "of 10 changes" in text
    assert "inf" not in text
    assert "nan" not in text


def test_a_panel_that_splits_the_times_is_refused(support, planted, taxonomy):
    with pytest.raises(InputError, match="no round has expressions both at time before and"):
        study(support, planted, taxonomy, **ASKED, panel="round", n_boot=100)


def test_conversations_without_an_arm_are_not_taken_for_treated(
    found, support, planted, taxonomy, caplog
):
    table = support.table.copy()
    gone = table["participant_id"].isin(sorted(set(table["participant_id"]))[:20])
    corpus = type(support)(table.assign(arm=table["arm"].mask(gone)), support.unit, support.report)
    part = study(corpus, planted, taxonomy, **ASKED, n_boot=100).table
    kept = planted.units[~planted.units["unit_id"].isin(table.loc[gone, "unit_id"])]
    rest = type(support)(table[~gone].reset_index(drop=True), support.unit, support.report)
    same = study(rest, Codes(kept, planted.messages), taxonomy, **ASKED, n_boot=100).table
    for name in ("difference", "n_before", "n_after", "clusters"):
        np.testing.assert_allclose(part[name], same[name])
    assert part["n_after"].iloc[0] < found.table["n_after"].iloc[0]
    assert "have no arm and are left out" in caplog.text


def test_a_panel_called_like_a_result_must_be_renamed(support, planted, taxonomy):
    with pytest.raises(OptionError, match="holm has a name that results use"):
        study(support, planted, taxonomy, **ASKED, panel="holm")
