"""Networks that are trained by a group of processes: in rounds, between which rank 0 assigns networks to ranks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from seqpred.notes import Note
from seqpred.runtime.shape import Shape
from seqpred.training.loop import FitOptions, Steps, fit_in_steps
from seqpred.training.progress import Hooks, TrainingProgress
from seqpred.training.ranks import Ranks
from seqpred.training.run import Outcome, State
from seqpred.training.team import Team, backend, make_teams
from seqpred.training.trainers import InProcess, Job
from seqpred.training.windows import Windows

ROUND = 0.5  # seconds of training in a round, at least one step; a rank that is ready waits for the others


@dataclass(frozen=True)
class Orders:
    """What rank 0 sends to all ranks at the start of a round.

    Attributes:
        jobs: the networks that teams without one start with, by team.
        save: whether to report the states at the end of the round.
        stop: whether to report the states instead of training, and to forget the networks.
        outcomes: of the whole stage, once it is finished; this ends it.
    """

    jobs: Mapping[int, Job] = field(default_factory=dict)
    save: bool = False
    stop: bool = False
    outcomes: Sequence[Outcome] | None = None


@dataclass
class Report:
    """What a rank sends to rank 0 at the end of a round.

    Attributes:
        messages: progress and notes, in order.
        state: of its network, if it was requested or the network is finished.
        outcome: of its network, if it is finished.
    """

    messages: list[TrainingProgress | Note] = field(default_factory=list)
    state: State | None = None
    outcome: Outcome | None = None


class Trainee:
    """Trains the networks of this process, one after the other, a round at a time.

    Attributes:
        number: of the team that this process belongs to; None if there are more processes than can train.
        leads: whether this process reports for its team.
        team: the processes that train a network together; None if this process trains whole networks.
    """

    def __init__(self, ranks: Ranks, shape: Shape, windows: Sequence[Windows], usual: FitOptions) -> None:
        self.shape, self.windows = shape, windows
        self.steps: Steps | None = None
        self.state_dict: Callable[[], State] | None = None  # of the network in training, after its first step
        self.report = Report()
        self.teams = make_teams(ranks.size, len(windows), usual.slices, usual.distribute)
        self.number = next((n for n, members in enumerate(self.teams) if ranks.rank in members), None)
        self.leads, self.team = False, None
        for number, members in enumerate(self.teams):
            group = None if len(members) == 1 else ranks.group(members, backend(usual.device))
            if number == self.number:
                self.leads = members[0] == ranks.rank
                self.team = None if group is None else Team(ranks, members, group, usual.device)

    def train(self, orders: Orders) -> Report:
        """Train for a round; without a network, do nothing."""
        self.report = report = Report()
        if not orders.stop:
            self._train(orders)
        asked = orders.save or orders.stop or report.outcome is not None
        if asked and self.leads and self.state_dict is not None:
            report.state = self.state_dict()
        if orders.stop and self.steps is not None:
            self.steps.close()
            self.steps = None
        if self.steps is None:
            self.state_dict = None
        return report if self.leads else Report()

    def _train(self, orders: Orders) -> None:
        job = None if self.number is None else orders.jobs.get(self.number)
        hooks = Hooks(self._record, self._record, team=self.team)
        if self.team is not None:
            hooks = replace(hooks, clock=self.team.clock)
        if job is not None:
            self.steps = fit_in_steps(self.shape, self.windows[job.place], job.options, hooks, job.state)
        if self.steps is None:
            return
        end, trained = hooks.now() + ROUND, False
        while self.steps is not None and (not trained or hooks.clock() < end):
            try:
                self.state_dict, trained = next(self.steps), True
            except StopIteration as stop:
                self.steps, self.report.outcome = None, stop.value

    def _record(self, message: TrainingProgress | Note) -> None:
        self.report.messages.append(message)


class Leader:
    """Rank 0: trains networks, and has them trained by the other ranks. See `Trainer`."""

    def __init__(self, here: InProcess, ranks: Ranks, usual: FitOptions) -> None:
        self.here, self.ranks = here, ranks
        self.trainee = Trainee(ranks, here.shape, here.windows, usual)
        self.count = len(self.trainee.teams)
        self.jobs: dict[int, Job] = {}  # in training, by team
        self.new: dict[int, Job] = {}  # those of them that start with the next round

    @property
    def free(self) -> bool:
        """See `Trainer.free`."""
        return len(self.jobs) < self.count

    def start(self, job: Job) -> None:
        """See `Trainer.start`."""
        team = next(team for team in range(self.count) if team not in self.jobs)
        self.jobs[team] = self.new[team] = job

    def results(self) -> Iterator[tuple[int, Outcome | None]]:
        """See `Trainer.results`; a round.

        Raises:
            KeyboardInterrupt: a signal requested the end of the training.
        """
        checkpoint = self.here.checkpoint
        stop = checkpoint is not None and checkpoint.stop.asked
        orders = Orders(self.new, save=checkpoint is not None and (stop or checkpoint.is_due))
        self.new = {}
        self._send(orders)
        if checkpoint is not None and orders.save:
            checkpoint.write()
        if stop:
            raise KeyboardInterrupt
        yield from self.here.results()

    def stop(self) -> None:
        """See `Trainer.stop`."""
        if self.jobs:
            self._send(Orders(stop=True))
        self.jobs, self.new = {}, {}

    def _send(self, orders: Orders) -> None:
        """Send orders to all ranks, and receive their reports."""
        self.ranks.share(orders)
        reports = self.ranks.gather(self.trainee.train(orders))
        for team, job in list(self.jobs.items()):
            self._receive(team, job, reports[self.trainee.teams[team][0]])

    def _receive(self, team: int, job: Job, report: Report) -> None:
        for message in report.messages:
            if isinstance(message, Note):
                self.here.hooks.notify(message)
            else:
                self.here.report(job, message)
        if report.state is not None:
            self.here.states[job.number] = report.state
        if report.outcome is not None:
            del self.jobs[team]
            self.here.end(job, report.outcome)


def follow(ranks: Ranks, shape: Shape, windows: Sequence[Windows], usual: FitOptions) -> list[Outcome]:
    """Train what rank 0 requests; returns the outcomes of the stage.

    Args:
        usual: the options that all networks have in common.
    """
    trainee = Trainee(ranks, shape, windows, usual)
    while True:
        orders: Orders = ranks.share()
        if orders.outcomes is not None:
            return list(orders.outcomes)
        ranks.gather(trainee.train(orders))
