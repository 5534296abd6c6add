"""What follows what: the move of a message, and that of the message after it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from statsmodels.stats.contingency_tables import Table

from saeidioms.corpus.corpus import Corpus
from saeidioms.errors import InputError, OptionError
from saeidioms.progress import track
from saeidioms.seeds import generator
from saeidioms.stats.bootstrap import Floats
from saeidioms.stats.multiplicity import adjusted
from saeidioms.taxonomy.coding import Codes
from saeidioms.taxonomy.distribution import CONVERSATION, as_text
from saeidioms.taxonomy.taxonomy import Taxonomy

UNCODED = "uncoded"

Ints = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Transitions:
    """What follows what, cell by cell, and whether anything depends on what went before.

    Attributes
    ----------
    table
        A row for every two states that occur, in the order of the taxonomy: ``level``
        ("sub_category"), ``category, sub_category`` (what goes before; "uncoded" without a
        category), ``next_category, next`` (what follows), ``count``, ``share`` (of what follows
        this); ``expected`` (mean of the shuffles within conversations), ``lift`` (count over
        expected), ``p`` (two-sided, against the shuffles), ``q`` (Benjamini and Hochberg over all
        cells); for reference ``expected_overall`` (row total times column total over all, as if all
        pairs were independent) and ``residual`` (adjusted, from that; Haberman 1973,
        doi:10.2307/2529686); ``n`` (pairs of messages), ``clusters`` (conversations that hold one).
    overall
        One row: ``statistic`` (sum over cells of the squared distance from ``expected``, over
        it), its ``p`` against the shuffles, ``shuffles``; for reference ``pearson``, ``df``
        and ``pearson_p``, which take all pairs for independent and so are too sure; ``n``,
        ``clusters``.
    """

    table: pd.DataFrame
    overall: pd.DataFrame


def transitions(
    corpus: Corpus,
    codes: Codes,
    taxonomy: Taxonomy,
    *,
    first: str | None = None,
    second: str | None = None,
    n_shuffles: int = 2000,
    seed: int = 0,
) -> Transitions:
    """Return what follows what within conversations, by the primary sub-category of messages.

    The shuffles against which it is tested keep to conversations: messages of the same role in the
    same conversation exchange their moves. So a pair is not made by what a person or conversation
    is full of anyway, nor by how many messages it has; what remains is order.

    Parameters
    ----------
    corpus
        The messages, of one role or several.
    codes
        Their codes; joined by message id.
    taxonomy
        Gives the order.
    first, second
        Roles, such as ``seeker`` and ``supporter``: a message of the one directly followed by one
        of the other. The same role twice: each of its messages and its next one, whatever others
        say between. None and None: every message and the next, of whatever role.
    n_shuffles
        At least 99; the smallest p of a cell is two over their number plus one.
    seed
        Of the shuffles.

    Raises
    ------
    OptionError
        If only one role is given, one is not there, or `n_shuffles` is too small.
    InputError
        If no message of a role is coded, or no conversation holds such a pair.
    """
    if n_shuffles < 99:
        raise OptionError(f"n_shuffles is {n_shuffles}; give at least 99, better 2000.")
    messages = corpus.messages().drop_duplicates("message_id").reset_index(drop=True)
    states = _states(messages, codes, taxonomy)
    before, after = _pairs(messages, first, second)
    roles = as_text(messages["role"])
    _refuse_uncoded(roles, states, np.concatenate([before, after]), len(taxonomy.names))
    used = np.zeros(len(messages), dtype=bool)
    used[before] = used[after] = True
    groups = messages.groupby([CONVERSATION, "role"], sort=False).ngroup().to_numpy()
    # Only messages that stand in a pair change places: the others' moves are in no cell.
    order = np.flatnonzero(used)
    order = order[np.argsort(groups[order], kind="stable")]
    k = len(taxonomy.names) + 1
    observed = _count(states, before, after, k)
    draws = np.empty((n_shuffles, k * k))
    random = generator(seed, "transitions.shuffles")
    shuffled = states.copy()
    for draw in track(range(n_shuffles), "shuffling moves"):
        mixed = order[np.lexsort((random.random(len(order)), groups[order]))]
        shuffled[order] = states[mixed]
        draws[draw] = _count(shuffled, before, after, k)
    clusters = messages[CONVERSATION].iloc[before].nunique()
    occurs = np.isin(np.arange(k), states[before]), np.isin(np.arange(k), states[after])
    table = _table(observed, draws, taxonomy, occurs).assign(n=len(before), clusters=clusters)
    overall = _overall(observed, draws, k).assign(n=len(before), clusters=clusters)
    return Transitions(table, overall)


def _states(messages: pd.DataFrame, codes: Codes, taxonomy: Taxonomy) -> Ints:
    """Return the (M,) place of each message's primary sub-category, S where it has none."""
    primary = codes.messages.drop_duplicates("message_id").set_index("message_id")["sub_category"]
    names = messages["message_id"].map(primary)
    states = pd.Index(taxonomy.names).get_indexer(names)
    unknown = (states < 0) & names.notna().to_numpy()
    if unknown.any():
        raise InputError(
            f"the codes hold {names.to_numpy()[unknown][0]!r}, which the taxonomy "
            f"{taxonomy.name} has not; give those of one run."
        )
    return np.where(states < 0, len(taxonomy.names), states).astype(np.int64)


