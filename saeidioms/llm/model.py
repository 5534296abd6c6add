"""What a language model is asked, and what anything that answers must offer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Prompt:
    """One question to a language model.

    Attributes
    ----------
    system
        What it is to do. Holds nothing that participants wrote.
    user
        The material, with participants' words fenced (`saeidioms.llm.fences`).
    examples
        Pairs of such material and the JSON that would answer it, for models that follow examples
        better than instructions.
    schema
        JSON schema of the answer, an object.
    max_tokens
        Most tokens of the answer.
    """

    system: str
    user: str
    examples: tuple[tuple[str, str], ...] = ()
    schema: Mapping[str, Any] = field(default_factory=dict)
    max_tokens: int = 200


class LanguageModel(Protocol):
    """What answers prompts.

    Attributes
    ----------
    name
        Of the model, as it is written to ``label_source`` and reports.
    key
        All that decides an answer beside the prompt: the model, and the options of sampling.
    destination
        The address that prompts are sent to; "" where they stay on this machine.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def key(self) -> Mapping[str, Any]: ...  # noqa: D102

    @property
    def destination(self) -> str: ...  # noqa: D102

    def answer(self, prompts: Sequence[Prompt]) -> Iterator[tuple[int, str]]:
        """Yield (index of the prompt, raw text of its answer), each once, in any order.

        Raises
        ------
        ModelError
            If a prompt stays without an answer after all retries; what was yielded before stands.
        """
        ...
