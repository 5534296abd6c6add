"""What a document shows of participants' own words: all, masked, or only what many people say."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import pandas as pd

from saeidioms.documents.blocks import clean
from saeidioms.errors import OptionError
from saeidioms.idioms.labellers import OfflineLabeller
from saeidioms.idioms.labelling import names_of_users
from saeidioms.idioms.occurrences import find_occurrences
from saeidioms.llm.masking import mask
from saeidioms.report.explorer import shorten
from saeidioms.run import Run
from saeidioms.taxonomy.distribution import CONVERSATION

Policy = Literal["shown", "masked", "omitted"]

SEVERAL = 5  # people who must say a phrase before it is nobody's own
WITHHELD = "(label withheld: it quotes the words of few people)"
_LONGEST = 300  # characters of an example
_LABEL = 120  # characters of a label or phrase
_QUOTED = re.compile(r'"([^"]*)"')
_ABOUT = re.compile(r"\babout: (.*)$")


@dataclass(frozen=True)
class Words:
    """The rule by which words of participants reach a document.

    Attributes
    ----------
    policy
        ``"shown"``; ``"masked"``: addresses, numbers and names of users are masked, and phrases
        that hold such are left out; ``"omitted"``: there are no examples, and phrases only that
        at least 5 people say.
    cluster
        Column by which people are told apart.
    names
        Of users, to be masked.
    people
        Phrase -> how many clusters say it where no mask covers it; empty where all is shown.
    """

    policy: Policy
    cluster: str
    names: frozenset[str] = frozenset()
    people: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, run: Run, policy: Policy, name_columns: Sequence[str] = ()) -> Words:
        """Return the rule for a run.

        Parameters
        ----------
        run
            A run with codes.
        policy
            What to show.
        name_columns
            Columns of names of users, beside those of the run's option ``labels.name_columns``.

        Raises
        ------
        OptionError
            If there is no such policy or column.
        """
        if policy not in get_args(Policy):
            raise OptionError(f"words is {policy!r}; give {', '.join(get_args(Policy))}.")
        cluster = run.record.options["distribution"]["cluster"]
        names = _names_of(run, name_columns)
        if policy == "shown" and name_columns:
            raise OptionError(
                f"names is {' '.join(name_columns)}, but words are shown as they are; give "
                "--words masked."
            )
        if policy == "shown":
            return cls(policy, cluster, names)
        labels = run.features.table
        own = labels.loc[labels["label_source"] == OfflineLabeller.name, "label"]
        phrases = {*run.features.idioms["phrase"], *(part for one in own for part in quoted(one))}
        return cls(policy, cluster, names, _count_people(run, cluster, sorted(phrases), names))

    def examples(self, texts: Iterable[str], n: int) -> tuple[str, ...]:
        """Return up to `n` examples, each once, as they may be shown."""
        if self.policy == "omitted":
            return ()
        found: dict[str, str] = {}
        for text in texts:
            if len(found) >= n:
                break
            shown = shorten(self._masked(text), _LONGEST)
            found.setdefault(shown.casefold(), shown)
        return tuple(found.values())

    def allow(self, phrase: str) -> bool:
        """Tell whether a phrase may be shown."""
        fewest = {"shown": 0, "masked": 1, "omitted": SEVERAL}[self.policy]
        return self.people.get(phrase, 0) >= fewest

    def phrase(self, phrase: str) -> str:
        """Return a phrase, which is allowed, as it is shown."""
        return shorten(self._masked(phrase), _LABEL)

    def label(self, label: str, source: str) -> str:
        """Return a label as it may be shown; rules make labels of participants' phrases."""
        if source == OfflineLabeller.name and not all(map(self.allow, quoted(label))):
            return WITHHELD
        return shorten(self._masked(label), _LABEL)

    @property
    def sentence(self) -> str:
        """What was done, for the reader."""
        people = "conversations" if self.cluster == CONVERSATION else f"values of {self.cluster}"
        masks = "e-mail addresses, web addresses, telephone numbers and names of users"
        names = f" ({len(self.names):,} are known)" if self.names else ""
        return {
            "shown": "Examples and phrases are participants' own words, unchanged.",
            "masked": f"In participants' words {masks}{names} are masked where they were "
            "recognised; read them before they are published.",
            "omitted": "Participants' messages are left out; phrases, and labels that quote them, "
            f"are shown only where at least {SEVERAL} {people} hold them.",
        }[self.policy]

    def _masked(self, text: str) -> str:
        line = clean(text)
        return line if self.policy == "shown" else mask([line], self.names)[0]


def quoted(label: str) -> list[str]:
    """Return what a label by rules quotes: phrases in quotation marks, and what it is about."""
    about = [part for found in _ABOUT.findall(_QUOTED.sub("", label)) for part in found.split(", ")]
    parts = [*_QUOTED.findall(label), *about]
    return [part.rstrip("…").strip() for part in parts if part.rstrip("…").strip()]


def _names_of(run: Run, columns: Sequence[str]) -> frozenset[str]:
    """Return names of users: of columns, and of speakers where they are more than roles are."""
    table = run.corpus.table
    if unknown := sorted(set(columns) - set(table)):
        choose = ", ".join(run.corpus.metadata)
        raise OptionError(f"names has {unknown[0]}, which is no column; choose of: {choose}.")
    known = [*columns, *run.record.options["labels"]["name_columns"]]
    return names_of_users(table, known)


def _count_people(
    run: Run, cluster: str, phrases: list[str], names: Collection[str]
) -> dict[str, int]:
    """Return how many clusters say each phrase in what masks leave of the texts."""
    counted = run.distribution()
    whose = dict(zip(counted.attributes[CONVERSATION], counted.clusters(cluster), strict=True))
    of_text, texts = pd.factorize(run.corpus.texts)
    found = find_occurrences(mask([clean(text) for text in texts], names), phrases)
    said = found[["text", "phrase"]].drop_duplicates()
    people = pd.DataFrame(
        {"text": of_text, "cluster": [whose[name] for name in run.corpus.conversations]}
    ).drop_duplicates()
    pairs = said.merge(people, on="text")[["phrase", "cluster"]].drop_duplicates()
    counts = np.bincount(pairs["phrase"].to_numpy(np.int64), minlength=len(phrases))
    return dict(zip(phrases, counts.tolist(), strict=True))
