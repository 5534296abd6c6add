"""Who labels the features: rules, a model on this machine, or one behind an endpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from saeidioms.corpus.corpus import Corpus
from saeidioms.errors import OptionError
from saeidioms.idioms.judges import LLMJudge
from saeidioms.idioms.labellers import Labeller, OfflineLabeller
from saeidioms.idioms.llm_labeller import LLMLabeller
from saeidioms.llm.answers import Answers
from saeidioms.llm.budget import Budget
from saeidioms.llm.cost import Rehearsal
from saeidioms.llm.endpoint import Endpoint
from saeidioms.llm.model import LanguageModel

_MOST_ROLES = 6  # more speakers than these are users, each by a name


@dataclass(frozen=True, eq=False)
class Labelling:
    """What labels, and the language model behind it.

    Attributes
    ----------
    labeller
        Gives each feature its label.
    model
        None where rules label.
    judge
        The model as a judge of labels; None where rules label.
    masked
        Whether names, addresses and numbers are masked in what leaves this machine.
    """

    labeller: Labeller
    model: LanguageModel | None = None
    judge: LLMJudge | None = None
    masked: bool = True

    @property
    def about(self) -> dict[str, Any]:
        """Who labelled, and where texts went, for the record."""
        destination = self.model.destination if self.model else ""
        return {
            "labeller": self.labeller.name,
            "destination": destination,
            "masked": bool(destination) and self.masked,
        }


def choose_labelling(
    answers: Path,
    sub_categories: Mapping[str, str],
    corpus: Corpus | None,
    rehearsed: bool = False,
    *,
    labeller: Literal["offline", "endpoint", "local"] = "offline",
    llm: str | None = None,
    base_url: str | None = None,
    candidates: int = 3,
    prompts: str = "label",
    judge_prompts: str = "judge",
    masked: bool = True,
    name_columns: Sequence[str] = (),
    max_calls: int | None = None,
    max_tokens: int | None = None,
    seed: int = 0,
) -> Labelling:
    """Return who labels the features.

    Parameters
    ----------
    answers
        File in which all answers of language models are kept, so that none is paid for twice.
    sub_categories
        Name -> definition of those that a model may suggest.
    corpus
        Whose users are to be masked; None where nothing is asked yet.
    rehearsed
        Whether a `Rehearsal` stands in for the model, with no limit to what it may be asked.
    labeller
        ``"offline"``: by rules from idioms and examples. ``"endpoint"``: by an OpenAI-compatible
        server, to which examples are sent. ``"local"``: by a causal model that transformers loads.
    llm
        Name of the model, or for ``"local"`` a folder or GGUF file.
    base_url
        Of the server; see `saeidioms.llm.endpoint.Endpoint`. The key comes from the environment.
    candidates
        Labels asked for each feature, of which the best measured is taken.
    prompts, judge_prompts
        Files with the questions, shipped names or paths.
    masked
        Whether to mask e-mail addresses, telephone numbers, web addresses and user names in what
        leaves this machine.
    name_columns
        Columns with names of users, which are masked wherever a message says them. The speakers'
        own column is among them where it has more values than roles have.
    max_calls, max_tokens
        The most that may be asked for; what is left over keeps its offline label.
    seed
        Of the choice of examples.

    Raises
    ------
    OptionError
        If a model is named for ``"offline"``, or none for the others, or a column is not there.
    """
    if labeller == "offline":
        if llm or base_url:
            raise OptionError(
                f"labels.llm is {llm!r} and labels.base_url {base_url!r}, but labels.labeller is "
                "offline, which asks no model; give labeller: endpoint or local."
            )
        return Labelling(OfflineLabeller())
    if not llm:
        raise OptionError(
            f"labels.labeller is {labeller}, which needs a model; give labels.llm (--llm)."
        )
    model: LanguageModel
    if labeller == "local":
        from saeidioms.llm.local import LocalModel

        model = LocalModel(llm)
    else:
        model = Endpoint(model=llm, base_url=base_url, seed=seed)
    budget = Budget(calls=max_calls, tokens=max_tokens)
    if rehearsed:
        model, budget = Rehearsal(model), Budget()
    known = Answers(answers)
    users = _users(corpus, name_columns)
    judge = LLMJudge(model, known, judge_prompts, masked=masked, users=users, budget=budget)
    by_model = LLMLabeller(
        model,
        known,
        candidates=candidates,
        sub_categories=sub_categories,
        masked=masked,
        users=users,
        prompts=prompts,
        judge=judge,
        budget=budget,
        seed=seed,
    )
    return Labelling(by_model, model, judge, masked)


def _users(corpus: Corpus | None, columns: Sequence[str]) -> frozenset[str]:
    """Return the names of the users of a corpus."""
    if corpus is None:
        return frozenset()
    if unknown := sorted(set(columns) - set(corpus.table)):
        raise OptionError(
            f"labels.name_columns has {unknown[0]}, which is no column; choose of: "
            f"{', '.join(corpus.metadata)}."
        )
    return names_of_users(corpus.table, columns)


def names_of_users(table: pd.DataFrame, columns: Sequence[str]) -> frozenset[str]:
    """Return the values of columns of names, and of ``role`` where it holds users, not roles."""
    speakers = table["role"].drop_duplicates()
    names = [table[name].dropna().astype(str).drop_duplicates() for name in columns]
    names += [speakers] if len(speakers) > _MOST_ROLES else []
    return frozenset(name for column in names for name in column)
