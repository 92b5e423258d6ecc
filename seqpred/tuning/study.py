"""A study: trials of configs, stored so that a killed search continues, and the best of them."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqpred.config.schema import Config
from seqpred.errors import ConfigError, DataError, StoppedError, WriteError
from seqpred.notes import Note, Progress
from seqpred.tuning.space import Space, combinations
from seqpred.tuning.workers import Event, Job, Pool, Train

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial, Trial

JOURNAL = "study.journal"
POLL = 1.0  # seconds between looks at the clock
HEARTBEAT, STALE = 30, 120  # seconds; a trial of another machine without a heartbeat is retried
WARM_UP = 5  # finished trials before any is pruned
SEED_STRIDE = 1000  # between the samplers of one study on several machines


@dataclass(frozen=True)
class TuneSpec:
    """A search, as the user asked for it.

    Attributes:
        config: the keys that are not searched.
        grid: whether all combinations of the space are tried.
        trials: how many finished trials, pruned ones included.
        time_budget: seconds after which no trial starts, or None.
        storage: an SQLAlchemy URL, or None for a journal file in `out`.
        out: the folder with one model folder per trial.
        jobs: trainings at the same time.
        fingerprint: of the training data.
    """

    config: Config
    space: Space
    grid: bool
    trials: int
    time_budget: float | None
    storage: str | None
    data: str | None
    out: Path
    jobs: int
    fingerprint: str
    resume: bool


@dataclass(frozen=True)
class TrialResult:
    """One trial: its parameters, how it ended and, if it was completed, its validation score and model folder."""

    number: int
    state: str
    params: Mapping[str, Any]
    score: float | None
    folder: str | None
    seconds: float | None

    def to_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return {**vars(self), "params": dict(self.params)}


@dataclass(frozen=True)
class TuneResult:
    """All trials, the number of the best one, and how much each key matters (sums to 1)."""

    trials: list[TrialResult]
    best: TrialResult
    importances: Mapping[str, float]
    config: Config

    def to_dict(self) -> dict[str, Any]:
        """A JSON object."""
        trials = [trial.to_dict() for trial in self.trials]
        return {"best": self.best.to_dict(), "trials": trials, "importances": dict(self.importances)}


@dataclass(frozen=True)
class TuneProgress(Progress):
    """How many trials have finished, and the best validation MASE."""

    best: float | None = None

    @property
    def detail(self) -> str:
        """The best score as text."""
        return "" if self.best is None else f"best validation MASE {self.best:.3f}"


def run_study(
    spec: TuneSpec, train: Train, notify: Callable[[Note], None], on_progress: Callable[[Progress], None]
) -> TuneResult:
    """Search until enough trials have finished or the time budget is spent.

    Trials are compared by their validation MASE; see `Pool` for how they run. Interrupting keeps what has been
    reached: finished trials in the storage, running ones as checkpoints in their folders.

    Args:
        train: trains one model; see `workers.Train`.
        notify: receives failed trials.
        on_progress: receives the share of trials that have finished, and the best score.
    Raises:
        ConfigError: Optuna is missing, or the study belongs to another config or other data.
        WriteError: the storage cannot be reached.
        StoppedError: interrupted; the search can be resumed. DataError: no trial was completed.
    """
    with _storage_errors(spec), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Heartbeat of storage")  # `_Search._beat` sends them
        warnings.filterwarnings("ignore", category=_experimental())
        study = _open_study(spec)
        search = _Search(spec, study, train, notify, on_progress)
        search.run()
        return search.result()


def _experimental() -> type[Warning]:
    from optuna.exceptions import ExperimentalWarning

    return ExperimentalWarning


@contextmanager
def _storage_errors(spec: TuneSpec) -> Iterator[None]:
    """Turn failures of the storage into errors with a remedy."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (StorageInternalError, SQLAlchemyError, OSError) as e:
        place = spec.storage or str(spec.out)
        hint = "Finished trials are kept. Continue with --resume when it can be reached."
        found = str(e).strip().splitlines()[0]
        raise WriteError(f"the storage of the study cannot be used ({found})", hint=hint, where=place) from None


