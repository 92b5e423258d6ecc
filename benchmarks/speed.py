"""How fast training and evaluation are, relative to 1,000 products of 1024 x 1024 float32 matrices on one core.

Every time is divided by that of products measured just before and after it, so that slow phases of the machine matter
little. A ratio of several runs is their median, with their range. The config is the one that `init` prints, unchanged.

Run: python benchmarks/speed.py [SET ...]    (all sets without arguments, which takes half an hour)
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from alternating import M4_HOURLY, ROOT, print_table, seconds

import seqpred
from seqpred.commands.load_panel import as_config, load_panel, open_data
from seqpred.commands.train import resolve_training
from seqpred.evaluation.backtest import Forecaster
from seqpred.forecasting.model import Model
from seqpred.network.machine import keep_memory
from seqpred.training.dataset import training_windows
from seqpred.training.loop import FitOptions, fit
from seqpred.training.networks import fit_options
from seqpred.training.positions import position_stride
from seqpred.training.progress import Hooks
from seqpred.training.schedule import Schedule
from seqpred.training.windows import Windows

SHARED = ROOT.parent / "shared"
MADE = SHARED / "made.py"
SETS = ("air_passengers", "co2", "walks", "halfhours", "halfhours_week", "quarters", "m4_hourly")
ROUNDS = 3  # of what takes seconds; other sets than the first are trained once
WINDOWS = 20
CELLS = ("lstm", "gru", "rnn")


@dataclass(frozen=True)
class Unit:
    """The time of 1,000 products on one core, from a few of them."""

    products: int = 20

    def measure(self, clock: Callable[[], float] = time.perf_counter) -> float:
        """Seconds for 1,000 products, of wall time or, with `time.thread_time`, of processor time."""
        torch.set_num_threads(1)
        a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
        torch.mm(a, b)
        ends = [clock()]
        for _ in range(self.products):
            torch.mm(a, b)
            ends.append(clock())
        return 1000 * statistics.median(after - before for before, after in pairwise(ends))

    def ratios(self, call: Callable[[], float], rounds: int) -> list[float]:
        """What the call returns, in seconds, relative to the products before and after it."""
        found, before = [], self.measure()
        for _ in range(rounds):
            taken = call()
            after = self.measure()
            found.append(taken / ((before + after) / 2))
            before = after
        return found


UNIT = Unit()


def main() -> None:
    keep_memory()
    chosen = sys.argv[1:] or SETS
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        print(f"unit: {UNIT.measure():.1f} s; load {os.getloadavg()[0]:.1f}; {os.cpu_count()} cores\n")
        sets = {name: found for name in chosen if (found := _data(name, place)) is not None}
        _trainings(sets, place)
        if "co2" in sets:
            _processes(place / "co2.yaml")
            _steps(place / "co2.yaml")
            _evaluation(place / "co2-0")


def _data(name: str, place: Path) -> tuple[Path, list[str]] | None:
    """The file of a set and the options of `init`; None, with a note, if it is not here."""
    shipped = {"air_passengers": "air_passengers", "co2": "co2_weekly_gaps"}
    if name in shipped:
        return ROOT / "data" / f"{shipped[name]}.csv", []
    source = M4_HOURLY if name == "m4_hourly" else MADE
    if not source.exists():
        print(f"SKIPPED: {name} needs {source}.", file=sys.stderr)
        return None
    if name == "m4_hourly":
        return M4_HOURLY, []
    path = place / f"{name.removesuffix('_week')}.csv"
    with path.open("wb") as file:
        subprocess.run([sys.executable, MADE, path.stem], stdout=file, check=True)
    return path, ["--horizon", "336"] if name.endswith("_week") else []


# ------------------------------------------------------------------ whole trainings


def _trainings(sets: dict[str, tuple[Path, list[str]]], place: Path) -> None:
    rows = []
    for name, (data, options) in sets.items():
        config = place / f"{name}.yaml"
        config.write_text(_run(["init", str(data), *options]))
        cpu: list[float] = []

        def train(config: Path = config, cpu: list[float] = cpu) -> float:
            before = _children()
            taken = seconds(lambda: _run(["train", str(config), "--out", str(config.with_suffix("")) + f"-{len(cpu)}"]))
            cpu.append(_children() - before)
            return taken

        unit = UNIT.measure(time.thread_time)
        walls = UNIT.ratios(train, ROUNDS if name == SETS[0] else 1)
        scores = json.loads((place / f"{name}-0" / "manifest.json").read_text())["scores"]["metrics"]["model"]
        rows.append((name, _spread(walls), f"{statistics.median(cpu) / unit:.2f}", f"{scores['mase'] or 0:.3f}"))
    print_table(["set", "wall time of `train`", "processor time", "validation MASE"], rows)


def _processes(config: Path) -> None:
    """The wall time on one core relative to that on two."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        return

    def train(own: Sequence[int]) -> float:
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, own)  # inherited by the command
        try:
            return seconds(lambda: _run(["train", str(config), "--out", str(config.with_name("cores")), "--force"]))
        finally:
            os.sched_setaffinity(0, before)

    print()
    print_table(["weekly CO2", "times as fast"], [("two cores", f"{train(cores[:1]) / train(cores):.2f}")])


