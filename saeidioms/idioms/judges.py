"""Judges: given a label, they tell which units the feature fires on, without being told."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from saeidioms.idioms.prompts import Template, read_prompts
from saeidioms.llm.answers import Answers, ask_json
from saeidioms.llm.budget import Budget
from saeidioms.llm.masking import mask
from saeidioms.llm.model import LanguageModel, Prompt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Encode = Callable[[list[str]], np.ndarray]

GROUP = 5  # units of which one is the intruder
MARKS = ("‹‹", "››")  # what fences leave of << and >>
_BATCH = 10  # units in one prompt
_BLOCK = 8192  # rows of vectors that are held at once
_QUESTIONS = {
    "detection": ("label", "unit"),
    "fuzzing": ("label", "unit"),
    "intruder": ("label", "unit"),
}
_QUOTED = re.compile(r'"([^"]+)"')
_ABOUT = re.compile(r"(?:^|[\s,])about: ([^\"]+)$")
_OPEN_END = re.compile(r"[\s*…]+$")


class Vectors(Protocol):
    """Vectors of which some rows can be read: an array, or `Embeddings`."""

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Return some rows, float32 at unit length."""
        ...


@dataclass(frozen=True, eq=False)
class Asked:
    """What is put to a judge, who is not told the truth.

    Attributes
    ----------
    labels
        L labels.
    of
        (n,) int64, ascending: the label, 0 to L - 1, that each unit is judged by.
    texts
        (n,) their texts.
    vectors
        (n, D) their embeddings, where they are known.
    """

    labels: Sequence[str]
    of: Ints
    texts: Sequence[str]
    vectors: Vectors | None = None


class Judge(Protocol):
    """What tells by a label where a feature fires.

    Attributes
    ----------
    name
        What is written to the column ``judge``.
    """

    name: str

    def detect(self, asked: Asked) -> Floats:
        """Return (n,) 1 where the feature should fire, 0 where not, NaN where there is no answer.

        Half of the units of a label fire, and a judge may know that.
        """
        ...

    def fuzz(self, asked: Asked, stretches: Sequence[str]) -> Floats:
        """Return (n,) 1 where what is marked in the unit is what the label means; see `detect`.

        Parameters
        ----------
        asked
            Its texts have a stretch of words marked, ``‹‹so››``; half of them the right one.
        stretches
            (n,) what is marked, by itself.
        """
        ...

    def intrude(self, asked: Asked) -> Floats:
        """Return (n / 5,) which of five units after each other, 0 to 4, does not belong; or NaN."""
        ...


class EmbeddingJudge:
    """Judges offline, by the similarity of embeddings.

    A unit is as similar to a label as to the nearest of the expressions that the label quotes
    (``"I'm so sorry" / "oh no"``, ``asks: "..."``, ``about: job, interview``), or to the label as
    a whole where it quotes none. As half of the units tested fire, the more similar half of a
    label's units is taken to: a threshold, the median, that needs no truth. The intruder is the
    least similar.

    Parameters
    ----------
    encode
        Maps n texts to (n, D) vectors of unit length, by the encoder of the corpus.
    """

    name = "embedding"

    def __init__(self, encode: Encode) -> None:
        self._encode = encode
        self._known: dict[str, np.ndarray] = {}

    def detect(self, asked: Asked) -> Floats:
        """Return 1 for the half of each label's units that is more similar to it."""
        similarity = pd.Series(self._similarity(asked)).groupby(asked.of)
        # Equals are told apart by their order, which is one of chance: a tie is no "no".
        half = similarity.transform("size") / 2
        return (similarity.rank(method="first") > half).to_numpy(np.float64)

    def fuzz(self, asked: Asked, stretches: Sequence[str]) -> Floats:
        """Return 1 for the half of the marked stretches that is more similar to the label."""
        return self.detect(replace(asked, texts=stretches, vectors=None))

    def intrude(self, asked: Asked) -> Floats:
        """Return the unit of each five that is least similar to the label."""
        return self._similarity(asked).reshape(-1, GROUP).argmin(axis=1).astype(np.float64)

    def _similarity(self, asked: Asked) -> Floats:
        quoted = [expressions(label) for label in asked.labels]
        most = max(map(len, quoted), default=1)
        number, distinct = pd.factorize(
            np.array([(own * most)[:most] for own in quoted], dtype=object).ravel()
        )
        known, places = self._vectors(distinct.tolist()), number.reshape(len(quoted), most)
        vectors = asked.vectors
        rows = np.arange(len(asked.of))
        if vectors is None:
            rows, texts = pd.factorize(np.array(asked.texts, dtype=object))
            vectors = self._vectors(texts.tolist())
        similarity = np.full(len(asked.of), -np.inf)
        for start in range(0, len(rows), _BLOCK):
            part = slice(start, start + _BLOCK)
            units, own = vectors[rows[part]], places[asked.of[part]]
            for each in own.T:
                cosine = np.einsum("nd,nd->n", units, known[each])
                similarity[part] = np.maximum(similarity[part], cosine)
        return similarity

    def _vectors(self, texts: list[str]) -> np.ndarray:
        new = [text for text in texts if text not in self._known]
        if new:
            self._known.update(zip(new, np.asarray(self._encode(new)), strict=True))
        return np.array([self._known[text] for text in texts])


