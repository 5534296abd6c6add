import pytest

from saeidioms.errors import OptionError
from saeidioms.llm.answers import Answers, ask
from saeidioms.llm.cost import estimate
from saeidioms.llm.model import Prompt


@pytest.fixture
def answers(tmp_path):
    return Answers(tmp_path / "answers.jsonl")


def test_nothing_is_asked(parrot, ask_for, answers):
    model = parrot(None)
    assert estimate(model, ask_for("a", "b"), answers).calls == 2
    assert model.asked == []
    assert not answers.path.exists()


def test_what_is_known_or_asked_twice_costs_nothing(parrot, ask_for, answers):
    ask(parrot(lambda _: "x"), ask_for("a"), answers)
    found = estimate(parrot(None), ask_for("a", "b", "b"), answers)
    assert (found.calls, found.cached) == (1, 2)


def test_it_agrees_with_what_is_then_asked(parrot, ask_for, answers):
    model, prompts = parrot(lambda _: "x"), ask_for("a", "b", "b", "c")
    calls = estimate(model, prompts, answers).calls
    ask(model, prompts, answers)
    assert len(model.asked) == calls
    assert estimate(model, prompts, answers).calls == 0


def test_everything_that_is_sent_is_guessed_at_four_characters_a_token(parrot, answers):
    prompt = Prompt("s" * 40, "u" * 40, (("m" * 40, "a" * 40),), {"k": "v" * 40}, max_tokens=7)
    found = estimate(parrot(None), [prompt, prompt], answers)
    assert 50 <= found.tokens_in <= 60
    assert found.tokens_out == 7
    assert "characters / 4" in str(found)


def test_a_model_that_counts_is_believed(parrot, answers):
    model = parrot(None)
    model.count_tokens = lambda text: len(text.split())
    found = estimate(model, [Prompt("one two", "three")], answers)
    assert found.tokens_in == 3
    assert "tokenizer" in str(found)


def test_prices_are_of_a_million_tokens(parrot, answers):
    model = parrot(None)
    model.count_tokens = lambda text: 1_000_000
    found = estimate(
        model, [Prompt("s", "u", max_tokens=500_000)], answers, price_in=0.5, price_out=2
    )
    assert found.cost == 1.5
    assert str(found) == (
        "1 calls (0 more need none), 1,000,000 tokens in (counted by the model's tokenizer), "
        "at most 500,000 out, at most 1.50 by the prices given"
    )


def test_without_prices_there_is_no_cost(parrot, ask_for, answers):
    found = estimate(parrot(None), ask_for("a"), answers)
    assert found.cost is None
    assert "price" not in str(found)


def test_half_the_prices_are_refused(parrot, ask_for, answers):
    with pytest.raises(OptionError, match="price_out"):
        estimate(parrot(None), ask_for("a"), answers, price_in=1.0)
