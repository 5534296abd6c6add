"""What an encoder is, and what it is known by; apart from the models, which take long to import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal, Protocol

import numpy as np

from saeidioms.artifacts import digest_json

Precision = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True)
class EncoderSpec:
    """All that decides what vector a text gets.

    Attributes
    ----------
    model
        Name on the hub, or path.
    weights
        Digest of the weights, so that a changed model is not mistaken for the old one.
    prompt
        Text put before every text.
    dimensions
        Width D of the vectors.
    precision
        ``"float32"`` or ``"bfloat16"``.
    """

    model: str
    weights: str
    prompt: str | None
    dimensions: int
    precision: Literal["float32", "bfloat16"]

    @property
    def key(self) -> str:
        """Digest of all attributes."""
        return digest_json(asdict(self))


class Encoder(Protocol):
    """What turns texts into vectors."""

    spec: EncoderSpec

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return (n, D) float32 rows of unit length."""
        ...
