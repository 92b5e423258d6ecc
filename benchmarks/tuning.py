"""Time `tune` relative to the same trainings one after another, and `compare` relative to the same evaluations.

    python benchmarks/tuning.py [tune] [compare]

Each call is a command in a process of its own. The compared models are trained for five steps, since the time of a
comparison does not depend on the steps.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from alternating import M4_HOURLY, ROOT, seconds

CONFIG = f"""
data: {{path: {ROOT / "data" / "air_passengers.csv"}, time: ds, target: y}}
forecast: {{horizon: 12, season: 12}}
model: {{hidden_size: 16, members: 1}}
training: {{max_steps: 200}}
"""  # one network: a training of several uses all cores by itself
CELLS, DEPTHS = ("rnn", "lstm", "gru"), (1, 2, 3)
MODELS, HOLDOUT = ("rnn,1", "rnn,2", "gru,1", "gru,2", "lstm,2"), "96"


def main(names: Sequence[str]) -> None:
    """Print a line for each measurement."""
    measured = {"tune": tune, "compare": compare}
    for name in names or measured:
        with tempfile.TemporaryDirectory() as place:
            print(measured[name](Path(place)), flush=True)


def tune(place: Path) -> str:
    """A grid of nine small configs, relative to the sum of nine trainings."""
    config = place / "small.yaml"
    config.write_text(CONFIG)
    alone = 0.0
    for cell, depth in itertools.product(CELLS, DEPTHS):
        keys = (f"--set=model.cell={cell}", f"--set=model.depth={depth}")
        alone += _time("train", config, *keys, "--out", place / f"{cell}-{depth}", "--quiet")
    grid = [f"--grid=model.cell={','.join(CELLS)}", f"--grid=model.depth={','.join(map(str, DEPTHS))}"]
    together = _time("tune", config, *grid, "--out", place / "tune", "--quiet")
    return f"tune of nine configs: {together / alone:.2f} ({together:.1f} s; nine trainings {alone:.1f} s)"


def compare(place: Path) -> str:
    """Five models of M4 hourly, relative to the sum of five evaluations of the same windows."""
    if not M4_HOURLY.exists():
        return f"compare: not measured, since {M4_HOURLY} does not exist"
    models = [place / model for model in MODELS]
    for model in models:
        cell, depth = model.name.split(",")
        keys = ("training.max_steps=5", "model.members=3", f"model.cell={cell}", f"model.depth={depth}")
        settings = [f"--set={key}" for key in keys]
        config = ROOT / "configs" / "m4_hourly.yaml"
        _time("train", config, "--data", M4_HOURLY, *settings, "--holdout", HOLDOUT, "--out", model, "--quiet")
    alone = sum(_time("eval", model, M4_HOURLY, "--quiet") for model in models)
    together = _time("compare", *models, "--data", M4_HOURLY, "--quiet")
    return f"compare of five models: {together / alone:.2f} ({together:.1f} s; five evaluations {alone:.1f} s)"


def _time(*arguments: str | Path) -> float:
    """Wall time of a command."""
    command = [sys.executable, "-m", "seqpred", *map(str, arguments)]
    return seconds(lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=True))


if __name__ == "__main__":
    main(sys.argv[1:])
