"""The training loop of one network: draw windows, take a step, validate, keep the best weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace

import torch

from seqpred.network.machine import full_precision, threads
from seqpred.network.network import Network
from seqpred.notes import Note
from seqpred.runtime.shape import Shape
from seqpred.training.adamw import AdamW
from seqpred.training.batch import Batch, Gradients, run_eagerly
from seqpred.training.initial_forecast import initial_forecast
from seqpred.training.progress import Hooks, TrainingProgress
from seqpred.training.run import Outcome, Run, State
from seqpred.training.schedule import Schedule, learning_rate_factor
from seqpred.training.step_graphs import step_runner
from seqpred.training.validation_score import ValidationSet, validation_score
from seqpred.training.windows import Starts, Windows

WEIGHT_DECAY = 1e-4
EXPLODED = 100.0  # a loss of this many times that of the naive forecast counts as diverged
MAX_DIVERGENCES = 3  # before training ends


@dataclass(frozen=True)
class FitOptions:
    """How a network is trained: the section `training` of a resolved config.

    Attributes:
        patience: validations without a better score before training ends.
        validate_every: steps from one validation to the next.
        distribute: what the processes of a group share; see `team.make_teams`.
        slices: into which each batch is divided; 1 for none.
    """

    schedule: Schedule
    loss: str
    learning_rate: float
    batch_size: int
    patience: int
    validate_every: int
    seed: int
    device: torch.device
    threads: int
    distribute: str = "auto"
    slices: int = 1


@dataclass(frozen=True)
class TrainingData:
    """What stays the same at every step.

    Attributes:
        starts: where training windows may start.
        validation: the validation windows.
    """

    windows: Windows
    starts: Starts
    validation: ValidationSet


def fit(
    shape: Shape, windows: Windows, options: FitOptions, hooks: Hooks | None = None, state: State | None = None
) -> Outcome:
    """Train a new network; the result depends only on the arguments, the machine and the number of threads.

    The head is initialized with a blend of naive forecasts, weighed by their errors on the training split, and with
    the quantiles of its errors. So training starts from the naive forecasts, and the best weights are never worse than
    these on the validation split. The mean of the weights of late steps is validated and kept (`Run.average`); without
    validation (`Schedule.stop_step`), the mean after the last step is.

    Args:
        state: what `hooks.on_step` received in a run with the same arguments, to resume it.
    """
    hooks = hooks or Hooks()
    with closing(fit_in_steps(shape, windows, options, hooks, state)) as steps:
        while True:
            try:
                hooks.on_step(next(steps))
            except StopIteration as end:
                outcome: Outcome = end.value
                return outcome


Steps = Generator[Callable[[], State], None, Outcome]
"""A training that pauses after each step and yields a function that returns the state; at its end, the outcome."""


def fit_in_steps(
    shape: Shape, windows: Windows, options: FitOptions, hooks: Hooks, state: State | None = None
) -> Steps:
    """What `fit` does, step by step; only one such training at a time in a process, as it sets torch's seed."""
    with _settings(options):
        return (yield from _fit(shape, windows.to(options.device), options, hooks, state))


@contextmanager
def _settings(options: FitOptions) -> Iterator[None]:
    """Set the seed and the number of threads inside the context, and restore the caller's afterwards."""
    devices = [options.device] if options.device.type == "cuda" else []
    with threads(options.threads), full_precision(options.device), torch.random.fork_rng(devices):
        torch.manual_seed(options.seed)
        yield


def _fit(shape: Shape, windows: Windows, options: FitOptions, hooks: Hooks, state: State | None) -> Steps:
    levels = torch.tensor(shape.levels, device=options.device)
    validation = replace(ValidationSet.of(windows, levels, options.loss), slices=options.slices, team=hooks.team)
    data = TrainingData(windows, windows.starts(), validation)
    run, schedule = _start(shape, data, options, hooks)
    if state is not None:
        run.load_state_dict(state)
    run.network.train()
    runner = step_runner(run.network, options.device, hooks) or run_eagerly
    gradients = Gradients(run.network, windows, levels, options.loss, hooks.team, runner)
    while not (reason := _stop_reason(run, schedule, options.patience)):
        problem = training_step(run, data, gradients, options, schedule.fraction(run.step, run.seconds))
        run.step += 1
        if problem:
            hooks.notify(Note(_recover(run, problem)))
        elif run.step % options.validate_every == 0 or schedule.fraction(run.step, run.seconds) >= 1:
            _validate(run, data, schedule)
            hooks.on_progress(_progress(run, schedule))
        if run.kept is not None:
            run.best.schedule_steps = schedule.equivalent_steps(run.step, run.seconds)
            if run.step % options.validate_every == 0:
                run.kept[str(run.step)] = run.mean_weights()
        yield run.state_dict
    if not schedule.validates:
        run.keep_weights()
    run.best.schedule_steps = schedule.equivalent_steps(run.step, run.seconds)
    run.best.steps, run.best.reason, run.best.seconds = run.step, reason, run.seconds
    return run.best


