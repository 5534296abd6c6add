import json
import re

import numpy as np
import pandas as pd
import pytest

from saeidioms.errors import InputError, OptionError
from saeidioms.idioms.fidelity import COLUMNS, WEAK, marked_text, measure_fidelity
from saeidioms.idioms.find import find_idioms
from saeidioms.idioms.judges import MARKS, EmbeddingJudge, LLMJudge
from saeidioms.idioms.labellers import label
from saeidioms.idioms.occurrences import find_occurrences
from saeidioms.idioms.split import split_conversations
from saeidioms.idioms.trials import draw_trials
from saeidioms.idioms.words import plain_key
from saeidioms.llm.answers import Answers
from saeidioms.llm.fences import fence

PATTERNS = (r"\bsorry\b", r"\bhave you\b", r"\bi hope\b", r"\bjobs?\b", "yours truly", "no such")
RARE, DEAD = 4, 5
OPENERS = ["I feel sorry about", "have you thought of", "I hope you enjoy", "my job is like"]
OTHERS = ["there is nothing like", "we talked about", "they have lost"]
NOUNS = "house garden car dog holiday book letter dinner film song door window river".split()


class PatternJudge:
    """Knows what labels mean: they are patterns."""

    name = "patterns"

    def detect(self, asked):
        pairs = zip(asked.of, asked.texts, strict=True)
        hits = [bool(re.search(asked.labels[of], text, re.IGNORECASE)) for of, text in pairs]
        return np.array(hits, dtype=float)

    def fuzz(self, asked, stretches):
        pairs = zip(asked.of, stretches, strict=True)
        return np.array(
            [bool(re.search(asked.labels[of], text, re.I)) for of, text in pairs], float
        )

    def intrude(self, asked):
        return self.detect(asked).reshape(-1, 5).argmin(axis=1).astype(float)


class Guesser:
    """A language model that answers at random."""

    name, destination = "guesser", ""
    key = {"model": "guesser"}  # noqa: RUF012

    def __init__(self):
        self._rng = np.random.default_rng(0)

    def answer(self, prompts):
        for index, prompt in enumerate(prompts):
            names = prompt.schema["properties"]
            said = {name: bool(self._rng.integers(2)) for name in names}
            if "intruder" in names:
                said = {"intruder": int(self._rng.integers(1, 6))}
            yield index, json.dumps(said)


class Planted:
    """A corpus of which the features are known, with what was found in it."""

    def __init__(self, corpus, make, patterns, **options):
        self.corpus = corpus
        self.activations = make.activations(corpus, *patterns)
        self.embeddings = make.vectors(corpus)
        tables = (corpus, self.activations, self.embeddings)
        self.features = find_idioms(*tables, seed=1, **options)
        self.unseen = split_conversations(corpus, 1, options.get("held_out", 0.2))
        self.encode = lambda texts: np.asarray(make.vectors(make.corpus(texts)))

    def labelled(self, labels):
        numbers = range(len(self.features))
        return self.features.relabelled(
            pd.DataFrame({"feature": numbers, "label": labels, "label_source": "test"})
        )

    def measure(self, labels, judge, **options):
        features = self.labelled(labels)
        tables = (self.corpus, self.activations, self.embeddings)
        return measure_fidelity(features, *tables, judge, unseen=self.unseen, **options)

    def trials(self, **options):
        features = self.labelled(PATTERNS[: len(self.features)])
        tables = (self.corpus, self.activations, self.embeddings)
        return draw_trials(features, *tables, self.unseen, **{"n_units": 50, "seed": 0} | options)


@pytest.fixture(scope="module")
def planted(make):
    rng = np.random.default_rng(0)
    texts = [
        f"{opener} {'your the my a that'.split()[i % 5]} {noun} {other} {('now', 'today')[i % 2]}"
        for i, (opener, noun, other) in enumerate(
            (one, noun, other) for one in OPENERS + OTHERS for noun in NOUNS for other in NOUNS
        )
    ]
    texts += [f"yours truly {noun}" for noun in NOUNS[:8]]
    order = rng.permutation(len(texts))
    corpus = make.corpus([texts[i] for i in order], conversations=order % 60)
    return Planted(corpus, make, PATTERNS)


