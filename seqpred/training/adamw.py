"""The AdamW optimizer.

It computes the same as `torch.optim.AdamW`, whose first use imports torch's compiler: a second of waiting and 75 MB.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


class AdamW:
    """Adam with decoupled weight decay.

    Source: Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2; the schedule is in the rate given to `step`.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        weight_decay: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        self.params = list(params)
        self.weight_decay, self.betas, self.eps = weight_decay, betas, eps
        self.steps = 0
        self.exp_avg = [torch.zeros_like(p) for p in self.params]  # moving mean of the gradient
        self.exp_avg_sq = [torch.zeros_like(p) for p in self.params]  # moving mean of its square

    def zero_grad(self) -> None:
        """Discard the gradients."""
        for param in self.params:
            param.grad = None

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Update all parameters that have a gradient, with this learning rate."""
        self.steps += 1
        beta1, beta2 = self.betas
        params, grads, means, squares = list[Tensor](), list[Tensor](), list[Tensor](), list[Tensor]()
        for param, mean, square in zip(self.params, self.exp_avg, self.exp_avg_sq, strict=True):
            if param.grad is not None:
                params.append(param)
                grads.append(param.grad)
                means.append(mean)
                squares.append(square)
        if not params:
            return
        torch._foreach_lerp_(means, grads, 1 - beta1)
        torch._foreach_mul_(squares, beta2)
        torch._foreach_addcmul_(squares, grads, grads, 1 - beta2)
        denominators = torch._foreach_sqrt(squares)
        torch._foreach_div_(denominators, (1 - beta2**self.steps) ** 0.5)
        torch._foreach_add_(denominators, self.eps)
        torch._foreach_mul_(params, 1 - rate * self.weight_decay)
        torch._foreach_addcdiv_(params, means, denominators, -rate / (1 - beta1**self.steps))

    def state_dict(self) -> dict[str, Any]:
        """The state as numbers and arrays."""
        means, squares = ([t.cpu().numpy().copy() for t in moments] for moments in (self.exp_avg, self.exp_avg_sq))
        return {"steps": self.steps, "exp_avg": means, "exp_avg_sq": squares}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.steps = state["steps"]
        for moments, arrays in ((self.exp_avg, state["exp_avg"]), (self.exp_avg_sq, state["exp_avg_sq"])):
            for moment, array in zip(moments, arrays, strict=True):
                moment.copy_(torch.from_numpy(array))

    def reset(self) -> None:
        """Reset the moments and the step count."""
        self.steps = 0
        torch._foreach_zero_(self.exp_avg + self.exp_avg_sq)
