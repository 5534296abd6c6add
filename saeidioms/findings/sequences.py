"""Templates: orders of sub-categories within messages that recur beyond what chance would make."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from saeidioms.corpus.corpus import Corpus
from saeidioms.errors import InputError, OptionError
from saeidioms.progress import track
from saeidioms.seeds import generator
from saeidioms.stats.bootstrap import share_interval, sum_by_cluster
from saeidioms.stats.multiplicity import adjusted
from saeidioms.taxonomy.coding import Codes
from saeidioms.taxonomy.distribution import (
    CONVERSATION,
    as_text,
    check_draws,
    no_column,
    own_where_missing,
)
from saeidioms.taxonomy.taxonomy import Taxonomy

ARROW = " → "
SHORTEST = 2  # moves that have an order
_FEWEST_SHUFFLES = 99

Ints = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Sequences:
    """The moves of messages in their order; a move is a run of units of one sub-category.

    Attributes
    ----------
    messages
        M rows, those with two moves or more: ``message_id``, ``conversation_id`` and the columns
        of the input.
    owners
        (U,) int64, the row of `messages` that each move belongs to, ascending.
    moves
        (U,) int64, its sub-category's place in `names`.
    names
        S sub-categories.
    """

    messages: pd.DataFrame
    owners: Ints
    moves: Ints
    names: tuple[str, ...]

    def __len__(self) -> int:
        """Return M."""
        return len(self.messages)

    @property
    def wholes(self) -> npt.NDArray:
        """(M,) the whole sequence of each message, as text."""
        return _joined(self.owners, [self.names[move] for move in self.moves])

    def column(self, name: str) -> npt.NDArray:
        """Return the (M,) values of a column as strings, ``"missing"`` where there is none.

        Raises
        ------
        OptionError
            If there is no such column.
        """
        if name not in self.messages.columns:
            raise no_column(name, list(self.messages.columns))
        return as_text(self.messages[name])

    def clusters(self, name: str) -> npt.NDArray:
        """Return the (M,) cluster of each message: the value of a column, or its conversation."""
        return own_where_missing(self.column(name), self.messages[CONVERSATION])

    def holds(self, templates: list[str]) -> Booleans:
        """Return (M, T): which message holds which template, its moves in direct succession."""
        wholes = [f"{ARROW}{whole}{ARROW}" for whole in self.wholes]
        wanted = [f"{ARROW}{template}{ARROW}" for template in templates]
        return np.array([[one in whole for one in wanted] for whole in wholes], dtype=bool).reshape(
            len(self), len(templates)
        )


def move_sequences(corpus: Corpus, codes: Codes, taxonomy: Taxonomy) -> Sequences:
    """Return the moves of each message: its coded units in order, each by its strongest code.

    Units without a code (greetings, "ok") are passed over, and neighbours of the same sub-category
    are one move, so that a template does not depend on how many sentences a move takes.

    Raises
    ------
    InputError
        If units are whole messages, or no message has two moves.
    """
    if corpus.unit == "message":
        raise InputError(
            "the units of this corpus are whole messages, which have no order within; code its "
            'sentences: corpus.units("sentence").'
        )
    # A unit's strongest code comes first only in codes that `code` made: sort those of others too.
    strongest = codes.units.sort_values("strength", ascending=False, kind="stable")
    strongest = strongest.drop_duplicates("unit_id")
    units = corpus.table[["unit_id", "message_id"]].merge(
        strongest[["unit_id", "sub_category"]], on="unit_id", validate="one_to_one"
    )
    messages = corpus.messages().drop_duplicates("message_id").reset_index(drop=True)
    owners = pd.Index(messages["message_id"]).get_indexer(units["message_id"])
    moves = pd.Index(taxonomy.names).get_indexer(units["sub_category"])
    if (moves < 0).any():
        unknown = units["sub_category"].to_numpy()[moves < 0][0]
        raise InputError(f"the codes hold {unknown!r}, which the taxonomy {taxonomy.name} has not.")
    owners, moves = _without_runs(owners.astype(np.int64), moves.astype(np.int64))
    lengths = np.bincount(owners, minlength=len(messages))
    ordered = lengths >= SHORTEST
    if not ordered.any():
        raise InputError(
            "no message holds two sub-categories one after the other: no order to see."
        )
    keep = ordered[owners]
    rows = np.cumsum(ordered) - 1
    return Sequences(
        messages[ordered].reset_index(drop=True), rows[owners[keep]], moves[keep], taxonomy.names
    )


def find_templates(
    corpus: Corpus,
    codes: Codes,
    taxonomy: Taxonomy,
    *,
    min_support: float = 0.01,
    max_length: int = 5,
    n_shuffles: int = 1000,
    cluster: str = CONVERSATION,
    level: float = 0.95,
    n_boot: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Find the sequences of sub-categories that recur within messages, by counting all of them.

    A sequence is of moves in direct succession. Units without a code are no moves, so small talk
    does not part a template; gaps over other moves are not allowed, since nearly every pair of
    moves in a long message would then be one and a table of them says little about order.

    How often each would occur if order did not matter is counted in corpora in which every message
    keeps its moves and their order is shuffled (neighbours of the same kind become one again). What
    a message says is thereby held fixed: the lift is that of order alone.

    Only closed sequences are listed (Pasquier et al. 1999, doi:10.1007/3-540-49257-7_25): one that
    occurs only as part of one longer sequence is left out, since that says all there is.

    Parameters
    ----------
    corpus
        Sentences.
    codes, taxonomy
        Their codes, joined by unit id, and the order of sub-categories.
    min_support
        Least share of the messages that hold a sequence (above 0, at most 1; never fewer than two).
    max_length
        Most moves of a sequence, at least 2.
    n_shuffles
        Shuffled corpora, at least 99; the smallest p is one over their number plus one.
    cluster, level, n_boot, seed
        As for `saeidioms.taxonomy.comparison.compare`.

    Returns
    -------
    pandas.DataFrame
        ``template`` (names joined by " → "), ``length``, ``support`` (messages that hold it),
        ``share, low, high`` (of messages with two moves or more), ``expected`` (mean support in
        shuffled corpora), ``lift`` (NaN where none of these holds it), ``p`` (one-sided: as much
        support in a shuffled corpus; Phipson and Smyth 2010, doi:10.2202/1544-6115.1585), ``q``
        (Benjamini and Hochberg; the family is every sequence that reaches `min_support` in the data
        or in any shuffled corpus, those of the latter only with p = 1, so that having been picked
        for its support helps no sequence), ``n`` (messages with two moves or more), ``clusters``,
        ``confidence_level``.
        The most frequent first. Call those templates whose q is small.

    Raises
    ------
    InputError
        If units are whole messages, or no message has two moves.
    OptionError
        If an option is out of range, or there is no such column.
    """
    check_draws(level, n_boot)
    _check_options(min_support, max_length, n_shuffles)
    found = move_sequences(corpus, codes, taxonomy)
    _refuse_overflow(len(found), len(found.names), max_length)
    clusters = found.clusters(cluster)
    least = max(2, int(np.ceil(min_support * len(found))))
    random = generator(seed, "templates.shuffles")
    table = _against_shuffles(found, max_length, least, n_shuffles, random)
    table = table[_closed(table)].sort_values(
        ["support", "length", "template"], ascending=[False, False, True], ignore_index=True
    )
    share, low, high = share_interval(
        sum_by_cluster(found.holds(table["template"].tolist()), clusters),
        sum_by_cluster(np.ones((len(found), 1)), clusters)[:, 0],
        level=level,
        n_boot=n_boot,
        generator=generator(seed, "templates.shares"),
    )
    for place, (name, values) in enumerate((("share", share), ("low", low), ("high", high))):
        table.insert(3 + place, name, values)
    return table.assign(n=len(found), clusters=len(np.unique(clusters)), confidence_level=level)


