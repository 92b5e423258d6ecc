"""The score of a network, and the width of its intervals, on the validation split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from seqpred.arrays import Float32
from seqpred.network.ensemble import Ensemble
from seqpred.network.network import Network
from seqpred.training.choice import ValidationResult
from seqpred.training.loss import window_losses
from seqpred.training.positions import Positions
from seqpred.training.run import Score
from seqpred.training.shares import SHARES, best_share, loss_at
from seqpred.training.windows import Windows

if TYPE_CHECKING:
    from seqpred.training.team import Team

BATCH = 128  # windows at once


@dataclass(frozen=True)
class ValidationSet:
    """The windows that are scored.

    Attributes:
        starts, tracks: [W], the first row and the track of each window.
        levels: [Q], the quantile levels.
        loss: the kind of the loss.
        slices: into at least so many batches the windows are divided, see `slices`.
        team: the processes that compute the forecasts together; None for one process.
    """

    windows: Windows
    starts: Tensor
    tracks: Tensor
    levels: Tensor
    loss: str
    slices: int = 1
    team: Team | None = None

    @classmethod
    def of(cls, windows: Windows, levels: Tensor, loss: str) -> ValidationSet:
        """The validation windows of these windows."""
        starts, tracks = windows.validation_windows()
        return cls(windows, starts.to(levels.device), tracks.to(levels.device), levels, loss)


@torch.no_grad()
def validation_score(network: Network, data: ValidationSet, step: int) -> tuple[Score, ValidationResult]:
    """Score a network after a number of training steps, alone and mixed with the pretrained forecast."""
    own, z = _forecast(network, data)
    middle = network.head.middle
    scored = [_score_one(mixed, z, data, middle) for mixed in _mixtures(own, data.windows.pretrained)]
    arrays = {name: np.stack([one[name] for one in scored]) for name in scored[0]}
    pooled = arrays.pop("loss")
    score = Score(
        loss=float(loss_at(pooled, best_share(pooled, len(z)))),
        mase=float((z - own[..., middle]).abs().nanmean()),
        anchor_mase=float(z.abs().nanmean()),
    )
    return score, ValidationResult(step, **arrays)


def _mixtures(own: Tensor, pretrained: Tensor | None) -> Iterator[Tensor]:
    """The forecasts with each of the `SHARES` of the pretrained one; one with none of it if there is none."""
    for share in SHARES if pretrained is not None else SHARES[:1]:
        yield own if pretrained is None or not share else own.lerp(pretrained, share)


def _score_one(quantiles: Tensor, z: Tensor, data: ValidationSet, middle: int) -> dict[str, np.ndarray]:
    """The arrays of `ValidationResult` for one forecast [W, N, Q] of the targets [W, N], and its `loss` []."""
    median = quantiles[..., middle]
    sums, counts = window_losses(quantiles[:, None], z[:, None], data.levels, data.loss)
    errors = (z - median).abs()
    width = torch.where(z > median, quantiles[..., -1] - median, median - quantiles[..., 0])
    normalized = (errors / width.clamp(min=1e-6)).clamp(max=1e4).cpu().numpy().astype(np.float16)
    at_the_end = errors * data.windows.growth(data.starts, data.tracks)[:, None]
    largest = torch.where(errors.isfinite(), at_the_end, -torch.inf).amax(0)  # -inf where nothing is known
    loss = np.array(float(sums.sum() / counts.sum().clamp(min=1)))
    losses = (sums / counts).cpu().numpy()
    return {"losses": losses, "normalized_errors": normalized, "largest_errors": largest.cpu().numpy(), "loss": loss}


@torch.no_grad()
def interval_widths(ensemble: Ensemble, data: ValidationSet, share: float = 0.0) -> Float32:
    """The distance of the farther outermost quantile from the median at each step, the median over windows, [N].

    Args:
        share: of the pretrained forecast.
    """
    quantiles, _ = _forecast(ensemble, data)
    if share:
        assert data.windows.pretrained is not None
        quantiles = quantiles.lerp(data.windows.pretrained, share)
    median = quantiles[..., ensemble.networks[0].head.middle]
    farther = torch.maximum(quantiles[..., -1] - median, median - quantiles[..., 0])
    return np.asarray(farther.median(0).values.cpu().numpy())


def _forecast(network: Network | Ensemble, data: ValidationSet) -> tuple[Tensor, Tensor]:
    """The quantiles [W, N, Q] and the targets [W, N] of all windows."""
    windows, last = data.windows, Positions(data.starts + data.windows.spec.window - 1)
    targets = windows.targets(last, windows.cuts[data.tracks], windows.ends[data.tracks])[:, 0]
    count = len(data.starts)
    size = max(1, min(BATCH, -(-count // data.slices)))
    batches = list(zip(torch.split(data.starts, size), torch.split(data.tracks, size), strict=True)) if count else []
    own = range(len(batches)) if data.team is None else data.team.part(len(batches))
    network.eval()
    quantiles = [_forecast_batch(network, windows, *batches[i]) for i in own]
    network.train()
    if data.team is None:
        return torch.cat(quantiles), targets
    everything = targets.new_full(
        (*targets.shape, len(data.levels)), -0.0
    )  # changes no value that is added, not even 0.0
    if quantiles:
        everything[own.start * size : own.stop * size] = torch.cat(quantiles)
    return data.team.sum(everything), targets


def _forecast_batch(network: Network | Ensemble, windows: Windows, starts: Tensor, tracks: Tensor) -> Tensor:
    """The quantiles after these windows, [batch, N, Q]."""
    last = Positions(starts + windows.spec.window - 1)
    head_inputs = windows.head_inputs(last, windows.begins[tracks])
    return network.last_position(windows.inputs(starts), head_inputs)
