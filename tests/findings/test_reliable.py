"""Reliable change: by hand, as rare among the untreated as it should be, found where planted."""

import numpy as np
import pytest
from scipy import stats

from saeidioms.errors import InputError, OptionError
from saeidioms.findings.reliable import FELL, ROSE, reliable_change
from saeidioms.stats.reliable_change import Yardstick

ASKED = {"time": "time", "before": "before", "after": "after", "by": "arm", "baseline": "control"}


def test_the_yardstick_is_that_by_hand():
    random = np.random.default_rng(0)
    true = random.normal(size=(200, 1))
    before, after = (true + random.normal(size=(200, 1)) * 0.5 for _ in range(2))
    after += 0.2
    found = Yardstick.of(before, after)
    r = stats.pearsonr(before[:, 0], after[:, 0]).statistic
    assert found.reliability[0] == pytest.approx(r)
    assert found.shift[0] == pytest.approx((after - before).mean())
    spread = np.sqrt(before.var(ddof=1) + after.var(ddof=1))
    assert found.error[0] == pytest.approx(spread * np.sqrt(1 - r))
    index = found.index(before, after)
    assert index[3, 0] == pytest.approx(((after - before)[3, 0] - found.shift[0]) / found.error[0])


def test_of_people_who_did_not_change_about_one_in_twenty_is_found():
    random = np.random.default_rng(1)
    true = random.normal(size=(2000, 4))
    before, after = (true + random.normal(size=true.shape) for _ in range(2))
    found = Yardstick.of(before, after)
    assert 0.04 < (np.abs(found.index(before, after)) > 1.96).mean() < 0.06


def test_an_unreliable_measure_has_the_error_of_a_difference_at_most():
    before, after = np.array([[0.0], [1.0], [0.0], [1.0]]), np.array([[1.0], [0.0], [1.0], [0.0]])
    found = Yardstick.of(before, after)
    assert found.reliability[0] == pytest.approx(-1)
    assert found.error[0] == pytest.approx(np.sqrt(before.var(ddof=1) + after.var(ddof=1)))


@pytest.fixture(scope="module")
def found(coded):
    return reliable_change(coded, **ASKED)


def test_people_are_summed_up_arm_by_arm(found, coded):
    people = found.people[found.people["sub_category"] == "advice-giving"]
    assert people["participant_id"].is_unique
    assert len(people) == coded.messages["participant_id"].nunique()
    row = found.summary[
        (found.summary["sub_category"] == "advice-giving")
        & (found.summary["group"] == "coach")
        & (found.summary["change"] == FELL)
    ].iloc[0]
    own = people[people["arm"] == "coach"]["change"]
    assert row["share"] == pytest.approx((own == FELL).mean())
    assert row["n"] == len(own)
    counts = [
        [(people[people["arm"] == arm]["change"] == FELL).sum() for arm in ("coach", "control")]
    ]
    counts.append([60 - n for n in counts[0]])
    assert row["p"] == pytest.approx(stats.fisher_exact(counts).pvalue)


def test_few_control_people_change_reliably(found):
    control = found.people[found.people["arm"] == "control"]["change"].dropna()
    assert control.isin([ROSE, FELL]).mean() < 0.09


def test_no_verdict_is_given_where_the_control_people_hardly_agree_with_themselves(found):
    low = found.summary["reliability"] < 0.4
    assert low.any()  # a few messages a person tell little of what they usually say
    assert not low.all()
    assert found.summary.loc[low, ["share", "p", "q"]].isna().all(axis=None)
    assert found.summary.loc[~low, ["share", "p", "q"]].notna().all(axis=None)
    silent = set(found.summary.loc[low, "sub_category"]) - {""}
    people = found.people[found.people["sub_category"].isin(silent)]
    assert people["change"].isna().all()
    assert people["index"].notna().any()  # the figures are there, for who wants to look


def test_q_and_shares_are_in_range(found):
    rows = found.summary.dropna(subset=["p"])
    assert (rows["q"] >= rows["p"] - 1e-12).all()
    assert ((rows["low"] <= rows["share"]) & (rows["share"] <= rows["high"])).all()


@pytest.mark.parametrize(
    ("error", "options", "sentence"),
    [
        (OptionError, {"baseline": "none"}, "baseline is 'none', which is no value of arm"),
        (OptionError, {"before": "x"}, "before is 'x'"),
        (InputError, {"by": "setting", "baseline": "work"}, "is in several groups of setting"),
        (OptionError, {"by": "role", "baseline": "supporter"}, "only the value 'supporter'"),
    ],
)
def test_a_mistake_is_one_sentence(coded, error, options, sentence):
    with pytest.raises(error, match=sentence):
        reliable_change(coded, **(ASKED | options))


def test_a_handful_of_control_people_is_no_yardstick(coded):
    few = coded.messages["participant_id"].isin([f"P{i:03d}" for i in range(1, 17)])
    with pytest.raises(InputError, match="4 people of control"):
        reliable_change(coded.where(few.to_numpy(), "few"), **ASKED)


def test_people_at_one_time_only_are_counted(coded):
    people, arms = coded.groups("participant_id"), coded.groups("arm")
    gone = {
        arm: list(dict.fromkeys(people[arms == arm]))[:n]
        for arm, n in (("coach", 2), ("control", 1))
    }
    late = np.isin(people, [*gone["coach"], *gone["control"]]) & (coded.groups("time") == "after")
    rows = reliable_change(coded.where(~late, "the rest"), **ASKED).summary.set_index("group")
    assert set(rows.loc["coach", "left_out"]) == {2}
    assert set(rows.loc["both", "left_out"]) == {0}
    assert set(rows["baseline_left_out"]) == {1}
    assert set(rows.loc["coach", "n"]) == {58}


def test_people_who_keep_their_order_exactly_leave_no_error_to_measure_by():
    for seed in range(50):
        before = np.random.default_rng(seed).random((20, 1))
        yardstick = Yardstick.of(before, 0.7 * before + 0.1)
        assert np.isnan(yardstick.index(before, 0.7 * before + 0.2)).all()
