"""The gradients of a batch, computed at once or in slices.

The gradients of slices are added in a fixed order, and each slice draws its own dropout, so the result has the same
bytes for any number of processes that share the slices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from seqpred.network.network import Network
from seqpred.training.loss import quantile_loss, window_losses
from seqpred.training.positions import Positions
from seqpred.training.slices import tree_sum
from seqpred.training.windows import Starts, Windows

if TYPE_CHECKING:
    from seqpred.training.team import Team

MAX_GRADIENT_NORM = 1.0


@dataclass(frozen=True)
class Batch:
    """Windows of a step.

    Attributes:
        starts, tracks: [batch], the first row and the track of each window.
        positions: at which the network emits forecasts.
        seeds: of the dropout of each slice; none if the batch is not sliced.
    """

    starts: Tensor
    tracks: Tensor
    positions: Positions
    seeds: Sequence[int] = ()

    @classmethod
    def draw(cls, windows: Windows, starts: Starts, count: int, slices: int, rng: torch.Generator) -> Batch:
        """A random batch of a number of windows."""
        first, tracks = windows.draw(starts, count, rng)
        positions = windows.positions(first, rng)
        seeds = torch.randint(1 << 62, (slices,), generator=rng).tolist() if slices > 1 else []
        return cls(first, tracks, positions, seeds)

    def slice(self, number: int) -> Batch:
        """One of its slices."""
        count, slices = len(self.starts), len(self.seeds)
        own = slice(count * number // slices, count * (number + 1) // slices)
        return Batch(self.starts[own], self.tracks[own], replace(self.positions, first=self.positions.first[own]))


class Measured(NamedTuple):
    """What a step measures.

    Attributes:
        loss: the mean over the batch.
        anchor_error: the mean error of the anchor's forecast.
        norm: of the gradient before it was clipped.
    """

    loss: float
    anchor_error: float
    norm: float


Work = Callable[[Batch], Tensor]
Runner = Callable[[Work, Batch], Tensor]


def run_eagerly(work: Work, batch: Batch) -> Tensor:
    """The result of a computation."""
    return work(batch)


@dataclass(frozen=True)
class Gradients:
    """Computes the gradients of a network on batches.

    Attributes:
        levels: [Q], the quantile levels.
        loss: the kind of the loss.
        team: the processes that share the slices; None for one process.
        run: how the gradients of a batch or of a slice are computed; see `step_graphs`.
    """

    network: Network
    windows: Windows
    levels: Tensor
    loss: str
    team: Team | None = None
    run: Runner = run_eagerly

    def compute(self, batch: Batch) -> Measured:
        """Set the gradients of the mean loss, clipped to `MAX_GRADIENT_NORM`."""
        if batch.seeds:
            loss, anchor_error = self._compute_in_slices(batch)
            return Measured(loss, anchor_error, float(self._clip()))
        return Measured(*self.run(self._compute_whole, batch).tolist())

    def _compute_whole(self, batch: Batch) -> Tensor:
        """Set the clipped gradients; returns the numbers of `Measured`, [3]. It does not wait for the device."""
        self.network.zero_grad()
        quantiles, z = self._forecast(batch)
        loss = quantile_loss(quantiles, z, self.levels, self.loss)
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own stub
        return torch.stack([loss.detach(), z.abs().nanmean(), self._clip()])

    def _clip(self) -> Tensor:
        """Clip the gradients; returns their norm before, []."""
        return nn.utils.clip_grad_norm_(self.network.parameters(), MAX_GRADIENT_NORM, foreach=True)

    def _forecast(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The quantiles [batch, P, N, Q] and their targets [batch, P, N]."""
        windows, positions = self.windows, batch.positions
        z = windows.targets(positions, windows.begins[batch.tracks], windows.cuts[batch.tracks])
        head_inputs = windows.head_inputs(positions, windows.begins[batch.tracks])
        return self.network(windows.inputs(batch.starts), head_inputs, positions.offset), z

    def _compute_in_slices(self, batch: Batch) -> tuple[float, float]:
        own = range(len(batch.seeds)) if self.team is None else self.team.part(len(batch.seeds))
        parts = {(number, number + 1): self._seeded(batch, number) for number in own}
        total = tree_sum(parts, own.start, own.stop)
        if self.team is not None:
            total = self.team.sum_slices(total, len(batch.seeds))
        loss, errors, known, count = total[-4:].tolist()
        with_gradient = [p for p in self.network.parameters() if p.grad is not None]
        gradients = torch.split(total[:-4] / max(count, 1.0), [p.numel() for p in with_gradient])
        for parameter, gradient in zip(with_gradient, gradients, strict=True):
            parameter.grad = gradient.view_as(parameter)
        return loss / max(count, 1.0), errors / max(known, 1.0)

    def _seeded(self, batch: Batch, number: int) -> Tensor:
        """What `_compute_slice` returns for one of the slices of a batch, with the dropout of its seed."""
        torch.manual_seed(batch.seeds[number])
        return self.run(self._compute_slice, batch.slice(number))

    def _compute_slice(self, batch: Batch) -> Tensor:
        """The gradients of the sum of the losses of a slice, end to end, and four sums for the mean over the batch."""
        self.network.zero_grad()
        quantiles, z = self._forecast(batch)
        losses, counts = window_losses(quantiles, z, self.levels, self.loss)
        loss = losses.sum()
        loss.backward()  # type: ignore[no-untyped-call]
        sums = torch.stack([loss.detach(), z.abs().nansum(), z.isfinite().sum(), counts.sum()])
        return torch.cat([*_flat_gradients(self.network), sums])


def _flat_gradients(network: nn.Module) -> list[Tensor]:
    return [p.grad.flatten() for p in network.parameters() if p.grad is not None]
