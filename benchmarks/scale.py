"""Very many series: training on a time budget, then forecasts and scores in one process, in two shards and with Ray.

Run: python benchmarks/scale.py [SERIES]; each series has 60 rows. One process is limited to one core, each shard to a
core of its own, and Ray starts a worker for each core. All files must have the same bytes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROWS, SHARDS = 60, 2
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


def run(place: Path, *commands: str, pinned: bool = True) -> tuple[float, list[str]]:
    """Run commands at the same time, and print wall time, processor time and the peak memory of each.

    Args:
        pinned: whether each command has a core of its own.

    Returns:
        The wall time, and the outputs.
    """
    begin, cores = time.perf_counter(), sorted(os.sched_getaffinity(0))
    outputs = [(place / f"{i}.out").open("w+") for i in range(len(commands))]
    started = []
    for i, (command, out) in enumerate(zip(commands, outputs, strict=True)):
        os.sched_setaffinity(0, {cores[i % len(cores)]} if pinned else cores)  # inherited by the process
        words = [sys.executable, "-m", "seqpred", *command.split(), "--quiet"]
        started.append(subprocess.Popen(words, cwd=place, stdout=out))
    os.sched_setaffinity(0, cores)
    for command, process in zip(commands, started, strict=True):
        _, status, used = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"{command}: exit status {os.waitstatus_to_exitcode(status)}")
        seconds, megabytes = used.ru_utime + used.ru_stime, used.ru_maxrss // 1024
        print(f"| `{command}` | {time.perf_counter() - begin:.0f} s | {seconds:.0f} s | {megabytes} MB |", flush=True)
    return time.perf_counter() - begin, [Path(out.name).read_text() for out in outputs]


def main() -> None:
    series = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    numbers = range(1, SHARDS + 1)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write(place / "many.csv", series)
        (place / "many.yaml").write_text(CONFIG)
        print(f"{series} series of {ROWS} rows\n")
        print("| command | wall time | processor time | peak memory |\n|---|---|---|---|", flush=True)
        run(place, "train many.yaml --out model", pinned=False)
        alone, _ = run(place, "predict model --output whole.csv")
        both, _ = run(
            place, *(f"predict model --shard {i}/{SHARDS} --no-header --output part-{i}.csv" for i in numbers)
        )
        ray, _ = run(place, "predict model --engine ray --output ray.csv", pinned=False)
        _, whole = run(place, "eval model --windows 1 --json")
        _, sums = run(place, *(f"eval model --windows 1 --shard {i}/{SHARDS}" for i in numbers))
        for i, text in zip(numbers, sums, strict=True):
            (place / f"sums-{i}.json").write_text(text)
        _, merged = run(place, "eval model --json --merge sums-*.json")
        lines = (place / "whole.csv").read_bytes().splitlines()
        parts = [line for i in numbers for line in (place / f"part-{i}.csv").read_bytes().splitlines()]
        same = sorted(parts) == sorted(lines[1:]) and (place / "ray.csv").read_bytes().splitlines() == lines
        print(
            f"\nrelative to one process: {SHARDS} shards {alone / both:.2f} times, Ray {alone / ray:.2f} times as fast"
        )
        print(f"forecasts identical: {same}; scores identical: {merged == whole}")
        if not (same and merged == whole):
            raise SystemExit(1)


if __name__ == "__main__":
    main()
