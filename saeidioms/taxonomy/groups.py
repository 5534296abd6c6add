"""The groups of a column that are compared: what is asked for is there, and can be told apart."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from saeidioms.errors import OptionError
from saeidioms.taxonomy.schema import nearest

_MOST_GROUPS, _LISTED = 50, 12


def check_name(column: str | None, taken: Collection[str]) -> None:
    """Raise OptionError where a column has a name that a table of results needs itself."""
    if column in taken:
        raise OptionError(f"the column {column} has a name that results use; rename it first.")


def value_of(option: str, value: object, column: str, there: Collection[str]) -> str:
    """Return the value of a column that an option names, as text.

    Raises
    ------
    OptionError
        If it is none of those that are `there`; the nearest is offered.
    """
    name = str(value)
    if name not in there:
        listed = [*list(there)[:_LISTED], *(["..."] if len(there) > _LISTED else [])]
        raise OptionError(
            f"{option} is {name!r}, which is no value of {column}; {nearest(name, there)}"
            f"there are: {', '.join(listed)}."
        )
    return name


def to_compare(
    by: str, baseline: object, against: object | None, there: Iterable[str]
) -> tuple[str, list[str]]:
    """Return the baseline of a column's groups, and those to compare with it, as text.

    Parameters
    ----------
    by
        The column.
    baseline, against
        Of its values; None: every other one.
    there
        Its values, in their order.

    Raises
    ------
    OptionError
        If a value is not there, or there is nothing, or far too much, to compare.
    """
    names = list(dict.fromkeys(there))
    baseline = value_of("baseline", baseline, by, names)
    if against is not None:
        other = value_of("against", against, by, names)
        if other == baseline:
            raise OptionError(f"baseline and against are both {baseline!r}; give two groups.")
        return baseline, [other]
    others = [name for name in names if name != baseline]
    if not others:
        raise OptionError(f"{by} has only the value {baseline!r}; choose a column with two.")
    check_few(by, others)
    return baseline, others


def check_few(by: str, groups: Iterable[str]) -> None:
    """Refuse to compare hundreds of groups one by one, which takes long and tells nothing.

    Raises
    ------
    OptionError
        If there are more than 50 groups.
    """
    n = len(set(groups))
    if n > _MOST_GROUPS:
        raise OptionError(
            f"{by} has {n:,} values, too many to compare one by one; choose a column with at most "
            f"{_MOST_GROUPS}, or one group to compare with."
        )