def _pairs(messages: pd.DataFrame, first: str | None, second: str | None) -> tuple[Ints, Ints]:
    """Return the rows of messages, and of the messages that follow them."""
    roles = as_text(messages["role"])
    if (first is None) != (second is None):
        raise OptionError("give both first and second, or neither: a pair has two roles.")
    for option, role in (("first", first), ("second", second)):
        if role is not None and role not in roles:
            there = ", ".join(dict.fromkeys(roles))
            raise OptionError(
                f"{option} is {role!r}, which is no role of this corpus; there are: {there}. A run "
                "without role has them all."
            )
    rows = np.arange(len(messages))
    if first is not None and first == second:
        rows = rows[roles == first]
    conversations = messages[CONVERSATION].to_numpy()[rows]
    same = conversations[1:] == conversations[:-1]
    before, after = rows[:-1][same], rows[1:][same]
    if first is not None:
        wanted = (roles[before] == first) & (roles[after] == second)
        before, after = before[wanted], after[wanted]
    if not len(before):
        of = f"a message of {first} followed by one of {second}" if first else "two messages"
        raise InputError(f"no conversation holds {of}; nothing follows anything.")
    return before, after


def _refuse_uncoded(roles: npt.NDArray, states: Ints, rows: Ints, uncoded: int) -> None:
    """Refuse a role none of whose messages has a code: its moves are unknown, not absent."""
    for role in dict.fromkeys(roles[rows]):
        if (states[rows[roles[rows] == role]] == uncoded).all():
            coded = dict.fromkeys(roles[states != uncoded])
            way_out = f", or give first and second as {next(iter(coded))}" if coded else ""
            raise InputError(
                f"no message of {role or 'anybody'} has a code, so what it does is not known; code "
                f"the whole corpus{way_out}."
            )


def _count(states: Ints, before: Ints, after: Ints, k: int) -> Floats:
    """Return the (K * K,) counts of pairs of states."""
    return np.bincount(states[before] * k + states[after], minlength=k * k).astype(np.float64)


def _table(
    observed: Floats, draws: Floats, taxonomy: Taxonomy, occurs: tuple[Booleans, Booleans]
) -> pd.DataFrame:
    k = len(taxonomy.names) + 1
    counts = observed.reshape(k, k)
    n = counts.sum()
    rows, columns = counts.sum(axis=1, keepdims=True), counts.sum(axis=0, keepdims=True)
    overall, within = rows * columns / n, draws.mean(axis=0)
    error = np.sqrt(overall * (1 - rows / n) * (1 - columns / n))
    tails = [
        (1 + (side).sum(axis=0)) / (1 + len(draws))
        for side in (draws >= observed, draws <= observed)
    ]
    names = [*((member.category, member.name) for member in taxonomy.sub_categories), ("", UNCODED)]
    table = pd.DataFrame(
        {
            "level": "sub_category",
            "category": [names[i][0] for i in range(k) for _ in range(k)],
            "sub_category": [names[i][1] for i in range(k) for _ in range(k)],
            "next_category": [names[j][0] for _ in range(k) for j in range(k)],
            "next": [names[j][1] for _ in range(k) for j in range(k)],
            "count": observed.astype(np.int64),
            "share": _quotient(counts, rows * np.ones_like(counts)).ravel(),
            "expected": within,
            "lift": _quotient(observed, within),
            "p": np.minimum(1, 2 * np.minimum(*tails)),
            "expected_overall": overall.ravel(),
            "residual": _quotient(counts - overall, error).ravel(),
        }
    )
    table = table[np.outer(*occurs).ravel()].reset_index(drop=True)
    table.insert(list(table).index("p") + 1, "q", adjusted(table["p"]))
    return table


def _overall(observed: Floats, draws: Floats, k: int) -> pd.DataFrame:
    expected = draws.mean(axis=0)
    possible = expected > 0

    def distance(counts: Floats) -> Floats:
        return ((counts - expected)[..., possible] ** 2 / expected[possible]).sum(axis=-1)

    statistic = distance(observed)
    counts = observed.reshape(k, k)
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    # One state on either side leaves nothing to depend on, and statsmodels without freedom.
    several = min(counts.shape) > 1
    pearson = Table(counts, shift_zeros=False).test_nominal_association() if several else None
    return pd.DataFrame(
        {
            "statistic": [float(statistic)],
            "p": [(1 + (distance(draws) >= statistic - 1e-9).sum()) / (1 + len(draws))],
            "shuffles": [len(draws)],
            "pearson": [pearson.statistic if pearson else np.nan],
            "df": [pearson.df if pearson else 0],
            "pearson_p": [pearson.pvalue if pearson else np.nan],
        }
    )


def _quotient(numerator: Floats, denominator: Floats) -> Floats:
    return np.divide(
        numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator > 0
    )
