"""What asking would take, before anything is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from saeidioms.errors import OptionError
from saeidioms.llm.budget import count_tokens, price, prompt_tokens
from saeidioms.llm.model import LanguageModel, Prompt

_ROTE = "label number {} of eight words in length"  # as long as one may be


@dataclass(frozen=True)
class Estimate:
    """What asking would take at most; ``str`` says it in a line.

    Attributes
    ----------
    calls
        Prompts to be sent. Those whose answers cannot be read are sent again, beside these.
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
    tokens_in: int
    tokens_out: int
    cost: float | None
    counted: bool

    def __str__(self) -> str:
        how = "counted by the model's tokenizer" if self.counted else "guessed as characters / 4"
        tokens = f"{self.tokens_in:,} tokens in ({how}), at most {self.tokens_out:,} out"
        cost = "" if self.cost is None else f", at most {self.cost:,.2f} by the prices given"
        return f"{self.calls:,} calls, {tokens}{cost}"


class Rehearsal:
    """Stands in for a model: answers by rote what fits the schema, and sums up what it is asked.

    What is asked later can depend on earlier answers, as judging a label does on the label. So the
    whole play is gone through with this in the model's place; answers that are known already are
    found by its key, and are not asked for.

    Parameters
    ----------
    model
        Which is not asked. Counts tokens itself where it has ``count_tokens(text) -> int``.
    """

    def __init__(self, model: LanguageModel) -> None:
        self.name = f"dry run of {model.name}"
        self.key: Mapping[str, Any] = model.key
        self.destination = model.destination
        self._model = model
        self._calls = self._tokens_in = self._tokens_out = 0
        self._numbers = count(1)

    def answer(self, prompts: Sequence[Prompt]) -> Iterator[tuple[int, str]]:
        """Yield (index of the prompt, an object that fits its schema); no string comes twice."""
        for index, prompt in enumerate(prompts):
            self._calls += 1
            self._tokens_in += prompt_tokens(self._model, prompt)
            self._tokens_out += prompt.max_tokens
            properties = prompt.schema.get("properties", {})
            yield index, json.dumps({name: self._rote(one) for name, one in properties.items()})

    def count_tokens(self, text: str) -> int:
        """Return the tokens of a text, as the model or a guess counts them."""
        return count_tokens(self._model, text)

    def estimate(self, price_in: float | None = None, price_out: float | None = None) -> Estimate:
        """Return what all that was asked so far would have taken.

        Parameters
        ----------
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
        cost = None
        if price_in is not None and price_out is not None:
            cost = price(self._tokens_in, self._tokens_out, price_in, price_out)
        counted = hasattr(self._model, "count_tokens")
        return Estimate(self._calls, self._tokens_in, self._tokens_out, cost, counted)

    def _rote(self, schema: Mapping[str, Any]) -> Any:
        if "enum" in schema:
            return schema["enum"][0]
        if schema.get("type") == "boolean":
            return True
        if schema.get("type") == "integer":
            return schema.get("minimum", 0)
        return _ROTE.format(next(self._numbers))
