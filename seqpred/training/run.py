"""The state of the training of one network: everything that changes from step to step; saved in checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seqpred.errors import FolderError
from seqpred.network.network import Network
from seqpred.training.adamw import AdamW
from seqpred.training.choice import ValidationResult
from seqpred.training.schedule import Schedule

Weights = dict[str, npt.NDArray[np.float32]]
State = dict[str, Any]  # numbers, texts and arrays, in dictionaries and lists
DECAY = 7  # of the mean of the weights: a new step enters with 1 + DECAY times the weight of an arithmetic mean


@contextmanager
def reporting_damage() -> Iterator[None]:
    """Turn the errors of loading a damaged state into a `FolderError`."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as e:
        message = f"the state of the unfinished training is damaged ({type(e).__name__}: {e})"
        raise FolderError(message, hint="Start over with --force.") from None


@dataclass(frozen=True)
class Score:
    """Errors on the validation split, in units of the scale.

    Attributes:
        loss: the quantile loss, by which the best weights are chosen.
        mase: the mean absolute error of the median.
        anchor_mase: that of the anchor's forecast.
    """

    loss: float
    mase: float
    anchor_mase: float


UNSCORED = Score(math.nan, math.nan, math.nan)


@dataclass
class Outcome:
    """The result of training a network.

    Attributes:
        weights: the best ones.
        initial: `initial_forecast` [N, Q] and, with a blend, `blend` [A, N]: the network's forecast before the first
            step; see `network.ensemble`.
        known_rows: rows of the training split with a known target, at the step with the fewest, as far as sampled.
        score: the best one.
        best_step: the step of the best weights.
        validation_results: of all validations, including one before the first step.
        steps: that were taken.
        schedule_steps: that the whole schedule would have taken.
        reason: why training ended.
        losses: the mean training loss between validations.
        loss_steps: the number of steps after which each of these was recorded.
    """

    weights: Weights
    initial: Weights
    known_rows: int
    score: Score = UNSCORED
    best_step: int = 0
    validation_results: list[ValidationResult] = field(default_factory=list)
    steps: int = 0
    schedule_steps: int = 0
    reason: str = ""
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)
    loss_steps: list[int] = field(default_factory=list)

    def state_dict(self) -> State:
        """The complete state as numbers, texts and arrays."""
        return asdict(self)

    @classmethod
    def load_state_dict(cls, state: State) -> Outcome:
        """Restore what `state_dict` returned."""
        results = [ValidationResult(**result) for result in state["validation_results"]]
        return cls(**{**state, "score": Score(**state["score"]), "validation_results": results})


