"""A CSV of very many short series: reading relative to pandas with pyarrow, and time to the first training step.

Run: python benchmarks/many.py [SERIES]; each series has 100 rows; validation of the file is included. Each call runs
in a new process, like a command: later calls in one process would reuse memory pages of earlier ones.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.compute  # imported by both
import pyarrow.csv  # noqa: F401
from alternating import compare, print_table

import seqpred
from seqpred.commands.load_panel import load_panel
from seqpred.config.schema import Config
from seqpred.sources.opening import open_source
from seqpred.training import loop

ROWS, ROUNDS = 100, 15
CONFIG = Config.from_tree({"data": {"id": "unique_id", "time": "ds", "target": "y"}})


class FirstStepError(Exception):
    """Training has reached its first step."""


def write(path: Path, series: int) -> None:
    days = np.datetime_as_string(np.datetime64("2024-01-01") + np.arange(ROWS))
    y = 100 + np.random.default_rng(0).normal(size=series * ROWS).round(2)
    ids = np.repeat([f"s{s}" for s in range(series)], ROWS)
    pd.DataFrame({"unique_id": ids, "ds": np.tile(days, series), "y": y}).to_csv(path, index=False)


def read(path: Path) -> object:
    return load_panel(open_source(path), CONFIG, lambda _: None)


def to_first_step(path: Path, out: Path) -> None:
    def stop(*_: object) -> str:
        raise FirstStepError

    loop._learn = stop  # runs one step
    try:
        seqpred.train(CONFIG, path, out)
    except FirstStepError:
        return


def main() -> None:
    series = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, "many.csv"), Path(folder, "model")
        write(path, series)
        by_pandas = partial(pd.read_csv, path, engine="pyarrow")
        reading = compare(partial(read, path), by_pandas, ROUNDS, apart=True)
        starting = compare(partial(to_first_step, path, out), partial(read, path), ROUNDS, apart=True)
    print(f"{series} series of {ROWS} rows\n")
    rows = [("to a panel", 'pd.read_csv(engine="pyarrow")', reading), ("to the first step", "to a panel", starting)]
    print_table(["measurement", "relative to", "ratio (middle half)"], rows)


if __name__ == "__main__":
    main()
