"""The sentences and the design of the demo corpus, read from the YAML files beside this one.

Notation of a template: ``(a|b|)`` is one of the alternatives, the last one empty; ``{slot}`` is a
word of the scenario, never the same one twice in a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import yaml

_FOLDER = Path(__file__).resolve().parent
_ALTERNATIVES = re.compile(r"\(([^()]*)\)")
_SLOT = re.compile(r"\{(\w+)\}")
_SPACES = re.compile(r" +")

Slots = Mapping[str, Sequence[str]]
T = TypeVar("T")


@dataclass(frozen=True)
class Idiom:
    """A planted idiom: every sentence made of `templates` holds one of `phrases` (lower case)."""

    id: str
    sub_category: str
    phrases: tuple[str, ...]
    templates: tuple[str, ...]


@dataclass(frozen=True)
class Bank:
    """All that the generator knows; see the YAML files for what each part means."""

    idioms: tuple[Idiom, ...]
    scenarios: dict[str, dict[str, Any]]
    small_talk: dict[str, Any]
    design: dict[str, Any]

    @property
    def sub_categories(self) -> list[str]:
        """The ten sub-categories, in the order of the design."""
        return list(self.design["sub_categories"])

    def category_of(self, sub_category: str) -> str:
        """Return the category of a sub-category."""
        return self.design["sub_categories"][sub_category]["category"]

    def idioms_of(self, sub_category: str) -> list[Idiom]:
        """Return the idioms of a sub-category."""
        return [idiom for idiom in self.idioms if idiom.sub_category == sub_category]

    def shares(self, setting: str, arm: str = "control", time: str = "before") -> np.ndarray:
        """Return (S,) expected shares of the planted expressions, which add up to 1."""
        before = [row[setting] for row in self.design["sub_categories"].values()]
        change = self.design["change"][arm] if time == "after" else {}
        added = [change.get(name, 0) for name in self.sub_categories]
        return (np.array(before, dtype=np.float64) + np.array(added)) / 100


@lru_cache(maxsize=1)
def load_bank() -> Bank:
    """Return the bank that ships with the package."""
    idioms = [
        Idiom(name, sub_category, tuple(entry["phrases"]), tuple(entry["says"]))
        for kind in ("affective", "cognitive", "motivational", "misattuned")
        for sub_category, entries in _read(f"idioms_{kind}").items()
        for name, entry in entries.items()
    ]
    return Bank(tuple(idioms), _read("scenarios"), _read("small_talk"), _read("design"))


def pick(items: Sequence[T], rng: np.random.Generator) -> T:
    """Return one of `items`, all equally likely."""
    return items[int(rng.random() * len(items))]


def realise(template: str, slots: Slots, rng: np.random.Generator) -> str:
    """Return a sentence made of a template, its first letter a capital."""
    text = _ALTERNATIVES.sub(lambda match: pick(match[1].split("|"), rng), template)
    used: set[str] = set()

    def fill(match: re.Match[str]) -> str:
        word = pick([word for word in slots[match[1]] if word not in used], rng)
        used.add(word)
        return word

    text = _SPACES.sub(" ", _SLOT.sub(fill, text)).strip()
    return text[0].upper() + text[1:]


def _read(name: str) -> dict[str, Any]:
    return yaml.safe_load((_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
