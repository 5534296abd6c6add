"""Which part of a corpus is analysed, and in what units."""

from __future__ import annotations

from typing import Literal

from saeidioms.corpus.corpus import Corpus


def select_units(
    corpus: Corpus,
    *,
    role: str | None = None,
    unit: Literal["sentence", "message"] = "sentence",
) -> Corpus:
    """Keep the messages of one role, and cut them into units.

    Parameters
    ----------
    corpus
        Messages of all roles.
    role
        Whose messages to keep, such as ``"supporter"``; None keeps all.
    unit
        ``"sentence"`` (one message holds several expressions, and idioms live in sentences) or
        ``"message"``.

    Returns
    -------
    Corpus
        One row a unit.

    Raises
    ------
    InputError
        If nobody has that role; the roles there are get listed.
    """
    kept = corpus if role is None else corpus.where(role=role)
    return kept.units(unit)
