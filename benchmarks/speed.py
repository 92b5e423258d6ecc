"""How fast training, evaluation and forecasts are, relative to 1,000 products of 1024 x 1024 matrices on one core.

Every time is divided by that of products measured just before and after it, so that slow phases of the machine matter
little. A ratio of several runs is their median, with their range. The config is the one that `init` prints, unchanged.

Run: python benchmarks/speed.py [SET ...] [--tables NAME,...] [--environments FOLDER]

All tables of all sets take an hour. The environments are those of `peers.py`; a peer without one is skipped.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from alternating import M4_HOURLY, ROOT, print_table
from speed_series import print_long_series
from speed_steps import print_peers, print_steps
from unit import PROCESSOR_UNIT, UNIT, spread

import seqpred
from seqpred.commands.load_panel import load_panel, open_data
from seqpred.evaluation.backtest import Forecaster
from seqpred.forecasting.model import Model
from seqpred.network.machine import keep_memory

SHARED = ROOT.parent / "shared"
MADE = SHARED / "made.py"
SETS = ("air_passengers", "co2", "walks", "halfhours", "halfhours_week", "quarters", "m4_hourly")
TABLES = ("trainings", "budgets", "processes", "steps", "peers", "evaluation", "series")
BUDGETS = (15, 60, 300)
ROUNDS = 3  # of what takes seconds; other sets than the first are trained once
WINDOWS = 20
LOOK = 0.2  # seconds from one measurement of memory to the next


def main() -> None:
    asked = _arguments()
    keep_memory()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        print(f"unit: {UNIT.measure():.1f} s; load {os.getloadavg()[0]:.1f}; {os.cpu_count()} cores\n", flush=True)
        co2 = place / "steps.yaml"
        co2.write_text(_run(["init", str(ROOT / "data" / "co2_weekly_gaps.csv")]).output)
        tables: dict[str, Callable[[], None]] = {
            "trainings": lambda: _trainings(asked.sets, place),
            "budgets": _budgets,
            "processes": lambda: _processes(co2),
            "steps": lambda: print_steps(co2),
            "peers": lambda: print_peers(co2, asked.environments),
            "evaluation": lambda: _evaluation(co2),
            "series": lambda: print_long_series(PROCESSOR_UNIT.measure()),
        }
        for name in asked.tables:
            tables[name]()
            sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure speed.")
    parser.add_argument("sets", nargs="*", default=SETS, metavar="SET", help=f"to train, of {', '.join(SETS)}")
    parser.add_argument("--tables", type=lambda text: text.split(","), default=TABLES, help=f"of {', '.join(TABLES)}")
    peers = ROOT / "benchmarks" / ".peers"
    parser.add_argument("--environments", type=Path, default=peers, help="folder with the peers' virtual environments")
    asked = parser.parse_args()
    for names, known in ((asked.sets, SETS), (asked.tables, TABLES)):
        if unknown := set(names) - set(known):
            parser.error(f"unknown: {', '.join(sorted(unknown))}. Known: {', '.join(known)}")
    return asked


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


class Cost(NamedTuple):
    """What a command printed, its wall and processor seconds, and the peak of its memory in MB."""

    output: str
    wall: float
    cpu: float
    memory: float


def _run(words: list[str]) -> Cost:
    """Run a command of seqpred. Its memory is the proportional set size of all its processes together."""
    began, before, peak = time.perf_counter(), _children(), 0.0
    command = [sys.executable, "-m", "seqpred", *words, *(["-q"] if words[0] == "train" else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT) as child:
        while True:
            try:
                output, _ = child.communicate(timeout=LOOK)
                break
            except subprocess.TimeoutExpired:
                peak = max(peak, _memory(child.pid))
        wall = time.perf_counter() - began
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    return Cost(output, wall, _children() - before, peak)


def _memory(process: int) -> float:
    """The proportional set size of a process and its descendants in MB; 0 for one that has ended."""
    place = Path("/proc", str(process))
    try:
        sizes = (line.split() for line in (place / "smaps_rollup").read_text().splitlines())
        own = sum(int(size[1]) for size in sizes if size[0] == "Pss:") * 1024 / 1e6
        children = [int(pid) for task in place.glob("task/*/children") for pid in task.read_text().split()]
    except OSError:
        return 0.0
    return own + sum(map(_memory, children))


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _trainings(sets: Sequence[str], place: Path) -> None:
    rows = []
    for name in sets:
        found = _data(name, place)
        if found is None:
            continue
        data, options = found
        config = place / f"{name}.yaml"
        config.write_text(_run(["init", str(data), *options]).output)
        costs: list[Cost] = []

        def train(config: Path = config, costs: list[Cost] = costs) -> float:
            costs.append(_run(["train", str(config), "--out", str(config.with_suffix("")), "--force"]))
            return costs[-1].wall

        unit = PROCESSOR_UNIT.measure()
        walls = UNIT.ratios(train, ROUNDS if name == SETS[0] else 1)
        scores = json.loads((place / name / "manifest.json").read_text())["scores"]["metrics"]["model"]
        cpu, memory = (max(values) for values in ([c.cpu for c in costs], [c.memory for c in costs]))
        rows.append((name, spread(walls), f"{cpu / unit:.2f}", f"{scores['mase'] or 0:.3f}", f"{memory:.0f}"))
        print(f"{name} trained", file=sys.stderr)
    print_table(["set", "wall time of `train`", "processor time", "validation MASE", "peak MB, all processes"], rows)


def _budgets() -> None:
    """Scores on the test split of M4 hourly by the time budget, as in `accuracy.py`."""
    import accuracy

    chosen = next(one for one in accuracy.SETS if one.path == M4_HOURLY)
    if not chosen.path.exists():
        print(f"SKIPPED: time budgets need {chosen.path}.", file=sys.stderr)
        return
    known, everything = accuracy.parts(chosen)
    rows = []
    for budget in (*BUDGETS, None):
        scores: list[dict[str, float]] = []

        def train(budget: int | None = budget, scores: list[dict[str, float]] = scores) -> float:
            overrides = {} if budget is None else {"training.time_budget": budget}
            scores.append(accuracy.score(chosen, known, everything, 1, overrides))
            return scores[-1]["seconds"]

        wall = spread(UNIT.ratios(train, 1))
        own = scores[-1]
        name = "none" if budget is None else f"{budget} s"
        rows.append((name, wall, f"{own['mase']:.3f}", f"{own['owa']:.3f}", f"{own['wql']:.4f}"))
        print(f"budget {name} done", file=sys.stderr)
    print()
    print_table(["M4 hourly, `training.time_budget`", "wall time", "test MASE", "OWA", "WQL"], rows)


def _processes(config: Path) -> None:
    """The wall time on one core relative to that on two."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        return

    def train(own: Sequence[int]) -> float:
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, own)  # inherited by the command
        try:
            return _run(["train", str(config), "--out", str(config.with_name("cores")), "--force"]).wall
        finally:
            os.sched_setaffinity(0, before)

    print()
    print_table(["weekly CO2", "times as fast"], [("two cores", f"{train(cores[:1]) / train(cores):.2f}")])


# ------------------------------------------------------------------ evaluation


def _evaluation(config: Path) -> None:
    """The time to forecast after twenty cutoffs, relative to a pass over all earlier rows for each."""
    folder = config.with_name("evaluated")
    _run(["train", str(config), "--out", str(folder), "--set", "training.max_steps=100"])
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
    print_table(["weekly CO2", "relative to cutting"], [(f"forecasts after {WINDOWS} cutoffs", spread(ratios))])


if __name__ == "__main__":
    main()
