"""Time of a training step on each device, for one short series and for many series.

It uses the configs in configs/ and the steps of `seqpred train`, without the first steps and without validation.

Run: python benchmarks/devices.py [M4_HOURLY.csv.gz]
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import torch
from alternating import ROOT, data_path, print_table

from seqpred.commands.load_panel import load_panel
from seqpred.commands.train import resolve_training
from seqpred.config.loading import load_config
from seqpred.sources.opening import open_source
from seqpred.training.dataset import training_windows
from seqpred.training.loop import fit
from seqpred.training.networks import fit_options
from seqpred.training.progress import Hooks
from seqpred.training.schedule import Schedule

BLOCK, ROUNDS = 10, 6  # the first round is not counted


def main() -> None:
    devices = [("cpu", threads) for threads in (1, 2, 8) if threads <= (os.cpu_count() or 1)]
    devices += [("cuda", 1)] if torch.cuda.is_available() else []
    rows: list[tuple[object, ...]] = []
    for config, data in (("air_passengers", ROOT / "data" / "air_passengers.csv"), ("m4_hourly", data_path())):
        rows += [
            (config, device, threads, f"{_step(config, data, device, threads):.1f}") for device, threads in devices
        ]
    print_table(["config", "device", "threads", "ms a step"], rows)


def _step(name: str, data: Path, device: str, threads: int) -> float:
    """Median milliseconds per step."""
    source, config = open_source(data), load_config(ROOT / "configs" / f"{name}.yaml")
    panel, resolved, covariates = resolve_training(load_panel(source, config), source, config)
    windows = training_windows(panel, resolved, covariates).train_on_all()
    schedule = Schedule(resolved.training.max_steps, stop_step=BLOCK * ROUNDS)
    options = replace(fit_options(resolved), schedule=schedule, threads=threads, validate_every=BLOCK)
    options = replace(options, device=torch.device(device))
    times: list[float] = []
    fit(resolved.shape(covariates), windows, options, Hooks(lambda _: times.append(time.perf_counter())))
    taken = sorted(1e3 * (b - a) / BLOCK for a, b in pairwise(times))
    return taken[len(taken) // 2]


if __name__ == "__main__":
    main()
