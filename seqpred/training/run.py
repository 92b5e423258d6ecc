"""A training at any moment: all that changes from step to step, and so all that a checkpoint holds."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seqpred.errors import FolderError
from seqpred.network.network import Network
from seqpred.training.adamw import AdamW
from seqpred.training.choosing import Check

Weights = dict[str, npt.NDArray[np.float32]]
State = dict[str, Any]  # numbers, texts and arrays, in dictionaries and lists
DECAY = 7  # how fast the mean of the weights forgets: a new step has 1 + DECAY times its even share in it


@contextmanager
def reporting_damage() -> Iterator[None]:
    """What is wrong with a state that was kept, in words."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as e:
        found = f"the state of the unfinished training is damaged ({type(e).__name__}: {e})"
        raise FolderError(found, hint="--force begins anew.") from None


@dataclass(frozen=True)
class Score:
    """The validation part, in units of the scale: `loss` chooses, `mase` and `anchor_mase` are for people."""

    loss: float
    mase: float
    anchor_mase: float


UNSCORED = Score(math.nan, math.nan, math.nan)


@dataclass
class Outcome:
    """The best weights, and how they came about.

    Attributes:
        first: `begin` [N, Q] and, with a blend, `blend` [A, N]: what the network said before its first step; see
            `network.ensemble`.
        whole: steps after which the schedule would have ended.
        checks: all looks at the validation part, the one before the first step included.
    """

    weights: Weights
    first: Weights
    score: Score = UNSCORED
    best_step: int = 0
    checks: list[Check] = field(default_factory=list)
    steps: int = 0
    whole: int = 0
    reason: str = ""
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)

    def state_dict(self) -> State:
        """All of it, to be kept."""
        return asdict(self)

    @classmethod
    def load_state_dict(cls, state: State) -> Outcome:
        """What `freeze` found."""
        return cls(**{**state, "score": Score(**state["score"]), "checks": [Check(**c) for c in state["checks"]]})


@dataclass
class Run:
    """A training under way.

    Attributes:
        rng: where the windows are drawn from; dropout draws from torch's own generator.
        best: the best so far.
        losses: of the steps since the last validation.
        waited: validations since the best one.
        divergences: how often the loss has exploded.
        mean, n_averaged: the mean of the weights, and after how many steps they were taken into it.
        began: `time.monotonic()` when it began, less the time between its interruptions.
    """

    network: Network
    optimizer: AdamW
    rng: torch.Generator
    best: Outcome
    began: float
    losses: list[float] = field(default_factory=list)
    step: int = 0
    waited: int = 0
    divergences: int = 0
    mean: dict[str, Tensor] = field(init=False)
    n_averaged: int = 0

    def __post_init__(self) -> None:
        self.reset_mean()

    def reset_mean(self) -> None:
        """Begin the mean of the weights anew, at those of now."""
        self.mean, self.n_averaged = {name: w.clone() for name, w in self.network.state_dict().items()}, 0

    def average(self) -> None:
        """Take the weights as they are now into their mean.

        The noise of single steps is averaged out of it, and what was long ago fades in proportion to the steps since
        (polynomial decay: Shamir & Zhang 2013, arXiv:1212.1824, section 4).
        """
        self.n_averaged += 1
        now, share = self.network.state_dict().values(), (1 + DECAY) / (self.n_averaged + DECAY)
        torch._foreach_lerp_(list(self.mean.values()), list(now), share)

    def mean_weights(self) -> Weights:
        """A copy of that mean, by name."""
        return {name: w.cpu().numpy().copy() for name, w in self.mean.items()}

    @contextmanager
    def averaged(self) -> Iterator[Network]:
        """The network with the mean of its weights, to be looked at; afterwards it has its own again."""
        own = {name: w.clone() for name, w in self.network.state_dict().items()}
        self.network.load_state_dict(self.mean)
        try:
            yield self.network
        finally:
            self.network.load_state_dict(own)

    @property
    def seconds(self) -> float:
        """Time spent."""
        return time.monotonic() - self.began

    def state_dict(self) -> State:
        """All that changes, torch's own generators included: a run that thaws it goes on as this one does."""
        device = next(self.network.parameters()).device
        return {
            "step": self.step,
            "waited": self.waited,
            "divergences": self.divergences,
            "mean": self.mean_weights(),
            "n_averaged": self.n_averaged,
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
        """Be the run that was frozen.

        Raises:
            FolderError: it is none of this network's.
        """
        with reporting_damage():
            self._load_state_dict(state)

    def _load_state_dict(self, state: State) -> None:
        device = next(self.network.parameters()).device
        self.step, self.waited, self.divergences, self.n_averaged = (
            int(state[name]) for name in ("step", "waited", "divergences", "n_averaged")
        )
        self.began = time.monotonic() - state["seconds"]
        self.losses = list(state["losses"])
        self.best = Outcome.load_state_dict(state["best"])
        for weights in (self.best.weights, state["mean"], state["weights"]):
            self.network.set_weights(weights)  # all have to fit
        self.mean = {name: torch.from_numpy(w.copy()).to(device) for name, w in state["mean"].items()}
        self.optimizer.load_state_dict(state["optimizer"])
        self.rng.set_state(torch.from_numpy(state["rng"]))
        torch.set_rng_state(torch.from_numpy(state["dropout"]))
        if state["dropout_cuda"] is not None:
            torch.cuda.set_rng_state(torch.from_numpy(state["dropout_cuda"]), device)
