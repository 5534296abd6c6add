"""Progress bars: shown for what takes over two seconds, and only in a terminal or notebook."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TypeVar

from tqdm.auto import tqdm

T = TypeVar("T")


def track(items: Iterable[T], description: str, total: int | None = None) -> Iterable[T]:
    """Iterate over `items` behind a progress bar that appears after two seconds."""
    return bar(description, items=items, total=total)


def bar(
    description: str,
    *,
    items: Iterable[T] | None = None,
    total: int | None = None,
    unit: str = "it",
) -> tqdm[T]:
    """Return a bar to be advanced by hand (``bar.update(n)``), used as a context manager."""
    silent = not sys.stderr.isatty() and "ipykernel" not in sys.modules
    return tqdm(
        items, desc=description, total=total, unit=unit, delay=2, leave=False, disable=silent
    )
