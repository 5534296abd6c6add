"""What asking would take, before anything is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from saeidioms.errors import OptionError
from saeidioms.llm.answers import Answers, answer_key
from saeidioms.llm.budget import price, prompt_tokens
from saeidioms.llm.model import LanguageModel, Prompt


@dataclass(frozen=True)
class Estimate:
    """What asking would take at most; ``str`` says it in a line.

    Attributes
    ----------
    calls
        Prompts to be sent. Those whose answers cannot be read are sent again, beside these.
    cached
        Prompts whose answers are known, or that are equal to another.
    tokens_in
        Of the prompts to be sent; a guess where `counted` is False.
    tokens_out
        Most that their answers may have.
    cost
        At most, in the currency of the prices; None where there are none.
    counted
        Whether the model's own tokenizer counted, or a token was taken for four characters.
    """

    calls: int
    cached: int
    tokens_in: int
    tokens_out: int
    cost: float | None
    counted: bool

    def __str__(self) -> str:
        how = "counted by the model's tokenizer" if self.counted else "guessed as characters / 4"
        tokens = f"{self.tokens_in:,} tokens in ({how}), at most {self.tokens_out:,} out"
        cost = "" if self.cost is None else f", at most {self.cost:,.2f} by the prices given"
        return f"{self.calls:,} calls ({self.cached:,} more need none), {tokens}{cost}"


def estimate(
    model: LanguageModel,
    prompts: Sequence[Prompt],
    answers: Answers,
    *,
    price_in: float | None = None,
    price_out: float | None = None,
) -> Estimate:
    """Return what `ask` would take for these prompts; nothing is sent.

    Parameters
    ----------
    model
        What would be asked; counts tokens itself where it has ``count_tokens(text) -> int``.
    prompts
        What would be asked of it.
    answers
        Known answers, which cost nothing.
    price_in, price_out
        Of a million tokens of prompts, and of answers.

    Raises
    ------
    OptionError
        If only one price is given.
    """
    if (price_in is None) != (price_out is None):
        raise OptionError(
            "Only one of price_in and price_out is given; give both, of a million tokens."
        )
    unknown = {
        answer_key(model, prompt): prompt
        for prompt in prompts
        if answers.find(model, prompt) is None
    }
    tokens_in = sum(prompt_tokens(model, prompt) for prompt in unknown.values())
    tokens_out = sum(prompt.max_tokens for prompt in unknown.values())
    cost = None
    if price_in is not None and price_out is not None:
        cost = price(tokens_in, tokens_out, price_in, price_out)
    return Estimate(
        calls=len(unknown),
        cached=len(prompts) - len(unknown),
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        cost=cost,
        counted=hasattr(model, "count_tokens"),
    )