@pytest.fixture(scope="module")
def real(data_folder, make):
    """The supporters of the first conversations of ESConv."""
    from saeidioms.corpus.readers import read_corpus

    corpus = read_corpus(data_folder / "esconv_dev.csv").where(role="supporter")
    return Planted(corpus.units("sentence"), make, PATTERNS[:4])


def keys_of(corpus, rows):
    return [plain_key(text) for text in corpus.texts[rows]]


@pytest.mark.parametrize("which", ["planted", "real"])
def test_a_label_that_is_right_scores_high_and_a_shuffled_one_at_chance(which, request):
    planted = request.getfixturevalue(which)
    patterns = list(PATTERNS[: len(planted.features)])
    right = planted.measure(patterns, PatternJudge()).iloc[:4]
    assert list(right.columns) == list(COLUMNS)
    assert (right[["detection", "f1", "intruder"]] == 1).all(axis=None)
    assert (right["detection_low"] > 0.5).all()
    shuffled = planted.measure([*patterns[1:4], patterns[0], *patterns[4:]], PatternJudge())
    assert (shuffled["detection"].iloc[:4] < WEAK).all()
    assert shuffled["detection"].iloc[:4].mean() == pytest.approx(0.5, abs=0.1)


def test_similarity_tells_offline_labels_from_shuffled_ones(planted):
    labels = label(planted.features).table["label"].tolist()
    judge = EmbeddingJudge(planted.encode)
    right = planted.measure(labels, judge).iloc[:4]
    assert (right["detection"] > 0.7).all()
    assert right["intruder"].mean() > 0.5
    shuffled = planted.measure([*labels[1:4], labels[0], *labels[4:]], judge).iloc[:4]
    assert shuffled["detection"].mean() < 0.6
    assert set(right["judge"]) == {"embedding"}


def test_what_is_marked_is_told_from_what_is_not(real):
    told = real.measure(list(PATTERNS[:4]), PatternJudge())["fuzzing"]
    assert told.notna().any()
    assert told.dropna().tolist() == [1] * told.notna().sum()


def test_a_language_model_that_guesses_is_at_chance_and_its_intervals_say_so(planted, tmp_path):
    judge = LLMJudge(Guesser(), Answers(tmp_path / "answers.jsonl"))
    table = planted.measure(list(PATTERNS), judge).iloc[:4]
    assert set(table["judge"]) == {"guesser"}
    assert table["detection"].mean() == pytest.approx(0.5, abs=0.1)
    assert (table["detection_low"] < 0.5).all()
    assert (table["detection_high"] > 0.5).all()
    assert table["intruder"].mean() == pytest.approx(0.2, abs=0.15)


@pytest.mark.parametrize("which", ["planted", "real"])
def test_test_units_are_unseen_and_their_texts_were_never_shown(which, request):
    planted = request.getfixturevalue(which)
    trials = planted.trials()
    examples = planted.features.examples
    for table in (trials.units, trials.marks):
        assert planted.unseen[table["row"]].all()
    assert planted.unseen[trials.rows].all()
    for feature, own in trials.units.groupby("feature"):
        keys = keys_of(planted.corpus, own["row"])
        assert len(set(keys)) == len(keys)
        shown = set(map(plain_key, examples.loc[examples["feature"] == feature, "text"]))
        assert len(shown) > 10
        assert not shown & set(keys)
        marked = trials.marks.loc[trials.marks["feature"] == feature, "row"]
        assert not shown & set(keys_of(planted.corpus, marked))


def test_examples_and_idioms_are_not_chosen_from_what_is_held_out(planted):
    held = set(planted.corpus.ids[planted.unseen])
    assert not held & set(planted.features.examples["unit_id"])
    texts = set(planted.corpus.texts[planted.unseen])
    assert not texts & set(planted.features.idioms["example"])


