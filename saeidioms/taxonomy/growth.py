"""Sub-categories that the data ask for and the taxonomy lacks, as a draft for people to edit."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import silhouette_score

from saeidioms.embedding.embed import embed_like
from saeidioms.errors import InputError, OptionError
from saeidioms.idioms.features import FeatureTable
from saeidioms.idioms.words import plain_key, stem
from saeidioms.progress import track
from saeidioms.taxonomy.codebook import Codebook
from saeidioms.taxonomy.placing import Encode
from saeidioms.taxonomy.taxonomy import Category, SubCategory, Taxonomy

logger = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PROPOSED = "Proposed"
_DEFINITION = "Kinds of expression that the corpus holds and the other categories lack."
_WEAK = 1 / 3  # confidence in its place below which a feature is doubtful
_CHANCES = 1.5  # times the chance of hitting upon a place, where there are few of them
_STRONG = ("top", "middle")  # examples that a seed is taken from
# Where conversations are too short for a topic to come back in them, all features spread alike.
_SPREAD = 0.95
_SURE = 1.64  # errors: one in twenty by chance
_FEWEST_FEATURES = 2  # a single feature is too narrow for a sub-category
# Cosine distances without what all texts share: features further apart never belong together, and
# what is nearer to a place is that place (on ESConv "I'm sorry to hear that" at 0.56).
_UNLIKE = 0.85
_COVERED = 0.6
_MOST_FEATURES = 4000  # whose distances fit into memory (128 MB)
_CUTS = 40
_EXAMPLES = 10
_PHRASES = 4
_NAME_PHRASES = 2
_NAME_WORDS = 6
_SEED_CHARACTERS = 200
_DECIMALS = 4


@dataclass(frozen=True)
class Proposal:
    """A sub-category that features ask for.

    Attributes
    ----------
    name
        Its features' most telling phrases, such as "take care / have a great day".
    definition
        A draft, to be written by a person.
    examples
        Distinct units on which its features fire strongly, nearest to its centroid first.
    features
        Numbers of its features, the most frequent first.
    share
        Of the units, that one of its features or more fires on, estimated from their densities
        as if they fired independently.
    nearest, distance
        The sub-category or outside group whose seeds are nearest, and the cosine distance of
        their mean to the centroid of the features, without what all features share; 0 to 2.
    """

    name: str
    definition: str
    examples: tuple[str, ...]
    features: tuple[int, ...]
    share: float
    nearest: str
    distance: float


@dataclass(frozen=True)
class Growth:
    """What a taxonomy could be extended by.

    Attributes
    ----------
    proposals
        The most frequent first.
    n_candidates
        Frequent features that have no place, or a doubtful one, and are no topics.
    coverage
        Share of all firings of readable features that the proposals' features make up.
    """

    proposals: tuple[Proposal, ...]
    n_candidates: int
    coverage: float


def propose_growth(
    features: FeatureTable,
    codebook: Codebook,
    *,
    spread: tuple[Floats, Floats] | None = None,
    encode: Encode | None = None,
    least_density: float = 0.005,
) -> Growth:
    """Group the frequent features that the taxonomy has no good place for.

    Candidates are readable features that have no place in the codebook, or one with a confidence
    below a third (of G < 5 places: 1.5 / G), unless a person gave it. A taxonomy of what is done
    with words wants ways of saying, not topics; a topic comes back within the conversation that it
    is of. So features that surely spread over conversations less than the median feature with a
    good place are topics, and no candidates. The others are clustered by the
    cosine between their centroids, without what all centroids share (agglomerative, average
    linkage). The tree is cut at the distance, of 40 up to 0.85, at which the clusters have the
    greatest mean silhouette (Rousseeuw 1987, doi:10.1016/0377-0427(87)90125-7); it is not cut
    where all join below 0.85. A cluster of at least two features is a proposal, unless the seeds
    of a place are within a distance of 0.6. Nothing is random.

    Parameters
    ----------
    features
        F features with centroids, idioms and examples.
    codebook
        Their places.
    spread
        (F,) with (F,) errors, see `saeidioms.taxonomy.spread.spread_over_conversations`; None: no
        feature is taken for a topic.
    encode
        Texts to (n, D) embeddings, by the encoder of the corpus; by default that is loaded by its
        name.
    least_density
        Share of the units that a candidate must fire on; above 0 and below 1.

    Raises
    ------
    OptionError
        If `least_density` is not between 0 and 1.
    InputError
        If the codebook is of another number of features.
    """
    if not 0 < least_density < 1:
        raise OptionError(f"least_density is {least_density}; it must lie between 0 and 1.")
    if len(features) != len(codebook.table):
        raise InputError(
            f"There are {len(features)} features and the codebook is of {len(codebook.table)}; "
            "give those of one run."
        )
    readable = features.table["flag"].fillna("").to_numpy(object) == ""
    density = features.table["density"].to_numpy(np.float64)
    placed = ~_without_good_place(codebook)
    frequent = readable & (density >= least_density) & ~placed
    topics = _topics(spread, readable & placed)
    candidates = np.flatnonzero(frequent & ~topics)
    clusters = _clusters(_rarest_left_out(candidates, density), features)
    encode = encode or embed_like(features.encoder)
    proposals = _drafts(clusters, features, codebook.taxonomy, encode) if clusters else ()
    members = [number for one in proposals for number in one.features]
    firings = features.table["n_units"].to_numpy(np.float64)
    coverage = float(firings[members].sum() / max(firings[readable].sum(), 1.0))
    logger.info(
        "%d features on %g%% of the units or more have no good place in the taxonomy %s (and %d "
        "more, which are topics of some conversations); %s.",
        *(len(candidates), 100 * least_density, codebook.taxonomy.name),
        int((frequent & topics).sum()),
        f"{len(members)} of them, {coverage:.1%} of all firings, ask for {len(proposals)} new "
        "sub-categories"
        if proposals
        else "no two of them are alike and far from every place, so that nothing is proposed",
    )
    return Growth(proposals, len(candidates), coverage)


def grown_taxonomy(taxonomy: Taxonomy, growth: Growth) -> Taxonomy:
    """Return the taxonomy with the proposals as sub-categories of a new category, in grey.

    Names that are taken get a number; examples that are seeds already are left out, and so is a
    proposal of which none is left. Letter case does not tell names or seeds apart.

    Raises
    ------
    InputError
        If there is nothing to add.
    """
    holders = _seeds(taxonomy)
    names = {name.casefold() for name in holders}
    seeds = {seed.casefold() for own in holders.values() for seed in own}
    category = _unused(PROPOSED, {one.name.casefold() for one in taxonomy.categories})
    added = []
    for one in growth.proposals:
        kept = []
        for example in one.examples:
            if example.casefold() not in seeds:
                seeds.add(example.casefold())
                kept.append(example)
        if kept:
            name = _unused(one.name, names)
            names.add(name.casefold())
            added.append(SubCategory(name, category, one.definition, (), (), tuple(kept), ()))
    if not added:
        raise InputError(
            f"no feature asks for a sub-category beyond the taxonomy {taxonomy.name}, which stays "
            "as it is; to leave more features without a place, make the codebook again with a "
            "higher --min-confidence, or the dictionary with more --n-features."
        )
    return replace(
        taxonomy,
        categories=(*taxonomy.categories, Category(category, _DEFINITION, "grey")),
        sub_categories=(*taxonomy.sub_categories, *added),
    )


def _without_good_place(codebook: Codebook) -> npt.NDArray[np.bool_]:
    """Return bool (F,): which features have no place or a doubtful one, by no person's word."""
    table = codebook.table
    nowhere = (table["sub_category"] == "") & (table["outside"] == "")
    doubtful = nowhere | (table["confidence"] < max(_WEAK, _CHANCES / len(codebook.groups)))
    return np.asarray(doubtful & (table["source"] != "override"), dtype=bool)


