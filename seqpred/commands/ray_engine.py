"""Forecasts as tasks of Ray (`seqpred[ray]`): this process reads the rows and sends blocks of series to workers."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from typing import Any

from seqpred import __version__
from seqpred.arrays import Float
from seqpred.commands.predict import ForecastJob, Made, Work, report_share
from seqpred.commands.ray_cluster import RayCluster
from seqpred.errors import ConfigError, DataError, SeqpredError
from seqpred.forecasting.model import Model
from seqpred.notes import OnProgress, no_op
from seqpred.panel.panel import Panel
from seqpred.runtime.cores import use_cores

RETRIES = 3  # of a block whose worker was lost
AHEAD = 2  # blocks for each core that wait, are computed or wait for earlier ones, which bounds memory


def run_on_ray(
    job: ForecastJob, work: Work[Made], cluster: RayCluster, on_progress: OnProgress = no_op
) -> Generator[Made, None, None]:
    """What `work` makes of the forecasts of each block, in the order of the series; see `ForecastJob.run_blocks`.

    Args:
        work: must be picklable, since it is sent to the workers.
        cluster: in which the workers run; it ends with the iteration.
    Raises:
        ConfigError: the cluster cannot be used.
        DataError: a block was lost again and again.
    """
    with cluster as ray:
        task = ray.remote(num_cpus=1, max_retries=RETRIES)(_run_shared)
        model = replace(job.model)  # a copy without the inference backend, which cannot be pickled
        shared = ray.put(_Shared(model, job.wanted, work, __version__))
        tasks = (
            (len(block.panel.names), task.remote([shared], block.panel, block.ahead, number == 0))
            for number, block in enumerate(job.blocks())
        )
        waiting = deque(islice(tasks, max(2, int(AHEAD * ray.cluster_resources().get("CPU", 1)))))
        done = 0
        while waiting:
            count, result = waiting.popleft()
            yield _received(ray, result)
            done += count
            report_share(on_progress, done / len(job.panel.names))
            waiting.extend(islice(tasks, 1))


@dataclass(frozen=True)
class _Shared:
    """What all tasks of a job have in common."""

    model: Model
    wanted: Sequence[float]
    work: Work[Any]
    version: str


@dataclass(frozen=True)
class _Failure:
    """An error of a task that the user can fix. Exceptions with additional arguments cannot be pickled."""

    kind: type[SeqpredError]
    message: str
    hint: str


def _run_shared(shared: Sequence[Any], panel: Panel, ahead: Float, is_first: bool) -> object:
    """What `_run` does, with a reference in a list, which Ray does not fetch for each block."""
    return _run(_fetch(shared[0]), panel, ahead, is_first)


@lru_cache(1)
def _fetch(reference: Any) -> _Shared:
    """What a reference stands for; a worker makes the inference backend of the model once."""
    import ray

    found: _Shared = ray.get(reference)
    return found


def _run(shared: _Shared, panel: Panel, ahead: Float, is_first: bool) -> object:
    """Forecast a block in a worker; returns what `work` makes of it, or a `_Failure`."""
    if shared.version != __version__:
        found = f"a worker of Ray has seqpred {__version__}, this process {shared.version}"
        return _Failure(ConfigError, found, "Install the same version on all machines.")
    use_cores(1)  # Ray runs one task on each core
    try:
        return shared.work(ForecastJob(shared.model, panel, ahead, shared.wanted).run(), is_first)
    except SeqpredError as e:
        return _Failure(type(e), e.message, e.hint)


def _received(ray: Any, result: Any) -> Any:
    """The result of a task.

    Raises:
        SeqpredError: the task failed.
    """
    try:
        found = ray.get(result)
    except ray.exceptions.RayTaskError as e:
        if isinstance(e.cause, ModuleNotFoundError):
            hint = "Install seqpred with the same Python packages on all machines of the cluster."
            raise ConfigError(f"a worker of Ray lacks a package ({e.cause})", hint=hint) from None
        raise e.cause from None
    except ray.exceptions.RayError as e:
        reason = str(e).strip().partition("\n")[0].rstrip(".")
        hint = "Check the memory of the workers and the logs of Ray, or omit --engine."
        raise DataError(f"a block failed {RETRIES + 1} times in Ray ({reason})", hint=hint) from None
    if isinstance(found, _Failure):
        raise found.kind(found.message, hint=found.hint)
    return found
