"""Adam (Kingma and Ba 2015, arXiv 1412.6980) with a rate for each group of weights.

By torch's own fused kernel. Not by `torch.optim.Adam`: making one imports torch's compiler, which
takes two seconds that a small training does not need.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam

BETA_1, BETA_2, EPSILON = 0.6, 0.999, 1e-8  # a short memory of the gradient: steps are few


class Adam:
    """Moments of some weights, and steps by them.

    Parameters
    ----------
    groups
        Weights and their gradients, group by group; both are used in place.
    """

    def __init__(self, groups: Sequence[Sequence[tuple[Tensor, Tensor]]]) -> None:
        self.groups = groups
        self.means = [[torch.zeros_like(w) for w, _ in group] for group in groups]
        self.squares = [[torch.zeros_like(w) for w, _ in group] for group in groups]
        device = groups[0][0][0].device
        self.steps = [[torch.zeros((), device=device) for _ in group] for group in groups]

    def step(self, rates: Sequence[float | Tensor]) -> None:
        """Take a step, with a learning rate for each group; as a tensor it may be recorded."""
        for group, rate, means, squares, steps in zip(
            self.groups, rates, self.means, self.squares, self.steps, strict=True
        ):
            weights, gradients = (list(part) for part in zip(*group, strict=True))
            adam(
                *(weights, gradients, means, squares, [], steps),
                fused=True,
                amsgrad=False,
                beta1=BETA_1,
                beta2=BETA_2,
                lr=rate,
                weight_decay=0.0,
                eps=EPSILON,
                maximize=False,
            )

    @property
    def tensors(self) -> dict[str, Tensor]:
        """All moments, by name; not a copy."""
        kinds = {"mean": self.means, "square": self.squares, "step": self.steps}
        return {
            f"{kind}.{number}.{place}": tensor
            for kind, groups in kinds.items()
            for number, group in enumerate(groups)
            for place, tensor in enumerate(group)
        }

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Copy what `tensors` once held."""
        for name, tensor in self.tensors.items():
            tensor.copy_(tensors[name])
