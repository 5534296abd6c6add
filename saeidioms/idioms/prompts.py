"""Prompts that people may edit: YAML files of texts with places to fill, read strictly."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from saeidioms.errors import InputError
from saeidioms.llm.fences import fence
from saeidioms.llm.model import Prompt
from saeidioms.resources import find_config

Material = Mapping[str, str | Sequence[str]]

_PLACE = re.compile(r"\{([a-z_]+)\}")
_KEYS = ("system", "user", "examples")


@dataclass(frozen=True)
class Template:
    """One question, with places to fill.

    Attributes
    ----------
    system
        What the model is to do, with the file's version; without places, so that no participant's
        words ever stand in it.
    user
        The material, with ``{places}``.
    examples
        Filled, each with the JSON that answers it.
    """

    system: str
    user: str
    examples: tuple[tuple[str, str], ...]

    def fill(self, material: Material, schema: Mapping[str, Any], max_tokens: int) -> Prompt:
        """Return the prompt about some material.

        Parameters
        ----------
        material
            By place; what is a list is fenced (`saeidioms.llm.fences`), a text stands as it is.
        schema, max_tokens
            See `saeidioms.llm.model.Prompt`.
        """
        return Prompt(self.system, _filled(self.user, material), self.examples, schema, max_tokens)


def read_prompts(
    name: str | Path, places: Mapping[str, Collection[str]], *, kind: str = "prompts"
) -> dict[str, Template]:
    """Read a file of prompts.

    Parameters
    ----------
    name
        A path, or the bare name of a shipped file such as ``"label"``.
    places
        Name of each question of the file -> the places that its ``user`` text fills, each once.
    kind
        Folder of the shipped ones.

    Returns
    -------
    dict
        The questions by name.

    Raises
    ------
    OptionError
        If there is no such file.
    InputError
        If it cannot be read; names the file, the key, and what is allowed.
    """
    path = find_config(name, kind)
    content = _keys(_load(path), str(path), ["version", *places])
    version = content["version"]
    if isinstance(version, bool) or not isinstance(version, (int, str)) or not str(version).strip():
        raise InputError(f"{path}, version: give a number or a text, and raise it with each edit.")
    return {
        question: _template(content[question], f"{path}, {question}", str(version), own)
        for question, own in places.items()
    }


def _load(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(
            f"{path}{line}: this is no valid YAML ({error.problem}); check the indentation, and "
            "write longer texts as blocks after '|'."
        ) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path} cannot be read as UTF-8 YAML ({error}).") from error


def _template(value: Any, where: str, version: str, places: Collection[str]) -> Template:
    entry = _keys(value, where, _KEYS)
    system, user = (_text(entry[key], f"{where}.{key}") for key in ("system", "user"))
    used = _PLACE.findall(user)
    for place in used:
        if place not in places:
            raise InputError(
                f"{where}.user: the place {{{place}}} is unknown; {_near(place, places)}"
                f"places are: {', '.join(places)}."
            )
    for place in places:
        if used.count(place) != 1:
            raise InputError(
                f"{where}.user: {{{place}}} stands there {used.count(place)} times; write it once."
            )
    if not isinstance(entry["examples"], list):
        raise InputError(f"{where}.examples: expected a list; write [] for none.")
    return Template(
        f"{system}\n\n(Prompt version {version}.)",
        user,
        tuple(
            _example(example, f"{where}.examples[{number}]", user, places)
            for number, example in enumerate(entry["examples"])
        ),
    )


def _example(value: Any, where: str, user: str, places: Collection[str]) -> tuple[str, str]:
    """Return one example: the material, filled in as it is in the question itself, and JSON."""
    entry = _keys(value, where, ("material", "answer"))
    material = _keys(entry["material"], f"{where}.material", places)
    for place, given in material.items():
        for text in given if isinstance(given, list) else [given]:
            _text(text, f"{where}.material.{place}")
    if not isinstance(entry["answer"], dict):
        raise InputError(f"{where}.answer: expected keys with values, as in the JSON wanted.")
    return _filled(user, material), json.dumps(entry["answer"], ensure_ascii=False)


def _filled(user: str, material: Material) -> str:
    """Fill all places at once, so that what was filled in is never taken for a place."""

    def fill(match: re.Match[str]) -> str:
        given = material[match.group(1)]
        if isinstance(given, str):
            return given
        return fence(list(given), label=match.group(1).replace("_", " "))

    return _PLACE.sub(fill, user)


def _keys(value: Any, where: str, allowed: Collection[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected the keys {', '.join(allowed)}, each with a value.")
    for key in value:
        if key not in allowed:
            raise InputError(
                f"{where}: the key {key!r} is unknown; {_near(str(key), allowed)}"
                f"allowed are: {', '.join(allowed)}."
            )
    for key in allowed:
        if key not in value:
            raise InputError(f"{where}: the key {key!r} is missing; add it.")
    return value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{where}: expected text; quote it, or write it as a block after '|'.")
    return value.strip()


def _near(name: str, allowed: Collection[str]) -> str:
    near = difflib.get_close_matches(name, list(allowed), n=1)
    return f"did you mean {near[0]}? " if near else ""
