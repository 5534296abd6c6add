from dataclasses import replace

import pandas as pd
import pytest

from saeidioms.errors import InputError
from saeidioms.idioms.find import find_idioms
from saeidioms.idioms.labellers import BY_HAND, OfflineLabeller, label, told_by_hand

ENDS = ["yesterday", "at work", "with Tom", "last week", "in the end", "on Monday", "abroad"]
TEXTS = [
    *[f"What happened {end}?" for end in ENDS],
    *[f"I'm so sorry about your {one}." for one in "dog car job mother house exam trip".split()],
    *[f"My {one} lost a job {end}." for one in ("sister", "brother") for end in ENDS],
    *[f"Nothing of what {a} and {b} say makes a difference here" for a in "xyz" for b in "uvw"],
    *[f"Well {a} and {b}" for a in "xyz" for b in "uvw"],
    *["Me too!"] * 6,
    *[f"{word} {word}" for word in "alpha beta gamma delta epsilon zeta eta theta".split()],
]
PATTERNS = ("what happened", "so sorry", "a job", "me too", "nothing has this", "^(alpha|beta)")


@pytest.fixture(scope="module")
def features(make):
    corpus = make.corpus(TEXTS)
    return find_idioms(
        corpus,
        make.activations(corpus, *PATTERNS, PATTERNS[0]),
        make.vectors(corpus),
        held_out=0,
    )


@pytest.fixture(scope="module")
def labels(features):
    return label(features).table["label"].tolist()


def test_a_question_says_that_it_asks(labels):
    assert labels[0] == 'asks: "what happened"'


def test_a_phrase_with_an_open_end_is_quoted_with_its_slot(labels):
    assert labels[1] == '"I\'m so sorry about your *"'


def test_flagged_and_dead_features_say_so(labels):
    assert labels[3:5] == ['only: "Me too!"', "(dead)"]


def test_without_idioms_the_strongest_example_is_the_label(labels):
    assert labels[5] == 'like: "beta beta"'


def test_labels_are_short_all_different_and_the_same_every_time(features, labels):
    assert len(set(labels)) == len(labels)
    assert max(len(one.split()) for one in labels) <= 12
    assert label(features, OfflineLabeller()).table["label"].tolist() == labels
    assert set(label(features).table["label_source"]) == {"offline"}
    assert set(features.table["label"]) == {""}


def test_words_within_sentences_are_topics_and_openers_are_quoted(features):
    table = features.table.iloc[:2].assign(flag="")
    columns = ["feature", "kind", "rank", "unit_id", "text", "activation"]
    texts = ["I lost my job.", "A job is hard.", "Your interview?", "Wow, nice.", "wow!", "Oh wow"]
    rows = [(i // 3, "top", i % 3, str(i), text, 1.0) for i, text in enumerate(texts)]
    idioms = pd.DataFrame(
        [(0, "job"), (0, "interview"), (1, "wow"), (1, "that's nice")],
        columns=["feature", "phrase"],
    )
    some = replace(
        features, table=table, idioms=idioms, examples=pd.DataFrame(rows, columns=columns)
    )
    assert OfflineLabeller().label(some)["label"].tolist() == [
        "about: job, interview",
        '"wow" / "that\'s nice"',
    ]


def test_another_labeller_is_checked_and_named(features):
    class Silent:
        name = "silent"

        def label(self, table):
            return pd.DataFrame({"feature": table.table["feature"], "label": ""})

    class Forgetful(Silent):
        name = "forgetful"

        def label(self, table):
            return pd.DataFrame({"feature": [0], "label": ["all of it"]})

    with pytest.raises(InputError, match="silent returned an empty label"):
        label(features, Silent())
    with pytest.raises(InputError, match="must name each feature from 0 to 6 once; 1 rows"):
        label(features, Forgetful())


def test_whoever_labelled_an_edited_label_is_a_persons():
    given = pd.DataFrame(
        {
            "feature": [0, 1, 2],
            "label": ["a", "b", "c"],
            "label_source": ["offline", "qwen", "qwen"],
        }
    )
    edited = given.assign(label=["a", "my own", "c"])[::-1]
    assert told_by_hand(edited, given)["label_source"].tolist() == ["qwen", BY_HAND, "offline"]
    signed = given.assign(label="x", label_source="Ann")
    assert (told_by_hand(signed, given)["label_source"] == "Ann").all()
