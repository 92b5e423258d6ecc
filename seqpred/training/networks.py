"""Networks that are trained with one checkpoint, one time budget and one progress, in parallel where that pays off."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

from seqpred.launcher import is_grouped, local_size
from seqpred.network.machine import choose_device
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.runtime.cores import cores
from seqpred.runtime.shape import Shape
from seqpred.training.checkpoint import Checkpoint
from seqpred.training.loop import FitOptions
from seqpred.training.parallel import count_processes
from seqpred.training.progress import Hooks, TrainingProgress
from seqpred.training.rounds import Leader, Orders, follow
from seqpred.training.run import UNSCORED, Outcome, Score
from seqpred.training.schedule import Schedule
from seqpred.training.team import split_stage
from seqpred.training.trainers import InProcess, Job, Processes, Trainer
from seqpred.training.windows import Windows

VALIDATIONS = 40  # in a whole schedule


@dataclass(frozen=True)
class Spent:
    """The time that training has taken when a network starts.

    Attributes:
        seconds: since training started.
        last: of the last finished network of the stage; None before one is finished.
        processes: networks that are trained at the same time.
    """

    seconds: float
    last: float | None = None
    processes: int = 1


OptionsOf = Callable[[int, Spent], FitOptions | None]
"""From the place of a network in its stage to its options; None if the time budget has no time left for it."""


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
        distribute=training.distribute,
        threads=training.threads if not is_grouped() else min(training.threads, max(1, cores() // local_size())),
    )


@dataclass
class Networks:
    """Trains networks in stages, or loads them from the checkpoint of an interrupted training.

    The networks of a stage do not depend on each other. The number of processes does not change the result: each
    network is trained by `fit` with the same arguments.

    Attributes:
        count: how many networks there will be.
        outcomes: of the networks so far.
        seconds: the time spent so far.
    """

    shape: Shape
    hooks: Hooks
    checkpoint: Checkpoint | None
    count: int
    outcomes: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0
    _shares: dict[int, float] = field(default_factory=dict)  # of each network that has started, how much is done

    @property
    def steps(self) -> int:
        """Steps taken by all networks so far."""
        return sum(outcome.steps for outcome in self.outcomes)

    def train(self, windows: Sequence[Windows], options: OptionsOf) -> list[Outcome]:
        """Train the networks of a stage, each on its own windows; only the first ones if the time budget ends."""
        ranks, outcomes = self.hooks.ranks, list[Outcome]()
        sizes = [len(windows)]
        if ranks is not None:
            sizes = split_stage(ranks.size, len(windows), self._usual(options).distribute)
        for size in sizes:
            part = windows[len(outcomes) : len(outcomes) + size]
            if ranks is not None and ranks.rank:
                trained = follow(ranks, self.shape, part, self._usual(options))
            else:
                trained = self._lead(part, options, outcomes)
            outcomes += trained
            self.outcomes += trained
        return outcomes

    def _lead(self, windows: Sequence[Windows], options: OptionsOf, earlier: Sequence[Outcome]) -> list[Outcome]:
        """Train networks of a stage in this process and those that it directs.

        Args:
            earlier: the outcomes of the stage so far.
        """
        checkpoint, ranks = self.checkpoint, self.hooks.ranks
        with checkpoint.patient() if checkpoint else nullcontext(), self._trainer(windows, options) as trainer:
            stage = _Stage(self, options, len(windows), trainer.count, earlier)
            outcomes = stage.run(trainer)
        if ranks is not None:
            ranks.share(Orders(outcomes=outcomes))
        self.seconds = stage.seconds
        return outcomes

    def _trainer(self, windows: Sequence[Windows], options: OptionsOf) -> AbstractContextManager[Trainer]:
        """What trains the networks on these windows: a group of processes, forked processes, or this one alone."""
        here = InProcess(self.shape, windows, self.hooks, self.checkpoint, self._report)
        if self.hooks.ranks is not None:
            return nullcontext(Leader(here, self.hooks.ranks, self._usual(options)))
        processes = count_processes(self.shape, windows, self._usual(options))
        return nullcontext(here) if processes == 1 else Processes(here, processes)

    def _usual(self, options: OptionsOf) -> FitOptions:
        """The options that all networks of a stage have in common."""
        usual = options(0, Spent(self.seconds))
        assert usual is not None, "the time budget must leave time for one network"
        return usual

    def _report(self, job: Job, progress: TrainingProgress) -> None:
        """Report the progress of one network as that of all."""
        schedule = job.options.schedule
        validating = schedule.stop_step is None
        self._shares[job.number] = progress.share if validating else progress.step / schedule.last_step
        best = progress.best if validating else self._score
        seconds, share = job.started + progress.seconds, sum(self._shares.values()) / self.count
        self.hooks.on_progress(
            replace(progress, network=job.number + 1, networks=self.count, share=share, seconds=seconds, best=best)
        )

    @property
    def _score(self) -> Score:
        """The score of the last network that was validated."""
        scores = [outcome.score for outcome in self.outcomes if outcome.validation_results]
        return scores[-1] if scores else UNSCORED


class _Stage:
    """The training of a stage, or its next part: which network starts when, and the time that each process has spent.

    Args:
        count: the networks to train.
        processes: how many are trained at a time.
        earlier: the outcomes of the stage so far.
    """

    def __init__(
        self, networks: Networks, options: OptionsOf, count: int, processes: int, earlier: Sequence[Outcome] = ()
    ) -> None:
        self.networks, self.options, self.earlier = networks, options, earlier
        self.first = len(networks.outcomes)  # the number of the first network to train
        self.done: dict[int, Outcome] = {}
        self.idle = [networks.seconds] * processes  # the time spent when each idle process became idle
        self.waiting = deque(range(self.first, self.first + count))
        self.started: dict[int, float] = {}

    @property
    def seconds(self) -> float:
        """The time spent when all are finished."""
        return max(self.idle)

    def run(self, trainer: Trainer) -> list[Outcome]:
        """Train all networks; returns their outcomes in order."""
        while self.waiting or self.started:
            while self.waiting and trainer.free:
                self._start_next(trainer)
            for number, outcome in trainer.results():
                started = self.started.pop(number)
                if outcome is None:  # its process was killed
                    self.idle.append(started)
                    self.waiting.appendleft(number)
                else:
                    self._finish(number, started, outcome)
        return [self.done[number] for number in sorted(self.done)]

    def _start_next(self, trainer: Trainer) -> None:
        number, checkpoint = self.waiting[0], self.networks.checkpoint
        started = min(self.idle)
        loaded = checkpoint.outcome(number) if checkpoint else None
        before = [*self.earlier, *self.done.values()]
        last = before[-1].seconds if before else None
        options = self.options(len(self.earlier) + number - self.first, Spent(started, last, trainer.count))
        if options is None and loaded is None:
            self.waiting.clear()
            return
        self.waiting.popleft()
        self.idle.remove(started)
        if loaded is not None:
            self._finish(number, started, loaded)
            return
        assert options is not None
        self.started[number] = started
        state = checkpoint.runs.get(number) if checkpoint else None
        trainer.start(Job(number, number - self.first, options, started, state))

    def _finish(self, number: int, started: float, outcome: Outcome) -> None:
        self.idle.append(started + outcome.seconds)
        self.done[number] = outcome
        self.networks._shares[number] = 1.0
