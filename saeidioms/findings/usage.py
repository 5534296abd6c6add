"""What one set of units uses more than another: features, idioms and sub-categories."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse, stats

from saeidioms.corpus.corpus import Corpus
from saeidioms.errors import InputError
from saeidioms.idioms.features import FeatureTable
from saeidioms.idioms.occurrences import find_occurrences
from saeidioms.sae.activations import SparseActivations
from saeidioms.stats.multiplicity import adjusted_within
from saeidioms.taxonomy.coding import Codes
from saeidioms.taxonomy.distribution import check_draws
from saeidioms.taxonomy.taxonomy import Taxonomy

Floats = npt.NDArray[np.float64]
FEATURE, IDIOM, SUB_CATEGORY = "feature", "idiom", "sub_category"
_FEWEST = 2  # clusters a side


@dataclass(frozen=True, eq=False)
class Use:
    """Which units hold which features, idioms and sub-categories.

    Attributes
    ----------
    holds
        (N, T) sparse bool.
    things
        T rows: ``kind`` (``"feature"``, ``"idiom"`` or ``"sub_category"``), ``name``, ``feature``
        (its number; missing for sub-categories).
    clusters
        (N,) what each unit goes with as a whole, such as its person.
    """

    holds: sparse.csr_matrix
    things: pd.DataFrame
    clusters: npt.NDArray

    @classmethod
    def of(
        cls,
        corpus: Corpus,
        activations: SparseActivations,
        codes: Codes,
        taxonomy: Taxonomy,
        features: FeatureTable,
        lexicon: pd.DataFrame,
        clusters: npt.NDArray,
    ) -> Use:
        """Tell what each of the N units of a corpus holds.

        Parameters
        ----------
        corpus, activations, codes
            Units, joined by id.
        taxonomy, features, lexicon
            Names: of the sub-categories, of the features, and ``phrase, feature`` of the idioms.
            Give those of one run for all that is compared.
        clusters
            (N,) as in the class.

        Raises
        ------
        InputError
            If a unit has no activations.
        """
        rows = pd.Index(activations.ids).get_indexer(corpus.ids)
        if (rows < 0).any():
            raise InputError(
                f"unit {corpus.ids[rows < 0][0]} has no activations; give those of its run."
            )
        fires = sparse.csr_matrix(activations.matrix[rows] > 0)
        found = find_occurrences(corpus.texts.tolist(), lexicon["phrase"].tolist())
        said = _marks(found["text"], found["phrase"], (len(corpus), len(lexicon)))
        units = pd.Index(corpus.ids).get_indexer(codes.units["unit_id"])
        places = pd.Index(taxonomy.names).get_indexer(codes.units["sub_category"])
        coded = _marks(units, places, (len(corpus), len(taxonomy.names)))
        readable = np.flatnonzero(features.table["flag"].fillna("").to_numpy() == "")
        table = features.table.iloc[readable]
        things = pd.concat(
            [
                pd.DataFrame({"kind": SUB_CATEGORY, "name": taxonomy.names}),
                pd.DataFrame(
                    {"kind": FEATURE, "name": table["label"], "feature": table["feature"]}
                ),
                pd.DataFrame(
                    {"kind": IDIOM, "name": lexicon["phrase"], "feature": lexicon["feature"]}
                ),
            ],
            ignore_index=True,
        )
        things["feature"] = things["feature"].astype("Int64")
        holds = sparse.hstack([coded, fires[:, readable], said], format="csr")
        return cls(holds.astype(bool), things, np.asarray(clusters, dtype=object))

    def where(self, mask: npt.NDArray[np.bool_]) -> Use:
        """Return the units of an (N,) mask."""
        return Use(self.holds[mask], self.things, self.clusters[mask])


def difference(
    first: Use, second: Use, *, level: float = 0.95, min_count: int = 10
) -> pd.DataFrame:
    """Return what the units of one set hold more often than those of another.

    The share of units that hold a thing is a ratio of sums over clusters; its error is that of
    linearisation with whole clusters (Cochran 1977, *Sampling Techniques*, 6.3; the same as
    cluster-robust least squares). A cluster with units in both sets is compared with itself.

    Parameters
    ----------
    first, second
        Coded by one dictionary: the same things. Differences are second less first.
    level
        Of the t intervals, with one degree of freedom less than the smaller set has clusters.
    min_count
        Things that fewer units of both together hold are left out: there is nothing to learn.

    Returns
    -------
    pandas.DataFrame
        ``kind, name, feature``, ``difference, low, high`` (percentage points), ``p``, ``q``
        (Benjamini and Hochberg within each kind), ``log2_ratio`` (of the shares, half a unit added
        to each side), ``share, baseline_share`` (of the units), ``count, baseline_count, n,
        baseline_n`` (units), ``clusters``, ``confidence_level``; by kind, the largest z first.

    Raises
    ------
    InputError
        If the two were not coded alike, or either has fewer than two clusters.
    """
    check_draws(level, 100)
    if not first.things.equals(second.things):
        raise InputError(
            "the two sets know different features or idioms; code the second by the dictionary of "
            "the first, with `saeidioms apply`."
        )
    sides = (first, second)
    numbers = [len(set(side.clusters)) for side in sides]
    if min(numbers) < _FEWEST:
        raise InputError("one of the sets has one cluster only; nothing tells how it varies.")
    names = pd.unique(np.concatenate([side.clusters for side in sides]))
    counts = [np.asarray(side.holds.sum(axis=0), dtype=np.float64).ravel() for side in sides]
    sizes = [side.holds.shape[0] for side in sides]
    shares = [count / size for count, size in zip(counts, sizes, strict=True)]
    influence = [_influence(side, names, share) for side, share in zip(sides, shares, strict=True)]
    squares = np.square(influence[1] - influence[0]).sum(axis=0)
    error = np.sqrt(len(names) / (len(names) - 1) * squares)
    point, freedom = shares[1] - shares[0], min(numbers) - 1
    # Clusters that are all alike tell nothing of how others would differ.
    error = np.where((error > 0) | (point == 0), error, np.nan)
    z = np.divide(point, error, out=np.zeros_like(point), where=error != 0)
    reach = stats.t.ppf((1 + level) / 2, freedom) * error
    table = first.things.assign(
        difference=100 * point,
        low=100 * (point - reach),
        high=100 * (point + reach),
        p=2 * stats.t.sf(np.abs(z), freedom),
    )
    logs = [np.log2((count + 0.5) / size) for count, size in zip(counts, sizes, strict=True)]
    table = table.assign(
        log2_ratio=logs[1] - logs[0],
        share=shares[1],
        baseline_share=shares[0],
        count=counts[1].astype(int),
        baseline_count=counts[0].astype(int),
        n=sizes[1],
        baseline_n=sizes[0],
        clusters=len(names),
        confidence_level=level,
        z=z,
    )
    table = table[table["count"] + table["baseline_count"] >= min_count]
    table.insert(list(table).index("p") + 1, "q", adjusted_within(table["p"], table["kind"]))
    order = {kind: place for place, kind in enumerate((SUB_CATEGORY, FEATURE, IDIOM))}
    ranked = table.assign(kinds=table["kind"].map(order), size=table["z"].abs().fillna(np.inf))
    ranked = ranked.sort_values(["kinds", "size"], ascending=[True, False], kind="stable")
    return ranked.drop(columns=["kinds", "size", "z"]).reset_index(drop=True)


def _marks(
    rows: npt.ArrayLike, columns: npt.ArrayLike, shape: tuple[int, int]
) -> sparse.csr_matrix:
    rows, columns = np.asarray(rows), np.asarray(columns)
    kept = rows >= 0
    marks = (np.ones(kept.sum()), (rows[kept], columns[kept]))
    return sparse.csr_matrix(marks, shape=shape) > 0


def _influence(side: Use, names: npt.NDArray, share: Floats) -> Floats:
    """Return (G, T): what each cluster adds to the error of the shares of a side."""
    cluster = pd.Index(names).get_indexer(side.clusters)
    ones = np.ones(len(cluster))
    members = sparse.csr_matrix((ones, (cluster, np.arange(len(cluster)))), (len(names), len(ones)))
    sums = (members @ side.holds.astype(np.float64)).toarray()
    sizes = np.asarray(members.sum(axis=1))
    return np.asarray((sums - sizes * share) / len(cluster))
