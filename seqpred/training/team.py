"""Several processes that train one network: each computes some slices of every batch, whose gradients are added."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from seqpred.training.ranks import Ranks
from seqpred.training.slices import tree_sum


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

    def part(self, count: int, place: int | None = None) -> range:
        """Which of a number of slices the process at a place computes, by default this one."""
        place = self.place if place is None else place
        return range(count * place // self.size, count * (place + 1) // self.size)

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

    def sum_slices(self, own: Tensor, count: int) -> Tensor:
        """The sum over all slices of a batch, see `tree_sum`; the message to the others also contains the clock.

        Args:
            own: the sum over the slices of this process.
            count: the number of slices.
        """
        message = torch.cat([own, own.new_tensor([self._own_seconds])])
        received = [torch.empty_like(message) for _ in self.members]
        with self.ranks.answered():
            dist.all_gather(received, message, group=self.group)
        self._seconds = float(received[0][-1])
        slices = [self.part(count, place) for place in range(self.size)]
        return tree_sum({(s.start, s.stop): sums[:-1] for s, sums in zip(slices, received, strict=True)}, 0, count)


def backend(device: torch.device) -> str:
    """The library that adds up tensors on a device."""
    return "nccl" if device.type == "cuda" else "gloo"


def make_teams(size: int, networks: int, slices: int, distribute: str) -> list[list[int]]:
    """The ranks that train one network together, for each network that is trained at a time.

    Args:
        size: the number of ranks.
        slices: of a batch; more ranks than these do not train a network together. One if batches are not divided.
        distribute: `training.distribute`: with `batches`, as many as possible train a network together.

    >>> make_teams(2, 4, 4, "auto"), make_teams(5, 2, 4, "auto"), make_teams(2, 5, 4, "batches")
    ([[0], [1]], [[0, 2, 4], [1, 3]], [[0, 1]])
    >>> make_teams(5, 2, 1, "networks"), make_teams(5, 1, 2, "auto"), make_teams(5, 4, 4, "batches")
    ([[0], [1]], [[0, 1]], [[0, 2, 4], [1, 3]])
    """
    count = min(networks, -(-size // slices) if distribute == "batches" else size)
    return [list(range(team, size, count))[:slices] for team in range(count)]
