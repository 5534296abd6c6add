"""Answers, each paid for once: whatever a model has said is kept, and never asked again."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from saeidioms.artifacts import digest_json
from saeidioms.errors import ArtifactError, OptionError
from saeidioms.llm.budget import Budget
from saeidioms.llm.model import LanguageModel, Prompt
from saeidioms.llm.parsing import ParsingError, parse_object
from saeidioms.llm.replies import Reply
from saeidioms.progress import bar

logger = logging.getLogger(__name__)


class Answers:
    """A JSONL file of every answer, which only grows.

    A line holds ``key, model, prompt, answer`` and, where known, ``usage`` and ``attempt``; ``key``
    is the digest of all that decides the answer: the model's own key, the whole prompt, and the
    attempt. Several processes may add to one file. A line that cannot be read, such as the last
    one of a process that was killed, is passed over with a warning, and its prompt is asked again.

    Parameters
    ----------
    path
        Of the file, which need not exist.

    Raises
    ------
    ArtifactError
        If the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._known: dict[str, str] = {}
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise ArtifactError(
                f"{path} cannot be read ({error.strerror}); choose another file for the answers."
            ) from error
        for number, line in enumerate(content.split(b"\n"), start=1):
            if line.strip():
                self._read(number, line)

    def _read(self, number: int, line: bytes) -> None:
        try:
            record = json.loads(line)
            key, answer = record["key"], record["answer"]
            if not (isinstance(key, str) and isinstance(answer, str)):
                raise TypeError("no text")
        except (ValueError, TypeError, KeyError, RecursionError):
            logger.warning(
                "Line %d of %s holds no answer that can be read; what it answered is asked again.",
                number,
                self.path,
            )
        else:
            self._known.setdefault(key, answer)  # an answer once used stays

    def __len__(self) -> int:
        return len(self._known)

    def find(self, model: LanguageModel, prompt: Prompt, attempt: int = 0) -> str | None:
        """Return the known answer to a prompt, or None."""
        return self._known.get(answer_key(model, prompt, attempt))

    def add(self, model: LanguageModel, prompt: Prompt, answer: str, attempt: int = 0) -> None:
        """Write one answer to the end of the file.

        Raises
        ------
        ArtifactError
            If the file cannot be written.
        """
        key = answer_key(model, prompt, attempt)
        record: dict[str, Any] = {
            "key": key,
            "model": dict(model.key),
            "prompt": _fields(prompt),
            "answer": str(answer),
        }
        if usage := usage_of(answer):
            record["usage"] = dict(usage)
        if attempt:
            record["attempt"] = attempt
        # JSON escapes what UTF-8 cannot hold, halves of surrogate pairs, by just these backslashes.
        line = json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        try:
            self._append(line)
        except OSError as error:
            raise ArtifactError(
                f"{self.path} cannot be written ({error.strerror}); free it and run again: what "
                "it holds is not asked again."
            ) from error
        self._known.setdefault(key, str(answer))

    def _append(self, line: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Without a buffer a line is one write, which no other process can split.
        with self.path.open("a+b", buffering=0) as file:
            if end := file.seek(0, 2):
                file.seek(end - 1)
                # A process was killed here; or one is writing, and an empty line does no harm.
                if file.read(1) != b"\n":
                    line = b"\n" + line
            if file.write(line) != len(line):
                raise OSError(None, "the disk is full")


def answer_key(model: LanguageModel, prompt: Prompt, attempt: int = 0) -> str:
    """Return the digest of all that decides an answer: model, whole prompt and attempt."""
    whole: dict[str, Any] = {"model": dict(model.key), "prompt": _fields(prompt)}
    if attempt:
        whole["attempt"] = attempt
    return digest_json(whole)


def _fields(prompt: Prompt) -> dict[str, Any]:
    return {**vars(prompt), "schema": dict(prompt.schema)}


def usage_of(answer: str) -> Mapping[str, int]:
    """Return the tokens that a server counted for its answer; empty where it did not."""
    return answer.usage if isinstance(answer, Reply) else {}


def ask(
    model: LanguageModel,
    prompts: Sequence[Prompt],
    answers: Answers,
    *,
    budget: Budget | None = None,
) -> list[str | None]:
    """Return the raw answers to prompts, asking only for those that are not known.

    Parameters
    ----------
    model
        What is asked.
    prompts
        Of which equal ones are asked once.
    answers
        Known answers; every new one is written there before the next is awaited.
    budget
        The most that may be asked. Once it is spent, the rest stays None and a warning says so.

    Returns
    -------
    list of str or None
        As long as `prompts`.

    Raises
    ------
    ModelError
        If the model gives up; what it had answered is kept.
    ArtifactError
        If an answer cannot be written.
    """
    return _ask(model, prompts, answers, budget, attempt=0)


def ask_json(
    model: LanguageModel,
    prompts: Sequence[Prompt],
    answers: Answers,
    *,
    retries: int = 1,
    budget: Budget | None = None,
) -> list[dict[str, Any] | None]:
    """Return the answers to prompts as objects that fit their schemas.

    What cannot be read so (`parsing.parse_object`) is asked again, with a line on what was wrong.

    Parameters
    ----------
    model, prompts, answers, budget
        As of `ask`.
    retries
        How often an answer that cannot be read is asked again.

    Returns
    -------
    list of dict or None
        As long as `prompts`; None where the budget was spent, or where no answer can be read, of
        which a warning tells.

    Raises
    ------
    OptionError
        If `retries` is negative.
    ModelError, ArtifactError
        As of `ask`.
    """
    if retries < 0:
        raise OptionError(f"retries is {retries}; give a whole number of at least 0.")
    results: list[dict[str, Any] | None] = [None] * len(prompts)
    open_prompts = dict(enumerate(prompts))
    problems: dict[int, ParsingError] = {}
    for attempt in range(retries + 1):
        asked = {
            index: _again(prompt, problems[index]) if attempt else prompt
            for index, prompt in open_prompts.items()
        }
        texts = _ask(model, list(asked.values()), answers, budget, attempt)
        for index, text in zip(asked, texts, strict=True):
            if text is None:
                del open_prompts[index]
                continue
            try:
                results[index] = parse_object(text, prompts[index].schema)
            except ParsingError as error:
                problems[index] = error
            else:
                del open_prompts[index]
    if open_prompts:
        logger.warning(
            "%d of %d answers of %s cannot be read, even when asked again; the first as %s.",
            *(len(open_prompts), len(prompts), model.name, problems[min(open_prompts)]),
        )
    return results


def _again(prompt: Prompt, problem: ParsingError) -> Prompt:
    line = f"An earlier answer could not be read: {problem}. Answer with one JSON object, no more."
    return replace(prompt, user=f"{prompt.user}\n\n{line}")


def _ask(
    model: LanguageModel,
    prompts: Sequence[Prompt],
    answers: Answers,
    budget: Budget | None,
    attempt: int,
) -> list[str | None]:
    unknown = {
        answer_key(model, prompt, attempt): prompt
        for prompt in prompts
        if answers.find(model, prompt, attempt) is None
    }
    wanted = list(unknown.values())
    with bar(f"asking {model.name}", total=len(wanted), unit="prompt") as shown:
        while wanted:
            most = len(wanted) if budget is None else budget.affordable(model, wanted)
            if not most:
                break
            batch, wanted = wanted[:most], wanted[most:]
            for index, answer in model.answer(batch):
                answers.add(model, batch[index], answer, attempt)
                if budget is not None:
                    budget.spend(model, batch[index], answer, usage_of(answer))
                shown.update()
    if wanted:
        logger.warning(
            "%d of %d prompts are left unanswered, as the budget (%s) is spent; run again with a "
            "larger one to go on: what was answered is not asked again.",
            *(len(wanted), len(prompts), budget),
        )
    return [answers.find(model, prompt, attempt) for prompt in prompts]
