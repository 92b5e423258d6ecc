"""The one loop: draw windows, step, look at the validation part, keep the best."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from seqpred.network.heads import naive_forecasts, nearness, weigh_by_errors
from seqpred.network.machine import threads
from seqpred.network.network import Network
from seqpred.notes import Note, Notify, Progress, no_op
from seqpred.runtime.shape import PLACES, Shape
from seqpred.training.adamw import AdamW
from seqpred.training.choosing import Check
from seqpred.training.run import Outcome, Run, Score, State
from seqpred.training.windows import Speaking, Windows

CLIP = 1.0  # largest norm of a step's gradient
CHECK_BATCH = 128  # validation windows at once
EXPLODED = 100.0  # a loss so many times the naive forecast's is no learning any more
MAX_DIVERGENCES = 3  # explosions before a run is given up


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
    until: int | None = None  # learn for so many steps of the schedule and look at no validation part

    @property
    def last(self) -> int:
        """The step after which the run ends at the latest."""
        return self.max_steps if self.until is None else min(self.max_steps, self.until)


@dataclass(frozen=True)
class TrainingProgress(Progress):
    """How far a training is, and how good its best weights are.

    Attributes:
        network: the number of the network in training, of `networks`.
    """

    step: int
    steps: int
    loss: float
    best: Score
    seconds: float
    network: int = 1
    networks: int = 1

    @property
    def detail(self) -> str:
        """The network, its scores and the time left."""
        left = int(self.seconds * (1 - self.share) / self.share) if self.share else 0
        scores = f"loss {self.loss:.3f}  val. MASE {self.best.mase:.3f}"
        return f"network {self.network} of {self.networks}  {scores}  {left // 60}:{left % 60:02d} left"


@dataclass(frozen=True)
class Hooks:
    """What a run tells while it goes.

    Attributes:
        on_progress: receives the progress at each validation.
        notify: receives notes for the user.
        keep: given, after each step, what makes the state of it; may raise to stop the run.
    """

    on_progress: Callable[[TrainingProgress], None] = no_op
    notify: Notify = no_op
    keep: Callable[[Callable[[], State]], None] = no_op


@dataclass(frozen=True)
class Material:
    """What is learned from and validated on, the same at every step."""

    windows: Windows
    levels: Tensor  # [Q]
    tracks: Tensor  # those that windows are drawn from
    first: Tensor  # [K], the first and last row at which a window of each track may begin
    last: Tensor
    checks: tuple[Tensor, Tensor]


def fit(shape: Shape, windows: Windows, plan: Plan, hooks: Hooks | None = None, state: State | None = None) -> Outcome:
    """Train a new network; the result depends on arguments, machine and thread count alone.

    The head begins at a blend of naive forecasts, each weighed by its errors in the learning part, with the spread
    that the blend's errors have there, so training starts where the naive forecasts end, and the best weights are never
    worse than that on the validation part. What is validated and kept is the mean of the weights of late steps
    (`Run.average`); without a validation part (`plan.until`) the best is that after the last step.

    Args:
        state: what `hooks.keep` was given in a run with the same arguments, which then goes on.
    """
    with _settings(plan):
        return _fit(shape, windows.to(plan.device), plan, hooks or Hooks(), state)


@contextmanager
def _settings(plan: Plan) -> Iterator[None]:
    """The run's own seed and threads; the caller's are as before afterwards."""
    devices = [plan.device] if plan.device.type == "cuda" else []
    with threads(plan.threads), torch.random.fork_rng(devices):
        torch.manual_seed(plan.seed)
        yield


def _fit(shape: Shape, windows: Windows, plan: Plan, hooks: Hooks, state: State | None) -> Outcome:
    first, last = windows.starts()
    levels = torch.tensor(shape.levels, device=plan.device)
    material = Material(windows, levels, torch.nonzero(last >= first)[:, 0], first, last, windows.checks())
    run, reserve = _begin(shape, material, plan)
    if state is not None:
        run.load_state_dict(state)
    run.network.train()
    while not (reason := _ending(run, plan, reserve)):
        share = _share(run, plan, reserve)
        trouble = _learn(run, material, plan, share)
        run.step += 1
        if trouble:
            hooks.notify(Note(_recover(run, trouble)))
        elif run.step % plan.check_every == 0 or _share(run, plan, reserve) >= 1:
            _validate(run, material, plan)
            hooks.on_progress(_progress(run, plan, reserve))
        hooks.keep(run.state_dict)
    if plan.until is not None:
        _keep(run)
    run.best.whole = round(max(run.step, 1) / max(_share(run, plan, reserve), 1 / plan.max_steps))
    run.best.steps, run.best.reason, run.best.seconds = run.step, reason, run.seconds
    return run.best


def _begin(shape: Shape, material: Material, plan: Plan) -> tuple[Run, float]:
    """A run before its first step, and the seconds that a validation takes."""
    began = time.monotonic()
    network = Network(shape).to(plan.device)
    rng = torch.Generator().manual_seed(plan.seed)
    begin, logits = _first_forecast(shape, material, network.head.middle, rng)
    network.head.begin_at(begin, logits)
    optimizer = AdamW(network.parameters(), decay=1e-4)
    ready = time.monotonic()
    first = {"begin": begin.cpu().numpy()}
    if shape.naives:
        first["blend"] = _shares(logits, shape.horizon).cpu().numpy()
    best = Outcome(network.weights(), first)
    if plan.until is None:
        best.score, check = _check(network, material, plan.loss, 0)
        best.checks.append(check)
    return Run(network, optimizer, rng, best, began), time.monotonic() - ready


def _ending(run: Run, plan: Plan, reserve: float) -> str:
    """Why the run ends here; empty where it goes on."""
    if run.divergences >= MAX_DIVERGENCES:
        return f"diverged {run.divergences} times; lower training.learning_rate"
    if run.waited >= plan.patience:
        return f"no better for {run.waited} validations"
    if run.step >= plan.last:
        return "all steps done"
    late = plan.until is not None and plan.time_budget is not None and run.seconds >= plan.time_budget
    return "time budget spent" if late or _share(run, plan, reserve) >= 1 else ""


def _learn(run: Run, material: Material, plan: Plan, share: float) -> str:
    """One step down the gradient of a batch drawn at random; or none, and what is wrong with it in words."""
    windows = material.windows
    starts, chosen = windows.draw(material.tracks, material.first, material.last, plan.batch_size, run.rng)
    speaking = windows.speaking(starts, run.rng)
    z = windows.targets(speaking, windows.begins[chosen], windows.cuts[chosen])
    said = run.network(windows.inputs(starts), windows.ahead(speaking, windows.begins[chosen]), speaking.begin)
    loss = quantile_loss(said, z, material.levels, plan.loss)
    run.optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]  # torch's own stub
    norm = nn.utils.clip_grad_norm_(run.network.parameters(), CLIP, foreach=True)
    size = float(loss.detach())
    if not math.isfinite(size) or (size > EXPLODED and size > EXPLODED * float(z.abs().nanmean())):
        return f"the loss is {size:.3g}"
    if not math.isfinite(float(norm)):
        return f"the gradient is {float(norm):.3g}"
    run.optimizer.step(plan.learning_rate * 0.5**run.divergences * _schedule(share))
    run.average()
    run.losses.append(size)
    return ""


def _recover(run: Run, trouble: str) -> str:
    """Go back to the best weights, from there at half the rate; says so."""
    run.divergences += 1
    run.network.set_weights(run.best.weights)
    run.optimizer.reset()
    run.reset_mean()
    run.losses.clear()
    end = "training ends" if run.divergences >= MAX_DIVERGENCES else "going on at half the learning rate"
    return f"step {run.step}: {trouble}; back to the weights of step {run.best.best_step}, {end}"


def _validate(run: Run, material: Material, plan: Plan) -> None:
    """Look at the validation part, if there is one, and keep the weights if they are the best."""
    if run.losses:
        run.best.losses.append(sum(run.losses) / len(run.losses))
        run.losses.clear()
    if plan.until is not None:
        _keep(run)
        return
    with run.averaged() as network:
        score, check = _check(network, material, plan.loss, run.step)
    run.best.checks.append(check)
    run.waited += 1
    if score.loss < run.best.score.loss:
        run.best.score = score
        run.waited = 0
        _keep(run)


def _keep(run: Run) -> None:
    """Take what has been learned for the best so far."""
    run.best.weights, run.best.best_step = run.mean_weights(), run.step


def _progress(run: Run, plan: Plan, reserve: float) -> TrainingProgress:
    loss = run.best.losses[-1] if run.best.losses else math.nan
    share = _share(run, plan, reserve)
    return TrainingProgress("training", share, run.step, plan.max_steps, loss, run.best.score, run.seconds)


def _share(run: Run, plan: Plan, reserve: float) -> float:
    """How much of the run is done, by steps or by time, whichever is further.

    Args:
        reserve: seconds of the time budget that the last validation will need.
    """
    if plan.time_budget is None or plan.until is not None:
        return run.step / plan.max_steps
    return max(run.step / plan.max_steps, run.seconds / max(plan.time_budget - reserve, 1e-3))


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
    totals, known = _window_losses(quantiles, targets, levels, kind)
    return totals.sum() / known.sum().clamp(min=1)


def _window_losses(quantiles: Tensor, targets: Tensor, levels: Tensor, kind: str) -> tuple[Tensor, Tensor]:
    """The sum of each window's losses, [batch], and how many are summed."""
    known = targets.isfinite()
    error = targets.nan_to_num(0.0)[..., None] - quantiles
    slope = (levels - (error.detach() < 0).to(levels.dtype)) * known[..., None]  # of the loss along the error
    if kind == "huber":
        size = error.abs()
        error, slope = torch.where(size < 0.5, size * size, size - 0.25), slope.abs()
    return (error * slope).sum((1, 2, 3)), known.sum((1, 2)) * len(levels)


