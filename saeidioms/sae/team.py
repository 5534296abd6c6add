"""Several processes that train one dictionary together, each on its share of every batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, distributed


@dataclass(frozen=True)
class Team:
    """One process among those that train together.

    All hold the same weights. Each works on the rows ``rank::size`` of a batch; gradients and
    counts are summed, so that all take the same step as one process with the whole batch would.
    """

    rank: int = 0
    size: int = 1

    @classmethod
    def current(cls) -> Team:
        """Return the team that `torch.distributed` was set up for; alone where it was not."""
        if distributed.is_available() and distributed.is_initialized():
            return cls(distributed.get_rank(), distributed.get_world_size())
        return cls()

    def share(self, rows: Tensor) -> Tensor:
        """Return this process's rows of a batch."""
        return rows[self.rank :: self.size]

    def sum_(self, tensor: Tensor) -> Tensor:
        """Sum a tensor over the processes, in place."""
        if self.size > 1:
            distributed.all_reduce(tensor)
        return tensor

    def largest(self, values: Tensor, n: int) -> Tensor:
        """Return the n-th largest of the values of all processes, or the least where fewer."""
        best = values.topk(min(n, len(values))).values
        if self.size > 1:
            padded = torch.full((n,), -torch.inf, dtype=values.dtype, device=values.device)
            padded[: len(best)] = best
            gathered = [torch.empty_like(padded) for _ in range(self.size)]
            distributed.all_gather(gathered, padded)
            together = torch.cat(gathered)
            best = together[together > -torch.inf].sort(descending=True).values
        return best[min(n, len(best)) - 1]
