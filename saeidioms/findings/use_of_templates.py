"""How far people and groups follow templates, what they say that others do not, and its variety."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from scipy.special import gammaln

from saeidioms.corpus.corpus import Corpus
from saeidioms.errors import OptionError
from saeidioms.findings.sequences import ARROW, SHORTEST, Ints, move_sequences
from saeidioms.progress import track
from saeidioms.seeds import generator
from saeidioms.stats.bootstrap import FEWEST_CLUSTERS, Floats, share_interval, sum_by_cluster
from saeidioms.taxonomy.coding import Codes
from saeidioms.taxonomy.distribution import CONVERSATION, check_draws
from saeidioms.taxonomy.groups import check_name
from saeidioms.taxonomy.taxonomy import Taxonomy

logger = logging.getLogger(__name__)

_TAKEN = ("measure", "value", "low", "high", "sample", "n", "clusters", "confidence_level")
_MEASURES = ("coverage", "novelty", "variety")


def template_use(
    corpus: Corpus,
    codes: Codes,
    taxonomy: Taxonomy,
    templates: Iterable[str],
    *,
    by: str,
    baseline: str | None = None,
    sample: int | None = None,
    cluster: str = CONVERSATION,
    level: float = 0.95,
    n_boot: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return how far each group follows templates, says what others do not, and varies.

    Parameters
    ----------
    corpus, codes, taxonomy
        As for `find_templates`.
    templates
        Such as the column ``template`` of those of `find_templates` whose q is small.
    by
        Column of the groups: ``arm``, ``participant_id``, or whether a human or an LLM wrote.
    baseline
        The group whose sequences the others' novelty is measured against; None: each group's
        against those of all other groups.
    sample
        Messages over which variety is counted; None: the most that all groups have without any one
        of their clusters, and at least 2. Groups that have fewer have no variety.
    cluster
        Column of what is drawn (or left out) as a whole. Where groups are people, their
        conversations.
    level, n_boot, seed
        Of the intervals.

    Returns
    -------
    pandas.DataFrame
        ``measure``, the column `by`, ``value, low, high``, ``sample``, ``n`` (messages with two
        moves or more), ``clusters``, ``confidence_level``. The measures are

        - ``coverage``: share of messages that hold at least one template.
        - ``novelty``: the expected share of messages whose whole sequence does not occur in
          ``sample`` messages drawn from the reference without replacement. The same number for
          all groups, since more messages know more sequences; the reference is held fixed in the
          intervals. None for the baseline itself.
        - ``variety``: the expected number of different whole sequences among ``sample`` messages
          (rarefaction; Hurlbert 1971, doi:10.2307/1934145). The interval is a t interval with the
          error of leaving out one cluster at a time (Tukey 1958), since draws with replacement
          repeat clusters and so hold too few different sequences.

    Raises
    ------
    OptionError
        If a column, the baseline or a template's sub-category is not there, there are no templates
        or only one group, or `sample` is below 2.
    InputError
        If units are whole messages, or no message has two moves.
    """
    check_draws(level, n_boot)
    wanted = _checked_templates(list(templates), taxonomy)
    check_name(by, _TAKEN)
    if sample is not None and sample < SHORTEST:
        raise OptionError(f"sample is {sample}; give at least {SHORTEST} messages.")
    found = move_sequences(corpus, codes, taxonomy)
    values, clusters = found.column(by), found.clusters(cluster)
    _check_groups(values, by, baseline)
    covered = np.asarray(found.holds(wanted).any(axis=1), np.float64)
    kinds = pd.factorize(found.wholes)[0]
    groups = {name: np.flatnonzero(values == name) for name in dict.fromkeys(values)}
    known = _size_of_references(groups, baseline, len(found))
    drawn = sample or max(SHORTEST, min(_spare(clusters[rows]) for rows in groups.values()))
    lines = []
    for name, rows in track(groups.items(), "resampling groups", total=len(groups)):
        own, n = clusters[rows], len(rows)
        reference = _reference(kinds, rows, groups[baseline] if baseline is not None else None)
        novel = _missed(reference, known)[kinds[rows]]
        shares = share_interval(
            sum_by_cluster(np.column_stack([covered[rows], novel]), own),
            sum_by_cluster(np.ones((n, 1)), own)[:, 0],
            level=level,
            n_boot=n_boot,
            generator=generator(seed, f"template use.{name}"),
        )
        coverage, novelty = zip(*shares, strict=True)
        variety = _variety(kinds[rows], own, drawn, level)
        measured = zip(_MEASURES, (coverage, novelty, variety), (n, known, drawn), strict=True)
        lines += [
            (measure, name, *interval, size, n, len(np.unique(own)))
            for measure, interval, size in measured
            if not (measure == "novelty" and name == baseline)
        ]
    columns = ["measure", by, "value", "low", "high", "sample", "n", "clusters"]
    table = pd.DataFrame(lines, columns=columns).assign(confidence_level=level)
    lacking = int(table.loc[table["measure"] == "variety", "value"].isna().sum())
    if lacking:
        logger.warning(
            "%d of %d groups have fewer than %d messages with two moves: no variety is given.",
            lacking, len(groups), drawn,
        )  # fmt: skip
    order = table["measure"].map(_MEASURES.index)
    return table.sort_values("measure", key=lambda _: order, kind="stable", ignore_index=True)


