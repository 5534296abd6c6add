"""Steps that a GPU takes at one command.

A small dictionary's kernels take a few microseconds each, less than Python needs to launch them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import torch
from torch import Tensor

WARM_UP = 3  # calls before the recording: kernels are compiled and loaded, libraries set up

Result = TypeVar("Result")


class Replayed(Generic[Result]):
    """A function of tensors on a GPU whose kernels are recorded as a CUDA graph, then replayed.

    What it returns lives in the graph: the next call overwrites it.

    Parameters
    ----------
    function
        It must work in place on tensors that stay where they are, give results of the same shapes
        at every call, and never wait for the GPU.
    """

    def __init__(self, function: Callable[..., Result]) -> None:
        self.function = function
        self.calls = 0
        self.recording: tuple[torch.cuda.CUDAGraph, tuple[Tensor, ...], Result] | None = None

    def __call__(self, *given: Tensor) -> Result:
        """Return the function of some tensors, of the same shapes at every call."""
        self.calls += 1
        if self.calls <= WARM_UP:
            return self.function(*given)
        if self.recording is None:
            self.recording = self._record(given)
        graph, kept, result = self.recording
        for old, new in zip(kept, given, strict=True):
            old.copy_(new)
        graph.replay()
        return result

    def _record(
        self, given: tuple[Tensor, ...]
    ) -> tuple[torch.cuda.CUDAGraph, tuple[Tensor, ...], Result]:
        kept = tuple(tensor.clone() for tensor in given)
        graph = torch.cuda.CUDAGraph()
        # torch's own choice of a stream is of the GPU that was recorded on first.
        stream = torch.cuda.Stream(kept[0].device)  # type: ignore[no-untyped-call]
        # Another thread may be loading rows meanwhile.
        with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            result = self.function(*kept)
        return graph, kept, result