@torch.no_grad()
def _check(network: Network, material: Material, kind: str, step: int) -> tuple[Score, Check]:
    """The validation score of the network as it is after so many steps."""
    windows, levels = material.windows, material.levels
    network.eval()
    said, true = [], []
    for starts, tracks in zip(
        *(torch.split(part.to(levels.device), CHECK_BATCH) for part in material.checks), strict=True
    ):
        last = Speaking(starts + windows.window - 1)
        z = windows.targets(last, windows.cuts[tracks], windows.ends[tracks])
        said.append(network.at_end(windows.inputs(starts), windows.ahead(last, windows.begins[tracks])))
        true.append(z[:, 0])
    network.train()
    quantiles, z = torch.cat(said), torch.cat(true)
    middle = quantiles[..., network.head.middle]
    totals, known = _window_losses(quantiles[:, None], z[:, None], levels, kind)
    score = Score(
        loss=float(totals.sum() / known.sum().clamp(min=1)),
        mase=float((z - middle).abs().nanmean()),
        anchor_mase=float(z.abs().nanmean()),
    )
    room = torch.where(z > middle, quantiles[..., -1] - middle, middle - quantiles[..., 0])
    normalized_errors = ((z - middle).abs() / room.clamp(min=1e-6)).clamp(max=1e4)
    return score, Check(step, (totals / known).cpu().numpy(), normalized_errors.cpu().numpy().astype(np.float16))


