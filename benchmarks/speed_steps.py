"""One training step: its time, the fraction of a matrix product's speed, and steps of other libraries.

All times are processor times of one thread, so other programs on the machine matter little.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from alternating import ROOT, print_table
from unit import MULTIPLY_ADDS, PROCESSOR_UNIT, spread

from seqpred.commands.load_panel import as_config, load_panel, open_data
from seqpred.commands.train import resolve_training
from seqpred.network.network import Network
from seqpred.runtime.shape import Shape
from seqpred.training.dataset import training_windows
from seqpred.training.loop import FitOptions, fit
from seqpred.training.networks import fit_options
from seqpred.training.positions import position_stride
from seqpred.training.progress import Hooks
from seqpred.training.schedule import Schedule
from seqpred.training.windows import Windows

CELLS = ("lstm", "gru", "rnn")
SCRIPT = ROOT / "benchmarks" / "peers" / "steps.py"
ROUNDS, STEPS, FIRST = 3, 40, 5


class Step(NamedTuple):
    """What a training step needs."""

    shape: Shape
    windows: Windows
    options: FitOptions

    @classmethod
    def of(cls, path: Path, cell: str) -> Step:
        """Two layers of 64 units and 32 windows, the rest as in the config."""
        config = as_config(path).replace({"model.cell": cell, "model.hidden_size": 64, "training.batch_size": 32})
        source = open_data(None, config)
        panel, resolved, covariates = resolve_training(load_panel(source, config), source, config)
        return cls(resolved.shape(covariates), training_windows(panel, resolved, covariates), fit_options(resolved))

    @property
    def targets(self) -> float:
        """Values whose quantiles a step compares with what came."""
        return self.options.batch_size * self._positions * self.shape.horizon

    @property
    def products(self) -> float:
        """The multiply-adds of a network's matrix products: one pass forward, two backward."""
        weights = {name: w.numel() for name, w in Network(self.shape).named_parameters() if w.dim() == 2}
        recurrent = sum(size for name, size in weights.items() if name.startswith("recurrent"))
        head = sum(size for name, size in weights.items() if name.startswith("head"))
        return 3 * self.options.batch_size * (self.windows.spec.window * recurrent + self._positions * head)

    @property
    def _positions(self) -> float:
        window = self.windows.spec.window
        return window / position_stride(self.shape.horizon, window)

    def seconds(self) -> float:
        """The median time."""
        ends: list[float] = []
        steps = replace(self.options, schedule=Schedule(STEPS, stop_step=STEPS))
        fit(self.shape, self.windows, steps, Hooks(on_step=lambda _: ends.append(time.thread_time())))
        return statistics.median(after - before for before, after in pairwise(ends[FIRST:]))


def print_steps(path: Path) -> None:
    """Each cell relative to the unit."""
    rows = []
    for cell in CELLS:
        step = Step.of(path, cell)
        ratios = PROCESSOR_UNIT.ratios(step.seconds, ROUNDS)
        fractions = [step.products / MULTIPLY_ADDS / r for r in ratios]
        rows.append((f"{cell} 64 x 2", spread([1e6 * r for r in ratios]), spread(fractions)))
    print()
    print_table(["step, batch 32, window 104, horizon 52", "millionths of the unit", "fraction of sgemm"], rows)


def print_peers(path: Path, environments: Path) -> None:
    """A step of the LSTM relative to one of each peer, whose environments `peers.py` creates.

    A peer's step predicts fewer values of the same windows, so the times of one value are compared, too.
    """
    step = Step.of(path, "lstm")
    batch, window, horizon = step.options.batch_size, step.windows.spec.window, step.shape.horizon
    targets = {"neuralforecast": horizon, "gluonts": window - 1 + horizon, "darts": window + horizon}
    rows = []
    with tempfile.TemporaryDirectory() as place:
        _write_data(Path(place, "weekly.csv"))
        for peer, values in targets.items():
            python = environments.resolve() / peer / "bin" / "python"
            if not python.exists():
                print(f"SKIPPED: {peer} needs {python}; `make bench-peers` creates it.", file=sys.stderr)
                continue
            theirs = PROCESSOR_UNIT.ratios(lambda p=python, n=peer, f=place: _peer_seconds(p, n, f), ROUNDS)  # type: ignore[misc]
            ours = PROCESSOR_UNIT.ratios(step.seconds, ROUNDS)
            ratios = [own / other for own, other in zip(ours, theirs, strict=True)]
            rows.append((peer, spread(ratios), f"{statistics.median(ratios) * batch * values / step.targets:.3f}"))
    print()
    print_table(["LSTM 64 x 2, relative to", "a step", "the same for each predicted value"], rows)


def _write_data(path: Path) -> None:
    """Weekly CO2 without gaps and without its last rows."""
    from peers import SETS, bridge

    bridge(SETS["co2"].split()[0]).to_csv(path, index=False)


def _peer_seconds(python: Path, peer: str, place: str) -> float:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [str(python), str(SCRIPT), peer, "weekly.csv"]
    done = subprocess.run(
        command, cwd=place, env={**environment, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{peer}: {done.stderr.strip().splitlines()[-1]}")
    return float(next(line for line in done.stdout.splitlines() if line.startswith("seconds ")).split()[1])
