"""One very long series: time and peak memory of forecasting it.

Run: python benchmarks/speed_series.py [ROWS]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from alternating import ROOT, print_table

ROWS, SHORT = 10_000_000, 20_000
CONFIG = (
    "data: {path: %s, time: ds, target: y}\nmodel: {members: 1}\nforecast: {horizon: 60}\ntraining: {max_steps: 60}\n"
)


def write(path: Path, rows: int) -> None:
    """Minutes with a daily season."""
    rng, block = np.random.default_rng(0), 1_000_000
    with path.open("w") as file:
        file.write("ds,y\n")
        for first in range(0, rows, block):
            i = np.arange(first, min(rows, first + block))
            times = np.datetime_as_string(np.datetime64("2000-01-01T00:00", "m") + i)
            y = (100 + 10 * np.sin(i * np.pi / 720) + rng.normal(size=len(i))).round(2)
            file.writelines(f"{t},{v}\n" for t, v in zip(times.tolist(), y.tolist(), strict=True))


def print_long_series(unit: float, rows: int = ROWS) -> None:
    """`predict` with a model of the first rows.

    Args:
        unit: seconds of processor time.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        short, long, config, model, cost = (
            place / n for n in ("short.csv", "long.csv", "c.yaml", "model", "cost.json")
        )
        write(short, SHORT)
        write(long, rows)
        config.write_text(CONFIG % short)
        command = [sys.executable, "-m", "seqpred"]
        subprocess.run([*command, "train", str(config), "--out", str(model), "--quiet"], check=True, cwd=ROOT)
        found = []
        for path, count in ((short, SHORT), (long, rows)):
            measured = [sys.executable, str(ROOT / "benchmarks" / "measured.py"), str(cost)]
            words = [*measured, *command, "predict", str(model), str(path)]
            subprocess.run(words, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
            own = json.loads(cost.read_text())
            found.append((f"{count:,}", f"{own['cpu'] / unit:.2f}", f"{own['memory']:.0f}"))
    print()
    print_table(["`predict`, rows of one series", "processor time", "peak MB"], found)


if __name__ == "__main__":
    from unit import PROCESSOR_UNIT

    print_long_series(PROCESSOR_UNIT.measure(), *map(int, sys.argv[1:2]))