def test_units_are_half_firing_and_over_the_whole_range_of_activation(planted):
    trials = planted.trials(n_units=10)
    dense = planted.activations.matrix.toarray()
    for feature, own in trials.units.groupby("feature"):
        activation = dense[own["row"], feature]
        assert (own["fires"] == (activation > 0)).all()
        if feature == RARE:
            continue
        assert own["fires"].sum() == 10 == len(own) // 2
        shown = planted.features.examples.query("feature == @feature and activation > 0")
        left = (dense[:, feature] > 0) & planted.unseen
        left &= ~np.isin(planted.corpus.texts, shown["text"])
        middle = np.median(dense[left, feature])
        assert (activation[own["fires"]] >= middle).sum() in range(3, 8)


def test_half_of_the_units_that_do_not_fire_are_the_nearest(planted):
    units = planted.trials(n_units=10).units.query("feature == 0 and not fires")
    vectors = np.asarray(planted.embeddings) @ planted.features.centroids[0]
    fires = planted.activations.matrix.toarray()[:, 0] > 0
    shown = planted.features.examples.query("feature == 0")["text"]
    others = planted.unseen & ~fires & ~np.isin(planted.corpus.texts, shown)
    nearest = np.sort(vectors[others])[::-1][:5]
    assert np.sort(vectors[units["row"]])[::-1][:5] == pytest.approx(nearest)
    assert (vectors[units["row"]] < nearest.min()).sum() >= 4


def test_one_of_five_is_the_intruder(planted):
    trials = planted.trials()
    fires = planted.activations.matrix.toarray() > 0
    for feature, odd, rows in zip(
        trials.groups["feature"], trials.groups["odd"], trials.rows, strict=True
    ):
        assert len(set(rows)) == 5
        assert np.flatnonzero(~fires[rows, feature]).tolist() == [odd]


@pytest.mark.parametrize("which", ["planted", "real"])
def test_right_marks_are_idioms_that_the_label_does_not_quote_and_wrong_ones_touch_none(
    which, request
):
    planted = request.getfixturevalue(which)
    trials = planted.trials()
    assert len(trials.marks)
    idioms = planted.features.idioms.groupby("feature")["phrase"].agg(list)
    for row in trials.marks.itertuples():
        text = planted.corpus.texts[row.row]
        found = find_occurrences([text], idioms[row.feature])
        spans = set(zip(found["start"], found["end"], strict=True))
        assert ((row.start, row.end) in spans) is row.right
        if not row.right:
            assert all(row.end <= start or row.start >= end for start, end in spans)
    counts = trials.marks.groupby(["feature", "row"])["right"].agg(["sum", "count"])
    assert (counts["sum"] == 1).all()
    assert (counts["count"] == 2).all()


def test_an_idiom_that_the_label_quotes_is_not_marked(planted):
    phrases = planted.features.idioms.query("feature == 0")["phrase"].tolist()
    quoting = [" / ".join(f'"{phrase}"' for phrase in phrases), *PATTERNS[1:]]
    tables = (planted.corpus, planted.activations, planted.embeddings, planted.unseen)
    trials = draw_trials(planted.labelled(quoting), *tables, n_units=50, seed=0)
    assert 0 in planted.trials().marks["feature"].tolist()
    assert 0 not in trials.marks["feature"].tolist()


def test_a_mark_stands_around_its_words_and_survives_the_fence():
    before, after = MARKS
    marked = marked_text("I'm so sorry.", 4, 12)
    assert marked == f"I'm {before}so sorry{after}."
    assert fence([marked]) == f"<message 1>{marked}</message 1>"


def test_nothing_else_looks_like_a_mark_and_long_texts_keep_theirs():
    before, after = MARKS
    text = f"see <<this>> {before}here{after} " + "so " * 400 + "sorry" + " then" * 400
    start = text.index("sorry")
    shown = fence([marked_text(text, start, start + 5)])
    assert f"{before}sorry{after}" in shown
    assert shown.count(before) == shown.count(after) == 1
    near = marked_text(text, 40, 43)
    assert "(this)" in near.replace("((", "(").replace("))", ")")
    assert near.count(before) == 1


