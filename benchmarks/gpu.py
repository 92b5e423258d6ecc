"""Time of a training step and of forecasts on a GPU, and what bfloat16 would change. Needs CUDA.

Steps on random windows, dropout and optimizer included, for a default and a large network: on one CPU thread, and on
the GPU without and with graphs, and with graphs under bfloat16 autocast, which seqpred does not use. The loss is the
mean over the last steps, relative to that of the steps without graphs; with graphs it must be the same. Then
`predict` of many series on the CPU and the GPU. It is sized for five minutes on a machine with several cores.

Run: python benchmarks/gpu.py [SERIES]
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from alternating import print_table, seconds

import seqpred
from seqpred.commands.load_panel import load_panel
from seqpred.commands.train import resolve_training
from seqpred.config.schema import Config
from seqpred.notes import Note
from seqpred.sources.opening import open_source
from seqpred.training import step_graphs
from seqpred.training.batch import Gradients
from seqpred.training.dataset import training_windows
from seqpred.training.loop import FitOptions, fit
from seqpred.training.progress import Hooks
from seqpred.training.schedule import Schedule

SIZES = ((64, 2), (256, 3))  # hidden units, layers
STEPS, LAST = 400, 100  # steps of a training, and those of them that are measured
CPU_STEPS = {64: 100, 256: 20}  # and on the CPU; half of them are measured
ROWS, HORIZON = 60, 14


def main() -> None:
    if not torch.cuda.is_available():
        print("SKIPPED: torch finds no CUDA device.", file=sys.stderr)
        raise SystemExit(0)
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, CUDA {torch.version.cuda}\n")
    rows = [row for hidden, depth in SIZES for row in _steps(hidden, depth)]
    print_table(["network", "steps", "ms a step", "loss", "relative to eager"], rows)
    print()
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    many = _panel(count)
    rows = [row for hidden, depth in SIZES for row in _forecasts(hidden, depth, many, count)]
    print_table(["network", "series", "runtime", "seconds", "largest relative difference"], rows)


def _steps(hidden: int, depth: int) -> Iterator[tuple[object, ...]]:
    """The rows of the table for one network."""
    name = f"LSTM {hidden} x {depth}"
    milliseconds, _ = _train(hidden, depth, "cpu", CPU_STEPS[hidden], CPU_STEPS[hidden] // 2)
    yield name, "CPU, one thread", f"{milliseconds:.2f}", "", ""
    with _without_graphs():
        milliseconds, eager = _train(hidden, depth, "cuda", STEPS, LAST)
    yield name, "GPU, eager", f"{milliseconds:.2f}", f"{eager:.6f}", ""
    for label, context in (("GPU, graphs", None), ("GPU, graphs, bfloat16", torch.bfloat16)):
        with _autocast(context):
            milliseconds, loss = _train(hidden, depth, "cuda", STEPS, LAST)
        yield name, label, f"{milliseconds:.2f}", f"{loss:.6f}", f"{loss / eager - 1:+.2e}"


def _config(hidden: int, depth: int) -> dict[str, Any]:
    network = {"cell": "lstm", "depth": depth, "hidden_size": hidden, "window": 28, "start": "blank"}
    training = {"max_steps": STEPS, "batch_size": 64, "threads": 1}
    data = {"target": "y", "time": "day", "id": "id"}
    return {"data": data, "model": network, "forecast": {"horizon": HORIZON}, "training": training}


def _train(hidden: int, depth: int, device: str, steps: int, last: int) -> tuple[float, float]:
    """Median milliseconds of a step among the last ones, and the mean of their losses."""
    source, config = open_source(_panel(200)), Config.model_validate(_config(hidden, depth))
    panel, resolved, covariates = resolve_training(load_panel(source, config), source, config)
    windows = training_windows(panel, resolved, covariates).train_on_all()
    options = FitOptions(
        schedule=Schedule(STEPS, stop_step=steps),
        loss="pinball",
        learning_rate=2e-3,
        batch_size=64,
        patience=1000,
        validate_every=steps + 1,
        seed=1,
        device=torch.device(device),
        threads=1,
    )
    ends: list[float] = []
    losses: list[float] = []

    def on_step(_: Callable[[], Any]) -> None:
        if device == "cuda":
            torch.cuda.synchronize()
        ends.append(time.perf_counter())

    original = Gradients.compute

    def compute(self: Gradients, batch: Any) -> Any:
        measured = original(self, batch)
        losses.append(measured.loss)
        return measured

    Gradients.compute = compute  # type: ignore[method-assign]
    try:
        fit(resolved.shape(covariates), windows, options, Hooks(on_step=on_step, notify=_report))
    finally:
        Gradients.compute = original  # type: ignore[method-assign]
    return 1e3 * float(np.median(np.diff(ends[-last - 1 :]))), float(np.mean(losses[-last:]))


def _report(note: Note) -> None:
    print(f"note: {note}", file=sys.stderr)


@contextmanager
def _without_graphs() -> Iterator[None]:
    original = step_graphs.recorder_on
    step_graphs.recorder_on = lambda _: None
    try:
        yield
    finally:
        step_graphs.recorder_on = original


@contextmanager
def _autocast(dtype: torch.dtype | None) -> Iterator[None]:
    """Compute forecasts and losses in this type, if any; casts of weights are not cached, as a graph needs them."""
    original = Gradients._forecast

    def forecast(self: Gradients, batch: Any) -> Any:
        with torch.autocast("cuda", dtype, cache_enabled=False):
            quantiles, z = original(self, batch)
        return quantiles.float(), z

    if dtype is not None:
        Gradients._forecast = forecast  # type: ignore[method-assign]
    try:
        yield
    finally:
        Gradients._forecast = original  # type: ignore[method-assign]


def _forecasts(hidden: int, depth: int, many: pd.DataFrame, count: int) -> Iterator[tuple[object, ...]]:
    """The rows of the table for one network, which is hardly trained."""
    config = _config(hidden, depth)
    config["training"] |= {"max_steps": 4, "device": "cpu"}
    expected = None
    with tempfile.TemporaryDirectory() as folder:
        seqpred.train(config, _panel(50), Path(folder, "m"))
        for runtime in ("onnx", "cuda"):
            model = seqpred.load(Path(folder, "m"), runtime)
            seqpred.predict(model, _panel(50))  # loads libraries
            found: list[pd.DataFrame] = []
            taken = seconds(lambda: found.append(seqpred.predict(model, many)))  # noqa: B023, called at once
            forecast = found[0]["forecast"].to_numpy()
            expected = forecast if expected is None else expected
            difference = float(np.abs(forecast / expected - 1).max())
            yield f"LSTM {hidden} x {depth}", f"{count:,}", runtime, f"{taken:.1f}", f"{difference:.1e}"


def _panel(series: int) -> pd.DataFrame:
    """Daily series with a week."""
    rng, day = np.random.default_rng(0), np.arange(ROWS)
    values = 50 + 10 * np.sin(2 * np.pi * day / 7) + rng.normal(0, 3, (series, ROWS))
    days = pd.date_range("2024-01-01", periods=ROWS)
    ids = np.repeat([f"s{i}" for i in range(series)], ROWS)
    return pd.DataFrame({"id": ids, "day": np.tile(days, series), "y": values.ravel()})


if __name__ == "__main__":
    main()
