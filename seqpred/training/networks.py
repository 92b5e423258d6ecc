"""Networks that are trained one after another, with one checkpoint, one time budget and one progress."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from seqpred.network.machine import choose_device
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.runtime.shape import Shape
from seqpred.training.checkpoint import Checkpoint
from seqpred.training.loop import FitOptions, Hooks, TrainingProgress, fit
from seqpred.training.run import UNSCORED, Outcome, Score
from seqpred.training.schedule import Schedule
from seqpred.training.windows import Windows

VALIDATIONS = 40  # in a whole schedule


def fit_options(config: ResolvedConfig) -> FitOptions:
    """The options of a resolved config."""
    training = config.training
    return FitOptions(
        schedule=Schedule(training.max_steps, time_budget=training.time_budget),
        loss=training.loss,
        learning_rate=training.learning_rate,
        batch_size=training.batch_size,
        patience=training.patience,
        validate_every=max(1, min(training.max_steps // VALIDATIONS, 100)),
        seed=training.seed,
        device=choose_device(training.device),
        threads=training.threads,
    )


@dataclass
class NetworkSequence:
    """Trains networks one after another, or loads them from the checkpoint of an interrupted training.

    Attributes:
        count: how many networks there will be.
        outcomes: of the networks so far.
    """

    shape: Shape
    hooks: Hooks
    checkpoint: Checkpoint | None
    count: int
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Time spent on all networks so far."""
        return sum(outcome.seconds for outcome in self.outcomes)

    @property
    def steps(self) -> int:
        """Steps taken by all networks so far."""
        return sum(outcome.steps for outcome in self.outcomes)

    @property
    def _score(self) -> Score:
        """The score of the last network that was validated."""
        scores = [outcome.score for outcome in self.outcomes if outcome.validation_results]
        return scores[-1] if scores else UNSCORED

    def fit(self, windows: Windows, options: FitOptions) -> Outcome:
        """Train the next network."""
        hooks = replace(self.hooks, on_progress=lambda progress: self._report(progress, options.schedule))
        if self.checkpoint is None:
            outcome = fit(self.shape, windows, options, hooks)
        else:
            outcome = self.checkpoint.outcome(
                len(self.outcomes), hooks, lambda hooks, state: fit(self.shape, windows, options, hooks, state)
            )
        self.outcomes.append(outcome)
        return outcome

    def _report(self, progress: TrainingProgress, schedule: Schedule) -> None:
        """Report the progress of one network as that of all."""
        done, validating = len(self.outcomes), schedule.stop_step is None
        share = progress.share if validating else progress.step / schedule.last_step
        joint = replace(progress, network=done + 1, networks=self.count, share=(done + share) / self.count)
        best = progress.best if validating else self._score
        self.hooks.on_progress(replace(joint, seconds=self.seconds + progress.seconds, best=best))
