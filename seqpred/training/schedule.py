"""The number of training steps of a network, and its learning rate."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """The length of a training in steps and in seconds.

    Attributes:
        steps: over which the learning rate falls to zero.
        stop_step: train for this number of steps of the schedule, without validation; None to validate and choose.
        time_budget: seconds; with a `stop_step` it ends the training, otherwise it shortens the schedule.
        reserve: seconds of the time budget that the last validation needs.
        ahead: train before `stop_step` is known, without validation; see `Run.kept`.
    """

    steps: int
    stop_step: int | None = None
    time_budget: float | None = None
    reserve: float = 0.0
    ahead: bool = False

    @property
    def validates(self) -> bool:
        """Whether the network is validated."""
        return self.stop_step is None and not self.ahead

    @property
    def last_step(self) -> int:
        """The step after which training ends at the latest."""
        return self.steps if self.stop_step is None else min(self.steps, self.stop_step)

    def fraction(self, step: int, seconds: float) -> float:
        """The share of the schedule that is done, by steps or by seconds, whichever is larger; 1 at its end."""
        by_steps = step / self.steps if self.steps else 1.0
        if self.time_budget is None or self.stop_step is not None:
            return by_steps
        return max(by_steps, seconds / max(self.time_budget - self.reserve, 1e-3))

    def stop_reason(self, step: int, seconds: float) -> str:
        """Why training ends at this step; empty if it continues."""
        if step >= self.last_step:
            return "all steps done"
        late = self.stop_step is not None and self.time_budget is not None and seconds >= self.time_budget
        return "time budget spent" if late or self.fraction(step, seconds) >= 1 else ""

    def equivalent_steps(self, step: int, seconds: float) -> int:
        """The steps that the whole schedule would have taken at the pace so far."""
        return round(max(step, 1) / max(self.fraction(step, seconds), 1 / max(self.steps, 1)))


def learning_rate_factor(fraction: float) -> float:
    """Fraction of the peak learning rate: a linear warm-up over 5 % of the schedule, then half a cosine to 0.

    Source: Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5, without restarts.
    """
    return min(1.0, (fraction + 1e-3) / 0.05) * 0.5 * (1 + math.cos(math.pi * fraction))
