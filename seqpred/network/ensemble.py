"""Several networks of one shape as one: what a model folder holds and what forecasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from seqpred.network.heads import NOTHING_AHEAD, Ahead
from seqpred.network.network import Network
from seqpred.network.recurrent import Memory
from seqpred.network.shape import Shape

Weights = Mapping[str, npt.NDArray[np.float32]]


class Ensemble(nn.Module):
    """The mean of its members' quantiles, trusted as far as validation says and made as wide as it says.

    With z the mean, the forecast is `trust` z + (1 - `trust`) `begin`, in which each quantile's distance from the
    median is then multiplied by `spread`. So quantiles can't cross, whatever the three are.

    Attributes:
        begin: [N, Q], where training began: the anchor's forecast with the spread of its errors.
        trust: from 0 to 1.
        spread: above 0.
    """

    begin: Tensor
    trust: Tensor
    spread: Tensor

    def __init__(self, shape: Shape, members: int) -> None:
        super().__init__()
        self.shape = shape
        self.members = nn.ModuleList(Network(shape) for _ in range(members))
        self.register_buffer("begin", torch.zeros(shape.horizon, len(shape.levels)))
        self.register_buffer("trust", torch.ones(1))
        self.register_buffer("spread", torch.ones(1))

    @property
    def networks(self) -> list[Network]:
        """The members."""
        return [m for m in self.members if isinstance(m, Network)]

    def start(self, batch: int) -> Memory:
        """The members' empty memories, one after another."""
        return [state for network in self.networks for state in network.start(batch)]

    def advance(self, x: Tensor, memory: Memory, rows: int = 1) -> tuple[Tensor, Memory]:
        """What all say after the last of x's rows, [batch, rows, members hidden], and the memory then."""
        depth = self.shape.depth
        told = [n.advance(x, memory[i * depth : (i + 1) * depth], rows) for i, n in enumerate(self.networks)]
        return torch.cat([said for said, _ in told], -1), [state for _, after in told for state in after]

    def say(self, said: Tensor, ahead: Ahead = NOTHING_AHEAD) -> Tensor:
        """[batch, P, N, Q], from what `advance` gave and the steps ahead of it."""
        parts = said.chunk(len(self.members), -1)
        return self._calibrated([n.say(part, ahead) for n, part in zip(self.networks, parts, strict=True)])

    def _calibrated(self, quantiles: Sequence[Tensor]) -> Tensor:
        z = self.trust * torch.stack(list(quantiles)).mean(0) + (1 - self.trust) * self.begin
        middle = self.networks[0].head.middle
        median = z[..., middle : middle + 1]
        return median + self.spread * (z - median)

    @classmethod
    def holding(cls, shape: Shape, weights: Weights) -> Ensemble:
        """The ensemble with these weights; that they fit is seen before memory is taken for it.

        Raises:
            ValueError: they don't.
        """
        members = count_members(list(weights))
        with torch.device("meta"):
            wanted = {name: tuple(w.shape) for name, w in cls(shape, members).state_dict().items()}
        found = {name: w.shape for name, w in weights.items()}
        for name in sorted({**wanted, **found}):
            if wanted.get(name) != found.get(name):
                raise ValueError(f"{name} is {found.get(name, 'absent')}, where {wanted.get(name, 'none')} is expected")
        ensemble = cls(shape, members)
        ensemble.set_weights(weights)
        return ensemble

    def set_weights(self, weights: Weights) -> None:
        """Take over what `gather` gave.

        Raises:
            RuntimeError: these are not weights of such an ensemble.
        """
        self.load_state_dict({name: torch.from_numpy(np.asarray(w)) for name, w in weights.items()})


def gather(
    members: Sequence[Weights], begin: npt.NDArray[np.float32], trust: float, spread: float
) -> dict[str, npt.NDArray[np.float32]]:
    """The weights of an ensemble, by name, from those of its members."""
    named = {f"members.{i}.{name}": w for i, weights in enumerate(members) for name, w in weights.items()}
    return {**named, "begin": begin, "trust": np.array([trust], np.float32), "spread": np.array([spread], np.float32)}


def count_members(names: Sequence[str]) -> int:
    """How many members the weights with these names have."""
    return len({name.split(".")[1] for name in names if name.startswith("members.")})
