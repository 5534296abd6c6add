"""The synthetic demo corpus: conversations made by a seeded generator, with known truth."""

from saeidioms.corpus.demo.generate import (
    demo_corpus,
    demo_frame,
    planted_rates,
    planted_units,
)

__all__ = ["demo_corpus", "demo_frame", "planted_rates", "planted_units"]
