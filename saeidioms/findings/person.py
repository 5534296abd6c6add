"""What one person says, against the others, and how sure that is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from saeidioms.corpus.corpus import Corpus
from saeidioms.display import Display, Share, Shown, Table
from saeidioms.errors import InputError, OptionError
from saeidioms.findings.by_conversation import change, course
from saeidioms.findings.habit import against_others, design_effects
from saeidioms.findings.own_idioms import own_idioms
from saeidioms.idioms.words import plain_key
from saeidioms.seeds import generator
from saeidioms.taxonomy.coded import CodedMessages
from saeidioms.taxonomy.coding import Codes
from saeidioms.taxonomy.distribution import CONVERSATION, check_draws
from saeidioms.taxonomy.schema import nearest
from saeidioms.taxonomy.taxonomy import Taxonomy

_TABLES = ("shares", "idioms", "examples", "course", "change")


@dataclass(frozen=True, eq=False, repr=False)
class Profile(Shown):
    """What one person says, against the others.

    Attributes
    ----------
    who, column
        The person, and the column that names people.
    roles
        In which their messages are written, most frequent first.
    n_messages, n_coded, n_conversations, n_others
        Their messages, those that hold any sub-category, their conversations, and other people.
    order
        Column that puts conversations in order; None: as they come in the corpus.
    level, seed, taxonomy
        Of intervals, of the draws they are read from, and what shares are of.
    shares
        K + S rows: ``level, category, sub_category``, and the columns of
        `saeidioms.findings.habit.against_others`.
    idioms
        See `saeidioms.findings.own_idioms`.
    examples
        Their sentences, strongest first and none twice: ``category, sub_category, text, strength,
        message_id, conversation_id``.
    course, change
        See `saeidioms.findings.by_conversation`; of one conversation `change` has no rows.
    uncertainty
        One sentence on how sure the shares are.
    """

    who: str
    column: str
    roles: tuple[str, ...]
    n_messages: int
    n_coded: int
    n_conversations: int
    n_others: int
    order: str | None
    level: float
    seed: int
    taxonomy: Taxonomy
    shares: pd.DataFrame
    idioms: pd.DataFrame
    examples: pd.DataFrame
    course: pd.DataFrame
    change: pd.DataFrame
    uncertainty: str

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values for JSON: tables as rows, None where nothing is."""
        plain = {name: value for name, value in vars(self).items() if name not in _TABLES}
        rows = {name: _rows(getattr(self, name)) for name in _TABLES}
        return plain | {"taxonomy": self.taxonomy.name, "roles": list(self.roles)} | rows

    def _display(self) -> Display:
        parts = self.shares[self.shares["level"] == "sub_category"]
        columns = ("sub_category", "share", "others_share", "against")
        rows = [
            (name, Share(share), Share(others), f"{against} than most" if against else "")
            for name, share, others, against in parts[list(columns)].itertuples(index=False)
        ]
        return Display(
            f"Profile of {self.who}",
            {"messages": self.n_messages, "conversations": self.n_conversations},
            (self.uncertainty,),
            (Table("", ("sub-category", "share", "of the others", ""), rows),),
        )


