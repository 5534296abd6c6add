import numpy as np
import pytest

from saeidioms.taxonomy.cues import CUES, find_cues


@pytest.mark.parametrize(
    ("cue", "holding", "lacking"),
    [
        (
            "question",
            ["What happened?", "how are you", "So, did he call back", "真的吗？"],
            ["I know what you mean.", "You did what you could.", "How awful!"],
        ),
        ("exclamation", ["Oh no!"], ["Oh no."]),
        (
            "I",
            ["i feel you", "That happened to me.", "I\u2019m here"],
            ["Iowa is far.", "A memo."],
        ),
        ("we", ["Let's see.", "We both know."], ["He went west."]),
        ("you", ["how r u", "You\u2019re right", "YOUR job"], ["youth is short", "us two"]),
        (
            "imperative",
            ["Talk to her.", "Please don't give up.", "maybe try a walk", "Well, just breathe."],
            ["Work is hard.", "I talk to her.", "She should go."],
        ),
        ("modal verb", ["You could ask.", "Why not rest?"], ["You ask a lot."]),
        ("past tense", ["I lost mine.", "She called."], ["I lose it.", "He is red."]),
        ("future", ["It'll pass.", "You will see."], ["It passes."]),
        (
            "negation",
            ["That isn\u2019t fair.", "dont worry", "Never mind."],
            ["Knot it.", "Note it."],
        ),
    ],
)
def test_a_cue_is_found_where_it_is_and_nowhere_else(cue, holding, lacking):
    assert find_cues(holding, [cue]).all(), holding
    assert not find_cues(lacking, [cue]).any(), lacking


def test_every_cue_is_tested_above():
    tested = test_a_cue_is_found_where_it_is_and_nowhere_else.pytestmark[0].args[1]
    assert [case[0] for case in tested] == list(CUES)


def test_cues_come_text_by_text_in_the_order_asked_for():
    found = find_cues(["I see.", "Why?"], ["question", "I"])
    np.testing.assert_array_equal(found, [[0, 1], [1, 0]])
    assert find_cues([], ["I"]).shape == (0, 1)
    assert find_cues(["a"], []).shape == (1, 0)


def test_questions_of_counsellors_are_found_in_real_chats(data_folder):
    from saeidioms.corpus.readers import read_corpus

    corpus = read_corpus(data_folder / "esconv_dev.csv").where(role="supporter")
    asks = find_cues(corpus.texts.tolist(), ["question"])[:, 0] > 0
    strategy = corpus.table["strategy"]
    assert asks[strategy == "Questions"].mean() > 0.9
    assert asks[strategy == "Self-disclosure"].mean() < 0.2
