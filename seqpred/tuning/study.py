"""A study: trials of configs, stored so that a killed search continues, and the best of them."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from seqpred.errors import ConfigError, WriteError
from seqpred.notes import Note, Progress
from seqpred.tuning.results import TuneResult, TuneSpec
from seqpred.tuning.search import Search
from seqpred.tuning.space import combinations
from seqpred.tuning.workers import Train

if TYPE_CHECKING:
    import optuna

JOURNAL = "study.journal"
HEARTBEAT, STALE = 30, 120  # seconds; a trial of another machine without a heartbeat is retried
WARM_UP = 5  # finished trials before any is pruned
SEED_STRIDE = 1000  # between the samplers of one study on several machines


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
        ConfigError: Optuna is missing, or the study belongs to another config, other data or another holdout.
        WriteError: the storage cannot be reached.
        StoppedError: interrupted; the search can be resumed. DataError: no trial was completed.
    """
    with _storage_errors(spec), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Heartbeat of storage")  # `_Search._beat` sends them
        warnings.filterwarnings("ignore", category=_experimental())
        study = open_study(spec)
        search = Search(spec, study, train, notify, on_progress)
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
        place = spec.options.storage or str(spec.out)
        hint = "Finished trials are kept. Continue with --resume when it can be reached."
        found = str(e).strip().splitlines()[0]
        raise WriteError(f"the storage of the study cannot be used ({found})", hint=hint, where=place) from None


def open_study(spec: TuneSpec) -> optuna.Study:
    """The study in the storage; a new one unless it is there and `--resume` is given."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    spec.out.mkdir(parents=True, exist_ok=True)
    storage = _storage(spec)
    name = spec.out.name
    exists = name in optuna.study.get_all_study_names(storage)
    if exists and not spec.options.resume:
        hint = "Continue it with --resume, or name another folder with --out."
        raise WriteError(f"there is a study {name!r} already", hint=hint, where=spec.options.storage or str(spec.out))
    rank = len(optuna.load_study(study_name=name, storage=storage).trials) if exists else 0
    study = optuna.create_study(
        storage=storage,
        study_name=name,
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=spec.config.training.seed + SEED_STRIDE * rank, constant_liar=True),
        pruner=optuna.pruners.NopPruner() if spec.options.grid else optuna.pruners.MedianPruner(WARM_UP),
    )
    _check_identity(study, spec)
    if spec.options.grid:
        for params in combinations(spec.space):
            study.enqueue_trial(params, skip_if_exists=True)
    return study


def _storage(spec: TuneSpec) -> optuna.storages.BaseStorage:
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend
    from sqlalchemy.exc import ArgumentError

    if spec.options.storage is None:
        return JournalStorage(JournalFileBackend(str(spec.out / JOURNAL)))
    try:
        return RDBStorage(spec.options.storage, heartbeat_interval=HEARTBEAT, grace_period=STALE)
    except (ImportError, ValueError, ArgumentError) as e:
        hint = "Example: --storage postgresql+psycopg://user@host/database (its driver must be installed)."
        raise ConfigError(f"--storage {spec.options.storage}: {e}", hint=hint) from None


def _check_identity(study: optuna.Study, spec: TuneSpec) -> None:
    """Refuse to continue a study of another config, space, data or holdout."""
    config = json.dumps(spec.config.model_dump(), sort_keys=True)
    space = repr(sorted(spec.space.items()))
    own = {"config": hashlib.sha256(config.encode()).hexdigest(), "space": space, "data": spec.fingerprint}
    own |= {} if spec.options.holdout is None else {"holdout": spec.options.holdout}
    stored = study.user_attrs.get("seqpred")
    if stored is None:
        study.set_user_attr("seqpred", own)
        return
    what = {
        "config": "another config",
        "space": "another search space",
        "data": "other data",
        "holdout": "another holdout",
    }
    changed = [name for name in what if stored.get(name) != own.get(name)]
    if changed:
        hint = "Name another folder with --out, or continue with the same config, search space, data and holdout."
        raise ConfigError(f"the study {study.study_name!r} belongs to {what[changed[0]]}", hint=hint)
