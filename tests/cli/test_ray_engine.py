"""`predict --engine ray`: its messages, and the part that runs in a worker. `make scale` starts Ray itself."""

from __future__ import annotations

import os
import pickle
import re
import socket
import sys
import threading
from contextlib import nullcontext
from contextvars import copy_context
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

import seqpred
from seqpred.cli.table import TableFormat
from seqpred.commands import predict, ray_cluster
from seqpred.commands.ray_cluster import RayCluster, check_address
from seqpred.commands.ray_engine import _received, _run, _Shared
from seqpred.errors import ConfigError, DataError
from tests.cli.outside import Trained


@pytest.fixture(scope="module")
def job(models: dict[str, Trained]) -> predict.ForecastJob:
    return predict.read_job(models["many"].folder, models["many"].data)


def shared_by(job: predict.ForecastJob, work: Any, version: str = seqpred.__version__) -> _Shared:
    return _Shared(replace(job.model), job.wanted, work, version)


def in_worker(shared: _Shared, job: predict.ForecastJob, is_first: bool) -> Any:
    """What a worker returns, whose arguments have been pickled."""
    sent = pickle.loads(pickle.dumps((shared, job.panel, job.ahead, is_first)))
    return copy_context().run(_run, *sent)


def test_a_worker_returns_the_bytes_of_one_process(job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predict, "BLOCK", 1)
    made = TableFormat("csv")
    whole = list(job.run_blocks(made.encode))
    shared = shared_by(job, made.encode)
    assert [in_worker(shared, block, i == 0) for i, block in enumerate(job.blocks())] == whole


def test_an_error_in_a_worker_has_its_message_and_exit_code(job: Any) -> None:
    def fail(*_: object) -> None:
        raise DataError("a forecast is NaN", hint="Look.", where="a.csv")

    shared = shared_by(job, fail)
    failure = copy_context().run(_run, shared, job.panel, job.ahead, True)
    with pytest.raises(DataError, match=r"^a\.csv: a forecast is NaN\. Look\.$"):
        _received(SimpleNamespace(get=pickle.loads, exceptions=EXCEPTIONS), pickle.dumps(failure))


def test_a_worker_of_another_version_is_rejected(job: Any) -> None:
    shared = shared_by(job, TableFormat("csv").encode, "0.0")
    failure = in_worker(shared, job, True)
    assert failure.kind is ConfigError
    assert failure.message.endswith("this process 0.0")


class RayError(Exception):
    pass


class RayTaskError(RayError):
    def __init__(self, cause: Exception) -> None:
        self.cause = cause


EXCEPTIONS = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)


@pytest.mark.parametrize(
    ("raised", "kind", "message"),
    [
        (RayError("The worker died.\nMore."), DataError, "a block failed 4 times in Ray (The worker died)"),
        (RayTaskError(ModuleNotFoundError("No module named 'seqpred'")), ConfigError, "No module named 'seqpred'"),
        (RayTaskError(ZeroDivisionError("a bug")), ZeroDivisionError, "a bug"),
    ],
)
def test_a_failed_task_is_reported_by_its_cause(raised: Exception, kind: type[Exception], message: str) -> None:
    def get(_: object) -> None:
        raise raised

    with pytest.raises(kind) as caught:
        _received(SimpleNamespace(get=get, exceptions=EXCEPTIONS), None)
    assert message in str(caught.value)


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"pip install 'seqpred\[ray\]'"):
        RayCluster()


def test_a_cluster_starts_in_a_thread_that_lives_until_it_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux ends the processes of Ray with the thread that started them."""
    threads: list[threading.Thread] = []
    alive: list[bool] = []
    remote = SimpleNamespace(remote=lambda: None)
    ray = SimpleNamespace(shutdown=lambda: alive.append(threads[0].is_alive()), remote=lambda **_: lambda _: remote)
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setattr(ray_cluster, "find_spec", lambda _: "ray")
    monkeypatch.setattr(ray_cluster, "_connect", lambda *_: threads.append(threading.current_thread()))
    with RayCluster() as connected:
        assert connected is ray
    assert alive == [True]
    threads[0].join(10)
    assert threads[0] is not threading.current_thread()


@pytest.mark.parametrize("given", [None, "RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH"])
def test_the_token_of_a_cluster_started_here_is_not_stored(monkeypatch: pytest.MonkeyPatch, given: str | None) -> None:
    """Without one, Ray writes a token to the home folder, and fails where that is read-only."""
    for name in ray_cluster.AUTHENTICATION:
        monkeypatch.delenv(name, raising=False)
    if given is not None:
        monkeypatch.setenv(given, "disabled")
    tokens: list[str | None] = []
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(shutdown=lambda: None))
    monkeypatch.setattr(ray_cluster, "find_spec", lambda _: True)
    monkeypatch.setattr(ray_cluster, "_connect", lambda *_: tokens.append(os.environ.get("RAY_AUTH_TOKEN")))
    monkeypatch.setattr(ray_cluster, "cores", lambda: 0)
    for _ in range(2):
        with RayCluster():
            pass
    assert "RAY_AUTH_TOKEN" not in os.environ
    assert len(set(tokens)) == (2 if given is None else 1)
    assert all((token is None) == (given is not None) for token in tokens)


def test_a_cluster_that_cannot_be_started_is_an_error_of_the_context(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[bool] = []

    def refuse(*_: object) -> None:
        raise ConfigError("Ray cannot be started (no memory)", hint="Check the memory.")

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(shutdown=lambda: ended.append(True)))
    monkeypatch.setattr(ray_cluster, "find_spec", lambda _: "ray")
    monkeypatch.setattr(ray_cluster, "_connect", refuse)
    cluster = RayCluster()
    with pytest.raises(ConfigError, match="no memory"), cluster:
        pass
    assert ended == [True]


@pytest.mark.parametrize("address", ["head", "ray://head:10001", "head:gcs", ":6379"])
def test_an_address_of_another_form_is_rejected(address: str) -> None:
    with pytest.raises(ConfigError, match="expected HOST:PORT or auto"):
        check_address(address)


def test_an_address_where_nothing_listens_is_rejected() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ConfigError, match=rf"no Ray cluster answers at 127\.0\.0\.1:{port} \("):
        check_address(f"127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("does", "message"),
    [
        ("time.sleep(99)", "no Ray cluster answers at auto (timed out)"),
        ("os.write(2, b'[now W 1] no token'); time.sleep(99)", "no Ray cluster answers at auto (no token)"),
        ("raise ValueError('version mismatch')", "the Ray cluster cannot be used (ValueError: version mismatch)"),
        ("", None),
    ],
)
def test_a_cluster_is_probed_in_a_process_of_its_own(
    does: str, message: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_cluster, "PATIENCE", 0.3 if "sleep" in does else 9)
    probe = [sys.executable, "-SEc", f"import os, time; print(flush=True); {does}"]
    with pytest.raises(ConfigError, match=re.escape(message)) if message else nullcontext():
        check_address("auto", probe)


def test_options_of_other_engines_are_rejected(models: dict[str, Trained], refused: Any) -> None:
    model = models["many"]
    assert "--address is for --engine ray" in refused(2, "predict", model.folder, model.data, "--address", "auto")
    assert "read by one process" in refused(2, "predict", model.folder, "-", "--stream", "--engine", "ray")