@torch.no_grad()
def _first_forecast(shape: Shape, material: Material, middle: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """What can be said before anything is learned: naive forecasts, weighed by how much they err in the learning part.

    Returns:
        Quantiles [N, Q] of what their blend misses, the middle one 0, and the logits of their shares, [places, A + 1].
    """
    windows = material.windows
    starts, chosen = windows.draw(material.tracks, material.first, material.last, 256, rng)
    spoken = windows.speaking(starts).rows(0, 0)
    some = torch.linspace(0, spoken.shape[1] - 1, min(spoken.shape[1], 32), device=starts.device).long()
    rows, chosen = spoken[:, some].flatten(), chosen.repeat_interleave(len(some))
    z = windows.targets(Speaking(rows), windows.begins[chosen], windows.cuts[chosen])[:, 0]
    logits = torch.zeros(min(PLACES, shape.horizon), 1 + shape.naives, device=z.device)
    if shape.naives:
        recent = windows.ahead(Speaking(rows), windows.begins[chosen]).recent
        assert recent is not None
        naives = nn.functional.pad(naive_forecasts(recent[:, 0], shape), (0, 0, 1, 0))  # the anchor's own is first
        seen = rows - windows.begins[chosen] + 1 >= shape.recent  # elsewhere some of them know too little to be judged
        missed = (z[:, None] - naives)[seen | ~seen.any()]
        errors = missed.abs().nanmean(0).nan_to_num(0.0)  # [A + 1, N]
        near = nearness(shape.horizon).to(z.device)
        logits = weigh_by_errors((near @ errors.T) / near.sum(-1, keepdim=True))
        z = z - (naives[:, 1:] * _shares(logits, shape.horizon)).sum(1)
    quantiles = torch.nanquantile(z, material.levels, dim=0).T.nan_to_num(0.0)
    return quantiles - quantiles[:, middle : middle + 1], logits


def _shares(logits: Tensor, horizon: int) -> Tensor:
    """The share of each naive forecast but the anchor's at each step ahead, [A, N], from logits [places, A + 1]."""
    return torch.softmax(logits, -1)[:, 1:].T @ nearness(horizon).to(logits.device)