def _check_options(min_support: float, max_length: int, n_shuffles: int) -> None:
    if not 0 < min_support <= 1:
        raise OptionError(f"min_support is {min_support}; give a share above 0, such as 0.01.")
    if max_length < SHORTEST:
        raise OptionError(f"max_length is {max_length}; give at least {SHORTEST}.")
    if n_shuffles < _FEWEST_SHUFFLES:
        raise OptionError(
            f"n_shuffles is {n_shuffles}; give at least {_FEWEST_SHUFFLES}, better 1000."
        )


def _refuse_overflow(messages: int, s: int, longest: int) -> None:
    if (messages + 1) * s**longest >= 2**63:
        raise OptionError(
            f"max_length is {longest}, too long for {s} sub-categories in {messages:,} messages; "
            "give a smaller one."
        )


def _against_shuffles(
    found: Sequences, longest: int, least: int, n_shuffles: int, random: np.random.Generator
) -> pd.DataFrame:
    """Return the frequent sequences with their support, as it is and in shuffled corpora."""
    s = len(found.names)
    numbers, support = _supports(found.owners, found.moves, s, longest)
    numbers, support = numbers[support >= least], support[support >= least]
    totals, reached = np.zeros(len(numbers)), np.zeros(len(numbers))
    family = set(numbers.tolist())
    for _ in track(range(n_shuffles), "shuffling moves"):
        owners, moves = _without_runs(found.owners, _shuffled(found.owners, found.moves, random))
        drawn, counts = _supports(owners, moves, s, longest)
        family.update(drawn[counts >= least].tolist())
        there = _looked_up(numbers, drawn, counts)
        totals += there
        reached += there >= support
    spelt = [_spelt(number, found.names) for number in numbers.tolist()]
    expected, p = totals / n_shuffles, (1 + reached) / (1 + n_shuffles)
    return pd.DataFrame(
        {
            "template": [ARROW.join(moves) for moves in spelt],
            "length": [len(moves) for moves in spelt],
            "support": support,
            "expected": expected,
            "lift": np.divide(
                support, expected, out=np.full(len(support), np.nan), where=expected > 0
            ),
            "p": p,
            "q": adjusted(np.concatenate([p, np.ones(len(family) - len(p))]))[: len(p)],
        }
    )


