"""Progress bars: shown for what takes over two seconds, and only in a terminal or notebook."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sized
from typing import Any, TypeVar

from tqdm import tqdm

T = TypeVar("T")


def track(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """Iterate over `items` behind a progress bar that appears after two seconds."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    with bar(description, total=total) as shown:
        for item in items:
            yield item
            shown.update()


def bar(description: str, *, total: int | None = None, unit: str = "it") -> tqdm[Any]:
    """Return a bar to be advanced by hand (``bar.update(n)``), used as a context manager."""
    silent = not sys.stderr.isatty() and "ipykernel" not in sys.modules
    return tqdm(desc=description, total=total, unit=unit, delay=2, leave=False, disable=silent)
