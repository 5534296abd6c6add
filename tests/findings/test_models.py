"""Regressions are statsmodels' own, and a formula cannot do more than name columns."""

from dataclasses import replace

import numpy as np
import pytest
import statsmodels.formula.api as smf

from saeidioms.errors import InputError, OptionError
from saeidioms.findings.models import columns_of, model

ADVICE = "advice-giving"
FORMULA = "C(arm, Treatment('control')) * round + setting"


def frame(coded, name=ADVICE):
    place = list(coded.taxonomy.names).index(name)
    return coded.messages.assign(y=coded.holds[:, place].astype(float))


def of(table, name=ADVICE):
    return table[table["sub_category"] == name].set_index("term")


def reference(coded, how):
    data = frame(coded)
    groups = data["participant_id"].astype("category").cat.codes
    fit = how(f"y ~ {FORMULA}", data).fit(
        disp=False, cov_type="cluster", cov_kwds={"groups": groups}
    )
    return fit


def test_a_linear_model_is_that_of_statsmodels_with_errors_by_person(coded):
    table = of(model(coded, FORMULA, cluster="participant_id"))
    expected = reference(coded, smf.ols)
    for term, row in table.iterrows():
        assert row["difference"] == pytest.approx(100 * expected.params[term])
        width = (row["high"] - row["low"]) / 200
        assert width == pytest.approx(1.9699 * expected.bse[term], rel=1e-3)  # t of 239
    assert set(table.index) == set(expected.params.index) - {"Intercept"}
    assert table["clusters"].unique().tolist() == [240]


def test_a_logistic_model_has_odds_ratios_and_marginal_effects_of_statsmodels(coded):
    table = of(model(coded, "setting + trait_empathy", cluster="participant_id", kind="logistic"))
    data = frame(coded)
    groups = data["participant_id"].astype("category").cat.codes
    fit = smf.logit("y ~ setting + trait_empathy", data).fit(
        disp=False, cov_type="cluster", cov_kwds={"groups": groups}
    )
    effects = fit.get_margeff(dummy=True).summary_frame()
    for term, row in table.iterrows():
        assert row["odds_ratio"] == pytest.approx(np.exp(fit.params[term]), rel=1e-4)
        assert row["difference"] == pytest.approx(100 * effects.loc[term, "dy/dx"], rel=1e-3)
        width = (row["high"] - row["low"]) / 200
        assert width == pytest.approx(1.9699 * effects.loc[term, "Std. Err."], rel=5e-3)


def test_the_planted_fall_of_advice_in_the_coached_arms_is_found(coded):
    later = coded.where((coded.messages["time"] == "after").to_numpy(), "time after")
    table = of(model(later, "C(arm, Treatment('control'))", cluster="participant_id"))
    coach = table.loc["C(arm, Treatment('control'))[T.coach]"]
    assert coach["high"] < 0
    assert coach["effect"] == pytest.approx(
        coach["difference"] / 100 / frame(later)["y"].std(ddof=0)
    )


def test_q_corrects_each_term_over_sub_categories(coded):
    table = model(coded, "setting + trait_empathy", cluster="participant_id")
    rows = table[(table["level"] == "sub_category") & (table["term"] == "trait_empathy")]
    assert len(rows) == 10
    assert rows["q"].min() == pytest.approx((rows["p"] * 10 / rows["p"].rank()).min())


def test_rows_without_a_value_are_left_out_and_counted(coded, caplog):
    missing = coded.messages["trait_empathy"].mask(coded.messages["arm"] == "video")
    part = type(coded)(coded.messages.assign(trait_empathy=missing), coded.holds, coded.taxonomy)
    table = model(part, "trait_empathy", cluster="participant_id")
    assert table["left_out"].iloc[0] == (coded.messages["arm"] == "video").sum()
    assert table["n"].iloc[0] + table["left_out"].iloc[0] == len(coded)
    assert "lack a value in trait_empathy" in caplog.text


def test_what_cannot_be_estimated_says_why(make):
    rows = [
        {
            "participant_id": f"p{i % 6}",
            "conversation_id": f"c{i % 6}",
            "turn": i,
            "x": i % 2,
            "z": 1,
        }
        for i in range(24)
    ]
    coded = make(rows, advice_giving=np.arange(24) % 2 == 0)
    separated = model(coded, "x", cluster="participant_id", kind="logistic")
    notes = separated.set_index("sub_category")["note"]
    assert notes[ADVICE] == "perfect separation"
    assert notes["affirming"] == "constant outcome"
    assert separated["difference"].isna().all()
    with pytest.raises(
        OptionError, match="the terms Intercept, z of the formula 'x \\+ z' say the"
    ):
        model(coded, "x + z", cluster="participant_id")


@pytest.mark.parametrize(
    ("formula", "sentence"),
    [
        ("armm", "there is no column armm; did you mean arm?"),
        ("arm +", "cannot be"),
        ("(arm", "cannot be read"),
        ("", "names no column"),
        ("1", "names no column"),
        (". + arm", "requires additional context"),
        ("advice ~ arm", "has several parts; give the right-hand side only"),
        ("arm | round", "has several parts"),
        ("C(arm, Treatment('none'))", "cannot be used"),
        ("poly(round, 2)", "calls poly; there are: C, Treatment"),
        ("__import__('os').system('x')", "cannot be read"),
        ("{__import__('os').system('x')}", "holds code __import__"),
        ("I(open(round))", "calls open"),
        ("arm.__class__", "no column arm.__class__"),
        ("I(arm.__class__)", "holds code arm.__class__"),
        ("C(arm)[0]", "holds code C\\(arm\\)\\[0\\]"),
        ("I([x for x in round])", "holds code"),
        ("I(lambda: round)", "holds code lambda: round"),
    ],
)
def test_a_formula_that_is_none_is_one_sentence(coded, formula, sentence):
    with pytest.raises(OptionError, match=sentence):
        model(coded, formula, cluster="participant_id")


def test_the_columns_of_a_formula_are_named_once():
    assert columns_of("C(arm, Treatment('arm')) * round + arm", ["arm", "round"]) == [
        "arm",
        "round",
    ]


def test_one_cluster_is_refused(coded):
    with pytest.raises(InputError, match="role has one value only"):
        model(coded, "setting", cluster="role")


def test_a_term_that_one_cluster_alone_tells_has_no_error(make):
    rows = [
        {
            "participant_id": f"p{i % 6}",
            "conversation_id": f"c{i % 6}",
            "turn": i,
            "lone": i % 6 == 0,
        }
        for i in range(48)
    ]
    coded = make(rows, advice_giving=np.arange(48) % 5 == 0)
    term = of(model(coded, "lone", cluster="participant_id")).loc["lone"]
    assert term["note"] == "one cluster"
    assert np.isfinite(term["difference"])
    assert np.isnan(term[["low", "high", "p"]].astype(float)).all()


def test_a_term_that_is_infinite_names_its_messages(coded):
    messages = coded.messages.assign(zero=0.0)
    with pytest.raises(InputError, match=r"log\(zero\) of the formula is -inf for [\d,]+ of"):
        model(replace(coded, messages=messages), "arm + log(zero)", cluster="participant_id")
