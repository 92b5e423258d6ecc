"""The request and the result of a search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqpred.config.schema import Config
from seqpred.notes import Progress
from seqpred.tuning.space import Space
from seqpred.workers import Method

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


@dataclass(frozen=True)
class TuneOptions:
    """The options of a search.

    Attributes:
        trials: how many finished trials, pruned ones included.
        time_budget: seconds after which no trial starts, or None.
        grid: items such as `model.cell=rnn,lstm,gru`; if there are any, all of their combinations are tried.
        storage: an SQLAlchemy URL, or None for a journal file in the folder of the trials.
        jobs: trainings at the same time.
        holdout: rows or the time that no trial is trained on, as for `train`; None for no holdout.
        resume: continue the study in the storage.
    """

    trials: int = 20
    time_budget: float | None = None
    grid: tuple[str, ...] = ()
    storage: str | None = None
    jobs: int = 1
    holdout: str | None = None
    resume: bool = False


@dataclass(frozen=True)
class TuneSpec:
    """A search over the configs of one data set.

    Attributes:
        config: the keys that are not searched.
        out: the folder with one model folder per trial.
        fingerprint: of the data.
        method: how worker processes start; see `workers.Pool`.
    """

    options: TuneOptions
    config: Config
    space: Space
    data: str | None
    out: Path
    fingerprint: str
    method: Method = "spawn"


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
    """What a search has found.

    Attributes:
        trials: all of them.
        best: the trial with the lowest validation score.
        importances: how much each key matters; they sum to 1.
        config: the config of the best trial.
        holdout: the scores of the best trial on the holdout, as in its manifest; None without a holdout.
    """

    trials: list[TrialResult]
    best: TrialResult
    importances: Mapping[str, float]
    config: Config
    holdout: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """A JSON object."""
        trials = [trial.to_dict() for trial in self.trials]
        found = {"best": self.best.to_dict(), "trials": trials, "importances": dict(self.importances)}
        return found if self.holdout is None else {**found, "holdout": dict(self.holdout)}


@dataclass(frozen=True)
class TuneProgress(Progress):
    """How many trials have finished, and the best validation MASE."""

    best: float | None = None

    @property
    def detail(self) -> str:
        """The best score as text."""
        return "" if self.best is None else f"best validation MASE {self.best:.3f}"


def trial_result(trial: FrozenTrial) -> TrialResult:
    """A finished trial of a study."""
    seconds = None if trial.duration is None else trial.duration.total_seconds()
    score = None if trial.values is None or trial.state.name != "COMPLETE" else float(trial.values[0])
    folder = trial.user_attrs.get("folder") if score is not None else None
    return TrialResult(trial.number, trial.state.name.lower(), dict(trial.params), score, folder, seconds)