@dataclass
class Run:
    """The training of one network, between two steps.

    Attributes:
        rng: draws the windows; dropout draws from torch's global generator.
        best: the result so far.
        started: the time on `clock` when training started, less the time between interruptions.
        clock: returns the time in seconds.
        losses: of the steps since the last validation.
        stale_validations: since the best one.
        divergences: how often the loss has exploded.
        mean, n_averaged: the moving mean of the weights, and over how many steps it is taken.
        kept: in a training ahead, that mean at each step, as text, after which training may have to end; otherwise
            None. See `at_turn`.
    """

    network: Network
    optimizer: AdamW
    rng: torch.Generator
    best: Outcome
    started: float
    clock: Callable[[], float] = time.monotonic
    losses: list[float] = field(default_factory=list)
    step: int = 0
    stale_validations: int = 0
    divergences: int = 0
    mean: dict[str, Tensor] = field(init=False)
    n_averaged: int = 0
    kept: dict[str, Weights] | None = None

    def __post_init__(self) -> None:
        self.reset_mean()

    @property
    def seconds(self) -> float:
        """Time spent."""
        return self.clock() - self.started

    def reset_mean(self) -> None:
        """Restart the mean of the weights from the current ones."""
        self.mean, self.n_averaged = {name: w.clone() for name, w in self.network.state_dict().items()}, 0

    def average(self) -> None:
        """Update the mean of the weights with the current ones.

        Averaging removes the noise of single steps; the influence of a step decays polynomially with the steps since
        (Shamir & Zhang 2013, arXiv:1212.1824, section 4).
        """
        self.n_averaged += 1
        current = list(self.network.state_dict().values())
        torch._foreach_lerp_(list(self.mean.values()), current, (1 + DECAY) / (self.n_averaged + DECAY))

    def mean_weights(self) -> Weights:
        """A copy of the mean of the weights, by name."""
        return {name: w.cpu().numpy().copy() for name, w in self.mean.items()}

    @contextmanager
    def averaged(self) -> Iterator[Network]:
        """The network with the mean of its weights, inside the context."""
        current = {name: w.clone() for name, w in self.network.state_dict().items()}
        self.network.load_state_dict(self.mean)
        try:
            yield self.network
        finally:
            self.network.load_state_dict(current)

    def keep_weights(self) -> None:
        """Make the mean of the weights the best ones so far."""
        self.best.weights, self.best.best_step = self.mean_weights(), self.step

    def restore_best(self) -> None:
        """Go back to the best weights so far, after a divergence."""
        self.divergences += 1
        self.network.set_weights(self.best.weights)
        self.optimizer.reset()
        self.reset_mean()
        self.losses.clear()

    def state_dict(self) -> State:
        """Everything that changes, including torch's random number generators."""
        device = next(self.network.parameters()).device
        return {
            "step": self.step,
            "stale_validations": self.stale_validations,
            "divergences": self.divergences,
            "mean": self.mean_weights(),
            "n_averaged": self.n_averaged,
            "kept": None if self.kept is None else dict(self.kept),
            "seconds": self.seconds,
            "losses": self.losses,
            "best": self.best.state_dict(),
            "weights": self.network.weights(),
            "optimizer": self.optimizer.state_dict(),
            "rng": self.rng.get_state().numpy(),
            "dropout": torch.get_rng_state().numpy(),
            "dropout_cuda": torch.cuda.get_rng_state(device).numpy() if device.type == "cuda" else None,
        }

    def load_state_dict(self, state: State) -> None:
        """Restore what `state_dict` returned.

        Raises:
            FolderError: the state is damaged or belongs to another network.
        """
        with reporting_damage():
            self._load_state_dict(state)

    def _load_state_dict(self, state: State) -> None:
        device = next(self.network.parameters()).device
        for name in ("step", "stale_validations", "divergences", "n_averaged"):
            setattr(self, name, int(state[name]))
        self.started = self.clock() - state["seconds"]
        self.losses, self.kept = list(state["losses"]), state["kept"]
        self.best = Outcome.load_state_dict(state["best"])
        for weights in (self.best.weights, state["mean"], state["weights"]):
            self.network.set_weights(weights)  # raises if one does not fit; the last one stays
        self.mean = {name: torch.from_numpy(w.copy()).to(device) for name, w in state["mean"].items()}
        self.optimizer.load_state_dict(state["optimizer"])
        self.rng.set_state(torch.from_numpy(state["rng"]))
        torch.set_rng_state(torch.from_numpy(state["dropout"]))
        if state["dropout_cuda"] is not None:
            torch.cuda.set_rng_state(torch.from_numpy(state["dropout_cuda"]), device)


def was_ahead(state: State) -> bool:
    """Whether it is the state of a network that was trained ahead.

    Raises:
        FolderError: the state is damaged.
    """
    with reporting_damage():
        return state["kept"] is not None


def at_turn(state: State, schedule: Schedule) -> tuple[State | None, Schedule]:
    """The state and the schedule of a network that was trained ahead, now that its last step is known.

    They are those of a network that was not trained further than that step. Under a time budget, the network has its
    own pace, so that is the step at the same fraction of its own schedule. The time that it took to train ahead does
    not count, since others were trained at the same time.

    Returns:
        The same if the network was not trained ahead; without a state if it has to be trained from the beginning.
    Raises:
        FolderError: the state is damaged.
    """
    with reporting_damage():
        kept, best = state["kept"], state["best"]
        if kept is None:
            return state, schedule
        own = best["schedule_steps"] or schedule.steps
        last_step = round(schedule.last_step * own / schedule.steps)
        if state["step"] > last_step:
            last_step = max((int(step) for step in kept if int(step) <= last_step), default=0)
            if not last_step:
                return None, schedule
            state = _rewound(state, last_step)
        return {**state, "kept": None, "seconds": 0.0}, replace(schedule, steps=own, stop_step=last_step)


def _rewound(state: State, step: int) -> State:
    """What `state` would be if training had ended after an earlier step, at which the weights were kept."""
    best = state["best"]
    count = sum(loss_step <= step for loss_step in best["loss_steps"])
    best = {**best, "losses": best["losses"][:count], "loss_steps": best["loss_steps"][:count]}
    return {**state, "step": step, "mean": state["kept"][str(step)], "best": best, "divergences": 0}
