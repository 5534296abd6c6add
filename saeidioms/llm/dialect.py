"""How a question is put to an OpenAI-compatible server, and what such servers refuse."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from saeidioms.llm.model import Prompt

_FORMS = ("json_schema", "json_object", "text")
_OF_FORMS = re.compile(r"response.?format|json.?schema|json.?object|structured|grammar|guided")


@dataclass(frozen=True)
class Dialect:
    """What a server takes: at first all, then what it has not refused.

    Attributes
    ----------
    form
        How it is held to the schema of an answer: ``json_schema``, ``json_object``, or ``text``;
        it is told the schema in any case.
    refused
        Those of ``seed``, ``temperature`` and ``max_tokens`` that it does not take; for the last
        ``max_completion_tokens`` is sent.
    """

    form: str = _FORMS[0]
    refused: frozenset[str] = frozenset()

    def request(self, prompt: Prompt, options: dict[str, Any]) -> dict[str, Any]:
        """Return the body of a request, without the name of the model.

        Parameters
        ----------
        prompt
            What is asked.
        options
            ``temperature`` and ``seed``.
        """
        options = {**options, "max_tokens": prompt.max_tokens}
        if "max_tokens" in self.refused:
            options["max_completion_tokens"] = prompt.max_tokens
        body = {name: value for name, value in options.items() if name not in self.refused}
        body["messages"] = list(self._messages(prompt))
        if prompt.schema and self.form == "json_schema":
            schema = {"name": "answer", "strict": True, "schema": dict(prompt.schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif prompt.schema and self.form == "json_object":
            body["response_format"] = {"type": "json_object"}
        return body

    def _messages(self, prompt: Prompt) -> Iterator[dict[str, str]]:
        system = prompt.system
        if prompt.schema:  # always told: some servers take `response_format` and pass it over
            schema = json.dumps(dict(prompt.schema), ensure_ascii=False)
            system += f"\n\nAnswer with one JSON object of this JSON schema, no more: {schema}"
        if system:
            yield {"role": "system", "content": system.strip()}
        for material, answer in prompt.examples:
            yield {"role": "user", "content": material}
            yield {"role": "assistant", "content": answer}
        yield {"role": "user", "content": prompt.user}

    def after(self, complaint: str) -> tuple[Dialect, str] | None:
        """Return the dialect to try after a refusal, and what it does otherwise, in words.

        Parameters
        ----------
        complaint
            What the server said. None is returned where it speaks of nothing that can be left out.
        """
        complaint = complaint.casefold()
        if self.form != _FORMS[-1] and _OF_FORMS.search(complaint):
            form = _FORMS[_FORMS.index(self.form) + 1]
            return replace(self, form=form), f"{self.form} is refused, {form} is asked for"
        for name in ("max_tokens", "temperature", "seed"):
            if name not in self.refused and re.search(rf"\b{name}\b", complaint):
                instead = "max_completion_tokens is sent" if name == "max_tokens" else "not sent"
                return (
                    replace(self, refused=self.refused | {name}),
                    f"{name} is refused and from now on {instead}",
                )
        return None
