"""What a run was made with: versions, machine, and the time and memory of each stage."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from saeidioms.errors import OptionError

_PACKAGES = (
    *("saeidioms", "numpy", "pandas", "plotly", "pyarrow", "scikit-learn", "scipy"),
    *("sentence-transformers", "sentencex", "torch", "transformers"),
)


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that can change a result."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def description() -> dict[str, str | int]:
    """Return system, processor architecture and number of usable cores."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return {"system": platform.system(), "machine": platform.machine(), "cores": cores}


def choose_device(device: str | None) -> str:
    """Return the device asked for, a GPU by its number, or CUDA where there is one.

    Raises
    ------
    OptionError
        If torch knows no such device, or it is not there.
    """
    import torch

    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return str(torch.empty(0, device=device).device)
    except (RuntimeError, AssertionError) as error:
        raise OptionError(
            f"device={device!r} cannot be used ({str(error).splitlines()[0]}); give 'cpu', 'cuda' "
            "or leave it out."
        ) from error


@contextmanager
def current_device(device: str) -> Iterator[None]:
    """Make a GPU, and its default stream, the current one of this thread: Triton launches there."""
    if not device.startswith("cuda"):
        yield
        return
    import torch

    with torch.cuda.device(device), torch.cuda.stream(torch.cuda.default_stream(device)):
        yield


@dataclass
class Cost:
    """Seconds and peak resident memory (MiB) of a block of code; filled when the block ends."""

    seconds: float = 0.0
    peak_memory_mb: float = 0.0


@contextmanager
def measured() -> Iterator[Cost]:
    """Measure the block: wall-clock seconds and peak resident memory.

    Linux can reset the peak, so that it is the block's own; elsewhere it is the process's.
    """
    cost = Cost()
    _reset_peak()
    start = time.perf_counter()
    try:
        yield cost
    finally:
        cost.seconds = round(time.perf_counter() - start, 3)
        cost.peak_memory_mb = round(_peak_mb(), 1)


def _reset_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def _peak_mb() -> float:
    try:
        status = Path("/proc/self/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    except (OSError, StopIteration):
        return _process_peak_mb()


def _process_peak_mb() -> float:
    if sys.platform == "win32":  # has no such counter in the standard library
        return float("nan")
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
