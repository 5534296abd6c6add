"""Changes by hand, against other programs, and on the demo corpus' planted truth."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from saeidioms.corpus.demo import planted_rates
from saeidioms.errors import InputError, OptionError
from saeidioms.findings.change import difference_in_differences, within

TIMES = {"time": "time", "before": "before", "after": "after"}
ADVICE = "advice-giving"


@pytest.fixture(scope="module")
def small(make):
    """Six people in two arms, four messages a time; one of them only came before."""
    rows = [
        {"participant_id": f"{arm}{person}", "arm": arm, "time": time, "turn": turn,
         "conversation_id": f"{arm}{person}{time}",
         "advice": turn < (3 if time == "before" else 1 + person + (arm == "control"))}
        for arm in ("control", "coach")
        for person in range(3)
        for time in ("before", "after")
        for turn in range(4)
        if (arm, person, time) != ("coach", 2, "after")
    ]  # fmt: skip
    advice = np.array([row.pop("advice") for row in rows])
    return make(rows, advice_giving=advice)


def of(table, name=ADVICE):
    return table[table["sub_category"] == name]


def test_change_within_people_is_that_of_a_paired_t_test(small):
    rows = of(within(small, **TIMES, by="arm")).set_index("arm")
    before, after = np.full(3, 0.75), np.array([0.5, 0.75, 1.0])
    assert rows.loc["control", "difference"] == pytest.approx(100 * (after - before).mean())
    expected = stats.ttest_rel(after, before)
    interval = expected.confidence_interval(0.95)
    assert rows.loc["control", "p"] == pytest.approx(expected.pvalue)
    assert rows.loc["control", "low"] == pytest.approx(100 * interval.low)
    assert rows.loc["control", "high"] == pytest.approx(100 * interval.high)
    assert rows.loc["control", "effect"] == pytest.approx(0.0)
    assert rows["clusters"].tolist() == [3, 2]
    assert rows["left_out"].tolist() == [0, 1]
    assert rows.loc["coach", ["before", "after"]].tolist() == [0.75, 0.375]


def test_nobody_changing_is_no_surprise_and_has_no_effect_size(small):
    row = of(within(small, **TIMES), "affirming").iloc[0]
    assert (row["difference"], row["p"]) == (0, 1)
    assert np.isnan(row["effect"])


def test_the_difference_of_changes_is_the_one_by_hand(small):
    table = difference_in_differences(small, **TIMES, by="arm", baseline="control", n_boot=200)
    row = of(table).iloc[0]
    assert (row["group"], row["baseline"]) == ("coach", "control")
    assert row["baseline_change"] == pytest.approx(0)
    assert row["change"] == pytest.approx(100 * (3 / 8 - 9 / 12))
    assert row["difference"] == pytest.approx(row["change"] - row["baseline_change"])
    assert row[["n", "baseline_n", "clusters"]].tolist() == [20, 24, 6]


def test_planted_changes_are_found_and_the_control_arm_shows_none(coded):
    control = within(coded, **TIMES, by="arm").query("arm == 'control' and level == 'sub_category'")
    assert (control["q"] > 0.05).all()
    table = difference_in_differences(coded, **TIMES, by="arm", baseline="control")
    table = table[table["level"] == "sub_category"].set_index(["group", "sub_category"])
    rates = planted_rates()
    rates = rates.groupby(["arm", "sub_category", "time"], sort=False)["rate"].sum().unstack()
    change = 100 * (rates["after"] - rates["before"])
    planted = np.array([change[key] - change["control", key[1]] for key in table.index])
    covered = (table["low"] <= planted) & (planted <= table["high"])
    assert covered.sum() >= len(table) - 4  # of 30 intervals that each cover in 95 of 100 cases
    strong = table[np.abs(planted) > 6]
    assert len(strong) >= 3
    for (arm, name), row in strong.iterrows():
        assert np.sign(row["difference"]) == np.sign(change[arm, name]), (arm, name)


def test_people_count_once_in_change_within_however_much_they_wrote(small):
    often = pd.concat([small.messages] + [small.messages.query("participant_id == 'control0'")] * 9)
    rows = small.messages.index.get_indexer(often.index)
    more = type(small)(often.reset_index(drop=True), small.holds[rows], small.taxonomy)
    first, second = (within(one, **TIMES, by="arm")["difference"] for one in (small, more))
    np.testing.assert_allclose(first, second)
    with_more = of(difference_in_differences(more, **TIMES, by="arm", baseline="control"))
    assert with_more["baseline_change"].iloc[0] < -10


def test_the_seed_decides_the_intervals_and_nothing_else(small):
    one, same, other = (
        difference_in_differences(small, **TIMES, by="arm", baseline="control", seed=seed)
        for seed in (0, 0, 1)
    )
    pd.testing.assert_frame_equal(one, same)
    assert not one["low"].equals(other["low"])
    assert one["difference"].equals(other["difference"])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"before": "befor"}, "before is 'befor', which is no value of time; did you mean before"),
        ({"after": "before"}, "are both 'before'"),
        ({"time": "tme"}, "did you mean time"),
        (
            {"baseline": "contrl"},
            "no value of arm; did you mean control. there are: control, coach",
        ),
        ({"by": "role", "baseline": "supporter"}, "only the value 'supporter'"),
        ({"cluster": "who"}, "there is no column who"),
        ({"level": 95}, "level is 95"),
    ],
)
def test_a_mistake_is_one_sentence(small, options, sentence):
    asked = {**TIMES, "by": "arm", "baseline": "control"} | options
    with pytest.raises(OptionError, match=sentence):
        difference_in_differences(small, **asked)


def test_times_without_a_common_person_are_refused(make):
    rows = [
        {"participant_id": f"{time}{i}", "conversation_id": f"{time}{i}", "turn": 0, "time": time}
        for time in ("before", "after")
        for i in range(3)
    ]
    with pytest.raises(InputError, match="nobody has messages both at time before and at after"):
        within(make(rows, affirming=np.ones(6, bool)), **TIMES)


def test_a_group_of_which_nobody_is_there_twice_is_left_out_and_named(make, caplog):
    rows = [
        {"participant_id": f"p{i}", "conversation_id": f"p{i}{time}", "turn": 0, "time": time}
        | {"arm": "coach" if i < 4 else None}
        for i in range(5)
        for time in ("before", "after")
        if i < 4 or time == "before"
    ]
    table = within(make(rows, affirming=np.arange(9) % 3 == 0), **TIMES, by="arm")
    assert table["arm"].unique().tolist() == ["coach"]
    assert "Nobody of arm missing" in caplog.text


def test_a_column_called_like_a_result_must_be_renamed(make):
    rows = [{"conversation_id": "c", "turn": i, "time": "before", "effect": i} for i in range(2)]
    with pytest.raises(OptionError, match="the column effect has a name that results use"):
        within(make(rows), **(TIMES | {"after": "before"}), by="effect")


@pytest.mark.parametrize("share", [1, 3])
def test_people_who_all_change_by_the_same_have_no_error_and_so_no_test(make, share):
    rows = [
        {"participant_id": f"P{i}", "conversation_id": f"P{i}{time}", "turn": turn, "time": time}
        for i in range(4)
        for time in ("before", "after")
        for turn in range(10)
    ]
    # Of ten messages 1 -> 1 + share, or 2 -> 2 + share: the same but for rounding.
    said = [
        row["turn"] < 1 + int(row["participant_id"][1]) % 2 + share * (row["time"] == "after")
        for row in rows
    ]
    row = of(within(make(rows, affirming=np.array(said)), **TIMES), "affirming").iloc[0]
    assert row["difference"] == pytest.approx(10 * share)
    assert row[["low", "high", "p", "q", "effect"]].isna().all()
