"""Several processes that train one network: each computes a part of every batch, and gradients are added up."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from seqpred.training.ranks import Ranks


class Team:
    """The processes that train one network, from the view of one of them.

    All of them draw the same random numbers, add up the same gradients and read the clock of the first one, so they
    take the same decisions.

    Attributes:
        place: of this process among them, from 0.
        size: the number of processes.
    """

    def __init__(self, ranks: Ranks, members: Sequence[int], group: Any, device: torch.device) -> None:
        self.ranks, self.members, self.group, self.device = ranks, members, group, device
        self.place, self.size = members.index(ranks.rank), len(members)
        self._began, self._seconds = time.monotonic(), 0.0

    def part(self, count: int) -> slice:
        """The part of a batch of a number of windows that this process computes."""
        return slice(count * self.place // self.size, count * (self.place + 1) // self.size)

    def clock(self) -> float:
        """The seconds on the clock of the first process, at the last step or `synchronize`."""
        return self._seconds

    def synchronize(self) -> None:
        """Read the clock of the first process."""
        self._seconds = float(self.sum(torch.tensor([self._own_seconds], dtype=torch.float64, device=self.device)))

    @property
    def _own_seconds(self) -> float:
        """What this process adds to the clock."""
        return 0.0 if self.place else time.monotonic() - self._began

    def share(self, network: nn.Module) -> None:
        """Send the weights of the first process to all others."""
        for tensor in network.state_dict().values():
            with self.ranks.answered():
                dist.broadcast(tensor, src=self.members[0], group=self.group)

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        with self.ranks.answered():
            dist.all_reduce(values, group=self.group)
        return values

    def sum_gradients(self, network: nn.Module, sums: Tensor, count: Tensor) -> Tensor:
        """Replace the gradients of sums over parts of a batch by those of the mean over the whole batch.

        One message contains all gradients, the sums and the clock.

        Args:
            sums: [N], of this part.
            count: [], the terms of the loss in this part.
        Returns:
            The sums over the whole batch and its count, [N + 1].
        """
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        clock = torch.tensor([self._own_seconds], device=self.device)
        flat = [*(g.flatten() for g in gradients), sums, count[None].to(sums.dtype), clock]
        total = self.sum(torch.cat(flat))
        *parts, sums, count, clock = torch.split(total, [len(part) for part in flat])
        for gradient, part in zip(gradients, parts, strict=True):
            torch.div(part.view_as(gradient), count.clamp(min=1), out=gradient)
        self._seconds = float(clock)
        return torch.cat([sums, count])


def backend(device: torch.device) -> str:
    """The library that adds up tensors on a device."""
    return "nccl" if device.type == "cuda" else "gloo"


def make_teams(size: int, networks: int, batch: int, distribute: str) -> list[list[int]]:
    """The ranks that train one network together, for each network that is trained at a time.

    Args:
        size: the number of ranks.
        batch: windows of a batch; more ranks than these do not train a network together.
        distribute: `training.distribute`.

    >>> make_teams(2, 4, 8, "auto"), make_teams(5, 2, 8, "auto"), make_teams(2, 5, 8, "batches")
    ([[0], [1]], [[0, 2, 4], [1, 3]], [[0, 1]])
    >>> make_teams(5, 2, 8, "networks"), make_teams(5, 1, 2, "auto")
    ([[0], [1]], [[0, 1]])
    """
    count = 1 if distribute == "batches" else min(size, networks)
    if distribute == "networks":
        size = count
    return [list(range(team, size, count))[:batch] for team in range(count)]
