"""A cluster of Ray (`seqpred[ray]`): a running one, or one that is started on this machine."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import ExitStack, redirect_stdout
from importlib.util import find_spec
from io import StringIO
from typing import Any

from seqpred.errors import ConfigError
from seqpred.runtime.cores import cores

STORE = 256 << 20  # bytes of shared memory in which blocks are passed on one machine
PATIENCE = 4.0  # seconds that an address may take to answer, then that a connection of Ray may take
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # statistics would be sent over the network
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # a warning would be printed
}
TOKEN, AUTHENTICATION = "RAY_AUTH_TOKEN", ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
PROBE = (sys.executable, "-c", "import sys, ray; print(flush=True); ray.init(sys.argv[1], logging_level='ERROR')")
ADDRESS_HINT = "Pass the HOST:PORT that `ray start --head` printed, or omit --address."


class RayCluster:
    """A cluster that starts, or is connected with, while this process does something else.

    A thread does that from the construction on. As a context, it waits for it and returns the package `ray`; a cluster
    that was started here ends with the context, or with `stop`.

    Args:
        address: of a cluster, HOST:PORT or `auto`; None starts one on this machine.
    Raises:
        ConfigError: Ray is not installed; in the context also: the cluster cannot be started or used.
    """

    def __init__(self, address: str | None = None) -> None:
        if find_spec("ray") is None:
            hint = "Install it with `pip install 'seqpred[ray]'`."
            raise ConfigError("--engine ray needs Ray, which is not installed", hint=hint)
        self._open = ExitStack()
        self._error: BaseException | None = None
        self._ray: Any = None
        self._open.enter_context(redirect_stdout(StringIO()))  # Ray prints there when it loses a worker
        self._folder = tempfile.mkdtemp(prefix="seqpred-", dir=_short_folder())
        self._open.callback(shutil.rmtree, self._folder, ignore_errors=True)
        self._ready, self._stopped = threading.Event(), threading.Event()
        threading.Thread(
            target=self._run, args=(address,), daemon=True
        ).start()  # there, Ray replaces no signal handlers

    def _run(self, address: str | None) -> None:
        try:
            self._start(address)
        except BaseException as e:  # noqa: BLE001, raised again in the context
            self._error = e
        self._ready.set()
        self._stopped.wait()  # the processes of Ray end with the thread that started them

    def _start(self, address: str | None) -> None:
        if address is not None:
            check_address(address)
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        if address is None and not any(name in os.environ for name in AUTHENTICATION):
            os.environ[TOKEN] = secrets.token_hex(32)  # Ray would write one to the home folder
            self._open.callback(os.environ.pop, TOKEN, None)
        import ray

        self._open.callback(ray.shutdown)
        _connect(ray, address, self._folder)
        self._ray = ray
        for _ in range(0 if address else cores()):
            ray.remote(num_cpus=1)(_prepare).remote()

    def __enter__(self) -> Any:
        self._ready.wait()
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))  # Ray has installed a handler below Python's
        if self._error is not None:
            self.stop()
            raise self._error
        return self._ray

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Disconnect from the cluster, and end it if it was started here."""
        self._ready.wait()
        self._open.close()
        self._stopped.set()


def _prepare() -> None:
    """Import in a worker what the first block needs."""
    import seqpred.commands.predict
    import seqpred.runtime.onnx_runtime  # noqa: F401


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


def _connect(ray: Any, address: str | None, folder: str) -> None:
    """Connect to a cluster, or start one on this machine with its files in a folder."""
    own = {"num_cpus": cores(), "include_dashboard": False, "object_store_memory": STORE, "_temp_dir": folder}
    try:
        ray.init(address or "local", logging_level="ERROR", log_to_driver=False, **({} if address else own))
    except (Exception, SystemExit) as e:  # noqa: BLE001, Ray documents no kinds
        reason = (str(e).strip() or type(e).__name__).partition("\n")[0]
        if address:
            raise _refused(reason) from None
        hint = "Check the free memory and disk space, or omit --engine."
        raise ConfigError(f"Ray cannot be started ({reason.rstrip('.')})", hint=hint) from None


def _short_folder() -> str | None:
    """Where sockets can be: their paths have at most 107 characters, and the usual temporary folder may be long."""
    return "/tmp" if os.path.isdir("/tmp") else None  # noqa: S108, `mkdtemp` creates a folder of its own
