"""Permutation of people: planted changes are found, and only what was assigned is permuted."""

import pytest

from saeidioms.errors import InputError, OptionError
from saeidioms.findings.permuted import permute
from saeidioms.taxonomy.comparison import compare
from saeidioms.taxonomy.distribution import distribute


@pytest.fixture(scope="module")
def later(coded):
    return coded.where((coded.messages["time"] == "after").to_numpy(), "time after")


def test_differences_are_those_of_compare_and_planted_ones_are_found(
    later, support, planted, taxonomy
):
    table = permute(later, by="arm", baseline="control", n_permutations=999)
    assert table["group"].unique().tolist() == ["video", "coach", "both"]
    rows = table.set_index(["group", "sub_category"])
    assert rows.loc[("coach", "advice-giving"), "q"] < 0.05
    assert rows.loc[("coach", "advice-giving"), "p_family"] < 0.05
    corpus = support.where(time="after")
    units = planted.units[planted.units["unit_id"].isin(corpus.ids)]
    codes = type(planted)(units, corpus.messages())
    compared = compare(
        distribute(corpus, codes, taxonomy), by="arm", baseline="control",
        cluster="participant_id", n_boot=200,
    ).set_index(["group", "sub_category"])  # fmt: skip
    for key in (("coach", "advice-giving"), ("video", "affirming")):
        assert rows.loc[key, "difference"] == pytest.approx(compared.loc[key, "difference"])
        assert rows.loc[key, "n"] == compared.loc[key, "n"]
        assert rows.loc[key, "baseline_share"] == pytest.approx(compared.loc[key, "baseline_share"])


def test_the_seed_decides_p_and_no_difference(later):
    asked = {"by": "arm", "baseline": "control", "against": "coach", "n_permutations": 200}
    one, same, other = (permute(later, **asked, seed=seed) for seed in (0, 0, 1))
    assert one.equals(same)
    assert one["difference"].equals(other["difference"])
    assert not one["p"].equals(other["p"])


def test_what_was_not_assigned_to_whole_people_is_refused(coded):
    with pytest.raises(InputError, match="participant_id P001 has several values of time"):
        permute(coded, by="time", baseline="before")
    with pytest.raises(InputError, match="several values of setting"):
        permute(coded, by="arm", baseline="control", within="setting")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"baseline": "none"}, "baseline is 'none', which is no value of arm"),
        ({"against": "none"}, "against is 'none'"),
        ({"against": "control"}, "are both 'control'"),
        ({"by": "arn"}, "did you mean arm"),
        ({"by": "role", "baseline": "supporter"}, "only the value 'supporter'"),
        ({"n_permutations": 9}, "n_permutations is 9"),
    ],
)
def test_a_mistake_is_one_sentence(coded, options, sentence):
    with pytest.raises(OptionError, match=sentence):
        permute(coded, **({"by": "arm", "baseline": "control"} | options))
