"""CSV to panel, and to the tensors for training, relative to `pandas.read_csv` of the same file.

Run: python benchmarks/reading.py [M4_HOURLY.csv.gz]
"""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import pandas as pd
import torch
from alternating import compare, data_path, print_table

from seqpred.commands.load_panel import load_panel
from seqpred.config.schema import Config
from seqpred.features.covariates import Covariates
from seqpred.features.input_spec import InputSpec
from seqpred.panel.panel import Panel
from seqpred.recipe.resolve import resolve
from seqpred.sources.opening import open_source
from seqpred.training.dataset import training_windows
from seqpred.training.windows import Windows

CONFIG = Config.from_tree(
    {
        "data": {"id": "unique_id", "time": "ds", "target": "y", "covariates": {"calendar": "none"}},
        "model": {"window": 96, "anchor": 24, "lags": [1, 2, 24, 168]},
        "forecast": {"horizon": 48, "season": 24},
    }
)
LOOK, HORIZON = InputSpec(season=24, anchor=24, lags=(1, 2, 24, 168)), 48


def to_panel(path: Path) -> Panel:
    return load_panel(open_source(path), CONFIG, lambda _: None)


def to_windows(path: Path, validation: int = HORIZON) -> Windows:
    """The training windows, with so many rows of each series held out."""
    panel = to_panel(path)
    config = resolve(CONFIG.replace({"training.validation": validation}), panel)
    windows = training_windows(panel, config, Covariates())
    windows.prepare(torch.arange(len(windows.begins)))
    return windows


def main() -> None:
    packed = data_path()
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder, "plain.csv")
        plain.write_bytes(gzip.decompress(packed.read_bytes()) if packed.suffix == ".gz" else packed.read_bytes())
        rows = [
            (way, kind, compare(lambda p=path, r=read: r(p), lambda p=path: pd.read_csv(p)))
            for kind, path in ((packed.suffix, packed), (".csv", plain))
            for way, read in (("to a panel", to_panel), ("to tensors", to_windows))
        ]
    print_table(["conversion", "file", "relative to `pandas.read_csv` (middle half)"], rows)


if __name__ == "__main__":
    main()