def _start(shape: Shape, data: TrainingData, options: FitOptions, hooks: Hooks) -> tuple[Run, Schedule]:
    """A run before its first step, and the schedule with the time that a validation takes in reserve."""
    started = hooks.now()
    network = Network(shape).to(options.device)
    rng = torch.Generator().manual_seed(options.seed)
    initial = initial_forecast(shape, data.windows, data.starts, network.head.middle, rng)
    network.head.initialize(initial.quantiles, initial.logits)
    if hooks.team is not None:
        hooks.team.share(network)
    optimizer = AdamW(network.parameters(), WEIGHT_DECAY)
    named = {"initial_forecast": initial.quantiles, **({"blend": initial.blend} if shape.naives else {})}
    best = Outcome(network.weights(), {name: array.cpu().numpy() for name, array in named.items()}, initial.rows)
    ready = hooks.now()
    if options.schedule.validates:
        best.score, result = validation_score(network, data.validation, 0)
        best.validation_results.append(result)
    schedule = replace(options.schedule, reserve=hooks.now() - ready)
    return Run(network, optimizer, rng, best, started, hooks.clock, kept={} if schedule.ahead else None), schedule


def _stop_reason(run: Run, schedule: Schedule, patience: int) -> str:
    """Why training ends at this step; empty if it continues."""
    if run.divergences >= MAX_DIVERGENCES:
        return f"diverged {run.divergences} times; lower training.learning_rate"
    if run.stale_validations >= patience:
        return f"no better for {run.stale_validations} validations"
    return schedule.stop_reason(run.step, run.seconds)


def training_step(run: Run, data: TrainingData, gradients: Gradients, options: FitOptions, fraction: float) -> str:
    """One step along the gradient of the loss of a random batch; or none, and the problem with it as text.

    Args:
        fraction: of the schedule that is done.
    """
    batch = Batch.draw(data.windows, data.starts, options.batch_size, options.slices, run.rng)
    size, naive, norm = gradients.compute(batch)
    if not math.isfinite(size) or (size > EXPLODED and size > EXPLODED * naive):
        return f"the loss is {size:.3g}"
    if not math.isfinite(norm):
        return f"the gradient is {norm:.3g}"
    run.optimizer.step(options.learning_rate * 0.5**run.divergences * learning_rate_factor(fraction))
    run.average()
    run.losses.append(size)
    return ""


def _recover(run: Run, problem: str) -> str:
    """Return to the best weights and halve the learning rate; returns a note about it."""
    run.restore_best()
    last = run.divergences >= MAX_DIVERGENCES
    action = "training ends" if last else "training continues at half the learning rate"
    return f"step {run.step}: {problem}; restored the weights of step {run.best.best_step}, {action}"


def _validate(run: Run, data: TrainingData, schedule: Schedule) -> None:
    """Score the weights on the validation split and keep them if they are the best; without one, keep them."""
    if run.losses:
        run.best.losses.append(sum(run.losses) / len(run.losses))
        run.best.loss_steps.append(run.step)
        run.losses.clear()
    if not schedule.validates:
        run.keep_weights()
        return
    with run.averaged() as network:
        score, result = validation_score(network, data.validation, run.step)
    run.best.validation_results.append(result)
    run.stale_validations += 1
    if score.loss < run.best.score.loss:
        run.best.score = score
        run.stale_validations = 0
        run.keep_weights()


def _progress(run: Run, schedule: Schedule) -> TrainingProgress:
    loss = run.best.losses[-1] if run.best.losses else math.nan
    share = schedule.fraction(run.step, run.seconds)
    score = run.best.validation_results[-1].mean_loss if schedule.validates else None
    return TrainingProgress("training", share, run.step, schedule.steps, loss, run.best.score, run.seconds, score)
