"""From a run to its printed codebook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from saeidioms.documents.agreement import OVERALL, agreement_of
from saeidioms.documents.book import (
    Agreement,
    Book,
    Category,
    Estimate,
    Feature,
    Idiom,
    Prevalence,
    Rest,
    SubCategory,
)
from saeidioms.documents.method import facts_of, method_of
from saeidioms.documents.words import Words
from saeidioms.errors import OptionError
from saeidioms.run import Run, read_shares
from saeidioms.taxonomy.grounds import doubtful

N_IDIOMS, N_OWN_IDIOMS = 12, 4  # shown of a sub-category, and of a feature
_STRONG = ("top", "middle")


def collect(run: Run, words: Words, n_examples: int = 2) -> Book:
    """Return the printed codebook of a run whose shares are made.

    Parameters
    ----------
    run
        A run with shares.
    words
        What is shown of participants' words.
    n_examples
        Of each sub-category, and of each feature.

    Raises
    ------
    OptionError
        If `n_examples` is negative.
    """
    if n_examples < 0:
        raise OptionError(f"n_examples is {n_examples}; give a whole number of at least 0.")
    return _Collector(run, words, n_examples).book()


class _Collector:
    """What the parts of a book are looked up in."""

    def __init__(self, run: Run, words: Words, n_examples: int) -> None:
        self.run, self.words, self.n_examples = run, words, n_examples
        self.shares = read_shares(run)
        self.agreement = agreement_of(run)
        self.codebook = run.codebook
        self.fidelity = run.fidelity.drop_duplicates("feature", keep="last").set_index("feature")
        self.figures = run.features.table.set_index("feature")
        self.own_idioms = run.features.idioms.groupby("feature")["phrase"].agg(list).to_dict()
        strong = run.features.examples
        strong = strong[strong["kind"].isin(_STRONG)]
        # Strong and typical ones by turns.
        strong = strong.sort_values(["rank", "kind"], ascending=[True, False])
        self.heard = strong.groupby("feature", sort=False)["text"].agg(list).to_dict()

    def book(self) -> Book:
        """Return the whole."""
        options, taxonomy = self.run.record.options, self.codebook.taxonomy
        source = Path(self.run.corpus.report.source).name
        title = options["report"]["title"] or source
        return Book(
            title=f"Codebook: {title}",
            notice=options["report"]["notice"] or "",
            method=method_of(self.run),
            words=self.words.sentence,
            facts=facts_of(self.run),
            level=options["distribution"]["level"],
            categories=tuple(
                Category(
                    category.name,
                    category.definition,
                    self._prevalence("category", category.name),
                    self.agreement.get(("category", category.name), Agreement()),
                    tuple(
                        self._sub_category(sub)
                        for sub in taxonomy.sub_categories
                        if sub.category == category.name
                    ),
                )
                for category in taxonomy.categories
            ),
            uncoded=self._prevalence("uncoded", ""),
            rest=self._rest(),
            overall=self.agreement.get(OVERALL, Agreement()),
        )

    def _prevalence(self, level: str, name: str) -> Prevalence:
        rows = self.shares[self.shares["level"] == level]
        row = rows.iloc[0] if level == "uncoded" else rows[rows[level] == name].iloc[0]
        share = Estimate(float(row["share"]), float(row["low"]), float(row["high"]))
        return Prevalence(share, int(row["count"]))

    def _sub_category(self, sub: Any) -> SubCategory:
        table = self.codebook.table
        own = table[table["sub_category"] == sub.name]
        own = own.sort_values(["confidence", "feature"], ascending=[False, True])
        return SubCategory(
            sub.name,
            sub.definition,
            sub.include,
            sub.exclude,
            self._prevalence("sub_category", sub.name),
            self.agreement.get(("sub_category", sub.name), Agreement()),
            tuple(self._feature(row) for row in own.to_dict("records")),
            self._idioms(sub.name),
            self.words.examples(self._typical(sub.name), self.n_examples),
            sub.name in doubtful(self.shares),
        )

    def _feature(self, row: dict[Any, Any]) -> Feature:
        number, words = int(row["feature"]), self.words
        figures, judged = self.figures.loc[number], self.fidelity.loc[number]
        shown = [one for one in self.own_idioms.get(number, []) if words.allow(one)]
        return Feature(
            number,
            words.label(str(row["label"]), str(figures["label_source"])),
            tuple(words.phrase(one) for one in shown[:N_OWN_IDIOMS]),
            words.examples(self.heard.get(number, []), self.n_examples),
            row["source"] == "override",
            float(row["confidence"]),
            float(figures["density"]),
            Estimate(*(float(judged[f"detection{end}"]) for end in ("", "_low", "_high"))),
            float(figures["stability"]),
        )

    def _idioms(self, name: str) -> tuple[Idiom, ...]:
        """Return the phrases of a sub-category that most conversations hold."""
        lexicon = self.run.lexicon
        own = lexicon[lexicon["sub_category"] == name]
        ranked = own.sort_values(["conversations", "count"], ascending=False, kind="stable")
        allowed = ranked[ranked["phrase"].map(self.words.allow).astype(bool)].head(N_IDIOMS)
        columns = (allowed[column].tolist() for column in ("phrase", "count", "conversations"))
        return tuple(
            Idiom(self.words.phrase(phrase), int(count), int(conversations))
            for phrase, count, conversations in zip(*columns, strict=True)
        )

    def _typical(self, name: str) -> list[str]:
        """Return texts in even steps from the strongest to the median, one a conversation."""
        corpus, codes = self.run.corpus.table, self.run.codes.units
        own = codes[codes["sub_category"] == name].merge(
            corpus[["unit_id", "conversation_id", "text"]], on="unit_id", validate="m:1"
        )
        ranked = own.sort_values("strength", ascending=False, kind="stable")
        ranked = ranked.drop_duplicates("conversation_id")
        ranked = ranked[~ranked["text"].str.casefold().duplicated()]
        places = np.linspace(0, len(ranked) // 2, min(self.n_examples, len(ranked)), dtype=int)
        first = ranked["text"].iloc[np.unique(places)].tolist()
        # More follow, for those that are the same once they are masked.
        return [*first, *ranked["text"].tolist()] if len(ranked) else []

    def _rest(self) -> tuple[Rest, ...]:
        table: pd.DataFrame = self.codebook.table
        outside = table["outside"].value_counts()
        groups = [
            Rest(group.name, group.definition, int(outside.get(group.name, 0)))
            for group in self.codebook.taxonomy.outside
        ]
        none = int(((table["sub_category"] == "") & (table["outside"] == "")).sum())
        return (*groups, Rest("none", "Too uncertain to place, dead, or of length alone.", none))