def _check_groups(values: npt.NDArray, by: str, baseline: str | None) -> None:
    names = list(dict.fromkeys(values))
    if len(names) == 1:
        raise OptionError(f"{by} has only the value {names[0]!r}; choose a column with two.")
    if baseline is not None and baseline not in names:
        raise OptionError(
            f"baseline is {baseline!r}, which is no value of {by} among the messages with two "
            f"moves; there are: {', '.join(names[:12])}."
        )


def _size_of_references(groups: dict[str, Ints], baseline: str | None, everything: int) -> int:
    """Return how many messages every group can be compared with."""
    if baseline is not None:
        return len(groups[baseline])
    return everything - max(len(rows) for rows in groups.values())


def _reference(kinds: Ints, rows: Ints, baseline: Ints | None) -> Ints:
    """Return (K,): how often each kind of sequence occurs in what a group is compared with."""
    k = kinds.max() + 1
    if baseline is not None:
        return np.bincount(kinds[baseline], minlength=k)
    return np.bincount(kinds, minlength=k) - np.bincount(kinds[rows], minlength=k)


def _spare(clusters: npt.NDArray) -> int:
    """Return how many messages are left when the largest cluster is left out."""
    return len(clusters) - int(np.unique(clusters, return_counts=True)[1].max())


def _missed(counts: npt.NDArray, drawn: float) -> Floats:
    """Return (..., K): the chance that none of each kind is among so many drawn of (..., K) counts.

    Hypergeometric; the counts may be any numbers, the draw at most their sum.
    """
    rest = counts.sum(axis=-1, keepdims=True) - counts
    total = rest + counts
    possible = rest >= drawn
    rest = np.where(possible, rest, drawn)
    logarithm = gammaln(rest + 1) - gammaln(rest - drawn + 1)
    logarithm = logarithm - gammaln(total + 1) + gammaln(total - drawn + 1)
    return np.where(possible, np.exp(logarithm), 0.0)


def _variety(
    kinds: Ints, clusters: npt.NDArray, drawn: int, level: float
) -> tuple[float, float, float]:
    """Return the rarefied number of different kinds, with a jackknife interval over clusters."""
    if len(kinds) < drawn:
        return np.nan, np.nan, np.nan
    own = np.unique(kinds, return_inverse=True)[1]
    counts = np.bincount(own)
    value = float((1 - _missed(counts, drawn)).sum())
    codes = np.unique(clusters, return_inverse=True)[1]
    sizes = np.bincount(codes)
    if len(sizes) < FEWEST_CLUSTERS or len(kinds) - sizes.max() < drawn:
        return value, np.nan, np.nan
    order = np.argsort(codes, kind="stable")
    members = np.split(own[order], np.cumsum(sizes)[:-1])
    left_out = np.array(
        [
            (1 - _missed(counts - np.bincount(one, minlength=len(counts)), drawn)).sum()
            for one in members
        ]
    )
    error = np.sqrt((len(sizes) - 1) * left_out.var())
    reach = float(stats.t.ppf((1 + level) / 2, len(sizes) - 1) * error)
    return value, value - reach, value + reach


def _checked_templates(templates: list[str], taxonomy: Taxonomy) -> list[str]:
    if not templates:
        raise OptionError("templates is empty; give at least one, such as those of find_templates.")
    for template in templates:
        for name in template.split(ARROW):
            taxonomy.category_of(name)
    return templates
