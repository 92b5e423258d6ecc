"""Peak memory of `seqpred train` on M4 hourly, compared with `import torch` and one bare step of the same network.

Run: python benchmarks/memory.py [M4_HOURLY.csv.gz]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from alternating import data_path, print_table

HIDDEN, DEPTH, BATCH, INPUTS, STEPS, ROUNDS = 64, 2, 64, 8, 30, 5
MB = 1e6
SEQPRED = str(Path(sys.executable).with_name("seqpred"))
BARE = [sys.executable, str(Path(__file__).with_name("bare.py")), *map(str, (HIDDEN, DEPTH, BATCH, INPUTS))]
CONFIG = f"""
data: {{id: unique_id, time: ds, target: y}}
model: {{hidden_size: {HIDDEN}, depth: {DEPTH}, window: 96, anchor: 24, lags: [1, 2, 24, 168]}}
forecast: {{horizon: 24, season: 24}}
training: {{batch_size: {BATCH}, max_steps: {STEPS}}}
"""


def main() -> None:
    data = data_path().resolve()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "m4.yaml")
        config.write_text(CONFIG)
        out = str(Path(folder, "model"))
        commands = {
            "`import torch`": [sys.executable, "-c", "import torch"],
            "`import torch, pandas`": [sys.executable, "-c", "import torch, pandas"],
            "`import torch` and a bare step": BARE,
            f"`seqpred train`, {STEPS} steps": [
                SEQPRED,
                "train",
                str(config),
                "--data",
                str(data),
                "--out",
                out,
                "--force",
                "--quiet",
            ],
        }
        peaks: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(ROUNDS):
            for name, command in commands.items():
                peaks[name].append(_peak(command))
    medians = [statistics.median(p) for p in peaks.values()]
    size = _rows(data) * 4 / MB
    rows = [(n, f"{m:.0f}", f"{m - medians[2]:+.0f}") for n, m in zip(peaks, medians, strict=True)]
    rows += [("the values as float32", f"{size:.1f}", ""), (f"their {INPUTS} inputs", f"{size * INPUTS:.1f}", "")]
    print_table(["process", "peak MB", "difference from a bare step"], rows)


def _peak(command: Sequence[str]) -> float:
    """Peak MB of a process; this script stays small, because a child inherits the pages of its parent."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{command} failed"
    return usage.ru_maxrss * 1024 / MB


def _rows(data: Path) -> int:
    import gzip

    with gzip.open(data) if data.suffix == ".gz" else data.open("rb") as lines:
        return sum(1 for _ in lines) - 1


if __name__ == "__main__":
    main()
