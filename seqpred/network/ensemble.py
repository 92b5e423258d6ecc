"""An ensemble of networks of one shape: what a model folder contains and what forecasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from seqpred.arrays import Float32
from seqpred.network.heads import NO_HEAD_INPUTS, HeadInputs, MedianComponents, naive_forecasts
from seqpred.network.network import Network
from seqpred.network.recurrent import States
from seqpred.runtime.shape import Shape

Weights = Mapping[str, Float32]


class Ensemble(nn.Module):
    """The mean of the members' quantiles, shrunk towards the initial forecast and rescaled about the median.

    With z the mean and z0 the initial forecast, from which training started, the forecast is
    z' = shrinkage z + (1 - shrinkage) z0, then median(z') + interval_scale (z' - median(z')). So the quantiles cannot
    cross.

    Attributes:
        initial_forecast: [N, Q], the initial quantiles, relative to the initial blend of naive forecasts.
        blend: [A, N], the weight of each naive forecast in that blend; the rest is the anchor's.
        shrinkage: [1], from 0 to 1.
        interval_scale: [1], positive.
    """

    initial_forecast: Tensor
    blend: Tensor
    shrinkage: Tensor
    interval_scale: Tensor

    def __init__(self, shape: Shape, members: int) -> None:
        super().__init__()
        self.shape = shape
        self.members = nn.ModuleList(Network(shape) for _ in range(members))
        self.register_buffer("initial_forecast", torch.zeros(shape.horizon, len(shape.levels)))
        if shape.naives:
            self.register_buffer("blend", torch.zeros(shape.naives, shape.horizon))
        self.register_buffer("shrinkage", torch.ones(1))
        self.register_buffer("interval_scale", torch.ones(1))

    @property
    def networks(self) -> list[Network]:
        """The members."""
        return [m for m in self.members if isinstance(m, Network)]

    def start(self, batch: int) -> States:
        """The initial states of all layers of all members."""
        return [state for network in self.networks for state in network.start(batch)]

    def advance(self, x: Tensor, states: States, n_positions: int = 1) -> tuple[Tensor, States]:
        """The members' outputs at the last rows of x, [batch, n_positions, members hidden], and the states then."""
        depth = self.shape.depth
        results = [
            network.advance(x, states[i * depth : (i + 1) * depth], n_positions)
            for i, network in enumerate(self.networks)
        ]
        return torch.cat([outputs for outputs, _ in results], -1), [s for _, after in results for s in after]

    def quantiles(self, outputs: Tensor, head_inputs: HeadInputs = NO_HEAD_INPUTS) -> Tensor:
        """[batch, P, N, Q], from the outputs of `advance`."""
        parts = outputs.chunk(len(self.members), -1)
        z = [n.quantiles(part, head_inputs) for n, part in zip(self.networks, parts, strict=True)]
        return self._calibrated(torch.stack(z).mean(0), self._initial(head_inputs))

    def components(self, outputs: Tensor, head_inputs: HeadInputs = NO_HEAD_INPUTS) -> MedianComponents:
        """The components of the median that `quantiles` computes from the same arguments."""
        parts = outputs.chunk(len(self.members), -1)
        own = [n.components(part, head_inputs) for n, part in zip(self.networks, parts, strict=True)]
        shares, correction = (torch.stack([*each]).mean(0) for each in zip(*own, strict=True))
        keep, initial = self.shrinkage, self.initial_forecast[:, self.networks[0].head.middle]
        if self.shape.naives:
            shares = keep * shares + (1 - keep) * self.blend
        return MedianComponents(shares, keep * correction + (1 - keep) * initial)

    def last_position(self, x: Tensor, head_inputs: HeadInputs = NO_HEAD_INPUTS) -> Tensor:
        """[batch, N, Q], the quantiles after the last row of x [batch, T, feature], from the initial state."""
        return self.quantiles(self.advance(x, self.start(len(x)))[0], head_inputs)[:, -1]

    def _initial(self, head_inputs: HeadInputs) -> Tensor:
        """The initial forecast, [N, Q] or [batch, P, N, Q]."""
        if not self.shape.naives:
            return self.initial_forecast
        assert head_inputs.recent is not None
        mean = (self.blend * naive_forecasts(head_inputs.recent, self.shape.naive_table)).sum(-2)
        return self.initial_forecast + mean[..., None]

    def _calibrated(self, z: Tensor, initial: Tensor) -> Tensor:
        z = self.shrinkage * z + (1 - self.shrinkage) * initial
        middle = self.networks[0].head.middle
        median = z[..., middle : middle + 1]
        return median + self.interval_scale * (z - median)

    @classmethod
    def from_weights(cls, shape: Shape, weights: Weights) -> Ensemble:
        """The ensemble with these weights; their shapes are checked before memory is allocated.

        Raises:
            ValueError: the weights do not fit the shape.
        """
        members = count_members(list(weights))
        with torch.device("meta"):
            expected = {name: tuple(w.shape) for name, w in cls(shape, members).state_dict().items()}
        actual = {name: w.shape for name, w in weights.items()}
        for name in sorted({**expected, **actual}):
            if expected.get(name) != actual.get(name):
                found, needed = actual.get(name, "absent"), expected.get(name, "none")
                raise ValueError(f"{name} is {found}, where {needed} is expected")
        ensemble = cls(shape, members)
        ensemble.set_weights(weights)
        return ensemble

    def set_weights(self, weights: Weights) -> None:
        """Load weights that `gather` returned.

        Raises:
            RuntimeError: they do not fit.
        """
        self.load_state_dict({name: torch.from_numpy(np.asarray(w)) for name, w in weights.items()})


def gather(members: Sequence[Weights], initial: Weights, shrinkage: float, interval_scale: float) -> dict[str, Float32]:
    """The weights of an ensemble, by name.

    Args:
        members: the weights of each member.
        initial: `initial_forecast` and, with a blend, `blend`; see `Ensemble`.
    """
    named = {f"members.{i}.{name}": w for i, weights in enumerate(members) for name, w in weights.items()}
    factors = {"shrinkage": shrinkage, "interval_scale": interval_scale}
    return {**named, **initial, **{name: np.array([value], np.float32) for name, value in factors.items()}}


def count_members(names: Sequence[str]) -> int:
    """The number of members in weights with these names."""
    return len({name.split(".")[1] for name in names if name.startswith("members.")})