def _open_study(spec: TuneSpec) -> optuna.Study:
    """The study in the storage; a new one unless it is there and `--resume` is given."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    spec.out.mkdir(parents=True, exist_ok=True)
    storage = _storage(spec)
    name = spec.out.name
    exists = name in optuna.study.get_all_study_names(storage)
    if exists and not spec.resume:
        hint = "Continue it with --resume, or name another folder with --out."
        raise WriteError(f"there is a study {name!r} already", hint=hint, where=spec.storage or str(spec.out))
    rank = len(optuna.load_study(study_name=name, storage=storage).trials) if exists else 0
    study = optuna.create_study(
        storage=storage,
        study_name=name,
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=spec.config.training.seed + SEED_STRIDE * rank, constant_liar=True),
        pruner=optuna.pruners.NopPruner() if spec.grid else optuna.pruners.MedianPruner(WARM_UP),
    )
    _check_identity(study, spec)
    if spec.grid:
        for params in combinations(spec.space):
            study.enqueue_trial(params, skip_if_exists=True)
    return study


def _storage(spec: TuneSpec) -> optuna.storages.BaseStorage:
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    if spec.storage is None:
        return JournalStorage(JournalFileBackend(str(spec.out / JOURNAL)))
    try:
        return RDBStorage(spec.storage, heartbeat_interval=HEARTBEAT, grace_period=STALE)
    except (ImportError, ValueError) as e:
        hint = "As in --storage postgresql+psycopg://user@host/database; its driver must be installed."
        raise ConfigError(f"--storage {spec.storage}: {e}", hint=hint) from None


def _check_identity(study: optuna.Study, spec: TuneSpec) -> None:
    """Refuse to continue a study of another config, space or data."""
    config = json.dumps(spec.config.model_dump(), sort_keys=True)
    space = repr(sorted(spec.space.items()))
    own = {"config": hashlib.sha256(config.encode()).hexdigest(), "space": space, "data": spec.fingerprint}
    stored = study.user_attrs.get("seqpred")
    if stored is None:
        study.set_user_attr("seqpred", own)
        return
    changed = [name for name, value in own.items() if stored.get(name) != value]
    if changed:
        what = {"config": "config", "space": "search space", "data": "data"}[changed[0]]
        hint = "Name another folder with --out, or continue with the same config, search space and data."
        raise ConfigError(f"the study {study.study_name!r} belongs to another {what}", hint=hint)


@dataclass
class _Search:
    """The trials under way."""

    spec: TuneSpec
    study: optuna.Study
    train: Train
    notify: Callable[[Note], None]
    on_progress: Callable[[Progress], None]
    running: dict[int, Trial] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def run(self) -> None:
        """Start trials while there are free processes, and take note of what they report."""
        self._retry_interrupted()
        with Pool(self.spec.jobs, self.train) as pool:
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
        return len(combinations(self.spec.space)) if self.spec.grid else self.spec.trials

    def _wants_another(self) -> bool:
        if self.spec.time_budget is not None and time.monotonic() - self.began >= self.spec.time_budget:
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
        return Job(trial.number, config.model_dump(), self.spec.data, folder)

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

        if self.spec.storage is not None:
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
        """Tell other machines that the running trials are alive."""
        from optuna.storages import RDBStorage

        storage = self.study._storage
        inner = getattr(storage, "_backend", storage)
        if isinstance(inner, RDBStorage):
            for trial in self.running.values():
                inner.record_heartbeat(trial._trial_id)

    def trials(self) -> list[TrialResult]:
        """All finished trials."""
        return [_result(t) for t in self.study.get_trials(deepcopy=False) if t.state.is_finished()]

    def result(self) -> TuneResult:
        """The best trial and the importances."""
        trials = [t for t in self.trials() if t.state != "fail" or t.folder]
        done = [t for t in trials if t.score is not None]
        if not done:
            hint = "Give more --time-budget, or try `seqpred train` with the same config."
            raise DataError("no trial was completed", hint=hint)
        best = min(done, key=lambda t: (t.score, t.number))
        return TuneResult(trials, best, self._importances(len(done)), self.spec.config.replace(dict(best.params)))

    def _importances(self, count: int) -> dict[str, float]:
        """The share of each key in the variance of the scores; nothing if there are too few trials to tell."""
        from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

        if count <= len(self.spec.space) + 1:
            return {}
        try:
            return dict(get_param_importances(self.study, evaluator=PedAnovaImportanceEvaluator()))
        except (ValueError, RuntimeError):  # all trials score alike
            return {}


def _is_stale(trial: FrozenTrial) -> bool:
    return bool(trial.user_attrs.get("folder")) and not trial.user_attrs.get("interrupted") and trial.values is None


def _result(trial: FrozenTrial) -> TrialResult:
    seconds = None if trial.duration is None else trial.duration.total_seconds()
    score = None if trial.values is None or trial.state.name != "COMPLETE" else float(trial.values[0])
    folder = trial.user_attrs.get("folder") if score is not None else None
    return TrialResult(trial.number, trial.state.name.lower(), dict(trial.params), score, folder, seconds)
