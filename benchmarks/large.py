"""Peak memory of `seqpred check`, `train`, `predict` and `eval` on a very large CSV.

Run: python benchmarks/large.py [GIGABYTES] [FOLDER]; 5 GB of rows need 25 GB of disk space and half an hour.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROWS, SERIES = 10_000, 100  # rows per series, and series written at a time
CONFIG = """
data: {path: %s, id: unique_id, time: ds, target: y}
model: {members: 1}
training: {max_steps: 300}
"""


def write(path: Path, size: int) -> None:
    """Write hourly series until the file has `size` bytes."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import csv

    times = np.datetime_as_string(np.datetime64("2020-01-01T00", "s") + np.arange(ROWS) * np.timedelta64(1, "h"))
    texts = np.tile(np.char.replace(times, "T", " "), SERIES)
    rng, series = np.random.default_rng(0), 0
    with path.open("wb") as file:
        file.write(b"unique_id,ds,y\n")
        while file.tell() < size:
            ids = np.repeat([f"s{series + s}" for s in range(SERIES)], ROWS)
            y = 100 + 10 * np.sin(np.arange(len(ids)) * np.pi / 12) + rng.normal(size=len(ids))
            rows = pa.table({"unique_id": ids, "ds": texts, "y": y.round(2)})
            csv.write_csv(rows, file, csv.WriteOptions(include_header=False, quoting_style="none"))
            series += SERIES


def peak(command: list[str], cache: Path) -> tuple[float, float]:
    """Peak resident memory of a command in MB, and its seconds."""
    began = time.monotonic()
    with subprocess.Popen(
        command, env={**os.environ, "XDG_CACHE_HOME": str(cache)}, stdout=subprocess.DEVNULL
    ) as child:
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, command
    return usage.ru_maxrss / 1024, time.monotonic() - began


def main() -> None:
    size = int(float(sys.argv[1] if len(sys.argv) > 1 else 5) * 1e9)
    with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else None) as folder:
        data, config, cache = Path(folder, "large.csv"), Path(folder, "large.yaml"), Path(folder, "cache")
        subprocess.run(
            [sys.executable, __file__, "write", str(data), str(size)], check=True
        )  # this process stays small
        config.write_text(CONFIG % data)
        command, model = [sys.executable, "-m", "seqpred"], str(Path(folder, "model"))
        runs = [
            ("check, which also writes the cache", ["check", str(config)]),
            ("check again", ["check", str(config)]),
            ("train, 300 steps", ["train", str(config), "--out", model, "--quiet"]),
            ("predict", ["predict", model]),
            ("eval, one window", ["eval", model, "--windows", "1"]),
        ]
        print(f"{size / 1e9:g} GB\n\n| command | peak MB | seconds |\n| --- | --- | --- |", flush=True)
        for name, words in runs:
            megabytes, seconds = peak([*command, *words], cache)
            print(f"| {name} | {megabytes:.0f} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["write"]:
        write(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