def _run(words: list[str]) -> str:
    command = [sys.executable, "-m", "seqpred", *words, *(["-q"] if words[0] == "train" else [])]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=_environment()).stdout


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# ------------------------------------------------------------------ one step


def _steps(path: Path) -> None:
    rows = []
    for cell in CELLS:
        config = as_config(path).replace({"model.cell": cell, "model.hidden_size": 64, "training.batch_size": 32})
        source = open_data(None, config)
        panel, resolved, covariates = resolve_training(load_panel(source, config), source, config)
        windows, options = training_windows(panel, resolved, covariates), fit_options(resolved)
        shape = resolved.shape(covariates)
        ratios = UNIT.ratios(lambda w=windows, o=options, s=shape: _step(s, w, o), ROUNDS)  # type: ignore[misc]
        work = _products(shape, windows, options) / (1000 * 1024**3)
        rows.append((f"{cell} 64 x 2", _spread([1e6 * r for r in ratios]), _spread([work / r for r in ratios])))
    print()
    print_table(["step, batch 32, window 104, horizon 52", "millionths of the unit", "fraction of sgemm"], rows)


def _step(shape: Any, windows: Windows, options: FitOptions) -> float:
    """The median time of a training step."""
    ends: list[float] = []
    steps = replace(options, schedule=Schedule(40, stop_step=40))
    fit(shape, windows, steps, Hooks(on_step=lambda _: ends.append(time.perf_counter())))
    return statistics.median(after - before for before, after in pairwise(ends[5:]))


def _products(shape: Any, windows: Windows, options: FitOptions) -> float:
    """The multiply-adds of a network's matrix products in a step: one pass forward, two backward."""
    from seqpred.network.network import Network

    window = windows.spec.window
    weights = {name: w.numel() for name, w in Network(shape).named_parameters() if w.dim() == 2}
    recurrent = sum(size for name, size in weights.items() if name.startswith("recurrent"))
    positions = window / position_stride(shape.horizon, window)
    head = sum(size for name, size in weights.items() if name.startswith("head"))
    return 3 * options.batch_size * (window * recurrent + positions * head)


# ------------------------------------------------------------------ evaluation


def _evaluation(folder: Path) -> None:
    """The time to forecast after twenty cutoffs, relative to a pass over all earlier rows for each."""
    model = seqpred.load(folder)
    panel = load_panel(open_data(None, model.config), model.config, covariates=model.covariates)
    model.runtime  # noqa: B018, loaded before timing starts

    def forecast(make: Callable[[Model], Forecaster]) -> float:
        forecaster = make(model)
        began = time.perf_counter()
        for back in range(WINDOWS, 0, -1):
            cuts = panel.lengths - back * model.horizon
            forecaster(panel.cut(cuts), model.horizon, panel.ahead(cuts, model.horizon))
        return time.perf_counter() - began

    rounds = range(ROUNDS + 1)
    ratios = [forecast(lambda m: m.forecasters()["model"]) / forecast(lambda m: m.forecast) for _ in rounds][1:]
    print()
    print_table(["weekly CO2", "relative to cutting"], [(f"forecasts after {WINDOWS} cutoffs", _spread(ratios))])


def _spread(values: Sequence[float]) -> str:
    middle = statistics.median(values)
    return f"{middle:.2f} ({min(values):.2f} to {max(values):.2f})" if len(values) > 1 else f"{middle:.2f}"


if __name__ == "__main__":
    main()