def _joined(owners: Ints, names: list[str]) -> npt.NDArray:
    """Return the names of each owner joined by arrows."""
    starts = np.flatnonzero(np.diff(owners, prepend=-1))
    ends = [*starts[1:], len(owners)]
    return np.array(
        [ARROW.join(names[a:b]) for a, b in zip(starts, ends, strict=True)], dtype=object
    )


def _without_runs(owners: Ints, moves: Ints) -> tuple[Ints, Ints]:
    """Return moves in which neighbours of the same kind in a message are one."""
    new = np.ones(len(moves), dtype=bool)
    new[1:] = (owners[1:] != owners[:-1]) | (moves[1:] != moves[:-1])
    return owners[new], moves[new]


def _shuffled(owners: Ints, moves: Ints, random: np.random.Generator) -> Ints:
    """Return the moves of each message in random order."""
    return moves[np.lexsort((random.random(len(moves)), owners))]


def _windows(owners: Ints, moves: Ints, s: int, longest: int) -> Iterator[tuple[int, Ints, Ints]]:
    """Yield length, (W,) owners and (W,) numbers in base `s` of all sequences in succession."""
    codes = moves
    for length in range(SHORTEST, longest + 1):
        codes = codes[:-1] * s + moves[length - 1 :]
        same = owners[: len(codes)] == owners[length - 1 :]
        if not same.any():
            return
        yield length, owners[: len(codes)][same], codes[same]


def _supports(owners: Ints, moves: Ints, s: int, longest: int) -> tuple[Ints, Ints]:
    """Return the ascending numbers of all sequences, and how many messages hold each.

    Before the digits of a sequence stands a 1, which tells its length.
    """
    numbers, counts = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for length, own, codes in _windows(owners, moves, s, longest):
        once = np.unique(own * s**length + codes) % s**length
        found, times = np.unique(once, return_counts=True)
        numbers.append(s**length + found)
        counts.append(times)
    return np.concatenate(numbers), np.concatenate(counts)


def _looked_up(wanted: Ints, numbers: Ints, counts: Ints) -> Ints:
    """Return the counts of wanted numbers among ascending ones, 0 where one is not there."""
    if not len(numbers):
        return np.zeros(len(wanted), dtype=np.int64)
    place = np.minimum(np.searchsorted(numbers, wanted), len(numbers) - 1)
    return np.where(numbers[place] == wanted, counts[place], 0)


def _spelt(number: int, names: tuple[str, ...]) -> list[str]:
    """Return the names of a sequence from its number in base S."""
    moves: list[str] = []
    while number >= len(names):
        number, digit = divmod(number, len(names))
        moves.insert(0, names[digit])
    return moves


def _closed(table: pd.DataFrame) -> Booleans:
    """Return which sequences are not part of a longer one with the same support."""
    most: dict[str, int] = {}
    for template, support in zip(table["template"], table["support"], strict=True):
        moves = template.split(ARROW)
        for part in (ARROW.join(moves[1:]), ARROW.join(moves[:-1])):
            most[part] = max(most.get(part, 0), support)
    return np.array(
        [most.get(one, 0) < n for one, n in zip(table["template"], table["support"], strict=True)],
        dtype=bool,
    )
