"""Forecasts as tasks of Ray (`seqpred[ray]`): this process reads the rows and sends blocks of series to workers."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import islice
from typing import Any

from seqpred import __version__
from seqpred.arrays import Float
from seqpred.commands.predict import ForecastJob, Made, Work, report_share
from seqpred.errors import ConfigError, DataError, SeqpredError
from seqpred.forecasting.model import Model
from seqpred.notes import OnProgress, no_op
from seqpred.panel.panel import Panel
from seqpred.runtime.cores import cores, use_cores

RETRIES = 3  # of a block whose worker was lost
AHEAD = 2  # blocks for each core that wait, are computed or wait for earlier ones, which bounds memory
STORE = 256 << 20  # bytes of shared memory in which blocks are passed on one machine
PATIENCE = 4.0  # seconds that an address may take to answer, then that a connection of Ray may take
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # statistics would be sent over the network
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # a warning would be printed
}
PROBE = (sys.executable, "-c", "import sys, ray; print(flush=True); ray.init(sys.argv[1], logging_level='ERROR')")
ADDRESS_HINT = "Pass the HOST:PORT that `ray start --head` printed, or omit --address."


def run_on_ray(
    job: ForecastJob, work: Work[Made], address: str | None = None, on_progress: OnProgress = no_op
) -> Generator[Made, None, None]:
    """What `work` makes of the forecasts of each block, in the order of the series; see `ForecastJob.run_blocks`.

    Args:
        work: must be picklable, since it is sent to the workers.
        address: of a cluster, HOST:PORT or `auto`; None starts one on this machine, which ends with the iteration.
    Raises:
        ConfigError: Ray is not installed, or the cluster cannot be used.
        DataError: a block was lost again and again.
    """
    if find_spec("ray") is None:
        hint = "Install it with `pip install 'seqpred[ray]'`."
        raise ConfigError("--engine ray needs Ray, which is not installed", hint=hint)
    if address is not None:
        check_address(address)
    with _cluster(address) as ray:
        task = ray.remote(num_cpus=1, max_retries=RETRIES)(_run)
        model = replace(job.model)  # a copy without the inference backend, which cannot be pickled
        shared = ray.put(_Shared(model, job.wanted, work, __version__))
        tasks = (
            (len(block.panel.names), task.remote(shared, block.panel, block.ahead, number == 0))
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


def check_address(address: str, probe: Sequence[str] = PROBE) -> None:
    """Check within ten seconds that this process can use the Ray cluster at an address.

    Args:
        probe: a program that prints a line, then connects to the address in its first argument. Ray itself would try
            for more than a minute, and write to stderr meanwhile.

    Raises:
        ConfigError: it has another form, or cannot be used.
    """
    if address != "auto":
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit() or "/" in host:
            raise ConfigError(f"--address {address}: expected HOST:PORT or auto", hint=ADDRESS_HINT)
        try:
            socket.create_connection((host.strip("[]"), int(port)), PATIENCE).close()
        except (OSError, OverflowError) as e:
            raise ConfigError(f"no Ray cluster answers at {address} ({e})", hint=ADDRESS_HINT) from None
    with subprocess.Popen(  # noqa: S603, our own program
        [*probe, address], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | QUIET
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # importing Ray may take seconds
        try:
            _, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            reason = _last_line(process.communicate()[1]) or "timed out"
            raise ConfigError(f"no Ray cluster answers at {address} ({reason})", hint=ADDRESS_HINT) from None
    if process.returncode:
        raise _refused(_last_line(err))


def _last_line(text: str) -> str:
    """The last line of a log, without the time and the place in brackets before it."""
    return text.strip().rpartition("\n")[2].rpartition("] ")[2]


def _refused(reason: str) -> ConfigError:
    return ConfigError(f"the Ray cluster cannot be used ({reason.rstrip('.')})", hint=ADDRESS_HINT)


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


@contextmanager
def _cluster(address: str | None) -> Iterator[Any]:
    """The package `ray`, connected to a cluster; one that was started here ends with the block.

    Raises:
        ConfigError: it cannot be started, or Ray refuses the connection.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    import ray

    folder = tempfile.mkdtemp(prefix="seqpred-", dir=_short_folder())
    with open(os.devnull, "w") as discarded, redirect_stdout(discarded):  # Ray prints there when it loses a worker
        try:
            _connect(ray, address, folder)
            yield ray
        finally:
            ray.shutdown()
            shutil.rmtree(folder, ignore_errors=True)


def _connect(ray: Any, address: str | None, folder: str) -> None:
    """Connect to a cluster, or start one on this machine with its files in a folder."""
    own = {"num_cpus": cores(), "include_dashboard": False, "object_store_memory": STORE, "_temp_dir": folder}
    on_terminate = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address or "local", logging_level="ERROR", log_to_driver=False, **({} if address else own))
    except (Exception, SystemExit) as e:  # noqa: BLE001, Ray documents no kinds
        reason = (str(e).strip() or type(e).__name__).partition("\n")[0]
        if address:
            raise _refused(reason) from None
        hint = "Check the free memory and disk space, or omit --engine."
        raise ConfigError(f"Ray cannot be started ({reason.rstrip('.')})", hint=hint) from None
    finally:
        signal.signal(signal.SIGTERM, on_terminate)  # Ray has replaced it


def _short_folder() -> str | None:
    """Where sockets can be: their paths have at most 107 characters, and the usual temporary folder may be long."""
    return "/tmp" if os.path.isdir("/tmp") else None  # noqa: S108, `mkdtemp` creates a folder of its own
