"""Messages and what each of them holds: the table that most statistics of a run start from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from saeidioms.corpus.corpus import Corpus
from saeidioms.errors import InputError
from saeidioms.taxonomy.coding import Codes
from saeidioms.taxonomy.distribution import CONVERSATION, as_text, no_column, own_where_missing
from saeidioms.taxonomy.taxonomy import Taxonomy

Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class CodedMessages:
    """Messages with their columns, and the sub-categories that each of them holds.

    Attributes
    ----------
    messages
        M rows, in the order of conversations and turns: ``message_id``, ``conversation_id``,
        ``turn``, ``role``, ``text`` and the columns of the input.
    holds
        (M, S) bool: which message holds which sub-category; several, or none.
    taxonomy
        S sub-categories in K categories, in their order.
    """

    messages: pd.DataFrame
    holds: Booleans
    taxonomy: Taxonomy

    @classmethod
    def join(cls, corpus: Corpus, codes: Codes, taxonomy: Taxonomy) -> CodedMessages:
        """Join the messages of a corpus with the codes of its units, by id."""
        messages = corpus.messages()
        owner = corpus.table.set_index("unit_id")["message_id"]
        rows = pd.Index(messages["message_id"]).get_indexer(owner.loc[codes.units["unit_id"]])
        columns = pd.Index(taxonomy.names).get_indexer(codes.units["sub_category"])
        holds = np.zeros((len(messages), len(taxonomy.names)), dtype=bool)
        holds[rows, columns] = True
        return cls(messages.reset_index(drop=True), holds, taxonomy)

    def __len__(self) -> int:
        """Return M."""
        return len(self.messages)

    @cached_property
    def holds_category(self) -> Booleans:
        """(M, K) bool: which message holds any sub-category of which category."""
        of = [member.category for member in self.taxonomy.sub_categories]
        names = [category.name for category in self.taxonomy.categories]
        return np.column_stack(
            [self.holds[:, [own == name for own in of]].any(axis=1) for name in names]
        )

    @property
    def outcomes(self) -> pd.DataFrame:
        """The K + S things that a message may hold: ``level, category, sub_category``."""
        whole = [("category", category.name, "") for category in self.taxonomy.categories]
        parts = [
            ("sub_category", member.category, member.name)
            for member in self.taxonomy.sub_categories
        ]
        return pd.DataFrame([*whole, *parts], columns=["level", "category", "sub_category"])

    @cached_property
    def indicators(self) -> Booleans:
        """(M, K + S) bool: which message holds which of `outcomes`."""
        return np.column_stack([self.holds_category, self.holds])

    def column(self, name: str) -> pd.Series:
        """Return the (M,) values of a column of the messages.

        Raises
        ------
        OptionError
            If there is no such column.
        """
        if name not in self.messages.columns:
            raise no_column(name, list(self.messages.columns))
        return self.messages[name]

    def groups(self, name: str) -> npt.NDArray:
        """Return the (M,) values of a column as strings, ``"missing"`` where there is none."""
        return as_text(self.column(name))

    def clusters(self, name: str = CONVERSATION) -> npt.NDArray:
        """Return the (M,) cluster of each message: the value of a column, or its conversation."""
        return own_where_missing(self.groups(name), self.messages[CONVERSATION])

    def where(self, keep: Booleans, what: str) -> CodedMessages:
        """Return the messages of an (M,) mask; `what` names them in the error where none is left.

        Raises
        ------
        InputError
            If no message is left.
        """
        if not keep.any():
            raise InputError(f"there is no message with {what}; choose another value.")
        return replace(
            self, messages=self.messages[keep].reset_index(drop=True), holds=self.holds[keep]
        )
