"""Very many series: training on a time budget, then forecasts and scores in one process, in two shards and with Ray.

Run: python benchmarks/scale.py [SERIES]; each series has 60 rows. One process is limited to one core, each shard to a
core of its own, and Ray starts a worker for each core. All files must have the same bytes. The wall times compare only
on an idle machine; processor times include those of Ray's own processes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from multiprocessing import Process
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

ROWS, SHARDS = 60, 2
TARGET = 1.8  # times as fast as one process
EVERY = 0.1  # seconds between two looks at the running processes
CONFIG = """
data: {path: many.csv, id: unique_id, time: ds, target: y}
forecast: {horizon: 14}
training: {time_budget: 20}
"""


def write(path: Path, series: int) -> None:
    """Write daily series with a weekly season."""
    rng, days = np.random.default_rng(0), np.arange(ROWS)
    y = 100 + 10 * np.sin(days * np.pi / 3.5) + rng.normal(size=(series, ROWS)).cumsum(1)
    ids = np.repeat([f"s{s}" for s in range(series)], ROWS)
    dates = np.tile(np.datetime_as_string(np.datetime64("2024-01-01") + days), series)
    pd.DataFrame({"unique_id": ids, "ds": dates, "y": y.ravel().round(2)}).to_csv(path, index=False)


class Measured(NamedTuple):
    """What some commands that ran at the same time took.

    Attributes:
        wall, processor: seconds.
        outputs: what each command printed.
    """

    wall: float
    processor: float
    outputs: list[str]


def run(place: Path, *commands: str, pinned: bool = True) -> Measured:
    """Run commands at the same time, and print wall time, processor time and the peak memory of each.

    Args:
        pinned: whether each command has a core of its own.
    """
    begin, cores = time.perf_counter(), sorted(os.sched_getaffinity(0))
    outputs = [(place / f"{i}.out").open("w+") for i in range(len(commands))]
    started = {}
    for i, (command, out) in enumerate(zip(commands, outputs, strict=True)):
        os.sched_setaffinity(0, {cores[i % len(cores)]} if pinned else cores)  # inherited by the process
        words = [sys.executable, "-m", "seqpred", *command.split(), "--quiet"]
        started[subprocess.Popen(words, cwd=place, stdout=out).pid] = command
    os.sched_setaffinity(0, cores)
    wall, used = 0.0, dict[int, float]()
    while started:
        used |= descendants()
        pid, status, usage = os.wait4(-1, os.WNOHANG)
        if not pid:
            time.sleep(EVERY)
            continue
        command, wall, seconds = started.pop(pid), time.perf_counter() - begin, usage.ru_utime + usage.ru_stime
        if status:
            raise SystemExit(f"{command}: exit status {os.waitstatus_to_exitcode(status)}")
        print(f"| `{command}` | {wall:.1f} s | {seconds:.1f} s | {usage.ru_maxrss // 1024} MB |", flush=True)
    return Measured(wall, sum(used.values()), [Path(out.name).read_text() for out in outputs])


def descendants() -> dict[int, float]:
    """The processor time of each process that this one has started, or one of these, in seconds."""
    children: dict[int, list[tuple[int, float]]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        children.setdefault(int(fields[1]), []).append((int(path.parent.name), seconds))
    found, waiting = dict[int, float](), [os.getpid()]
    while waiting:
        own = children.get(waiting.pop(), [])
        found.update(own)
        waiting += [pid for pid, _ in own]
    return found


def compare(name: str, alone: Measured, other: Measured, processes: int = 1) -> None:
    """Print the times of forecasts in some way relative to one process.

    Args:
        processes: among which the processor time is divided.
    """
    wall, processor = alone.wall / other.wall, alone.processor / (other.processor / processes)
    print(
        f"{name}: {wall:.2f} times as fast as one process (target {TARGET}); by processor time {processor:.2f} times,"
    )
    print(f"    {alone.processor:.1f} s in one process, {other.processor:.1f} s in all")


def main() -> None:
    series = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    numbers = range(1, SHARDS + 1)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        writer = Process(target=write, args=(place / "many.csv", series))  # so that this process stays small:
        writer.start()  # the kernel counts its memory in the peaks of the commands
        writer.join()
        (place / "many.yaml").write_text(CONFIG)
        print(f"{series} series of {ROWS} rows; load of the machine before: {os.getloadavg()[0]:.1f}\n")
        print("| command | wall time | processor time | peak memory |\n|---|---|---|---|", flush=True)
        run(place, "train many.yaml --out model", pinned=False)
        alone = run(place, "predict model --output whole.csv")
        shards = run(place, *(f"predict model --shard {i}/{SHARDS} --no-header --output part-{i}.csv" for i in numbers))
        ray = run(place, "predict model --engine ray --output ray.csv", pinned=False)
        (whole,) = run(place, "eval model --windows 1 --json").outputs
        sums = run(place, *(f"eval model --windows 1 --shard {i}/{SHARDS}" for i in numbers)).outputs
        for i, text in zip(numbers, sums, strict=True):
            (place / f"sums-{i}.json").write_text(text)
        (merged,) = run(place, "eval model --json --merge sums-*.json").outputs
        lines = (place / "whole.csv").read_bytes().splitlines()
        parts = [line for i in numbers for line in (place / f"part-{i}.csv").read_bytes().splitlines()]
        same = sorted(parts) == sorted(lines[1:]) and (place / "ray.csv").read_bytes().splitlines() == lines
        chosen = json.loads((place / "model" / "manifest.json").read_text())["training"]["chosen"]
        print(f"\nshare of the pretrained forecast, which takes time of its own: {chosen['pretrained_share']:.2f}")
        compare(f"{SHARDS} shards", alone, shards, SHARDS)
        compare("Ray", alone, ray, len(os.sched_getaffinity(0)))
        print(f"forecasts identical: {same}; scores identical: {merged == whole}")
        if not (same and merged == whole):
            raise SystemExit(1)


if __name__ == "__main__":
    main()
