"""How what is said changes over the course of conversations, by turn or by part."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from saeidioms.errors import OptionError
from saeidioms.progress import track
from saeidioms.seeds import generator
from saeidioms.stats.bootstrap import share_interval, sum_by_cluster
from saeidioms.taxonomy.coded import CodedMessages
from saeidioms.taxonomy.distribution import CONVERSATION, check_draws
from saeidioms.taxonomy.groups import check_name

_TAKEN = (
    "level", "category", "sub_category", "part", "parts", "share", "low", "high", "n", "clusters",
    "confidence_level",
)  # fmt: skip


def trajectory(
    coded: CodedMessages,
    *,
    parts: int = 3,
    turns: int | None = None,
    by: str | None = None,
    cluster: str = CONVERSATION,
    level: float = 0.95,
    n_boot: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the share of messages that hold each category and sub-category, as chats go on.

    Places are those among the messages of a conversation in `coded`: where that holds supporters
    only, the third turn is the supporter's third message.

    Parameters
    ----------
    coded
        M messages.
    parts
        Number of equal parts of a conversation, whatever its length; a message's part is that of
        its middle.
    turns
        Tell messages apart by their number instead, 1 to `turns`, and pool all later ones with the
        last. Conversations end at different turns, so that late turns are of long ones only:
        ``clusters`` says of how many.
    by
        Column whose groups are told apart; None: all together.
    cluster, level, n_boot, seed
        As for `saeidioms.taxonomy.comparison.compare`.

    Returns
    -------
    pandas.DataFrame
        ``level, category, sub_category``, the column `by`, ``part`` (1 to `parts`; one that holds
        no message is left out), ``parts`` (`parts`, or `turns`), ``share, low, high`` (0 to 1;
        pointwise intervals), ``n`` (messages), ``clusters``, ``confidence_level``.

    Raises
    ------
    OptionError
        If `parts` or `turns` is below 1, or there is no such column.
    """
    check_draws(level, n_boot)
    check_name(by, _TAKEN)
    bins, part_of = _parts(coded, parts, turns)
    clusters = coded.clusters(cluster)
    values = coded.groups(by) if by is not None else np.full(len(coded), "")
    tables = []
    cells = [(group, part) for group in dict.fromkeys(values) for part in range(bins)]
    for group, part in track(cells, "resampling turns"):
        rows = (values == group) & (part_of == part)
        if not rows.any():
            continue
        n = sum_by_cluster(np.ones((rows.sum(), 1)), clusters[rows])[:, 0]
        share, low, high = share_interval(
            sum_by_cluster(coded.indicators[rows], clusters[rows]),
            n,
            level=level,
            n_boot=n_boot,
            generator=generator(seed, f"trajectory.{group}.{part}"),
        )
        table = coded.outcomes
        if by is not None:
            table[by] = group
        table["part"], table["parts"], table["share"] = part + 1, bins, share
        table["low"], table["high"], table["n"], table["clusters"] = low, high, rows.sum(), len(n)
        tables.append(table)
    return pd.concat(tables, ignore_index=True).assign(confidence_level=level)


def _parts(
    coded: CodedMessages, parts: int, turns: int | None
) -> tuple[int, npt.NDArray[np.int64]]:
    """Return how many bins there are, and the (M,) bin of each message, from 0."""
    for name, number in (("parts", parts), ("turns", turns)):
        if number is not None and number < 1:
            raise OptionError(f"{name} is {number}; give at least 1.")
    grouped = coded.messages.groupby(CONVERSATION, sort=False)
    place = grouped.cumcount().to_numpy()
    if turns is not None:
        return turns, np.minimum(place, turns - 1)
    size = grouped["message_id"].transform("size").to_numpy()
    # In whole numbers: (place + 1/2) / size * parts, rounded down, without rounding errors.
    return parts, (2 * place + 1) * parts // (2 * size)
