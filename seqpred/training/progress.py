"""The observer of a training: progress, notes for the user, and the state after each step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqpred.notes import Notify, Progress, no_op
from seqpred.training.run import Score, State

if TYPE_CHECKING:
    from seqpred.training.ranks import Ranks
    from seqpred.training.team import Team


@dataclass(frozen=True)
class TrainingProgress(Progress):
    """How far a training is, and how good its best weights are.

    Attributes:
        step, steps: of the network in training.
        loss: the mean training loss since the previous validation.
        best: the best score on the validation split.
        validation_score: the mean loss over the validation windows, as in `history.csv`; None for a member.
        network: the number of the network in training, of `networks`.
    """

    step: int
    steps: int
    loss: float
    best: Score
    seconds: float
    validation_score: float | None = None
    network: int = 1
    networks: int = 1

    @property
    def remaining(self) -> float:
        """The seconds left, as far as can be estimated."""
        return self.seconds * (1 - self.share) / self.share if self.share else math.nan

    @property
    def detail(self) -> str:
        """The network, its scores so far and the time left."""
        score = "" if math.isnan(self.best.mase) else f"  val. MASE {self.best.mase:.3f}"
        return f"network {self.network} of {self.networks}  loss {self.loss:.3f}{score}  {self._left}"

    @property
    def line(self) -> str:
        """The step, the validation score if there is one, and the time left."""
        place = f"network {self.network} of {self.networks}, step {self.step} of {self.steps}"
        score = "" if math.isnan(self.best.mase) else f", validation MASE {self.best.mase:.3f}"
        return f"{super().line}, {place}{score}, {self._left}"

    @property
    def _left(self) -> str:
        left = int(self.remaining) if self.share else 0
        return f"{left // 60}:{left % 60:02d} left"

    def fields(self) -> dict[str, Any]:
        """The row of `history.csv`, the best validation MASE so far, and how far the training is."""
        return {
            "step": self.step,
            "network": self.network,
            "networks": self.networks,
            "loss": self.loss,
            "validation_score": self.validation_score,
            "validation_mase": self.best.mase,
            "share": self.share,
            "seconds": self.seconds,
            "remaining": self.remaining,
        }


@dataclass(frozen=True)
class Hooks:
    """What a training reports to, and its clock.

    Attributes:
        on_progress: called at each validation.
        notify: called with notes for the user.
        on_step: called after each step with a function that returns the state; may raise to stop the training.
        clock: returns the time in seconds.
        ranks: the group of processes that train together; None for one process.
        team: those of them that train this network; None for one process.
    """

    on_progress: Callable[[TrainingProgress], None] = no_op
    notify: Notify = no_op
    on_step: Callable[[Callable[[], State]], None] = no_op
    clock: Callable[[], float] = time.monotonic
    ranks: Ranks | None = None
    team: Team | None = None

    def now(self) -> float:
        """The time in seconds, of the team's first process."""
        if self.team is not None:
            self.team.synchronize()
        return self.clock()
