"""The optimizer, in the open: its whole state is a step count and two arrays for each weight.

Torch's own computes the same; making one loads torch's compiler, a second of waiting and 75 MB.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


class AdamW:
    """Adam with decoupled weight decay.

    Source: Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2, with the schedule in the rate given to `step`.
    """

    def __init__(
        self,
        weights: Iterable[nn.Parameter],
        decay: float,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
    ) -> None:
        self.weights = list(weights)
        self.decay, self.betas, self.epsilon = decay, betas, epsilon
        self.steps = 0
        self.means = [torch.zeros_like(w) for w in self.weights]  # of the gradient
        self.squares = [torch.zeros_like(w) for w in self.weights]  # of the gradient's square

    def zero_grad(self) -> None:
        """Let the next backward pass begin from nothing."""
        for weight in self.weights:
            weight.grad = None

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """One step down the gradients; a weight without one stays."""
        self.steps += 1
        fast, slow = self.betas
        unbiased = rate / (1 - fast**self.steps)
        root = (1 - slow**self.steps) ** 0.5
        for weight, mean, square in zip(self.weights, self.means, self.squares, strict=True):
            gradient: Tensor | None = weight.grad
            if gradient is None:
                continue
            mean.lerp_(gradient, 1 - fast)
            square.mul_(slow).addcmul_(gradient, gradient, value=1 - slow)
            weight.mul_(1 - rate * self.decay)
            weight.addcdiv_(mean, (square.sqrt() / root).add_(self.epsilon), value=-unbiased)

    def state_dict(self) -> dict[str, Any]:
        """Its whole state as arrays and numbers."""
        means, squares = ([t.cpu().numpy().copy() for t in moments] for moments in (self.means, self.squares))
        return {"steps": self.steps, "means": means, "squares": squares}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Be as `freeze` found it."""
        self.steps = state["steps"]
        for moments, arrays in ((self.means, state["means"]), (self.squares, state["squares"])):
            for moment, array in zip(moments, arrays, strict=True):
                moment.copy_(torch.from_numpy(array))

    def reset(self) -> None:
        """Forget all gradients that have been."""
        self.steps = 0
        for moment in (*self.means, *self.squares):
            moment.zero_()
