"""What answers may take: tokens, counted or guessed, and their price."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from saeidioms.errors import OptionError
from saeidioms.llm.model import LanguageModel, Prompt

_BYTES_PER_TOKEN = 4


def count_tokens(model: LanguageModel, text: str) -> int:
    """Return the tokens of a text: by the model's own ``count_tokens(text)`` where it has one.

    Else they are guessed as a quarter of the UTF-8 bytes, which are the characters in English;
    other languages have more bytes to a character, and more tokens.
    """
    counter = getattr(model, "count_tokens", None)
    if counter is not None:
        return int(counter(text))
    return -(-len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN)


def prompt_tokens(model: LanguageModel, prompt: Prompt) -> int:
    """Return the tokens of all that is sent for one prompt, its schema included."""
    schema = json.dumps(dict(prompt.schema)) if prompt.schema else ""
    parts = (prompt.system, *(part for pair in prompt.examples for part in pair), prompt.user)
    return count_tokens(model, "\n".join((*parts, schema)))


def price(tokens_in: float, tokens_out: float, price_in: float, price_out: float) -> float:
    """Return what tokens cost, at prices of a million."""
    return (tokens_in * price_in + tokens_out * price_out) / 1e6


@dataclass
class Budget:
    """The most that may be asked, in one call of `ask` or in several that share it.

    Before a prompt is sent, its tokens and all that its answer may have must be left; afterwards
    what the server counted is taken off, or else a guess. So a budget is kept to as well as
    tokens are guessed. Tries that ended without an answer are not counted.

    Attributes
    ----------
    calls
        Most prompts sent.
    tokens
        Most tokens, of prompts and answers together.
    cost
        Most money, in the currency of the prices.
    price_in, price_out
        Of a million tokens of prompts, and of answers.

    Raises
    ------
    OptionError
        If a limit is negative, or `cost` is given without prices.
    """

    calls: int | None = None
    tokens: int | None = None
    cost: float | None = None
    price_in: float = 0.0
    price_out: float = 0.0
    _spent: dict[str, float] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("calls", "tokens", "cost", "price_in", "price_out"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise OptionError(f"{name} of a budget is {value}; give a number of at least 0.")
        if self.cost is not None and not (self.price_in or self.price_out):
            raise OptionError(
                "A budget's cost needs price_in and price_out, the prices of a million tokens."
            )

    def affordable(self, model: LanguageModel, prompts: Sequence[Prompt]) -> int:
        """Return how many of the prompts, from the first, may be sent at once."""
        sums = {"calls": 0.0, "tokens": 0.0, "cost": 0.0}
        for number, prompt in enumerate(prompts):
            one = self._amounts(prompt_tokens(model, prompt), prompt.max_tokens)
            sums = {name: sums[name] + one[name] for name in sums}
            if any(sums[name] > left for name, left in self._left().items()):
                return number
        return len(prompts)

    def spend(
        self, model: LanguageModel, prompt: Prompt, answer: str, usage: Mapping[str, Any]
    ) -> None:
        """Take an answer off: by what the server counted, or else by a guess."""
        tokens_in = usage.get("prompt_tokens", prompt_tokens(model, prompt))
        tokens_out = usage.get("completion_tokens", count_tokens(model, answer))
        for name, amount in self._amounts(tokens_in, tokens_out).items():
            self._spent[name] = self._spent.get(name, 0.0) + amount

    def __str__(self) -> str:
        limits = {"calls": self.calls, "tokens": self.tokens, "cost": self.cost}
        given = [f"{name} {value:,}" for name, value in limits.items() if value is not None]
        return ", ".join(given) or "no limit"

    def _amounts(self, tokens_in: float, tokens_out: float) -> dict[str, float]:
        cost = price(tokens_in, tokens_out, self.price_in, self.price_out)
        return {"calls": 1, "tokens": tokens_in + tokens_out, "cost": cost}

    def _left(self) -> dict[str, float]:
        limits = {"calls": self.calls, "tokens": self.tokens, "cost": self.cost}
        return {
            name: limit - self._spent.get(name, 0.0)
            for name, limit in limits.items()
            if limit is not None
        }
