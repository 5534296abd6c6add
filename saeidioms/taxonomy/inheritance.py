"""What people said of features outlives the dictionary: features are found again by content."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from saeidioms.artifacts import atomic_path
from saeidioms.errors import ArtifactError, InputError, OptionError
from saeidioms.sae.stability import SAME, partners
from saeidioms.taxonomy.filled_form import read_form
from saeidioms.taxonomy.sheet import feature_of, write_rows

if TYPE_CHECKING:
    from saeidioms.sae.autoencoder import SparseAutoencoder

logger = logging.getLogger(__name__)

Array = npt.NDArray[np.float32]
AS_USED = "overrides.csv"  # in the folder of a codebook: what it was made by
_REQUIRED = ("feature", "sub_category")


def inherit(
    overrides: pd.DataFrame,
    old_components: Array,
    new_components: Array,
    old_centroids: Array | None = None,
    new_centroids: Array | None = None,
    least: float = SAME,
) -> pd.DataFrame:
    """Carry people's words over to the features of a dictionary that was trained again.

    The features of both dictionaries are matched one to one, by the cosine of their decoder
    directions (`saeidioms.sae.stability.partners`); none has two heirs, or two testators.

    Parameters
    ----------
    overrides
        ``feature, sub_category``, and any of ``label``, ``note``: for instance
        `saeidioms.taxonomy.merging.Merged.overrides`.
    old_components, new_components
        (F, D) and (G, D) decoders, from embeddings by the same encoder.
    old_centroids, new_centroids
        (F, D) and (G, D) of their features (see `saeidioms.FeatureTable`). Where both are given,
        those of a pair must be as near each other as its directions, so that what a feature
        points to, and what it fires on, is the same.
    least
        The least cosine at which a feature is the same, 0 to 1.

    Returns
    -------
    pandas.DataFrame
        The rows of `overrides` in their order, with ``feature`` (Int64) that of the new dictionary,
        missing where there is no partner; ``old_feature``; ``cosine`` with the nearest that the
        matching left it, the lesser of the two with centroids (NaN where it left none); and
        ``note``, which begins with whence the word came, or why it is lost. Rows with a feature
        are overrides.

    Raises
    ------
    InputError
        If the widths D differ, a centroid matrix is of another shape than its dictionary, or
        `overrides` lacks a column or names a feature that the old dictionary has not.
    OptionError
        If `least` is not within 0 to 1.

    Examples
    --------
    >>> said = pd.DataFrame({"feature": [1], "sub_category": ["affirming"]})
    >>> old = np.eye(3, dtype=np.float32)
    >>> inherit(said, old, old[[1, 2, 0]])["note"].item()
    'inherited from feature 1 (cosine 1.00)'
    """
    if not 0 <= least <= 1:
        raise OptionError(f"least is {least}; it must lie between 0 and 1.")
    _check_widths(old_components, new_components)
    _check_overrides(overrides, len(old_components))
    heir, cosine = _heirs(old_components, new_components)
    if old_centroids is not None and new_centroids is not None:
        _check_centroids(old_centroids, old_components, "old")
        _check_centroids(new_centroids, new_components, "new")
        cosine = np.minimum(cosine, _cosines(old_centroids, new_centroids[heir]))
    old = overrides["feature"].to_numpy(np.int64)
    near = cosine[old]
    found = near >= least
    notes = overrides["note"] if "note" in overrides else [""] * len(overrides)
    said = [
        "; ".join(filter(None, [_whence(*pair, least=least), note]))
        for *pair, note in zip(old, near, notes, strict=True)
    ]
    if not found.all():
        lost = ", ".join(map(str, old[~found]))
        logger.warning("%d of %d overrides find no heir: %s", (~found).sum(), len(old), lost)
    new = pd.array(heir[old], dtype="Int64")
    new[~found] = pd.NA
    return overrides.assign(feature=new, old_feature=old, cosine=near, note=said)


def remember(overrides: Path, sae: SparseAutoencoder) -> None:
    """Keep beside a file of overrides what its features are, so that they are found again.

    The rows of the file name the dictionary in a column of that name, so that a file that is
    replaced is never read by another's features.

    Raises
    ------
    ArtifactError
        If the file cannot be written.
    """
    kept = _kept(overrides, sae.digest)
    if not kept.is_file():
        with atomic_path(kept) as path:
            save_file({"components": sae.components_}, path)


def dictionary_of(overrides: Path) -> str | None:
    """Return the digest of the dictionary that a file of overrides is of; None if not known.

    Raises
    ------
    InputError
        If the file cannot be read, or its rows are of several dictionaries.
    """
    rows = read_form(overrides, required=_REQUIRED)
    named = {cells.get("dictionary", "") for _, cells in rows} - {""}
    if len(named) > 1:
        raise InputError(
            f"{overrides}: the rows name several dictionaries ({', '.join(sorted(named))}); keep "
            "those of one."
        )
    return named.pop() if named else None


def overrides_for(overrides: Path, sae: SparseAutoencoder, folder: Path) -> Path:
    """Return a file of the overrides as they hold for a dictionary.

    The file itself, where it is of this dictionary or nothing is known of it; else `AS_USED` in
    `folder`, with the features that `inherit` finds again.

    Raises
    ------
    ArtifactError
        If what was kept beside the file is missing or damaged.
    InputError
        If the file cannot be read, or is of embeddings by another encoder.
    """
    dictionary = dictionary_of(overrides)
    if dictionary in (None, sae.digest):
        return overrides
    old = _components(overrides, str(dictionary))
    if old.shape[1] != sae.components_.shape[1]:
        raise InputError(
            f"{overrides} speaks of features of another encoder, which cannot be found again; give "
            "a new run folder, or move that file away."
        )
    rows = [
        {**cells, "feature": feature_of(where, cells["feature"], range(len(old)))}
        for where, cells in read_form(overrides, required=_REQUIRED)
    ]
    found = inherit(pd.DataFrame(rows), old, sae.components_).dropna(subset="feature")
    current = found.drop(columns=["old_feature", "cosine"]).assign(dictionary=sae.digest)
    write_rows(current, folder / AS_USED)
    logger.info("%d of %d overrides are inherited from %s.", len(found), len(rows), overrides)
    return folder / AS_USED


def _kept(overrides: Path, dictionary: str) -> Path:
    return overrides.with_name(f"dictionary-{dictionary[:8]}.safetensors")


def _components(overrides: Path, dictionary: str) -> Array:
    kept = _kept(overrides, dictionary)
    try:
        return load_file(kept)["components"]
    except FileNotFoundError as error:
        raise ArtifactError(
            f"{kept} is missing, which tells the features of {overrides}; copy it along with that "
            "file."
        ) from error
    except (OSError, SafetensorError, KeyError) as error:
        raise ArtifactError(f"{kept} is damaged ({error}); merge the sheets again.") from error


def _whence(old: int, cosine: float, *, least: float) -> str:
    if cosine >= least:
        return f"inherited from feature {old} (cosine {cosine:.2f})"
    if np.isnan(cosine):
        return f"no heir of feature {old}: every new feature is another's"
    return f"no heir of feature {old}: the nearest has a cosine of {cosine:.2f}, below {least:g}"


def _heirs(old: Array, new: Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return (F,) row of `new` for each row of `old`, and the cosine; NaN where it has none."""
    heir, cosine = np.zeros(len(old), dtype=np.int64), np.full(len(old), np.nan)
    if len(old) <= len(new):
        heir[:], cosine[:] = partners(old, new)
    else:
        testator, cosines = partners(new, old)
        heir[testator], cosine[testator] = np.arange(len(new)), cosines
    return heir, cosine