def test_too_few_units_give_no_figure(planted):
    table = planted.measure(list(PATTERNS), PatternJudge())
    for feature in (RARE, DEAD):
        row = table.iloc[feature]
        assert row["note"] == "too few"
        assert row[["detection", "detection_low", "f1_high", "fuzzing", "intruder"]].isna().all()
    assert set(table["note"].iloc[:4]) == {""}


def test_units_that_a_judge_leaves_open_are_not_counted(planted):
    class Hesitant(PatternJudge):
        def detect(self, asked):
            said = super().detect(asked)
            said[::2] = np.nan
            return said

    every, some = (
        planted.measure(list(PATTERNS), judge).iloc[0] for judge in (PatternJudge(), Hesitant())
    )
    assert some["n"] == every["n"] // 2
    assert some["detection"] == 1


def test_the_same_seed_gives_the_same_table_and_another_one_other_units(planted):
    judge = EmbeddingJudge(planted.encode)
    labels = label(planted.features).table["label"].tolist()
    first, again = (planted.measure(labels, judge, n_units=10) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    one, other = (planted.trials(n_units=10, seed=seed).units["row"].tolist() for seed in (0, 1))
    assert one != other


def test_a_corpus_too_small_to_hold_out_is_tested_on_texts_not_shown(make):
    texts = [f"I am {word} {noun}" for word in ("sorry about", "glad of") for noun in NOUNS * 5]
    texts = [f"{text} {i}" for i, text in enumerate(texts)]
    small = Planted(make.corpus(texts, conversations=np.arange(len(texts)) % 3), make, ("sorry",))
    assert not small.unseen.any()
    table = small.measure(["sorry"], PatternJudge())
    assert table["detection"].tolist() == [1]
    shown = set(small.features.examples["text"])
    assert not shown & set(small.corpus.texts[small.trials().units["row"]])


def test_the_split_is_of_whole_conversations_and_does_not_depend_on_their_order(planted, make):
    corpus, unseen = planted.corpus, planted.unseen
    held = set(corpus.conversations[unseen])
    assert len(held) == 12
    assert not held & set(corpus.conversations[~unseen])
    order = np.argsort(corpus.texts)
    names = [name[1:] for name in corpus.conversations[order]]
    turned = make.corpus(corpus.texts[order], names)
    again = split_conversations(turned, 1)
    assert set(turned.conversations[again]) == held


def test_another_split_than_that_of_the_features_is_refused(planted):
    other = split_conversations(planted.corpus, 2)
    tables = (planted.corpus, planted.activations, planted.embeddings)
    features = planted.labelled(PATTERNS)
    with pytest.raises(InputError, match="give the corpus, the seed and the share held out"):
        measure_fidelity(features, *tables, PatternJudge(), unseen=other)


def test_impossible_requests_are_refused(planted):
    with pytest.raises(OptionError, match="n_units is 4; give at least 5"):
        planted.measure(list(PATTERNS), PatternJudge(), n_units=4)
    with pytest.raises(InputError, match="feature 1 has no label"):
        planted.measure(["x", "", *PATTERNS[2:]], PatternJudge())
    with pytest.raises(OptionError, match=r"held_out is 0.9; give a share of 0 to 0.5"):
        split_conversations(planted.corpus, 0, 0.9)


def test_occurrences_are_found_in_every_spelling_but_not_across_clauses():
    texts = [
        "I’m SO sorry.",
        "I am so sorry, so so sorry",
        "I'm so. Sorry",
        "hope it all ends well",
    ]
    phrases = ["I'm so sorry", "so sorry *", "hope it * ends", "not there", "!"]
    found = find_occurrences(texts, phrases)
    written = [
        (row.text, row.phrase, texts[row.text][row.start : row.end]) for row in found.itertuples()
    ]
    assert written == [
        (0, 0, "I’m SO sorry"), (0, 1, "SO sorry"), (1, 0, "I am so sorry"), (1, 1, "so sorry"),
        (1, 1, "so sorry"), (3, 2, "hope it all ends"),
    ]  # fmt: skip
    assert found["n_words"].tolist() == [3, 2, 3, 2, 2, 4]
