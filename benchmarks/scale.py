"""Forecasts and scores of very many series: two shards at the same time relative to one process.

Run: python benchmarks/scale.py [SERIES]; each series has 60 rows. The files of the shards must have the bytes of one
process.
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
training: {max_steps: 60}
"""


def write(path: Path, series: int) -> None:
    """Write daily series with a weekly season."""
    rng, days = np.random.default_rng(0), np.arange(ROWS)
    y = 100 + 10 * np.sin(days * np.pi / 3.5) + rng.normal(size=(series, ROWS)).cumsum(1)
    ids = np.repeat([f"s{s}" for s in range(series)], ROWS)
    dates = np.tile(np.datetime_as_string(np.datetime64("2024-01-01") + days), series)
    pd.DataFrame({"unique_id": ids, "ds": dates, "y": y.ravel().round(2)}).to_csv(path, index=False)


def run(place: Path, *commands: str) -> list[str]:
    """Run commands at the same time, and print wall time, processor time and the peak memory of each.

    Returns:
        Their outputs.
    """
    begin = time.perf_counter()
    outputs = [(place / f"{i}.out").open("w+") for i in range(len(commands))]
    started = [
        subprocess.Popen([sys.executable, "-m", "seqpred", *c.split(), "--quiet"], cwd=place, stdout=out)
        for c, out in zip(commands, outputs, strict=True)
    ]
    for command, process in zip(commands, started, strict=True):
        _, status, used = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"{command}: exit status {os.waitstatus_to_exitcode(status)}")
        seconds, megabytes = used.ru_utime + used.ru_stime, used.ru_maxrss // 1024
        wall = time.perf_counter() - begin
        print(f"| `{command}` | {wall:.0f} s | {seconds:.0f} s | {megabytes} MB |", flush=True)
    return [Path(out.name).read_text() for out in outputs]


def main() -> None:
    series = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    numbers = range(1, SHARDS + 1)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write(place / "many.csv", series)
        (place / "many.yaml").write_text(CONFIG)
        print(f"{series} series of {ROWS} rows\n")
        print("| command | wall time | processor time | peak memory |\n|---|---|---|---|", flush=True)
        run(place, "train many.yaml --out model")
        run(place, "predict model --output whole.csv")
        run(place, *(f"predict model --shard {i}/{SHARDS} --no-header --output part-{i}.csv" for i in numbers))
        whole = run(place, "eval model --windows 1 --json")
        sums = run(place, *(f"eval model --windows 1 --shard {i}/{SHARDS}" for i in numbers))
        for i, text in zip(numbers, sums, strict=True):
            (place / f"sums-{i}.json").write_text(text)
        merged = run(place, "eval model --json --merge sums-*.json")
        parts = [line for i in numbers for line in (place / f"part-{i}.csv").read_bytes().splitlines()]
        same = sorted(parts) == sorted((place / "whole.csv").read_bytes().splitlines()[1:])
        print(f"\nforecasts identical: {same}; scores identical: {merged == whole}")
        if not (same and merged == whole):
            raise SystemExit(1)


if __name__ == "__main__":
    main()
