import json

import pytest

from saeidioms.errors import OptionError
from saeidioms.llm.answers import Answers, ask, ask_json
from saeidioms.llm.cost import Rehearsal
from saeidioms.llm.model import Prompt

SCHEMA = {
    "type": "object",
    "properties": {
        "label": {"type": "string"},
        "place": {"type": "string", "enum": ["first", "second"]},
        "1": {"type": "boolean"},
        "intruder": {"type": "integer", "minimum": 1, "maximum": 5},
    },
}


@pytest.fixture
def answers(tmp_path):
    return Answers(tmp_path / "answers.jsonl")


def rehearse(model, prompts, answers):
    """Return what asking for the prompts would take."""
    stand_in = Rehearsal(model)
    ask_json(stand_in, prompts, answers)
    return stand_in


def test_the_model_itself_is_not_asked(parrot, ask_for, answers):
    model = parrot(None)
    assert rehearse(model, ask_for("a", "b"), answers).estimate().calls == 2
    assert model.asked == []


def test_answers_by_rote_fit_the_schema_and_no_label_comes_twice(parrot, answers):
    prompts = [Prompt("s", text, schema=SCHEMA) for text in "abc"]
    said = ask_json(Rehearsal(parrot(None)), prompts, answers)
    assert len({one["label"] for one in said}) == 3
    assert all(len(one["label"].split()) == 8 for one in said)
    fixed = {"place": "first", "1": True, "intruder": 1}
    assert all({name: one[name] for name in fixed} == fixed for one in said)


def test_what_is_known_or_asked_twice_costs_nothing(parrot, ask_for, answers):
    ask(parrot(lambda _: json.dumps({"label": "x"})), ask_for("a"), answers)
    assert rehearse(parrot(None), ask_for("a", "b", "b"), answers).estimate().calls == 1


def test_everything_that_is_sent_is_guessed_at_four_characters_a_token(parrot, answers):
    prompt = Prompt("s" * 40, "u" * 40, (("m" * 40, "a" * 40),), {"k": "v" * 40}, max_tokens=7)
    found = rehearse(parrot(None), [prompt, prompt], answers).estimate()
    assert 50 <= found.tokens_in <= 60
    assert found.tokens_out == 7
    assert "characters / 4" in str(found)


def test_a_model_that_counts_is_believed(parrot, answers):
    model = parrot(None)
    model.count_tokens = lambda text: len(text.split())
    stand_in = rehearse(model, [Prompt("one two", "three")], answers)
    assert stand_in.count_tokens("a b c d") == 4
    assert stand_in.estimate().tokens_in == 3
    assert "tokenizer" in str(stand_in.estimate())


def test_prices_are_of_a_million_tokens(parrot, answers):
    model = parrot(None)
    model.count_tokens = lambda text: 1_000_000
    stand_in = rehearse(model, [Prompt("s", "u", max_tokens=500_000)], answers)
    found = stand_in.estimate(price_in=0.5, price_out=2)
    assert found.cost == 1.5
    assert str(found) == (
        "1 calls, 1,000,000 tokens in (counted by the model's tokenizer), at most 500,000 out, "
        "at most 1.50 by the prices given"
    )


def test_without_prices_there_is_no_cost(parrot, ask_for, answers):
    found = rehearse(parrot(None), ask_for("a"), answers).estimate()
    assert found.cost is None
    assert "price" not in str(found)


def test_half_the_prices_are_refused(parrot):
    with pytest.raises(OptionError, match="price_out"):
        Rehearsal(parrot(None)).estimate(price_in=1.0)