def expressions(label: str) -> list[str]:
    """Return what a label quotes, or says that units are about; the label where it does neither.

    Where the label says that units ask, a question mark is added.

    Examples
    --------
    >>> expressions('asks: "have you *" / "why not"')
    ['have you?', 'why not?']
    """
    label = re.sub(r" \(feature \d+\)$", "", label)
    found = _QUOTED.findall(label)
    if topics := _ABOUT.search(label):
        found += topics.group(1).split(", ")
    mark = "?" * label.startswith(("asks: ", "asks about: "))
    return [text + mark for one in found if (text := _OPEN_END.sub("", one))] or [label]


class LLMJudge:
    """Lets a language model judge, ten units to a prompt (Paulo et al. 2024, arXiv 2410.13928).

    Parameters
    ----------
    model
        What is asked.
    answers
        Answers that are known, and where new ones are written.
    prompts
        Path or name of a file with the questions ``detection``, ``fuzzing`` and ``intruder``.
    masked
        Mask what could name a person in what leaves this machine.
    users
        Names to mask.
    budget
        The most that may be asked.

    Raises
    ------
    OptionError, InputError
        If the file of prompts is missing or wrong (`saeidioms.idioms.prompts.read_prompts`).
    """

    def __init__(
        self,
        model: LanguageModel,
        answers: Answers,
        prompts: str = "judge",
        *,
        masked: bool = True,
        users: Collection[str] = (),
        budget: Budget | None = None,
    ) -> None:
        self.name = model.name
        self._model = model
        self._answers = answers
        self._templates = read_prompts(prompts, _QUESTIONS)
        self._masked = masked and bool(model.destination)
        self._users = users
        self._budget = budget

    def detect(self, asked: Asked) -> Floats:
        """Return what the model says of each unit."""
        return self._tell(self._templates["detection"], asked)

    def fuzz(self, asked: Asked, stretches: Sequence[str]) -> Floats:
        """Return what the model says of each marked unit."""
        return self._tell(self._templates["fuzzing"], asked)

    def intrude(self, asked: Asked) -> Floats:
        """Return the unit of each five that the model names."""
        fives = [np.arange(start, start + GROUP) for start in range(0, len(asked.of), GROUP)]
        schema = _schema({"intruder": {"type": "integer", "minimum": 1, "maximum": GROUP}})
        said = self._ask(self._templates["intruder"], asked, fives, [schema] * len(fives))
        return np.array([np.nan if one is None else one["intruder"] - 1 for one in said], float)

    def _tell(self, template: Template, asked: Asked) -> Floats:
        batches = list(_batches(asked.of))
        schemas = [
            _schema({str(number): {"type": "boolean"} for number in range(1, len(rows) + 1)})
            for rows in batches
        ]
        told = np.full(len(asked.of), np.nan)
        for rows, answer in zip(batches, self._ask(template, asked, batches, schemas), strict=True):
            if answer is not None:
                told[rows] = [answer[str(number)] for number in range(1, len(rows) + 1)]
        return told

    def _ask(
        self, template: Template, asked: Asked, batches: list[Ints], schemas: list[dict[str, Any]]
    ) -> list[dict[str, Any] | None]:
        texts, labels = list(asked.texts), list(asked.labels)
        if self._masked:
            texts, labels = mask(texts, self._users), mask(labels, self._users)
        prompts: list[Prompt] = []
        for rows, schema in zip(batches, schemas, strict=True):
            units = [texts[row] for row in rows]
            material = {"label": [labels[asked.of[rows[0]]]], "unit": units}
            prompts.append(template.fill(material, schema, 20 + 10 * len(units)))
        return ask_json(self._model, prompts, self._answers, budget=self._budget)


def _batches(of: Ints) -> Iterator[Ints]:
    """Yield the rows of each label, at most ten at once."""
    for rows in np.split(np.arange(len(of)), np.flatnonzero(np.diff(of)) + 1):
        for start in range(0, len(rows), _BATCH):
            yield rows[start : start + _BATCH]


def _schema(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
