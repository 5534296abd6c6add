"""The card of a dictionary that is shared: what it is, how it was trained, how well it does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from huggingface_hub import ModelCardData
from sklearn.utils.validation import check_is_fitted

from saeidioms.errors import OptionError
from saeidioms.sae.stability import STABLE
from saeidioms.sae.storage import CONFIG, HISTORY, WEIGHTS

if TYPE_CHECKING:
    from saeidioms.embedding.spec import EncoderSpec
    from saeidioms.sae.autoencoder import SparseAutoencoder

CARD = "README.md"
TAGS = ("sparse-autoencoder", "interpretability", "text-embeddings")
_LICENSE = re.compile(r"[a-z0-9][a-z0-9.-]*")
_METRICS = {
    "explained_variance": "Explained variance of held-out rows",
    "l0": "Active features a held-out row (L0)",
    "silent_share": "Share of features that fire on no held-out row",
    "dead_share": "Share of dead features: on no training row either (200,000 at most)",
    "n_train": "Rows trained on",
    "n_validation": "Rows held out",
}
_HIDDEN = ("checkpoint", "log_dir", "device")  # of a machine, and of no use on another

_LIMITS = """\
- For finding and counting kinds of expression in many texts of the sort that it was trained on, \
by people who read its features. A feature is a direction in the embeddings, not a proven concept.
- On texts of another language, register or length its features can mean something else: read \
them anew, and measure labels and codes again, before anything is reported.
- Not for judging single persons, nor for decisions about them: codes of single texts are often \
wrong.
- Its weights hold no text. Directions of rare texts can still tell that such were among those it \
was trained on; share one that was trained on confidential texts only as you may share these."""


@dataclass(frozen=True)
class Section:
    """A section of a card beyond what a dictionary tells of itself; its text is Markdown."""

    heading: str
    text: str


def model_card(
    sae: SparseAutoencoder,
    repo_id: str,
    *,
    license: str | None = None,
    encoder: EncoderSpec | None = None,
    trained_on: str | None = None,
    sections: Iterable[Section] = (),
) -> str:
    """Return a model card, as the Hugging Face Hub shows it, of a dictionary.

    Parameters
    ----------
    sae
        A fitted dictionary.
    repo_id
        What `saeidioms.pull` finds it by.
    license
        Identifier of the Hub, such as ``"cc-by-4.0"``; without one the card says that there is
        none.
    encoder
        What made the vectors that it was trained on.
    trained_on
        A sentence on the corpus.
    sections
        More to tell, before limits.

    Raises
    ------
    OptionError
        If `license` is no identifier.
    """
    check_is_fitted(sae)
    if license is not None and not _LICENSE.fullmatch(license):
        raise OptionError(
            f"license is {license!r}; give an identifier of the Hugging Face Hub, such as "
            "cc-by-4.0, apache-2.0 or other."
        )
    data = ModelCardData(license=license, library_name="saeidioms", tags=list(TAGS))
    parts = [
        f"---\n{data.to_yaml()}\n---",
        "# Sparse autoencoder of text embeddings",
        _what(sae, encoder),
        f"## How to load\n\n{_usage(sae, repo_id, encoder)}",
        f"## Training\n\n{_training(sae, trained_on)}",
        f"## Measures\n\n{_measures(sae)}",
        *(f"## {section.heading}\n\n{section.text}" for section in sections),
        f"## Intended use and limits\n\n{_LIMITS}",
        f"## License\n\n{_license(license)}",
    ]
    return "\n\n".join(parts) + "\n"


def encoder_name(encoder: EncoderSpec) -> str:
    """Return the name of an encoder; of a folder only the last part, which is no one's home."""
    name = encoder.model
    return Path(name).name if Path(name).is_absolute() or name.startswith((".", "~")) else name


def _what(sae: SparseAutoencoder, encoder: EncoderSpec | None) -> str:
    n_features, width = sae.components_.shape
    rule = f"at most {sae.k_} in a row" if sae.sparsity_ == "topk" else "any number in a row"
    of = f" of `{encoder_name(encoder)}`" if encoder else ""
    return (
        f"A dictionary of {n_features:,} features, of which {rule} are active "
        f"(`{sae.sparsity_}`), for embeddings{of} of width {width:,}. The tensors are in "
        f"`{WEIGHTS}`, the options of the training and its metrics on held-out rows in `{CONFIG}`, "
        f"its course in `{HISTORY}`. Its digest is `{sae.digest_}`."
    )


def _usage(sae: SparseAutoencoder, repo_id: str, encoder: EncoderSpec | None) -> str:
    n_features, width = sae.components_.shape
    shapes = f"(N, {width}) to (N, {n_features}), sparse"
    if encoder is None:
        vectors, told = "", "The vectors must come from the encoder that it was trained on."
    else:
        model = encoder_name(encoder)
        own = {"model": model, "prompt": encoder.prompt, "dimensions": encoder.dimensions}
        asked = ", ".join(f"{name}={value!r}" for name, value in own.items() if value is not None)
        vectors = f"vectors = si.embed(texts, {asked})  # (N, {width})\n"
        told = (
            f"The vectors must come from the same encoder: `{model}` with weights of "
            f"digest `{encoder.weights}`, {encoder.dimensions} dimensions, {encoder.precision}."
        )
    return (
        f"```python\nimport saeidioms as si\n\nsae = si.pull({json.dumps(repo_id)})\n{vectors}"
        f"activations = sae.transform(vectors)  # {shapes}\n```\n\n{told}"
    )


def _training(sae: SparseAutoencoder, trained_on: str | None) -> str:
    if not sae.metrics_:
        return "The weights come from another program; saeidioms knows nothing of their training."
    options = {
        name: value
        for name, value in sorted(sae.get_params().items())
        if name not in _HIDDEN and value is not None
    }
    settled = {"n_features": sae.n_features_, "k": sae.k_} if sae.k_ else {}
    told = ", ".join(f"`{name}` {value}" for name, value in sorted((options | settled).items()))
    own = f"{trained_on} " if trained_on else ""
    more = (
        f" It is the common part of {sae.seeds} trainings from different seeds."
        if sae.seeds > 1
        else ""
    )
    return f"{own}Trained by saeidioms with {told}; everything else was chosen by it.{more}"


def _measures(sae: SparseAutoencoder) -> str:
    rows = [
        (said, f"{sae.metrics_[name]:,}" if name.startswith("n_") else f"{sae.metrics_[name]:.3f}")
        for name, said in _METRICS.items()
        if name in sae.metrics_
    ]
    known = sae.stability_[np.isfinite(sae.stability_)]
    if known.size:
        rows.append(("Median stability over seeds (cosine)", f"{np.median(known):.3f}"))
        rows.append(
            (
                f"Share of features with stability of {STABLE} or more",
                f"{(sae.stability_ >= STABLE).mean():.3f}",
            )
        )
    if not rows:
        return "Nothing was measured."
    return "\n".join(["| measure | value |", "|:---|---:|", *(f"| {a} | {b} |" for a, b in rows)])


def _license(license: str | None) -> str:
    if license is None:
        return (
            "**None is stated yet.** Until its owners state one (`license:` in the first lines of "
            "this card), nobody else may use it."
        )
    return f"`{license}`"
