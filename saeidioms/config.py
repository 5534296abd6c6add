"""YAML -> keyword arguments of the public callables, checked against their signatures.

A configuration is a mapping of sections; a section holds keyword arguments of one public callable,
by the same names. Defaults exist once, in that callable's signature.
"""

from __future__ import annotations

import difflib
import inspect
import types
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import yaml

from saeidioms.errors import OptionError
from saeidioms.resources import find_config

Options = dict[str, Any]


def read_config(name: str | Path) -> dict[str, Options]:
    """Read a run configuration.

    Parameters
    ----------
    name
        Path of a YAML file, or the bare name of a shipped one such as ``"lend_an_ear"``.

    Returns
    -------
    dict
        Section name -> its options, unchecked against the callables (`bind` does that).

    Raises
    ------
    OptionError
        If there is no such file, or it is not a mapping of sections to mappings.
    """
    path = find_config(name)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise OptionError(
            f"{path}{line} is malformed YAML: {problem}; correct that line."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"{path} cannot be read as UTF-8 text; give a YAML file.") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise OptionError(f"{path} must hold sections such as `sae:`, not a {_kind(content)}.")
    for section, options in content.items():
        if not isinstance(options, dict):
            raise OptionError(
                f"{path}: section {section} must hold options such as `k: 8`, "
                f"not {'nothing' if options is None else _kind(options)}."
            )
    return content


def parameters(
    function: Callable[..., Any], given: Iterable[str] = ()
) -> dict[str, inspect.Parameter]:
    """Return the parameters of `function` that a user may set, without those in `given`."""
    signature = inspect.signature(function)
    hidden = {"self", *given}
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {
        name: parameter
        for name, parameter in signature.parameters.items()
        if name not in hidden and parameter.kind in kinds
    }


def annotation(function: Callable[..., Any], name: str) -> Any:
    """Return the type of one parameter; others may name what is imported for checking only."""
    target = inspect.unwrap(function.__init__ if inspect.isclass(function) else function)
    target = getattr(target, "__func__", target)
    only = types.SimpleNamespace(__annotations__={name: target.__annotations__.get(name, Any)})
    return get_type_hints(only, target.__globals__)[name]


def bind(
    section: str,
    function: Callable[..., Any],
    options: Mapping[str, Any],
    given: Iterable[str] = (),
) -> Options:
    """Check `options` against the signature of `function` and fill in its defaults.

    Parameters
    ----------
    section
        Name of the section, for the error sentences.
    function
        The public callable that the section configures.
    options
        What the user set.
    given
        Names of the arguments that the pipeline passes itself.

    Returns
    -------
    dict
        Every settable option with its value, in the order of the signature.

    Raises
    ------
    OptionError
        For an unknown option (the nearest is offered) or a value of the wrong type.
    """
    allowed = parameters(function, given)
    for name in options:
        if name not in allowed:
            raise OptionError(f"{section}.{name} is no option; {_nearest(name, allowed)}")
    bound: Options = {}
    for name, parameter in allowed.items():
        if name not in options:
            if parameter.default is parameter.empty:
                raise OptionError(f"{section}.{name} is missing; give it.")
            bound[name] = parameter.default
            continue
        expected = annotation(function, name)
        if not _fits(options[name], expected):
            raise OptionError(
                f"{section}.{name} is {options[name]!r}, a {_kind(options[name])}; "
                f"it must be {describe(expected)}."
            )
        bound[name] = options[name]
    return bound


def check_sections(sections: Iterable[str], known: Iterable[str]) -> None:
    """Raise OptionError for a section that no callable stands behind."""
    known = list(known)
    for section in sections:
        if section not in known:
            raise OptionError(f"{section} is no section; {_nearest(section, known)}")


def describe(expected: Any) -> str:
    """Say in words what values a type allows."""
    if _is_union(expected):
        return " or ".join(describe(member) for member in get_args(expected))
    if values := _literals(expected):
        return " or ".join(repr(value) for value in values)
    words = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
    words |= {type(None): "left out", Path: "a path"}
    return words.get(expected, "a list" if get_origin(expected) in (list, tuple) else str(expected))


def _fits(value: Any, expected: Any) -> bool:
    if expected is Any:
        return True
    if _is_union(expected):
        return any(_fits(value, member) for member in get_args(expected))
    if values := _literals(expected):
        return value in values
    origin = get_origin(expected) or expected
    if origin is Path:
        return isinstance(value, (str, Path))
    if origin is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if origin is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, origin) if inspect.isclass(origin) else True


def _is_union(expected: Any) -> bool:
    return get_origin(expected) in (Union, types.UnionType)


def _literals(expected: Any) -> tuple[Any, ...]:
    arguments = get_args(expected)
    return arguments if "Literal" in str(get_origin(expected)) else ()


def _nearest(name: str, allowed: Iterable[str]) -> str:
    names = sorted(allowed)
    near = difflib.get_close_matches(str(name), names, n=1)
    return f"did you mean {near[0]}?" if near else f"allowed are: {', '.join(names)}."


def _kind(value: Any) -> str:
    kinds = {str: "text", list: "list", dict: "mapping", bool: "truth value", int: "whole number"}
    return kinds.get(type(value), type(value).__name__)