def _cosines(a: Array, b: Array) -> npt.NDArray[np.float64]:
    """Return the cosine of each row of `a` with the same row of `b`; 0 where one is all zeros."""
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    products = np.einsum("fd,fd->f", a, b)
    return np.divide(products, lengths, out=np.zeros(len(a)), where=lengths > 0)


def _check_widths(old: Array, new: Array) -> None:
    if old.ndim != 2 or new.ndim != 2 or old.shape[1] != new.shape[1]:
        raise InputError(
            f"the old dictionary has the shape {old.shape} and the new one {new.shape}; both need "
            "rows of the same width: those of embeddings by another encoder cannot be compared."
        )


def _check_centroids(centroids: Array, components: Array, which: str) -> None:
    if centroids.shape != components.shape:
        raise InputError(
            f"the {which} centroids have the shape {centroids.shape} and the dictionary "
            f"{components.shape}; give the centroids of its own features."
        )


def _check_overrides(overrides: pd.DataFrame, n_features: int) -> None:
    for name in ("feature", "sub_category"):
        if name not in overrides:
            raise InputError(f"the overrides have no column {name!r}; add it.")
    unknown = overrides.loc[~overrides["feature"].isin(range(n_features)), "feature"]
    if len(unknown):
        raise InputError(
            f"the overrides name feature {unknown.iloc[0]}, and the old dictionary goes from 0 to "
            f"{n_features - 1}; give the overrides and the dictionary of the same run."
        )