def profile(
    coded: CodedMessages,
    corpus: Corpus,
    codes: Codes,
    lexicon: pd.DataFrame,
    *,
    who: str,
    column: str = "participant_id",
    order: str | None = None,
    n_examples: int = 3,
    level: float = 0.95,
    seed: int = 0,
) -> Profile:
    """Return what one person says, against the others.

    A share of a few messages tells of these messages rather than of the person. What someone says
    in the long run is therefore estimated from these and from how people vary, and who says more
    than most is told from that (`saeidioms.findings.habit`), not from the shares as counted.

    Parameters
    ----------
    coded
        M messages, of all people.
    corpus, codes
        The units of these messages, and their codes.
    lexicon
        ``phrase, category, sub_category``, as `saeidioms.taxonomy.codebook.lexicon` returns it.
    who
        The person: a value of `column`.
    column
        Names people; messages without a value are left out.
    order
        Column of numbers or dates, one value a conversation, by which these are put in order, such
        as ``round``; None: as they come in the corpus.
    n_examples
        The most sentences for each sub-category.
    level, seed
        Of the intervals, and of the draws they are read from.

    Raises
    ------
    OptionError
        If there is no such column or person (the nearest is offered), or a number is out of range.
    InputError
        If there is nobody else, or a conversation has no or several values of `order`.

    Notes
    -----
    In simulations (48 designs of 100 studies: 10, 30 or 200 people, 3 conversations of 5 to 9
    messages, mean shares of 0.005 to 0.3, people alike or not, conversations of one alike or not;
    beta-binomial) intervals of 0.95 held the long-run share of a random person in 0.95 of cases
    (0.90 to 0.99, design by design) and their percentile in 0.93 (0.83 to 1); 3 of 123 who were
    said to say something more or less than most did not. That is over people: someone unlike all
    others is drawn towards them, and held less often. Where nothing changes, 0.004 to 0.047 of the
    p-values of a change are below 0.05.
    """
    check_draws(level, 100)
    if n_examples < 1:
        raise OptionError(f"n_examples is {n_examples}; give at least 1.")
    who = str(who)
    named = coded.column(column).notna().to_numpy()
    mine = coded.where(_messages_of(coded.groups(column), named, who, column), f"{column} {who}")
    everyone = coded.where(named, f"a {column}")
    people, talk = everyone.groups(column), everyone.messages[CONVERSATION].to_numpy()
    rng = generator(seed, f"profile.{column}.{who}")
    shares = against_others(everyone.indicators, people, talk, who, level=level, generator=rng)
    parts = course(mine, order, level)
    effect = design_effects(everyone.indicators, np.unique(people, return_inverse=True)[1], talk)
    several = len(set(talk)) > len(set(people))
    return Profile(
        who=who,
        column=column,
        roles=tuple(mine.messages["role"].dropna().value_counts().index.astype(str)),
        n_messages=len(mine),
        n_coded=int(mine.holds.any(axis=1).sum()),
        n_conversations=mine.messages[CONVERSATION].nunique(),
        n_others=len(set(people)) - 1,
        order=order,
        level=level,
        seed=seed,
        taxonomy=coded.taxonomy,
        shares=coded.outcomes.join(shares),
        idioms=own_idioms(
            everyone.messages, people, corpus, lexicon, who, level=level, generator=rng
        ),
        examples=_examples(corpus, codes, mine, n_examples),
        course=parts,
        change=change(parts, effect, level),
        uncertainty=_uncertainty(shares, mine, level, several),
    )


def _messages_of(
    people: npt.NDArray, named: npt.NDArray[np.bool_], who: str, column: str
) -> npt.NDArray[np.bool_]:
    """Return the (M,) mask of a person's messages, who must not be alone."""
    names = sorted(set(people[named]))
    if who not in names:
        listed = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        raise OptionError(
            f"there is no {column} {who!r}; {nearest(who, names)}there are {len(names):,}: "
            f"{listed or 'no message has a value'}."
        )
    if len(names) == 1:
        raise InputError(
            f"{who} is the only {column}; a profile is against others: give a corpus of several "
            "people, or another column."
        )
    own: npt.NDArray[np.bool_] = named & (people == who)
    return own


def _examples(corpus: Corpus, codes: Codes, mine: CodedMessages, most: int) -> pd.DataFrame:
    """Return the strongest different sentences for each sub-category, in its order."""
    columns = ["unit_id", "message_id", CONVERSATION, "text"]
    own = corpus.table.loc[corpus.table["message_id"].isin(mine.messages["message_id"]), columns]
    said = codes.units.merge(own, on="unit_id", validate="many_to_one")
    said["key"] = said["text"].map(plain_key)
    said["place"] = pd.Index(mine.taxonomy.names).get_indexer(said["sub_category"])
    said = said.sort_values(["place", "strength"], ascending=[True, False], kind="stable")
    said = said.drop_duplicates(["place", "key"]).groupby("place", sort=False).head(most)
    columns = ["category", "sub_category", "text", "strength", "message_id", CONVERSATION]
    return said[columns].reset_index(drop=True)


def _uncertainty(shares: pd.DataFrame, mine: CodedMessages, level: float, several: bool) -> str:
    """Return how sure the shares are, as a sentence; `several`: someone has two conversations."""
    reach = max(1, round(100 * float((shares["high"] - shares["low"]).median() / 2)))
    unknown = ", and as nobody here has two conversations, how far these differ is not in it"
    conversations = mine.messages[CONVERSATION].nunique()
    weight = f"{100 * shares['reliability'].mean():.0f}%"
    return (
        f"This rests on {_plural(len(mine), 'message')} in "
        f"{_plural(conversations, 'conversation')}: what this person would say in the long run is "
        f"typically known to within about {_plural(reach, 'percentage point')} "
        f"({100 * level:g}% intervals), with a weight of {weight} on their own messages "
        "and the rest on what people here usually say; smaller differences say nothing"
        f"{'' if several else unknown}."
    )


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records"))
    return rows
