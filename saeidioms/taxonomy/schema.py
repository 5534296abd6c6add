"""Reading YAML strictly: every mistake named by file, key and mend."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from saeidioms.errors import InputError

T = TypeVar("T")


_Safe: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # 10 times faster


class _Loader(_Safe):  # type: ignore[misc, valid-type]
    """Safe loading that refuses a key given twice, of which YAML would keep only the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is not None and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is given twice", key_node.start_mark
                )
            seen.add(key)
        made: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return made


def load_yaml(path: Path) -> Any:
    """Return what a YAML file holds, as plain Python values.

    Raises
    ------
    InputError
        If the file cannot be read, is not UTF-8, or is no YAML; the line is named.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text; save it as UTF-8.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}).") from error
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        raise InputError(
            f"{path}, {line}: this is no valid YAML ({error.problem or error.context}); "
            "check indentation, and quote text that holds ': ' or starts with a symbol."
        ) from error
    except yaml.YAMLError as error:
        raise InputError(f"{path}: this is no valid YAML ({error}).") from error


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Return ``"did you mean X? "`` for the allowed name nearest to `name`, or nothing."""
    near = difflib.get_close_matches(name, list(allowed), n=1)
    return f"did you mean {near[0]}? " if near else ""


@dataclass(frozen=True)
class Node:
    """A value of a YAML file that knows where it stands, for instance ``categories[1].name``."""

    file: str
    key: str
    value: Any

    def error(self, problem: str) -> InputError:
        """Return the error that `problem` is at this place of the file."""
        return InputError(f"{self.file}, {self.key or 'top level'}: {problem}")

    def mapping(self, required: Iterable[str], optional: Iterable[str]) -> dict[str, Node]:
        """Return the entries by key, after refusing unknown and missing ones."""
        required, optional = list(required), list(optional)
        if not isinstance(self.value, dict):
            raise self.error(
                f"expected keys with values ({', '.join(required)}), not {_kind(self.value)}."
            )
        for key in self.value:
            if key not in required + optional:
                raise self.error(
                    f"the key {key!r} is unknown; {nearest(str(key), required + optional)}"
                    f"allowed are: {', '.join(required + optional)}."
                )
        for key in required:
            if key not in self.value:
                raise self.error(f"the key {key!r} is missing; add it.")
        return {key: self._child(f".{key}", value) for key, value in self.value.items()}

    def items(self, read: Callable[[Node], T], *, empty: bool = True) -> tuple[T, ...]:
        """Return each element of a list as `read` makes it."""
        if not isinstance(self.value, list):
            raise self.error(
                f"expected a list (lines that start with '- '), not {_kind(self.value)}."
            )
        if not self.value and not empty:
            raise self.error("the list is empty; give at least one entry.")
        children = (self._child(f"[{i}]", value) for i, value in enumerate(self.value))
        return tuple(read(child) for child in children)

    def each(self, key: str) -> list[Node]:
        """Return the entries below `key` of checked keys: a list's elements, one value, or none."""
        if key not in self.value:
            return []
        child = self._child(f".{key}", self.value[key])
        return list(child.items(lambda node: node)) if isinstance(child.value, list) else [child]

    def text(self) -> str:
        """Return a text, without the white space around it."""
        if not isinstance(self.value, str):
            raise self.error(
                f"expected text, but YAML reads {_kind(self.value)} here; quote it, "
                f'for instance "{_first_key(self.value)}".'
            )
        if not self.value.strip():
            raise self.error("the text is empty; write something or remove the entry.")
        return " ".join(self.value.split())

    def choice(self, allowed: Iterable[str]) -> str:
        """Return a text that is one of `allowed`."""
        text, allowed = self.text(), list(allowed)
        if text not in allowed:
            raise self.error(
                f"{text!r} is not allowed; {nearest(text, allowed)}"
                f"choose one of: {', '.join(allowed)}."
            )
        return text

    def _child(self, step: str, value: Any) -> Node:
        return Node(self.file, f"{self.key}{step}".lstrip("."), value)


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "a yes/no value"
    if isinstance(value, dict):
        return "keys with values"
    if isinstance(value, list):
        return "a list"
    return "text" if isinstance(value, str) else f"a {type(value).__name__}"


def _first_key(value: Any) -> str:
    if isinstance(value, dict) and value:  # an unquoted "a: b" was read as a mapping
        key, rest = next(iter(value.items()))
        return f"{key}: {rest}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "..." if value is None else str(value)
