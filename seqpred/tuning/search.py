"""The trials of a study: which start, how they end, and which was best."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seqpred.errors import DataError, StoppedError
from seqpred.notes import Note, Progress
from seqpred.tuning.results import TrialResult, TuneProgress, TuneResult, TuneSpec, trial_result
from seqpred.tuning.space import combinations
from seqpred.tuning.workers import Event, Job, Pool, Train

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial, Trial

POLL = 1.0  # seconds between checks of the clock


@dataclass
class Search:
    """The trials under way."""

    spec: TuneSpec
    study: optuna.Study
    train: Train
    notify: Callable[[Note], None]
    on_progress: Callable[[Progress], None]
    running: dict[int, Trial] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def run(self) -> None:
        """Start trials while there are free processes, and record what they report."""
        self._retry_interrupted()
        with Pool(self.spec.options.jobs, self.train, self.spec.method) as pool:
            try:
                while True:
                    while pool.free and self._wants_another():
                        pool.start(self._next_job())
                    if not pool.busy:
                        return
                    for event in pool.events(POLL):
                        self._handle(event, pool)
                    self._beat()
            except KeyboardInterrupt:
                hint = "Run the command again with --resume."
                raise StoppedError("interrupted; finished trials and checkpoints are kept", hint=hint) from None

    @property
    def _target(self) -> int:
        return len(combinations(self.spec.space)) if self.spec.options.grid else self.spec.options.trials

    def _wants_another(self) -> bool:
        if self.spec.options.time_budget is not None and time.monotonic() - self.began >= self.spec.options.time_budget:
            return False
        return self._finished() + len(self.running) < self._target

    def _finished(self) -> int:
        """Trials that count: completed and pruned ones, and failures that were not interruptions."""
        trials = self.study.get_trials(deepcopy=False)
        return sum(t.state.is_finished() and not t.user_attrs.get("interrupted") for t in trials)

    def _next_job(self) -> Job:
        distributions = {key: values.distribution() for key, values in self.spec.space.items()}
        trial = self.study.ask(distributions)
        folder = trial.user_attrs.get("folder") or str(self.spec.out / f"trial-{trial.number:03d}")
        trial.set_user_attr("folder", folder)
        self.running[trial.number] = trial
        config = self.spec.config.replace(trial.params)
        return Job(trial.number, config.model_dump(), self.spec.data, folder, self.spec.options.holdout)

    def _handle(self, event: Event, pool: Pool) -> None:
        trial = self.running[event.number]
        if event.kind == "progress":
            trial.report(event.score, event.step)
            if trial.should_prune():
                pool.prune(event.number)
            return
        del self.running[event.number]
        self._finish(trial, event)
        best = min((t.score for t in self.trials() if t.score is not None), default=None)
        self.on_progress(TuneProgress("tuning", min(1.0, self._finished() / max(self._target, 1)), best))

    def _finish(self, trial: Trial, event: Event) -> None:
        from optuna.trial import TrialState

        if event.kind == "done" and event.score == event.score:
            self.study.tell(trial, event.score)
        elif event.kind == "pruned":
            self.study.tell(trial, state=TrialState.PRUNED)
            shutil.rmtree(trial.user_attrs["folder"], ignore_errors=True)
        else:
            if event.kind == "interrupted":
                trial.set_user_attr("interrupted", value=True)
            self.study.tell(trial, state=TrialState.FAIL)
            self.notify(Note(f"trial {trial.number} failed: {event.message or 'it has no validation score'}"))

    def _retry_interrupted(self) -> None:
        """Enqueue the trials that an earlier process has left running; each resumes from its checkpoint."""
        import optuna
        from optuna.trial import TrialState

        if self.spec.options.storage is not None:
            optuna.storages.fail_stale_trials(self.study)
            left = [t for t in self.study.get_trials(states=(TrialState.FAIL,)) if _is_stale(t)]
        else:
            left = self.study.get_trials(states=(TrialState.RUNNING,))
        for trial in left:
            self.study.enqueue_trial(trial.params, user_attrs={"folder": trial.user_attrs.get("folder")})
            self.study._storage.set_trial_user_attr(trial._trial_id, "interrupted", value=True)
            if trial.state == TrialState.RUNNING:
                self.study.tell(trial.number, state=TrialState.FAIL)

    def _beat(self) -> None:
        """Send heartbeats of the running trials, so that other machines do not retry them."""
        from optuna.storages import RDBStorage

        storage = self.study._storage
        inner = getattr(storage, "_backend", storage)
        if isinstance(inner, RDBStorage):
            for trial in self.running.values():
                inner.record_heartbeat(trial._trial_id)

    def trials(self) -> list[TrialResult]:
        """All finished trials."""
        return [trial_result(t) for t in self.study.get_trials(deepcopy=False) if t.state.is_finished()]

    def result(self) -> TuneResult:
        """The best trial and the importances."""
        trials = [t for t in self.trials() if t.state != "fail" or t.folder]
        done = [t for t in trials if t.score is not None]
        if not done:
            hint = "Increase --time-budget, or try `seqpred train` with the same config."
            raise DataError("no trial was completed", hint=hint)
        best = min(done, key=lambda t: (t.score, t.number))
        return TuneResult(trials, best, self._importances(len(done)), self.spec.config.replace(dict(best.params)))

    def _importances(self, count: int) -> dict[str, float]:
        """The share of each key in the variance of the scores; nothing if there are too few trials to estimate it."""
        from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

        if count <= len(self.spec.space) + 1:
            return {}
        try:
            return dict(get_param_importances(self.study, evaluator=PedAnovaImportanceEvaluator()))
        except (ValueError, RuntimeError):  # all trials score alike
            return {}


def _is_stale(trial: FrozenTrial) -> bool:
    return bool(trial.user_attrs.get("folder")) and not trial.user_attrs.get("interrupted") and trial.values is None
