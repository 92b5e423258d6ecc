"""The one loop: draw windows, step, look at the validation part, keep the best."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from seqpred.network.machine import threads
from seqpred.network.network import Network, Shape
from seqpred.training.adamw import AdamW
from seqpred.training.windows import Windows

Weights = dict[str, npt.NDArray[np.float32]]
CLIP = 1.0  # largest norm of a step's gradient
CHECK_BATCH = 128  # validation windows at once


@dataclass(frozen=True)
class Plan:
    """How to train: the section `training` of the config, settled."""

    loss: str
    learning_rate: float
    batch_size: int
    max_steps: int
    time_budget: float | None
    patience: int
    check_every: int
    seed: int
    device: torch.device
    threads: int


@dataclass(frozen=True)
class Score:
    """The validation part, in units of the scale: `loss` chooses, `mase` and `anchor_mase` are for people."""

    loss: float
    mase: float
    anchor_mase: float


@dataclass(frozen=True)
class Progress:
    """What a person watching wants to know."""

    step: int
    steps: int
    loss: float
    best: Score
    seconds: float
    share: float  # of the run that is done, 0 to 1


@dataclass
class Outcome:
    """The best weights, and how they came about."""

    weights: Weights
    score: Score
    best_step: int
    steps: int = 0
    reason: str = ""
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)


def fit(shape: Shape, windows: Windows, plan: Plan, watch: Callable[[Progress], None] = lambda _: None) -> Outcome:
    """Train a new network; the result depends on arguments, machine and thread count alone.

    The head begins at the anchor with the spread that its errors have in the learning part, so training starts
    where the seasonal naive ends, and the best weights are never worse than that on the validation part.
    """
    with _settings(plan):
        return _fit(shape, windows.to(plan.device), plan, watch)


@contextmanager
def _settings(plan: Plan) -> Iterator[None]:
    """The run's own seed and threads; the caller's are as before afterwards."""
    devices = [plan.device] if plan.device.type == "cuda" else []
    with threads(plan.threads), torch.random.fork_rng(devices):
        torch.manual_seed(plan.seed)
        yield


def _fit(shape: Shape, windows: Windows, plan: Plan, watch: Callable[[Progress], None]) -> Outcome:
    network = Network(shape).to(plan.device)
    levels = torch.tensor(shape.levels, device=plan.device)
    draws = torch.Generator().manual_seed(plan.seed)
    first, last = windows.starts()
    tracks = torch.nonzero(last >= first)[:, 0]
    network.head.begin_at(_anchor_errors(windows, levels, network.head.middle, tracks, draws))
    optimizer = AdamW(network.parameters(), decay=1e-4)
    checks = windows.checks()
    began = time.monotonic()
    score = _check(network, windows, checks, levels, plan.loss)
    best = Outcome(network.weights(), score, best_step=0)
    losses: list[Tensor] = []
    waited, step, reason = 0, 0, "all steps done"
    network.train()
    while step < plan.max_steps:
        share = _share(step, plan, time.monotonic() - began)
        if share >= 1:
            reason = "time budget spent"
            break
        starts, chosen = windows.draw(tracks, first, last, plan.batch_size, draws)
        spoken, positions = windows.positions(starts)
        z = windows.targets(spoken, positions, windows.begins[chosen], windows.cuts[chosen])
        said = network(windows.inputs(starts), windows.around(spoken, positions))
        loss = quantile_loss(said, z, levels, plan.loss)
        optimizer.forget_gradients()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own stub
        nn.utils.clip_grad_norm_(network.parameters(), CLIP, foreach=True)
        optimizer.step(plan.learning_rate * _schedule(share))
        losses.append(loss.detach())
        step += 1
        if step % plan.check_every == 0 or step == plan.max_steps:
            best.losses.append(float(torch.stack(losses).mean()))
            losses.clear()
            if not math.isfinite(best.losses[-1]):
                reason = "diverged: the loss is not a number; the best weights before that are kept"
                break
            score = _check(network, windows, checks, levels, plan.loss)
            waited += 1
            if score.loss < best.score.loss:
                best.weights, best.score, best.best_step, waited = network.weights(), score, step, 0
            seconds = time.monotonic() - began
            watch(Progress(step, plan.max_steps, best.losses[-1], best.score, seconds, _share(step, plan, seconds)))
            if waited >= plan.patience:
                reason = f"no better for {waited} validations"
                break
    best.steps, best.reason, best.seconds = step, reason, time.monotonic() - began
    return best


def _share(step: int, plan: Plan, seconds: float) -> float:
    """How much of the run is done, by steps or by time, whichever is further."""
    return max(step / plan.max_steps, seconds / plan.time_budget if plan.time_budget else 0.0)


def _schedule(share: float) -> float:
    """Share of the peak learning rate: a linear start over 5 % of the run, then half a cosine to 0.

    Source: Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5, without restarts.
    """
    return min(1.0, (share + 1e-3) / 0.05) * 0.5 * (1 + math.cos(math.pi * share))


def quantile_loss(quantiles: Tensor, targets: Tensor, levels: Tensor, kind: str) -> Tensor:
    """Mean quantile loss over all known targets: every position, every step ahead, every level.

    Args:
        quantiles: [batch, P, N, Q].
        targets: [batch, P, N], NaN where unknown.
        levels: [Q].
        kind: pinball (Koenker & Bassett 1978, Econometrica 46(1)), or huber, whose corner is rounded within half
            a unit of the scale (Dabney et al. 2018, arXiv:1710.10044, eq. 10).
    """
    known = targets.isfinite()
    error = targets.nan_to_num(0.0)[..., None] - quantiles
    error = error * known[..., None]
    if kind == "huber":
        size = error.abs()
        rounded = torch.where(size < 0.5, size * size, size - 0.25)
        total = (rounded * torch.where(error < 0, 1 - levels, levels)).sum()
    else:
        total = (error * levels).sum() - error.clamp(max=0).sum()
    return total / (known.sum() * len(levels)).clamp(min=1)


@torch.no_grad()
def _check(network: Network, windows: Windows, checks: Sequence[Tensor], levels: Tensor, kind: str) -> Score:
    """The validation score of the network as it is."""
    network.eval()
    said, true = [], []
    for starts, tracks in zip(*(torch.split(part.to(levels.device), CHECK_BATCH) for part in checks), strict=True):
        spoken = starts + windows.window - 1
        z = windows.targets(spoken, 1, windows.cuts[tracks], windows.ends[tracks])
        said.append(network.at_end(windows.inputs(starts), windows.around(spoken, 1)))
        true.append(z[:, 0])
    network.train()
    quantiles, z = torch.cat(said), torch.cat(true)
    median = quantiles[..., network.head.middle]
    return Score(
        loss=float(quantile_loss(quantiles, z, levels, kind)),
        mase=float((z - median).abs().nanmean()),
        anchor_mase=float(z.abs().nanmean()),
    )


@torch.no_grad()
def _anchor_errors(windows: Windows, levels: Tensor, middle: int, tracks: Tensor, draws: torch.Generator) -> Tensor:
    """Quantiles [N, Q] of what the anchor misses in the learning part, the middle one 0."""
    first, last = windows.starts()
    starts, chosen = windows.draw(tracks, first, last, 256, draws)
    spoken, positions = windows.positions(starts)
    z = windows.targets(spoken, positions, windows.begins[chosen], windows.cuts[chosen]).flatten(0, 1)
    z = z[torch.linspace(0, len(z) - 1, min(len(z), 8192), device=z.device).long()]
    quantiles = torch.nanquantile(z, levels, dim=0).T.nan_to_num(0.0)
    return quantiles - quantiles[:, middle : middle + 1]
