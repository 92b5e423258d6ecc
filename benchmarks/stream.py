"""Streaming and cold start: rows per second, latency and memory (make bench)."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from alternating import ROOT, compare, print_table, seconds

import seqpred  # before torch, to set its thread options

SEQPRED = (sys.executable, "-m", "seqpred")
STORED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}  # as if installed
ONE_STEP = ("--horizon", "1", "--quantiles", "0.1,0.9", "--quiet")
QUICK = ("--steps", "1", "--quantiles", "0.1,0.9")
CONFIG = """\
data: {target: y, id: id}
model: {hidden_size: 64, depth: 2, members: MEMBERS, start: blank}
forecast: {horizon: 24, season: 24}
training: {max_steps: 2}
"""
ROWS, SERIES, UNTRAINED = 100_000, 10_000, 10_000  # rows of the streams, ids, rows of a stream of `forecast`
NETWORKS = 1, 3, 5  # one, and the numbers that `init` writes


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        columns = [_all(place, _train(place, members), members) for members in NETWORKS]
        rows = [[what, *(dict(own)[what] for own in columns)] for what, _ in columns[0]]
    print_table(["what", *(f"{n} network{'s' * (n > 1)}" for n in NETWORKS)], rows)


def _all(place: Path, model: str, members: int) -> list[tuple[str, object]]:
    return [
        *_cold(place, model),
        *_stream(place, model),
        *_latency(model),
        *_long(model),
        *_panel(place, model, members),
    ]


def text(rows: int, series: int) -> str:
    """A CSV of `rows` rows with interleaved series."""
    begin = datetime(2020, 1, 1)
    lines = (
        f"s{i % series},{begin + timedelta(hours=i // series)},{50 + 10 * np.sin(i // series / 4):.2f}\n"
        for i in range(rows)
    )
    return "id,t,y\n" + "".join(lines)


def _train(place: Path, members: int) -> str:
    (place / "c.yaml").write_text(CONFIG.replace("MEMBERS", str(members)))
    (place / "train.csv").write_text(text(20_000, 10))
    out = str(place / f"model{members}")
    _run("train", str(place / "c.yaml"), "--data", str(place / "train.csv"), "--out", out, "--quiet")
    return out


def _run(*args: str, stdin: object = subprocess.DEVNULL) -> None:
    command = [*SEQPRED, *args]
    subprocess.run(command, check=True, stdin=stdin, stdout=subprocess.DEVNULL, env=STORED)  # type: ignore[call-overload]


def _cold(place: Path, model: str) -> list[tuple[str, object]]:
    (place / "h.csv").write_text(text(500, 1))
    data = str(place / "h.csv")

    def torch() -> None:
        subprocess.run([sys.executable, "-c", "import torch"], check=True)

    ratio = compare(lambda: _run("predict", model, data, *QUICK), torch, rounds=7)
    untrained = compare(lambda: _run("forecast", data, *ONE_STEP), torch, rounds=7)
    follow = compare(lambda: _run("predict", model, data, "--stream", *QUICK), torch, rounds=7)
    return [
        ("cold `forecast`, 500 rows, relative to `import torch`", untrained),
        ("peak memory of `forecast`", f"{_peak('forecast', data, *ONE_STEP)} MB"),
        ("cold `predict`, 500 rows, relative to `import torch`", ratio),
        ("cold `predict --stream`, 500 rows, relative to `import torch`", follow),
        ("peak memory of `predict`", f"{_peak('predict', model, data, *QUICK)} MB"),
        ("peak memory of `predict --stream`", f"{_peak('predict', model, data, '--stream', *QUICK)} MB"),
    ]


def _peak(*args: str) -> int:
    """Peak memory of a command in MB, measured by a separate process."""
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *SEQPRED, *args], check=True, capture_output=True, text=True, env=STORED
    )
    return int(done.stdout)


def _stream(place: Path, model: str) -> list[tuple[str, object]]:
    one, many, none = place / "one.csv", place / "many.csv", place / "none.csv"
    one.write_text(text(ROWS, 1))
    many.write_text(text(ROWS, SERIES))
    none.write_text(text(1, 1))

    def through(path: Path, *command: str) -> Callable[[], None]:
        def call() -> None:
            with path.open("rb") as file:
                _run(*(command or ("predict", model, "-", "--stream", *QUICK)), stdin=file)

        return call

    few = place / "few.csv"
    few.write_text(text(UNTRAINED, 1))
    untrained = "forecast", "-", "--stream", "--like", str(few), *ONE_STEP
    start, whole = (min(seconds(through(path, *untrained)) for _ in range(3)) for path in (none, few))

    base = min(seconds(through(none)) for _ in range(3))
    alone, side = (min(seconds(through(path)) for _ in range(3)) - base for path in (one, many))
    return [
        ("rows per second, one series", f"{ROWS / alone:,.0f}"),
        (f"{SERIES:,} interleaved ids, rows per second relative to one series", f"{alone / side:.2f}"),
        ("rows per second of `forecast --stream`", f"{UNTRAINED / (whole - start):,.0f}"),
    ]


def _follow(model: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*SEQPRED, "predict", model, "-", "--stream", *QUICK], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def _latency(model: str, rows: int = 5_000) -> list[tuple[str, object]]:
    """Time from writing the last byte of a row to reading the last byte of its forecast."""
    process = _follow(model)
    assert process.stdin is not None
    assert process.stdout is not None
    header, *lines = text(rows, 1).encode().splitlines(keepends=True)
    process.stdin.write(header)
    took = []
    for line in lines:
        began = time.perf_counter()
        process.stdin.write(line)
        process.stdin.flush()
        if not took:
            process.stdout.readline()  # the header
        process.stdout.readline()
        took.append(time.perf_counter() - began)
    process.stdin.close()
    process.wait()
    middle, late = np.percentile(np.array(took[100:]) * 1e3, [50, 99])
    return [("latency of one row, median and 99th percentile", f"{middle:.2f} ms, {late:.2f} ms")]


def _long(model: str, rows: int = 1_000_000, block: int = 20_000) -> list[tuple[str, object]]:
    """Time and memory of blocks of rows at the start and at the end of a long stream."""
    process = _follow(model)
    assert process.stdin is not None
    assert process.stdout is not None
    header, *lines = text(rows, 1).encode().splitlines(keepends=True)
    process.stdin.write(header)
    took, memory = [], []
    for begin in range(0, rows, block):
        began = time.perf_counter()
        for at in range(begin, begin + block, 500):  # no more than the pipes hold
            process.stdin.write(b"".join(lines[at : at + 500]))
            process.stdin.flush()
            for _ in range(500 + (at == 0)):
                process.stdout.readline()
        took.append(time.perf_counter() - began)
        memory.append(_resident(process.pid))
    process.stdin.close()
    process.wait()
    early, late = np.median(took[1:6]), np.median(took[-5:])
    return [
        (f"row {rows:,} relative to row {2 * block:,}: time", f"{late / early:.2f}"),
        (f"row {rows:,} relative to row {2 * block:,}: memory", f"{memory[-1] / memory[1]:.2f}"),
    ]


def _resident(process: int) -> int:
    """Pages in memory."""
    path = Path(f"/proc/{process}/statm")
    return int(path.read_text().split()[1]) if path.exists() else 1


def _panel(place: Path, model: str, members: int, series: int = 10_000, rows: int = 500) -> list[tuple[str, object]]:
    """`predict` of a panel, from file to text, relative to LSTMs of torch on a batch in memory."""
    import torch

    from seqpred.cli.table import encode_table
    from seqpred.commands.predict import compute_forecasts

    path = place / "panel.csv"
    path.write_text(text(series * rows, series))
    layers = torch.nn.LSTM(12, 64, num_layers=2, batch_first=True)
    x = torch.randn(256, rows, 12)

    def bare() -> None:
        with torch.inference_mode():
            for _ in range(-(-series // 256) * members):
                layers(x)

    def whole() -> None:
        encode_table(compute_forecasts(loaded, path, quantiles=[0.1, 0.9]).table(), "csv")

    loaded = seqpred.load(model)
    what = f"`predict` of {series:,} series x {rows} rows, in total, relative to the bare forward passes"
    work = min(_work(whole) for _ in range(2)) / min(_work(bare) for _ in range(2))
    return [(what, compare(whole, bare, rounds=3)), (f"{what}, in CPU seconds", f"{work:.2f}")]


def _work(call: Callable[[], object]) -> float:
    """CPU seconds of one call, which depend less on other work on the machine than wall time."""
    began = time.process_time()
    call()
    return time.process_time() - began


if __name__ == "__main__":
    os.environ["PYTHONPATH"] = str(ROOT)
    main()
