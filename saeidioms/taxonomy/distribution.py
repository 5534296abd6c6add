"""How often each sub-category occurs: counts per conversation, shares with intervals."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from saeidioms.corpus.corpus import Corpus
from saeidioms.display import Cell, Display, Share, Shown, Table
from saeidioms.errors import OptionError
from saeidioms.sae.activations import SparseActivations
from saeidioms.seeds import generator
from saeidioms.stats.bootstrap import share_interval, sum_by_cluster
from saeidioms.taxonomy.codebook import Codebook
from saeidioms.taxonomy.coding import Codes, code
from saeidioms.taxonomy.groups import check_name
from saeidioms.taxonomy.taxonomy import Taxonomy

Counts = npt.NDArray[np.int64]
Kind = Literal["messages", "units", "expressions"]
CONVERSATION = "conversation_id"
MISSING = "missing"
_LARGEST_WHOLE = 2**53  # above which a float is no exact number
TAKEN = (
    "level", "category", "sub_category", "share", "low", "high", "count", "n", "clusters",
    "group", "baseline", "difference", "p", "q", "baseline_share", "baseline_n", "of",
    "features", "faithful", "confidence_level",
)  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Distribution(Shown):
    """Counts of what was coded, one row a conversation, since those are what is resampled.

    Attributes
    ----------
    counts
        (C, S) int64, things that hold each sub-category; a thing may hold several.
    category_counts
        (C, K) int64, things that hold any sub-category of each category.
    uncoded
        (C,) int64, things without a code.
    exposure
        (C,) int64, all things.
    attributes
        C rows: ``conversation_id``, then every column that is constant within conversations.
    varying
        Columns that are not, and so cannot group conversations.
    taxonomy
        Names and order of categories and sub-categories.
    of
        What is counted: ``"messages"``, ``"units"``, or ``"expressions"`` (a unit with two
        sub-categories is two expressions; the shares of sub-categories then add up to 1).
    """

    counts: Counts
    category_counts: Counts
    uncoded: Counts
    exposure: Counts
    attributes: pd.DataFrame
    varying: tuple[str, ...]
    taxonomy: Taxonomy
    of: Kind

    def shares(
        self,
        *,
        by: str | None = None,
        cluster: str = CONVERSATION,
        level: float = 0.95,
        n_boot: int = 2000,
        seed: int = 0,
    ) -> pd.DataFrame:
        """Return the share of each category and sub-category, with intervals.

        Parameters
        ----------
        by
            Column whose groups are told apart; None: overall. Conversations without a value
            are the group ``"missing"``.
        cluster
            Column that is resampled as a whole: conversations, or who holds several of them. A
            conversation without a value is a cluster of its own.
        level
            Of the intervals.
        n_boot
            Bootstrap draws.
        seed
            Of the draws.

        Returns
        -------
        pandas.DataFrame
            ``level`` (``"category"``, ``"sub_category"`` or ``"uncoded"``), ``category``,
            ``sub_category``, the column `by`, ``share``, ``low``, ``high`` (0 to 1), ``count``,
            ``n`` (things in the group), ``clusters``, ``confidence_level``.

        Raises
        ------
        OptionError
            If a column is not there or varies within conversations, or a number is out of range.
        """
        check_draws(level, n_boot)
        clusters = self.clusters(cluster)
        groups = self.groups(by)
        counts = np.column_stack([self.category_counts, self.counts, self.uncoded])
        parts = []
        for name, rows in groups.items():
            denominators = sum_by_cluster(self.exposure[rows][:, None], clusters[rows])[:, 0]
            share, low, high = share_interval(
                sum_by_cluster(counts[rows], clusters[rows]),
                denominators,
                level=level,
                n_boot=n_boot,
                generator=generator(seed, f"shares.{by}.{name}"),
            )
            part = self.rows()
            if by is not None:
                part[by] = name
            part["share"], part["low"], part["high"] = share, low, high
            part["count"] = counts[rows].sum(axis=0)
            part["n"] = int(self.exposure[rows].sum())
            part["clusters"] = int((denominators > 0).sum())
            part["confidence_level"] = level
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    def _display(self) -> Display:
        n = max(int(self.exposure.sum()), 1)
        rows: list[tuple[Cell, ...]] = [
            (sub.category, sub.name, Share(float(count) / n), int(count))
            for sub, count in zip(
                self.taxonomy.sub_categories, self.counts.sum(axis=0), strict=True
            )
        ]
        none = int(self.uncoded.sum())
        rows.append(("", "none of these", Share(none / n), none))
        return Display(
            f"Distribution over {int(self.exposure.sum()):,} {self.of}",
            {"conversations": len(self.attributes), "intervals": "by shares()"},
            tables=(Table("", ("category", "sub-category", "share", self.of), rows),),
        )

    def rows(self) -> pd.DataFrame:
        """Return ``level, category, sub_category`` of the K + S + 1 rows that shares have."""
        taxonomy = self.taxonomy
        whole = [("category", category.name, "") for category in taxonomy.categories]
        parts = [
            ("sub_category", member.category, member.name) for member in taxonomy.sub_categories
        ]
        names = [*whole, *parts, ("uncoded", "", "")]
        return pd.DataFrame(names, columns=["level", "category", "sub_category"])

    def column(self, name: str) -> npt.NDArray:
        """Return the (C,) values of a column as strings; ``"missing"`` where there is none.

        Raises
        ------
        OptionError
            If there is no such column, or it varies within conversations.
        """
        if name in self.varying:
            raise OptionError(
                f"{name} varies within conversations, so it cannot tell them apart; choose of: "
                f"{', '.join(self.attributes.columns)}."
            )
        if name not in self.attributes.columns:
            raise no_column(name, list(self.attributes.columns))
        return as_text(self.attributes[name])

    def clusters(self, name: str) -> npt.NDArray:
        """Return the (C,) cluster of each conversation: the value of a column, or itself.

        Raises
        ------
        OptionError
            If there is no such column, or it varies within conversations.
        """
        return own_where_missing(self.column(name), self.attributes[CONVERSATION])

    def groups(self, by: str | None) -> dict[str, npt.NDArray[np.bool_]]:
        """Return the (C,) mask of each group of a column, in the order of first appearance.

        Raises
        ------
        OptionError
            If there is no such column, it varies within conversations, or its name is one that
            the tables of shares and differences use themselves.
        """
        if by is None:
            return {"": np.ones(len(self.exposure), dtype=bool)}
        check_name(by, TAKEN)
        values = self.column(by)
        return {name: values == name for name in dict.fromkeys(values)}


def as_text(values: pd.Series) -> npt.NDArray:
    """Return values as strings (whole numbers without a point); ``"missing"`` where none is."""
    known = values.dropna()
    whole = (
        pd.api.types.is_float_dtype(values)
        and ((known % 1 == 0) & (known.abs() < _LARGEST_WHOLE)).all()
    )
    text = (values.astype("Int64") if whole else values).astype(str).to_numpy(dtype=object)
    text[values.isna().to_numpy()] = MISSING
    return text


def own_where_missing(clusters: npt.NDArray, conversations: pd.Series) -> npt.NDArray:
    """Return clusters in which a conversation without one stands for itself."""
    return np.where(clusters == MISSING, f"{MISSING}: " + as_text(conversations), clusters)


def no_column(name: str, columns: list[str]) -> OptionError:
    """Return the error that there is no such column, with the nearest or all there are."""
    near = difflib.get_close_matches(name, columns, n=1)
    hint = f"did you mean {near[0]}?" if near else f"choose of: {', '.join(columns)}."
    return OptionError(f"there is no column {name}; {hint}")


def check_draws(level: float, n_boot: int) -> None:
    """Raise OptionError where an interval cannot be had with these options."""
    if not 0 < level < 1:
        raise OptionError(f"level is {level}; give a number between 0 and 1, such as 0.95.")
    if n_boot < 100:
        raise OptionError(f"n_boot is {n_boot}; give at least 100, better 2000.")


def distribute(
    corpus: Corpus, codes: Codes, taxonomy: Taxonomy, of: Kind = "messages"
) -> Distribution:
    """Count what was coded, per conversation.

    Parameters
    ----------
    corpus
        The units.
    codes
        Their codes; joined by unit id.
    taxonomy
        Gives the order.
    of
        What to count; see `Distribution`.

    Returns
    -------
    Distribution
        A row a conversation of `corpus`, those without any code too.

    Raises
    ------
    OptionError
        If `of` is none of these.
    """
    if of not in ("messages", "units", "expressions"):
        raise OptionError(f"of is {of!r}; give messages, units or expressions.")
    thing = "message_id" if of == "messages" else "unit_id"
    units = corpus.table[["unit_id", "message_id", CONVERSATION]]
    coded = codes.units[["unit_id", "category", "sub_category"]].merge(
        units, on="unit_id", validate="many_to_one"
    )
    names = list(dict.fromkeys(units[CONVERSATION]))

    def table(rows: pd.DataFrame, column: str, wanted: list[str]) -> Counts:
        if of != "expressions":
            rows = rows.drop_duplicates([thing, column])
        counted = pd.crosstab(rows[CONVERSATION], rows[column])
        return counted.reindex(index=names, columns=wanted, fill_value=0).to_numpy(np.int64)

    def total(rows: pd.Series) -> Counts:
        return rows.value_counts().reindex(names, fill_value=0).to_numpy(np.int64)

    if of == "expressions":
        exposure = total(coded[CONVERSATION])
        uncoded = np.zeros_like(exposure)
    else:
        exposure = total(units.drop_duplicates(thing)[CONVERSATION])
        uncoded = exposure - total(coded.drop_duplicates(thing)[CONVERSATION])
    attributes, varying = _attributes(corpus, names)
    return Distribution(
        table(coded, "sub_category", list(taxonomy.names)),
        table(coded, "category", [category.name for category in taxonomy.categories]),
        uncoded,
        exposure,
        attributes,
        varying,
        taxonomy,
        of,
    )


def roll_up(
    corpus: Corpus, activations: SparseActivations, codebook: Codebook, of: Kind = "messages"
) -> Distribution:
    """Code a corpus by its features and count: `code`, then `distribute`."""
    return distribute(corpus, code(corpus, activations, codebook), codebook.taxonomy, of)


def _attributes(corpus: Corpus, names: list[str]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the columns that are constant within conversations, and the names of the others."""
    grouped = corpus.table.groupby(CONVERSATION, sort=False)[corpus.metadata]
    distinct = grouped.nunique(dropna=False)
    constant = [name for name in corpus.metadata if (distinct[name] <= 1).all()]
    first = corpus.table.drop_duplicates(CONVERSATION).set_index(CONVERSATION).loc[names, constant]
    return first.reset_index(), tuple(name for name in corpus.metadata if name not in constant)