def _topics(
    spread: tuple[Floats, Floats] | None, placed: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Return bool (F,): which features surely spread less than most that have a good place."""
    if spread is None or not placed.any():
        return np.zeros(len(placed), dtype=bool)
    value, error = spread
    return value + _SURE * error < min(float(np.nanmedian(value[placed])), _SPREAD)


def _rarest_left_out(candidates: Ints, density: Floats) -> Ints:
    if len(candidates) <= _MOST_FEATURES:
        return candidates
    logger.warning(
        "%d features have no good place; only the %d most frequent are clustered.",
        *(len(candidates), _MOST_FEATURES),
    )
    frequent = np.argsort(-density[candidates], kind="stable")[:_MOST_FEATURES]
    return np.sort(candidates[frequent])


def _clusters(candidates: Ints, features: FeatureTable) -> list[Ints]:
    """Return clusters of two candidates or more, each the most frequent first."""
    if len(candidates) < _FEWEST_FEATURES:
        return []
    rows = _centred(np.asarray(features.centroids[candidates], np.float64), _origin(features))
    distances = np.clip(1 - rows @ rows.T, 0.0, 2.0)
    np.fill_diagonal(distances, 0.0)
    labels = _best_cut(distances)
    density = features.table["density"].to_numpy(np.float64)
    clusters = [candidates[labels == label] for label in range(int(labels.max()) + 1)]
    return [
        own[np.argsort(-density[own], kind="stable")]
        for own in clusters
        if len(own) >= _FEWEST_FEATURES
    ]


def _origin(features: FeatureTable) -> Floats:
    """Return (D,): the mean centroid by firings, which all texts of a corpus share."""
    weights = features.table["n_units"].to_numpy(np.float64)
    return np.average(np.asarray(features.centroids, np.float64), axis=0, weights=weights)


def _centred(rows: Floats, origin: Floats) -> Floats:
    """Return rows of unit length that lead from the origin to these."""
    steps = rows - origin
    length = np.linalg.norm(steps, axis=1, keepdims=True)
    return steps / np.where(length > 0, length, 1.0)


def _best_cut(distances: Floats) -> Ints:
    """Return the cluster of each row, at the cut of the greatest mean silhouette."""
    tree = AgglomerativeClustering(
        n_clusters=None, distance_threshold=0.0, metric="precomputed", linkage="average"
    ).fit(distances)
    labels = _below(tree.children_, tree.distances_, _UNLIKE)
    if not labels.any():
        return labels
    best = 0.0
    for cut in track(np.linspace(0, _UNLIKE, _CUTS), "grouping features"):
        found = _below(tree.children_, tree.distances_, cut)
        if 1 < found.max() + 1 < len(found):  # else there is no silhouette
            score = float(silhouette_score(distances, found, metric="precomputed"))
            if score > best:
                best, labels = score, found
    return labels


def _below(children: Ints, heights: Floats, cut: float) -> Ints:
    """Return the cluster of each leaf when only the joins up to a height are made."""
    n_leaves = len(children) + 1
    parent = np.arange(n_leaves + len(children))
    for join, pair in enumerate(children[heights <= cut + 1e-9]):
        parent[pair] = n_leaves + join
    for node in range(len(parent) - 1, -1, -1):  # a parent has a higher number than its children
        parent[node] = parent[parent[node]]
    return np.unique(parent[:n_leaves], return_inverse=True)[1].astype(np.int64)


def _seeds(taxonomy: Taxonomy) -> dict[str, tuple[str, ...]]:
    """Return the seeds of each sub-category and outside group."""
    inside = {sub.name: sub.expressions for sub in taxonomy.sub_categories}
    return inside | {group.name: group.seeds for group in taxonomy.outside}


def _drafts(
    clusters: list[Ints], features: FeatureTable, taxonomy: Taxonomy, encode: Encode
) -> tuple[Proposal, ...]:
    """Return a proposal for each cluster that no place covers, the most frequent first."""
    origin = _origin(features)
    density = features.table["density"].to_numpy(np.float64)
    seeds = _seeds(taxonomy)
    examples = [_strong_examples(features, own) for own in clusters]
    texts = list(dict.fromkeys(text for own in (*seeds.values(), *examples) for text in own))
    vectors = dict(zip(texts, np.asarray(encode(texts), np.float64), strict=True))
    places = np.array([np.mean([vectors[seed] for seed in own], axis=0) for own in seeds.values()])
    names: set[str] = set()
    proposals = []
    share = [float(1 - np.prod(1 - density[own])) for own in clusters]
    for number in np.argsort([-one for one in share], kind="stable").tolist():
        own, said = clusters[number], examples[number]
        centroid = np.average(features.centroids[own], axis=0, weights=density[own])
        towards = _centred(centroid[None], origin)[0]
        distances = 1 - _centred(places, origin) @ towards
        if distances.min() < _COVERED:
            continue
        near = _centred(np.array([vectors[text] for text in said]), origin) @ towards
        chosen = tuple(said[i] for i in np.argsort(-near, kind="stable")[:_EXAMPLES])
        phrases = _phrases(features, own) or [" ".join(chosen[0].split()[:_NAME_WORDS])]
        name = _unused(" / ".join(phrases[:_NAME_PHRASES]), names)
        names.add(name.casefold())
        quoted = ", ".join(f'"{phrase}"' for phrase in phrases)
        proposals.append(
            Proposal(
                name=name,
                definition=f"To be written: what expressions such as {quoted} have in common.",
                examples=chosen,
                features=tuple(own.tolist()),
                share=round(share[number], _DECIMALS),
                nearest=list(seeds)[int(distances.argmin())],
                distance=round(float(distances.min()), _DECIMALS),
            )
        )
    return tuple(proposals)


def _strong_examples(features: FeatureTable, own: Ints) -> list[str]:
    """Return distinct texts on which the features fire strongly, long ones only for want."""
    rows = features.examples
    rows = rows[rows["feature"].isin(own) & rows["kind"].isin(_STRONG)]
    distinct = {plain_key(text): " ".join(text.split()) for text in rows["text"].tolist()}
    texts = sorted(distinct.values())
    return [text for text in texts if len(text) <= _SEED_CHARACTERS] or texts


def _phrases(features: FeatureTable, own: Ints) -> list[str]:
    """Return the phrases that set the features apart most, none within another."""
    rows = features.idioms[features.idioms["feature"].isin(own)]
    # The sum of z over features: a phrase that several share stands for the whole cluster.
    total = rows.groupby("phrase")["z"].sum().reset_index()
    ranked = total.sort_values(["z", "phrase"], ascending=[False, True], kind="stable")
    kept: list[str] = []
    for phrase in ranked["phrase"].tolist():
        words = _stems(phrase)
        if not any(words <= _stems(one) or words >= _stems(one) for one in kept):
            kept.append(phrase)
    return kept[:_PHRASES]


def _stems(phrase: str) -> set[str]:
    return {stem(word) for word in phrase.casefold().split()}


def _unused(name: str, taken: set[str]) -> str:
    """Return the name, with a number behind it where it is taken."""
    numbered = (f"{name} {number}" for number in range(2, len(taken) + 3))
    return next(one for one in (name, *numbered) if one.casefold() not in taken)
