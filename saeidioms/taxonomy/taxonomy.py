"""What one looks for: categories, sub-categories and their seed expressions, from a YAML file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from saeidioms.artifacts import digest_json, write_text
from saeidioms.display import Display, Shown, Table
from saeidioms.errors import OptionError
from saeidioms.resources import find_config
from saeidioms.taxonomy.cues import CUES
from saeidioms.taxonomy.schema import Node, load_yaml, nearest

HUES = ("green", "cyan", "blue", "red", "orange", "purple", "yellow", "grey")


_FEWEST_PLACES = 2


@dataclass(frozen=True)
class Theme:
    """A finer kind of expression within a sub-category."""

    name: str
    definition: str
    seeds: tuple[str, ...]


@dataclass(frozen=True)
class SubCategory:
    """What features are assigned to: a definition, notes for coders, and seed expressions.

    ``cues`` names the cues of form (`saeidioms.taxonomy.cues.CUES`) that tell it from others.
    """

    name: str
    category: str
    definition: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    seeds: tuple[str, ...]
    themes: tuple[Theme, ...]
    cues: tuple[str, ...] = ()

    @property
    def expressions(self) -> tuple[str, ...]:
        """All seed expressions, those of the themes included."""
        return self.seeds + tuple(seed for theme in self.themes for seed in theme.seeds)


@dataclass(frozen=True)
class Category:
    """A group of sub-categories that share one colour in every chart."""

    name: str
    definition: str
    hue: str | None


@dataclass(frozen=True)
class Outside:
    """A kind of expression that belongs to no sub-category, such as greetings."""

    name: str
    definition: str
    seeds: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class Taxonomy(Shown):
    """Categories, their ordered sub-categories, and what lies outside of all.

    Examples
    --------
    >>> taxonomy = Taxonomy.read("empathy")
    >>> [category.name for category in taxonomy.categories]
    ['Affective', 'Cognitive', 'Motivational', 'Mis-attuned']
    >>> taxonomy.category_of("affirming")
    'Motivational'
    """

    name: str
    title: str
    source: str
    categories: tuple[Category, ...]
    sub_categories: tuple[SubCategory, ...]
    outside: tuple[Outside, ...]

    @classmethod
    def read(cls, name_or_path: str | Path) -> Taxonomy:
        """Read a taxonomy file, or a shipped one by its name.

        Parameters
        ----------
        name_or_path
            A path, or for instance ``"empathy"`` or ``"schwartz_values"``.

        Raises
        ------
        OptionError
            If there is neither such a file nor such a name.
        InputError
            If the file is no taxonomy; file, key and mend are named.
        """
        path = find_config(name_or_path, "taxonomies")
        return _taxonomy(Node(str(path), "", load_yaml(path)))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the sub-categories, in order."""
        return tuple(sub.name for sub in self.sub_categories)

    @property
    def cues(self) -> tuple[str, ...]:
        """Names of all cues of form that a sub-category declares."""
        declared = {cue for sub in self.sub_categories for cue in sub.cues}
        return tuple(name for name in CUES if name in declared)

    @cached_property
    def _categories_by_name(self) -> dict[str, str]:
        return {sub.name: sub.category for sub in self.sub_categories}

    def category_of(self, sub_category: str) -> str:
        """Return the category of a sub-category.

        Raises
        ------
        OptionError
            If there is no such sub-category; the nearest is offered.
        """
        try:
            return self._categories_by_name[sub_category]
        except KeyError:
            raise OptionError(
                f"the taxonomy {self.name} has no sub-category {sub_category!r}; "
                f"{nearest(sub_category, self.names)}it has: {', '.join(self.names)}."
            ) from None

    @property
    def digest(self) -> str:
        """Digest of everything that the taxonomy says."""
        return digest_json(asdict(self))

    def save(self, path: Path) -> None:
        """Write the taxonomy as a YAML file from which `read` gives the same again."""
        content = {
            "name": self.name,
            "title": self.title,
            "source": self.source,
            "categories": [
                {**asdict(category), "sub_categories": self._members(category.name)}
                for category in self.categories
            ],
            "outside": [asdict(group) for group in self.outside],
        }
        filled = _without_empty(content)
        write_text(path, yaml.safe_dump(filled, sort_keys=False, allow_unicode=True, width=100))

    def _display(self) -> Display:
        rows = [
            (sub.category, sub.name, sub.definition, ", ".join(sub.cues), len(sub.expressions))
            for sub in self.sub_categories
        ]
        outside = [(one.name, one.definition, len(one.seeds)) for one in self.outside]
        return Display(
            f"{self.title} ({self.name})",
            {"categories": len(self.categories), "sub-categories": len(rows)},
            (self.source,),
            (
                Table(
                    "", ("category", "sub-category", "definition", "cues of form", "seeds"), rows
                ),
                Table("Outside of all", ("name", "definition", "seeds"), outside),
            ),
        )

    def _members(self, category: str) -> list[dict[str, Any]]:
        members = [asdict(sub) for sub in self.sub_categories if sub.category == category]
        return [
            {key: value for key, value in member.items() if key != "category"} for member in members
        ]


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_empty(entry) for key, entry in value.items() if entry}
    return [_without_empty(entry) for entry in value] if isinstance(value, (list, tuple)) else value


