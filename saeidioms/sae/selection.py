"""Part of a dictionary as a dictionary of its own."""

from __future__ import annotations

import numpy as np

from saeidioms.errors import OptionError
from saeidioms.sae.autoencoder import SparseAutoencoder
from saeidioms.sae.stability import STABLE


def stable_part(sae: SparseAutoencoder, least: float = STABLE) -> SparseAutoencoder:
    """Return the dictionary of the features that come again with other seeds.

    Parameters
    ----------
    sae
        A dictionary that was trained with several seeds.
    least
        Stability from which a feature is kept, 0 to 1.

    Returns
    -------
    SparseAutoencoder
        With the kept features in their order, and no metrics: a row now uses the k largest of
        fewer features, so measure it anew.

    Raises
    ------
    OptionError
        If the stability is not known, or no feature is that stable.
    """
    if not np.isfinite(sae.stability_).any():
        raise OptionError("the stability of these features is not known; train with seeds=5.")
    kept = np.flatnonzero(sae.stability_ >= least)
    if not len(kept):
        raise OptionError(
            f"no feature has a stability of {least}; the highest is {sae.stability_.max():.2f}."
        )
    part = SparseAutoencoder.from_weights(
        *(sae.encoder_[kept], sae.encoder_bias_[kept], sae.components_[kept], sae.mean_),
        sparsity=sae.sparsity_,
        k=min(sae.k_, len(kept)),
        threshold=sae.threshold_[kept],
    )
    part.stability_ = sae.stability_[kept]
    return part
