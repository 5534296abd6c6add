"""The JSON object that an answer holds, however untidily, checked against its schema."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from saeidioms.errors import ModelError

_LONGEST = 20_000  # characters; the time of a repair can grow with their square
_KINDS: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "null": type(None),
}


class ParsingError(ModelError):
    """An answer cannot be read: says what is wrong with it, and quotes nothing of it."""


def parse_object(text: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    r"""Return the JSON object that an answer holds.

    Thinking before ``</think>``, code fences and prose round the object are passed over. What is
    not JSON (trailing commas, single quotes, missing closing braces, comments) is mended by
    `json_repair <https://github.com/mangiucugna/json_repair>`_. Values of an ``enum`` are taken
    whatever their case and white space, and numbers also where they stand in quotation marks.

    Parameters
    ----------
    text
        The raw answer.
    schema
        JSON schema of the object. ``properties``, ``required``, ``additionalProperties: false``,
        ``items``, ``type``, ``enum``, ``minimum`` and ``maximum`` are checked, at every depth;
        its other words are not.

    Returns
    -------
    dict
        The object, its values as the schema has them; keys that it excludes are dropped.

    Raises
    ------
    ParsingError
        If there is no such object, if it was cut off within a text, or if there are several that
        differ.

    Examples
    --------
    >>> schema = {"properties": {"code": {"enum": ["Yes", "No"]}}, "required": ["code"]}
    >>> parse_object("I would say: ```json\n{'code': 'yes',}\n```", schema)
    {'code': 'Yes'}
    """
    body = _after_thinking(text)
    start = body.find("{")
    if start < 0:
        raise ParsingError("it holds no JSON object")
    if len(body) > _LONGEST:
        raise ParsingError(f"it is longer than {_LONGEST} characters")
    body = body[start:]
    fitting, problem = _fitting(_whole_objects(body), schema)
    if not fitting:
        if _ends_within_text(body):
            raise ParsingError("it is cut off within a text; it should be shorter")
        fitting, problem = _fitting(_mended_objects(body), schema)
    if not fitting:
        raise problem
    if len(fitting) > 1:
        raise ParsingError(f"it holds {len(fitting)} different objects")
    return fitting[0]


def _after_thinking(text: str) -> str:
    _, closed, rest = text.rpartition("</think>")
    if not closed and text.lstrip().startswith("<think>"):
        raise ParsingError("it ends before its thinking does")
    return rest


def _whole_objects(body: str) -> Iterator[dict[str, Any]]:
    """Yield the outermost objects that are valid JSON."""
    decoder = json.JSONDecoder()
    at = body.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(body, at)
            yield value
        except (ValueError, RecursionError):
            end = at + 1
        at = body.find("{", end)


def _mended_objects(body: str) -> Iterator[dict[str, Any]]:
    import json_repair

    try:
        values = json_repair.loads(_in_double_quotes(body), skip_json_loads=True)
    except (ValueError, RecursionError):
        return
    for value in values if isinstance(values, list) else [values]:
        if isinstance(value, dict):
            yield value


def _in_double_quotes(body: str) -> str:
    """Exchange single quotes round keys and values, so that apostrophes within do not end them."""
    if '"' in body:
        return body
    return re.sub(r"(?<=[{\[,:])(\s*)'|'(?=\s*(?:[,:}\]]|$))", r'\1"', body)


def _ends_within_text(body: str) -> bool:
    quotes = re.sub(r"\\.", "", body, flags=re.DOTALL).count('"')
    return quotes % 2 == 1 and not body.rstrip("` \n\r\t").endswith("}")


def _fitting(
    values: Iterator[dict[str, Any]], schema: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], ParsingError]:
    """Return the different objects that fit the schema, and why the last of the others does not."""
    found: list[dict[str, Any]] = []
    problem = ParsingError("it holds no JSON object")
    for value in values:
        try:
            fitted = _fit(value, {"type": "object", **schema}, "it")
        except ParsingError as error:
            problem = error
        else:
            if fitted not in found:
                found.append(fitted)
    return found, problem


def _fit(value: Any, schema: Mapping[str, Any], where: str) -> Any:
    if "enum" in schema:
        return _member(value, schema["enum"], where)
    if "type" in schema:
        kinds = schema["type"]
        value = _typed(value, [kinds] if isinstance(kinds, str) else kinds, where)
    if isinstance(value, dict):
        return _fit_object(value, schema, where)
    if isinstance(value, list) and "items" in schema:
        return [_fit(one, schema["items"], f"an item of {where}") for one in value]
    if isinstance(value, (int, float)):
        _check_range(value, schema, where)
    return value


def _fit_object(value: dict[str, Any], schema: Mapping[str, Any], where: str) -> dict[str, Any]:
    properties: Mapping[str, Any] = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            raise ParsingError(f'{where} lacks the key "{name}"')
    closed = schema.get("additionalProperties") is False
    return {
        name: _fit(one, properties.get(name, {}), f'"{name}"')
        for name, one in value.items()
        if name in properties or not closed
    }


def _member(value: Any, allowed: Sequence[Any], where: str) -> Any:
    if value in allowed:
        return allowed[allowed.index(value)]
    alike = [one for one in allowed if _plain(one) == _plain(value)]
    if len(alike) != 1:
        raise ParsingError(f"{where} is none of: {', '.join(map(str, allowed))}")
    return alike[0]


def _plain(value: Any) -> str:
    return "".join(str(value).split()).casefold()


def _typed(value: Any, kinds: Sequence[str], where: str) -> Any:
    """Return the value as one of the types of JSON schema named."""
    if isinstance(value, str) and "string" not in kinds and {"number", "integer"} & {*kinds}:
        value = _number(value)
    if isinstance(value, float) and value.is_integer() and "integer" in kinds:
        value = int(value)
    for kind in kinds:
        is_flag = isinstance(value, bool)  # which Python counts among the integers
        if isinstance(value, _KINDS[kind]) and is_flag == (kind == "boolean"):
            return value
    raise ParsingError(f"{where} is not of type {' or '.join(kinds)}")


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _check_range(value: float, schema: Mapping[str, Any], where: str) -> None:
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    if not (math.isfinite(value) and low <= value <= high):
        raise ParsingError(f"{where} is not within {low} and {high}")
