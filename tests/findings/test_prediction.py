"""What foretells an outcome: planted hypotheses hold on the other half, chance ones do not."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.metrics import roc_auc_score

from saeidioms.corpus.readers import read_corpus
from saeidioms.errors import InputError, OptionError
from saeidioms.findings import prediction
from saeidioms.findings.prediction import predict
from saeidioms.findings.usage import Use

PEOPLE, CHATS, SAID, THINGS = 80, 3, 4, 30


def study(seed=0, effect=1.0):
    """Conversations of people; three of thirty features go with the outcome."""
    random = np.random.default_rng(seed)
    people = np.repeat(np.arange(PEOPLE), CHATS * SAID)
    chats = np.repeat(np.arange(PEOPLE * CHATS), SAID)
    holds = random.random((len(chats), THINGS)) < 0.12
    per_chat = pd.DataFrame(holds).groupby(chats).any().to_numpy()
    own = np.repeat(random.normal(size=PEOPLE), CHATS)
    outcome = effect * per_chat[:, :3] @ [1.5, -1.5, 1.0] + own + random.normal(size=len(own))
    rows = pd.DataFrame({"conversation_id": chats, "text": "said", "person": people})
    rows = rows.assign(outcome=outcome[chats], passed=np.where(outcome > 0.3, "yes", "no")[chats])
    rows["text"] += rows.index.astype(str)
    kinds = ["feature"] * (THINGS - 2) + ["sub_category", "idiom"]
    things = pd.DataFrame({"kind": kinds, "name": [f"t{i}" for i in range(THINGS)]})
    things["feature"] = pd.array(range(THINGS), dtype="Int64")
    corpus = read_corpus(rows)
    clusters = corpus.table["person"].astype(str).to_numpy(object)
    return Use(sparse.csr_matrix(holds), things, clusters), corpus


@pytest.mark.parametrize("method", ["correlation", "separation", "lasso", "stability"])
def test_planted_hypotheses_hold_on_the_half_that_did_not_choose(method):
    found = predict(*study(), "outcome", method=method, n=6, n_boot=100)
    table = found.table.set_index("name")
    assert {"t0", "t1", "t2"} <= set(table.index)
    assert (table.loc[["t0", "t1"], "q"] < 0.05).all()
    assert table.loc["t0", "low"] < 1.5 < table.loc["t0", "high"]
    assert table.loc["t1", "joint_low"] < -1.5 < table.loc["t1", "joint_high"]
    assert table["clusters"].unique().tolist() == [PEOPLE // 2]
    performance = found.performance.iloc[0]
    assert performance["measure"] == "R2"
    assert performance["value"] > performance["chance"]


def test_a_target_of_two_words_is_judged_by_auc_and_says_what_counts_one():
    found = predict(*study(), "passed", n=4, n_boot=100)
    assert found.one == "yes"
    performance = found.performance.iloc[0]
    assert performance["measure"] == "AUC"
    assert 0.6 < performance["value"] < 1
    assert found.table.set_index("name").loc["t0", "difference"] > 0


def test_chance_does_not_pass_for_a_finding():
    passed, better = [], []
    for seed in range(20):
        found = predict(*study(seed, effect=0.0), "outcome", n=5, n_boot=100, seed=seed)
        passed += list(found.table["p"] < 0.05)
        better.append(found.performance["p"].iloc[0] < 0.05)
    assert np.mean(passed) < 0.12
    assert np.mean(better) <= 0.2


def test_a_target_of_people_is_not_foretold_by_how_alike_their_messages_are():
    better = []
    for seed in range(100, 140):
        random = np.random.default_rng(seed)
        people = np.repeat(np.arange(40), random.integers(4, 21, 40))
        holds = random.random((len(people), 12)) < random.beta(0.6, 2.4, (40, 12))[people]
        rows = pd.DataFrame({"conversation_id": people, "text": "said", "person": people})
        rows["arm"] = np.where(random.random(40) < 0.5, "coach", "control")[people]
        things = pd.DataFrame({"kind": "feature", "name": [f"t{i}" for i in range(12)]})
        things["feature"] = pd.array(range(12), dtype="Int64")
        corpus = read_corpus(rows.assign(text=rows["text"] + rows.index.astype(str)))
        use = Use(sparse.csr_matrix(holds), things, corpus.table["person"].to_numpy(object))
        asked = {"unit": "message", "method": "correlation", "n": 5, "n_boot": 100, "seed": seed}
        better.append(predict(use, corpus, "arm", **asked).performance["p"].iloc[0] < 0.05)
    assert np.mean(better) < 0.15


def test_a_missing_estimate_says_why():
    use, corpus = study()
    holds = use.holds.toarray()
    holds[:, 1] = holds[:, 0]
    twice = Use(sparse.csr_matrix(holds), use.things, use.clusters)
    table = predict(twice, corpus, "outcome", method="correlation", n=3).table
    assert table["joint"].isna().all()
    assert (table["note"] == "joint: terms overlap").all()


def test_the_area_is_that_of_scikit_learn():
    random = np.random.default_rng(0)
    truth, guess = random.random(200) < 0.3, random.integers(0, 9, 200).astype(float)
    assert prediction._auc(truth, guess) == pytest.approx(roc_auc_score(truth, guess))


def test_an_interval_of_an_auc_ends_at_one():
    use, corpus = study()
    holds = use.holds.toarray()
    table = corpus.table
    said = pd.Series(holds[:, 0]).groupby(table["conversation_id"]).transform("any").to_numpy()
    sure = type(corpus)(table.assign(sure=np.where(said, "yes", "no")), corpus.unit, corpus.report)
    performance = predict(use, sure, "sure", n=2, n_boot=100).performance.iloc[0]
    assert performance["value"] > 0.99
    assert performance["high"] <= 1


def test_idioms_are_not_tried_and_rare_things_neither():
    use, corpus = study()
    rare = use.holds.toarray()
    rare[:, 5] = False
    rare[0, 5] = True
    found = predict(Use(sparse.csr_matrix(rare), use.things, use.clusters), corpus, "outcome", n=30)
    assert not {"t29", "t5"} & set(found.table["name"])


def test_the_seed_decides_the_halves():
    one, same, other = (predict(*study(), "outcome", n=3, seed=seed).table for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(one, same)
    assert not one["difference"].equals(other["difference"])


def test_rows_without_an_outcome_are_left_out(caplog):
    use, corpus = study()
    table = corpus.table.assign(outcome=corpus.table["outcome"].mask(corpus.table["person"] < 10))
    part = type(corpus)(table, corpus.unit, corpus.report)
    assert predict(use, part, "outcome", n=3).table["clusters"].iloc[0] == (PEOPLE - 10) // 2
    assert "30 of 240 rows have no outcome" in caplog.text


@pytest.mark.parametrize(
    ("error", "options", "sentence"),
    [
        (OptionError, {"target": "outcom"}, "did you mean outcome"),
        (OptionError, {"method": "magic"}, "give one of correlation"),
        (OptionError, {"unit": "person"}, "give conversation or message"),
        (InputError, {"target": "text", "unit": "message"}, "is text of 960 values"),
        (InputError, {"target": "turn"}, "turn varies within the conversation"),
        (InputError, {"target": "one"}, "one is the same in"),
    ],
)
def test_a_mistake_is_one_sentence(error, options, sentence):
    use, corpus = study()
    corpus = type(corpus)(corpus.table.assign(one=1.0), corpus.unit, corpus.report)
    with pytest.raises(error, match=sentence):
        predict(use, corpus, **({"target": "outcome"} | options))


def test_few_clusters_cannot_be_halved():
    use, corpus = study()
    few = np.array([name[0] for name in use.clusters], dtype=object)
    with pytest.raises(InputError, match="at least 20"):
        predict(Use(use.holds, use.things, few), corpus, "outcome")
