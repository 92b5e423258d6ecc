"""A training step of seqpred, data handling included, relative to a hand-written step (`bare.py`).

The real loop, `fit`, runs on M4 hourly. Each time it reports progress, the bare step runs equally often. Both use the
same threads and malloc settings. The last column is relative to the bare step in a separate process with the default
malloc settings of glibc. Validation covers one window; in the last rows of the table it is that of `seqpred train`.

Run: python benchmarks/step.py [M4_HOURLY.csv.gz]    (one thread; set OMP_NUM_THREADS=2 for two)
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
from alternating import Ratio, data_path, print_table, seconds
from bare import LEVELS, Size, make_step
from reading import LOOK, to_windows

from seqpred.network.machine import keep_memory
from seqpred.runtime.shape import Shape
from seqpred.training.loop import FitOptions, fit
from seqpred.training.progress import Hooks
from seqpred.training.schedule import Schedule
from seqpred.training.windows import Windows

SIZES = (Size(64, 2, 64, LOOK.inputs), Size(32, 1, 32, LOOK.inputs))
THREADS = int(os.environ.get("OMP_NUM_THREADS", "1"))
VALIDATION, OFTEN = 192, 70  # rows of each series, and steps from one validation to the next, on M4 hourly


def main() -> None:
    windows = to_windows(data_path(), VALIDATION)
    rarely = replace(windows, ends=torch.where(windows.begins == 0, windows.ends, windows.cuts))
    rows = [(size, "rare", *_against_bare(size, rarely, block=10, rounds=20)) for size in SIZES]
    rows += [(size, "real", *_against_bare(size, windows, block=OFTEN, rounds=4)) for size in SIZES]
    print_table(["network", "validation", "times a bare step (middle half)", "times one with default malloc"], rows)


def _against_bare(size: Size, windows: Windows, block: int, rounds: int) -> tuple[Ratio, Ratio]:
    """How many times as long `block` steps take as bare steps in this process, and in one that keeps no memory."""
    step = make_step(size)
    ours, bare, default = [], [], []
    began = time.perf_counter()

    def on_progress(_: object) -> None:
        nonlocal began
        ours.append(time.perf_counter() - began)
        bare.append(seconds(lambda: [step() for _ in range(block)]))
        print(file=other.stdin, flush=True)
        default.append(float(other.stdout.readline()))
        began = time.perf_counter()

    numbers = (size.hidden, size.depth, size.batch, size.inputs, THREADS, block)
    command = [sys.executable, str(Path(__file__).with_name("bare.py")), *map(str, numbers)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        fit(_shape(size), windows, _options(size, block, rounds + 2), Hooks(on_progress))
    return Ratio.of(ours[2:], bare[2:]), Ratio.of(ours[2:], default[2:])


def _shape(size: Size) -> Shape:
    return Shape(size.inputs, size.horizon, LEVELS, size.cell, size.depth, size.hidden, False, size.dropout)


def _options(size: Size, block: int, rounds: int) -> FitOptions:
    cpu = torch.device("cpu")
    return FitOptions(Schedule(block * rounds), "pinball", 2e-3, size.batch, 10_000, block, 1, cpu, THREADS)


if __name__ == "__main__":
    keep_memory()
    main()