def _taxonomy(node: Node) -> Taxonomy:
    entries = node.mapping(["name", "title", "categories"], ["source", "outside"])
    groups = entries["categories"].items(_category, empty=False)
    taxonomy = Taxonomy(
        name=entries["name"].text(),
        title=entries["title"].text(),
        source=entries["source"].text() if "source" in entries else "",
        categories=tuple(category for category, _ in groups),
        sub_categories=tuple(sub for _, subs in groups for sub in subs),
        outside=entries["outside"].items(_outside) if "outside" in entries else (),
    )
    _refuse_twice(node)
    _refuse_lists(node)
    if len(taxonomy.sub_categories) + len(taxonomy.outside) < _FEWEST_PLACES:
        raise node.error(
            "there is one place only, so that nothing can be told from it; add a sub-category, or "
            "an 'outside' group of what belongs to none."
        )
    return taxonomy


def _category(node: Node) -> tuple[Category, tuple[SubCategory, ...]]:
    entries = node.mapping(["name", "definition", "sub_categories"], ["hue"])
    category = Category(
        name=entries["name"].text(),
        definition=entries["definition"].text(),
        hue=entries["hue"].choice(HUES) if "hue" in entries else None,
    )
    subs = entries["sub_categories"].items(
        lambda child: _sub_category(child, category.name), empty=False
    )
    return category, subs


def _sub_category(node: Node, category: str) -> SubCategory:
    entries = node.mapping(
        ["name", "definition"], ["include", "exclude", "cues", "seeds", "themes"]
    )
    sub = SubCategory(
        name=entries["name"].text(),
        category=category,
        definition=entries["definition"].text(),
        include=_texts(entries, "include"),
        exclude=_texts(entries, "exclude"),
        seeds=entries["seeds"].items(Node.text, empty=False) if "seeds" in entries else (),
        themes=entries["themes"].items(_theme) if "themes" in entries else (),
        cues=entries["cues"].items(lambda cue: cue.choice(CUES)) if "cues" in entries else (),
    )
    if not sub.expressions:
        raise node.error(f"{sub.name} has no seeds; add 'seeds' with some ten example sentences.")
    return sub


def _theme(node: Node) -> Theme:
    return Theme(*_described_seeds(node))


def _outside(node: Node) -> Outside:
    return Outside(*_described_seeds(node))


def _described_seeds(node: Node) -> tuple[str, str, tuple[str, ...]]:
    entries = node.mapping(["name", "definition", "seeds"], [])
    seeds = entries["seeds"].items(Node.text, empty=False)
    return entries["name"].text(), entries["definition"].text(), seeds


def _texts(entries: dict[str, Node], key: str) -> tuple[str, ...]:
    return entries[key].items(Node.text) if key in entries else ()


def _refuse_twice(node: Node) -> None:
    """Refuse a name or seed that stands twice: no feature could be told which one it is."""
    groups = node.each("categories")
    sub_categories = [sub for group in groups for sub in group.each("sub_categories")]
    outside = node.each("outside")
    themes = [theme for sub in sub_categories for theme in sub.each("themes")]
    _distinct(node for group in groups for node in group.each("name"))
    _distinct(node for holder in [*sub_categories, *outside] for node in holder.each("name"))
    _distinct(node for theme in themes for node in theme.each("name"))
    holders = [*sub_categories, *themes, *outside]
    _distinct(node for holder in holders for node in holder.each("seeds"))


def _refuse_lists(node: Node) -> None:
    """Refuse names that coding sheets and codebooks would read as several."""
    subs = [sub for group in node.each("categories") for sub in group.each("sub_categories")]
    for holder in [*subs, *node.each("outside")]:
        for name in holder.each("name"):
            if ";" in name.text():
                raise name.error(f"{name.text()!r} holds ';', which stands between names; drop it.")


def _distinct(nodes: Iterable[Node]) -> None:
    seen: dict[str, Node] = {}
    for node in nodes:
        first = seen.setdefault(node.text().casefold(), node)
        if first is not node:
            raise node.error(
                f"{node.text()!r} stands already at {first.key}; remove or reword one of them."
            )
