"""The forecast that a network starts from: a blend of naive forecasts, with the quantiles of its errors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqpred.network.heads import naive_forecasts, place_weights, weigh_by_errors
from seqpred.runtime.shape import PLACES, Shape
from seqpred.training.positions import Positions
from seqpred.training.windows import Starts, Windows

WINDOWS, POSITIONS = 256, 32  # of the sample: windows, and the largest number of rows of each


@dataclass(frozen=True)
class InitialForecast:
    """What the head is initialized with.

    Attributes:
        quantiles: [N, Q], of the errors of the blend, relative to their median.
        logits: [places, A + 1], of the weights of the naive forecasts, the anchor's first; see `heads.Blend`.
        blend: [A, N], the weights at each step of the naive forecasts other than the anchor's.
        rows: the number of rows of the sample with a known target, at the step with the fewest.
    """

    quantiles: Tensor
    logits: Tensor
    blend: Tensor
    rows: int


@torch.no_grad()
def initial_forecast(
    shape: Shape, windows: Windows, starts: Starts, middle: int, rng: torch.Generator
) -> InitialForecast:
    """Weigh the naive forecasts by their errors on a random sample of the training split.

    A step without any known target gets the mean quantiles of the other steps.

    Args:
        middle: the index of the median in the levels.
    """
    rows, tracks = _sample(windows, starts, rng)
    z = windows.targets(Positions(rows), windows.begins[tracks], windows.cuts[tracks])[:, 0]
    logits = torch.zeros(min(PLACES, shape.horizon), 1 + shape.naives, device=z.device)
    blend = torch.zeros(shape.naives, shape.horizon, device=z.device)
    if shape.naives:
        naives = _naive_forecasts(shape, windows, rows, tracks)
        complete = rows - windows.begins[tracks] + 1 >= shape.recent  # before, some of them lack history
        errors = (z[:, None] - naives)[complete | ~complete.any()].abs().nanmean(0).nan_to_num(0.0)  # [A + 1, N]
        near = place_weights(shape.horizon).to(z.device)
        logits = weigh_by_errors((near @ errors.T) / near.sum(-1, keepdim=True))
        blend = torch.softmax(logits, -1)[:, 1:].T @ near
        z = z - (naives[:, 1:] * blend).sum(1)
    levels = torch.tensor(shape.levels, device=z.device)
    quantiles = torch.nanquantile(z, levels, dim=0).T
    quantiles = torch.where(quantiles.isnan(), quantiles.nanmean(0), quantiles).nan_to_num(0.0)
    return InitialForecast(quantiles - quantiles[:, middle : middle + 1], logits, blend, _count_rows(rows, z))


def _sample(windows: Windows, starts: Starts, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Rows of random windows and their tracks, [S] both."""
    first, tracks = windows.draw(starts, WINDOWS, rng)
    rows = windows.positions(first).rows()
    count = min(rows.shape[1], POSITIONS)
    spread = torch.linspace(0, rows.shape[1] - 1, count, device=rows.device).long()
    return rows[:, spread].flatten(), tracks.repeat_interleave(count)


def _count_rows(rows: Tensor, z: Tensor) -> int:
    """The number of distinct rows [S] with a known target [S, N], at the step with the fewest."""
    distinct, place = torch.unique(rows, return_inverse=True)
    known = torch.zeros(len(distinct), z.shape[1], device=z.device).index_add_(0, place, z.isfinite().float())
    return int((known > 0).sum(0).min())


def _naive_forecasts(shape: Shape, windows: Windows, rows: Tensor, tracks: Tensor) -> Tensor:
    """The naive forecasts after these rows, relative to the anchor's, which comes first, [S, A + 1, N]."""
    recent = windows.head_inputs(Positions(rows), windows.begins[tracks]).recent
    assert recent is not None
    return nn.functional.pad(naive_forecasts(recent[:, 0], shape.naive_table), (0, 0, 1, 0))
