"""Networks that are trained with one checkpoint, one time budget and one progress, in parallel where that pays off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

from seqpred.launcher import is_grouped, local_size
from seqpred.network.machine import choose_device
from seqpred.notes import Note
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.runtime.cores import cores
from seqpred.runtime.shape import Shape
from seqpred.training.checkpoint import Checkpoint
from seqpred.training.loop import FitOptions
from seqpred.training.parallel import count_processes
from seqpred.training.progress import Hooks, TrainingProgress
from seqpred.training.rounds import Leader, Orders, follow
from seqpred.training.run import UNSCORED, Outcome, Score, State, at_turn, was_ahead
from seqpred.training.schedule import Schedule
from seqpred.training.slices import SLICES, count_slices
from seqpred.training.trainers import InProcess, Job, Processes, Trainer
from seqpred.training.windows import Windows

VALIDATIONS = 40  # in a whole schedule


@dataclass(frozen=True)
class Spent:
    """The time that training has taken when a network starts.

    Attributes:
        seconds: since training started.
        last: of the last finished network of the stage that was not trained ahead; None before one is finished.
        processes: networks that are trained at the same time.
        ahead: whether this one was trained ahead.
    """

    seconds: float
    last: float | None = None
    processes: int = 1
    ahead: bool = False


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
        slices=count_slices(training.distribute, config.model.hidden_size, training.batch_size),
        threads=training.threads if not is_grouped() else min(training.threads, max(1, cores() // local_size())),
    )


def member_options(options: FitOptions, place: int, schedule: Schedule) -> FitOptions:
    """The options of a member of the ensemble; each member has its own seed."""
    return replace(options, schedule=schedule, seed=options.seed + place)


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
    _states: dict[int, State] = field(default_factory=dict)
    _shares: dict[int, float] = field(default_factory=dict)  # of each network that has started, how much is done
    _latest: Score = UNSCORED  # of a network that is being validated

    @property
    def steps(self) -> int:
        """Steps taken by all networks so far."""
        return sum(outcome.steps for outcome in self.outcomes)

    @property
    def states(self) -> dict[int, State]:
        """The states of networks that have started and are not finished."""
        return self._states if self.checkpoint is None else self.checkpoint.runs

    def train(self, windows: Sequence[Windows], options: OptionsOf, ahead: int = 0) -> list[Outcome]:
        """Train the networks of a stage, each on its own windows; only the first ones if the time budget ends.

        Args:
            ahead: how many of them, the last ones, belong to the next stage; see `_Stage`.
        Returns:
            The outcomes of the networks of this stage.
        """
        ranks = self.hooks.ranks
        if ranks is not None and ranks.rank:
            outcomes = follow(ranks, self.shape, windows, self._usual(options))
        else:
            outcomes = self._lead(windows, options, ahead)
        self.outcomes += outcomes
        return outcomes

    def note_idle_ranks(self, options: FitOptions) -> None:
        """Report processes of the group that have no network to train."""
        size, slices = 0 if self.hooks.ranks is None else self.hooks.ranks.size, options.slices
        if size <= self.count * slices:
            return
        divided = f"; with training.distribute batches, up to {SLICES} processes train each of them"
        idle, reason = size - self.count * slices, f"the training has {self.count} networks"
        self.hooks.notify(Note(f"{idle} of {size} processes have nothing to do: {reason}{divided * (slices == 1)}"))

    def _lead(self, windows: Sequence[Windows], options: OptionsOf, ahead: int) -> list[Outcome]:
        """Train the networks of a stage in this process and those that it directs."""
        checkpoint, ranks = self.checkpoint, self.hooks.ranks
        with checkpoint.patient() if checkpoint else nullcontext(), self._trainer(windows, options) as trainer:
            stage = _Stage(self, options, len(windows) - ahead, trainer.count, ahead)
            outcomes = stage.run(trainer)
        if ranks is not None:
            ranks.share(Orders(outcomes=outcomes))
        if not ahead:
            self.states.clear()  # of networks that were trained ahead and are not needed
        self.seconds = stage.seconds
        return outcomes

    def _trainer(self, windows: Sequence[Windows], options: OptionsOf) -> AbstractContextManager[Trainer]:
        """What trains the networks on these windows: a group of processes, forked processes, or this one alone."""
        here = InProcess(self.shape, windows, self.hooks, self.checkpoint, self._report, self.states)
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
        self._shares[job.number] = progress.share if schedule.validates else progress.step / schedule.last_step
        if schedule.validates:
            self._latest = progress.best
        best = progress.best if schedule.validates else self._score
        seconds, share = job.started + progress.seconds, sum(self._shares.values()) / self.count
        self.hooks.on_progress(
            replace(progress, network=job.number + 1, networks=self.count, share=share, seconds=seconds, best=best)
        )

    @property
    def _score(self) -> Score:
        """The score of the last network that was validated."""
        scores = [outcome.score for outcome in self.outcomes if outcome.validation_results]
        return scores[-1] if scores else self._latest


class _Stage:
    """The training of a stage: which network starts when, and the time that each process has spent.

    Processes without a network of the stage train those of the next stage ahead, as far as they can while its options
    are not known. Then their states are kept, and the next stage continues from there.

    Args:
        count: the networks to train.
        processes: how many are trained at a time.
        ahead: the networks of the next stage.
    """

    def __init__(self, networks: Networks, options: OptionsOf, count: int, processes: int, ahead: int = 0) -> None:
        self.networks, self.options = networks, options
        self.first = len(networks.outcomes)  # the number of the first network to train
        self.end = self.first + count  # the first one of the next stage
        self.done: dict[int, Outcome] = {}
        self.idle = [networks.seconds] * processes  # the time spent when each idle process became idle
        self.waiting = list(range(self.first, self.end + ahead))
        self.started: dict[int, float] = {}
        self.advanced: set[int] = set()  # networks that were trained ahead
        self.last: float | None = None  # see `Spent.last`

    @property
    def seconds(self) -> float:
        """The time spent when all are finished."""
        return max(self.idle)

    @property
    def finished(self) -> bool:
        """Whether no network of the stage is left."""
        return all(number >= self.end for number in (*self.waiting, *self.started))

    def run(self, trainer: Trainer) -> list[Outcome]:
        """Train all networks; returns their outcomes in order."""
        while not self.finished:
            while not self.finished and self.waiting and trainer.free:
                self._start_next(trainer)
            for number, outcome in trainer.results():
                started = self.started.pop(number)
                if outcome is None:
                    self.idle.append(started)
                    self.waiting = sorted([number, *self.waiting])
                else:
                    self._finish(number, started, outcome)
        trainer.stop()
        return [self.done[number] for number in sorted(self.done)]

    def _start_next(self, trainer: Trainer) -> None:
        number, checkpoint = self.waiting[0], self.networks.checkpoint
        started = min(self.idle)
        loaded = checkpoint.outcome(number) if checkpoint else None
        state = self.networks.states.get(number)
        if state is not None and was_ahead(state):
            self.advanced.add(number)
        spent = Spent(started, self.last, trainer.count, number in self.advanced)
        options = self.options(number - self.first, spent)
        if options is None and loaded is None:
            self.waiting.clear()
            return
        self.waiting.pop(0)
        self.idle.remove(started)
        if loaded is not None:
            self._finish(number, started, loaded)
            return
        assert options is not None
        self.started[number] = started
        if state is not None and not options.schedule.ahead:
            state, schedule = at_turn(state, options.schedule)
            options = replace(options, schedule=schedule)
        trainer.start(Job(number, number - self.first, options, started, state))

    def _finish(self, number: int, started: float, outcome: Outcome) -> None:
        self.idle.append(started + outcome.seconds)
        if number not in self.advanced:
            self.last = outcome.seconds
        if number < self.end:
            self.done[number] = outcome
            self.networks._shares[number] = 1.0
