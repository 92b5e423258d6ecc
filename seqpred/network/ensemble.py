"""Several networks of one shape as one: what a model folder holds and what forecasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from seqpred.network.heads import NO_HEAD_INPUTS, HeadInputs, naive_forecasts
from seqpred.network.network import Network
from seqpred.network.recurrent import Memory
from seqpred.runtime.shape import Shape

Array = npt.NDArray[np.float32]
Weights = Mapping[str, Array]


class Ensemble(nn.Module):
    """The mean of its members' quantiles, trusted as far as validation says and made as wide as it says.

    With z the mean and b where training began, the forecast is `trust` z + (1 - `trust`) b, in which each quantile's
    distance from the median is then multiplied by `spread`. So quantiles can't cross, whatever these are.

    Attributes:
        begin: [N, Q], quantiles where training began, around the blend of naive forecasts there.
        blend: [A, N], the share of each naive forecast in that blend; the rest is the anchor's.
        trust: from 0 to 1.
        spread: above 0.
    """

    begin: Tensor
    blend: Tensor
    trust: Tensor
    spread: Tensor

    def __init__(self, shape: Shape, members: int) -> None:
        super().__init__()
        self.shape = shape
        self.members = nn.ModuleList(Network(shape) for _ in range(members))
        self.register_buffer("begin", torch.zeros(shape.horizon, len(shape.levels)))
        if shape.naives:
            self.register_buffer("blend", torch.zeros(shape.naives, shape.horizon))
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

    def notify(self, said: Tensor, ahead: HeadInputs = NO_HEAD_INPUTS) -> Tensor:
        """[batch, P, N, Q], from what `advance` gave and the steps ahead of it."""
        parts = said.chunk(len(self.members), -1)
        z = torch.stack([n.notify(part, ahead) for n, part in zip(self.networks, parts, strict=True)]).mean(0)
        return self._calibrated(z, self._begin(ahead))

    def _begin(self, ahead: HeadInputs) -> Tensor:
        """Where training began, [N, Q] or [batch, P, N, Q]."""
        if not self.shape.naives:
            return self.begin
        assert ahead.recent is not None
        above = (self.blend * naive_forecasts(ahead.recent, self.shape)).sum(-2)
        return self.begin + above[..., None]

    def _calibrated(self, z: Tensor, begin: Tensor) -> Tensor:
        z = self.trust * z + (1 - self.trust) * begin
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


def gather(members: Sequence[Weights], first: Weights, trust: float, spread: float) -> dict[str, Array]:
    """The weights of an ensemble, by name, from its members' and from what they said before their `first` step."""
    named = {f"members.{i}.{name}": w for i, weights in enumerate(members) for name, w in weights.items()}
    return {**named, **first, "trust": np.array([trust], np.float32), "spread": np.array([spread], np.float32)}


def count_members(names: Sequence[str]) -> int:
    """How many members the weights with these names have."""
    return len({name.split(".")[1] for name in names if name.startswith("members.")})
