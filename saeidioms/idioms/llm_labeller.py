"""Labels by a language model: several for each feature, of which the best measured is taken."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from saeidioms.errors import OptionError
from saeidioms.idioms.features import FeatureTable
from saeidioms.idioms.fidelity import balanced_accuracy, count_answers
from saeidioms.idioms.figures import SAID
from saeidioms.idioms.judges import Asked, Judge, LLMJudge
from saeidioms.idioms.labellers import OfflineLabeller
from saeidioms.idioms.prompts import read_prompts
from saeidioms.llm.answers import Answers, ask_json
from saeidioms.llm.budget import Budget
from saeidioms.llm.masking import mask
from saeidioms.llm.model import LanguageModel, Prompt
from saeidioms.seeds import generator

logger = logging.getLogger(__name__)

NONE = "none"
COLUMNS = ("feature", *SAID)
_PLACES = ("strong", "middle", "near_miss", "phrase", "sub_categories")
_SHOWN = {"strong": ("top", 5), "middle": ("middle", 3), "near_miss": ("near miss", 3)}
_PHRASES = 6
_KEPT_BACK = 0.4  # of the examples of a kind, to choose the best candidate by
_MOST_WORDS = 12  # a little over the eight asked for is let pass
_MAX_TOKENS = 200


@dataclass(frozen=True)
class _Material:
    """Examples of one feature: by kind those that may be shown, and those that candidates meet."""

    shown: dict[str, list[str]] = field(default_factory=dict)
    firing: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Candidate:
    feature: int
    label: str
    definition: str
    sub_category: str


class LLMLabeller:
    """Asks a language model for a label, a definition and a sub-category of each feature.

    Several candidates are asked for, each with another draw of strong, middle and near-miss
    examples, as the model answers the same to the same prompt. Examples that none of them was
    shown tell which one detects the feature best (balanced accuracy; the first of equals); those
    are not the units that `saeidioms.idioms.fidelity` tests labels on, which are of held-out
    conversations. Features without a usable answer, and flagged ones, keep the label of the
    `OfflineLabeller`, and ``label_source`` says so.

    Parameters
    ----------
    model
        What is asked.
    answers
        Answers that are known, and where new ones are written.
    candidates
        Labels for each feature; with 1 there is nothing to choose, and no judge is asked.
    sub_categories
        Name -> definition of what the model may assign to; none: every feature gets "none".
    masked
        Mask what could name a person in what leaves this machine.
    users
        Names to mask.
    prompts
        Path or name of a file with the question ``label``.
    judge
        What chooses among candidates; by default the same model, as an `LLMJudge`.
    budget
        The most that may be asked.
    seed
        Of the draws.

    Raises
    ------
    OptionError, InputError
        If `candidates` is below 1, or the file of prompts is missing or wrong.
    """

    def __init__(
        self,
        model: LanguageModel,
        answers: Answers,
        *,
        candidates: int = 3,
        sub_categories: Mapping[str, str] | None = None,
        masked: bool = True,
        users: Collection[str] = (),
        prompts: str = "label",
        judge: Judge | None = None,
        budget: Budget | None = None,
        seed: int = 0,
    ) -> None:
        if candidates < 1:
            raise OptionError(f"candidates is {candidates}; it must be at least 1.")
        self.name = model.name
        self._model = model
        self._answers = answers
        self._candidates = candidates
        self._sub_categories = dict(sub_categories or {})
        self._masked = masked and bool(model.destination)
        self._users = users
        self._template = read_prompts(prompts, {"label": _PLACES})["label"]
        self._judge = judge or LLMJudge(model, answers, masked=masked, users=users, budget=budget)
        self._budget = budget
        self._seed = seed

    def label(self, features: FeatureTable) -> pd.DataFrame:
        """Return ``feature, label, label_source, definition, suggestion``, one row a feature.

        Raises
        ------
        ModelError
            If the model gives up; what it had answered is kept.
        """
        offline = OfflineLabeller()
        table = offline.label(features).assign(
            label_source=offline.name, definition="", suggestion=NONE
        )
        materials = self._materials(features)
        candidates = self._ask(features, materials)
        best = self._choose(candidates, materials)
        for one in best:
            chosen = [one.label, self.name, one.definition, one.sub_category]
            table.loc[one.feature, list(COLUMNS[1:])] = chosen
        logger.info(
            "%s labelled %d of %d features; the others keep their offline label.",
            *(self.name, len(best), len(features)),
        )
        return table[list(COLUMNS)]

    def _materials(self, features: FeatureTable) -> dict[int, _Material]:
        """Divide the examples of every feature that can be read into shown and kept back."""
        examples = features.examples
        if self._masked:
            examples = examples.assign(text=mask(examples["text"].tolist(), self._users))
        readable = set(features.table.loc[features.table["flag"] == "", "feature"])
        everything = examples["text"].to_numpy(object)
        materials = {}
        for feature, own in examples.groupby("feature", sort=True):
            if feature not in readable:
                continue
            rng = generator(self._seed, f"examples shown of feature {feature}")
            kept: dict[str, list[str]] = {}
            shown: dict[str, list[str]] = {}
            for kind, rows in own.groupby("kind", sort=True):
                texts = rows["text"].to_numpy(object)[rng.permutation(len(rows))].tolist()
                n_kept = int(_KEPT_BACK * len(texts)) if self._candidates > 1 else 0
                kept[str(kind)], shown[str(kind)] = texts[:n_kept], texts[n_kept:]
            firing = [text for kind in ("top", "middle", "low") for text in kept.get(kind, [])]
            # Near misses alone would favour labels that are too narrow; examples of other features
            # hardly ever have this one too.
            known = set(own["text"])
            drawn = rng.choice(everything, 4 * len(firing))
            others = list(dict.fromkeys(text for text in drawn if text not in known))
            near = kept.get("near miss", [])
            other = [*near, *others[: max(0, len(firing) - len(near))]]
            materials[int(str(feature))] = _Material(shown, firing, other)
        return materials

    def _ask(self, features: FeatureTable, materials: Mapping[int, _Material]) -> list[_Candidate]:
        """Return all usable candidates, by feature and draw, equal ones of a feature once."""
        asked = list(self._questions(features, materials))
        said = ask_json(
            self._model, [prompt for _, prompt in asked], self._answers, budget=self._budget
        )
        candidates: dict[tuple[int, str], _Candidate] = {}
        for (feature, _), answer in zip(asked, said, strict=True):
            if answer is None:
                continue
            label, definition = (" ".join(answer[key].split()) for key in ("label", "definition"))
            label = label.rstrip(".")
            if label and len(label.split()) <= _MOST_WORDS:
                one = _Candidate(feature, label, definition, answer.get("sub_category", NONE))
                candidates.setdefault((feature, label.casefold()), one)
        return list(candidates.values())

    def _questions(
        self, features: FeatureTable, materials: Mapping[int, _Material]
    ) -> Iterator[tuple[int, Prompt]]:
        """Yield every feature with each of its prompts."""
        phrases = features.idioms.groupby("feature")["phrase"].agg(list).to_dict()
        if self._masked:
            phrases = {feature: mask(own, self._users) for feature, own in phrases.items()}
        for feature, material in materials.items():
            for prompt in self._prompts(feature, material, phrases.get(feature, [])):
                yield feature, prompt

    def _prompts(self, feature: int, material: _Material, phrases: list[str]) -> Iterator[Prompt]:
        names = "\n".join(f"{name}: {text}" for name, text in self._sub_categories.items())
        for draw in range(self._candidates):
            rng = generator(self._seed, f"draw {draw} for feature {feature}")
            filled: dict[str, Any] = {
                place: _drawn(material.shown.get(kind, []), most, rng)
                for place, (kind, most) in _SHOWN.items()
            }
            filled |= {"phrase": phrases[:_PHRASES], "sub_categories": names or "(none given)"}
            yield self._template.fill(filled, self._schema(), _MAX_TOKENS)

    def _schema(self) -> dict[str, Any]:
        properties: dict[str, Any] = {name: {"type": "string"} for name in ("label", "definition")}
        if self._sub_categories:  # else the model is not made to choose, whatever examples do
            properties["sub_category"] = {"type": "string", "enum": [*self._sub_categories, NONE]}
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }

    def _choose(
        self, candidates: list[_Candidate], materials: Mapping[int, _Material]
    ) -> list[_Candidate]:
        """Return the candidate of each feature that detects it best; the first of equals."""
        rivals = pd.Series([one.feature for one in candidates], dtype=np.int64)
        disputed = np.flatnonzero(rivals.duplicated(keep=False).to_numpy())
        scores = np.zeros(len(candidates))
        if len(disputed):
            scores[disputed] = self._scores([candidates[i] for i in disputed], materials)
        best: dict[int, int] = {}
        for number, one in enumerate(candidates):
            if one.feature not in best or scores[number] > scores[best[one.feature]]:
                best[one.feature] = number
        return [candidates[number] for number in best.values()]

    def _scores(
        self, candidates: list[_Candidate], materials: Mapping[int, _Material]
    ) -> npt.NDArray[np.float64]:
        texts, truth, of = [], [], []
        for number, one in enumerate(candidates):
            material = materials[one.feature]
            both = [*material.firing, *material.other]
            order = generator(self._seed, f"choice of feature {one.feature}").permutation(len(both))
            texts += [both[place] for place in order]
            truth += (order < len(material.firing)).tolist()
            of += [number] * len(both)
        about = np.array(of, dtype=np.int64)
        said = self._judge.detect(Asked([one.label for one in candidates], about, texts))
        counts = count_answers(about, said, np.array(truth, dtype=bool), len(candidates))
        return np.nan_to_num(balanced_accuracy(counts), nan=-1.0)


def _drawn(texts: list[str], most: int, rng: np.random.Generator) -> list[str]:
    """Return some of the texts, in an order of chance."""
    return [texts[place] for place in rng.permutation(len(texts))[:most]]
