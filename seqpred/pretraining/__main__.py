"""Train the pretrained networks: `python -m seqpred.pretraining`, or `make pretrain`.

Each cell is trained in its own process, one thread each, and continues from its checkpoint after an interruption.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from seqpred import __version__
from seqpred.pretrained.weights import FOLDER, MANIFEST
from seqpred.pretraining.loop import PretrainOptions, PretrainProgress, pretrain
from seqpred.storage.atomic import write_file
from seqpred.synthetic.series import GENERATOR

STEPS = {"lstm": 12_000, "gru": 8_000, "rnn": 8_000}
REFINE = 5_000


def train_cell(options: PretrainOptions, out: Path, checkpoints: Path) -> dict[str, Any]:
    """Train a cell and write its weights; return its part of the manifest."""
    from safetensors.numpy import save

    def report(progress: PretrainProgress) -> None:
        print(f"{options.cell}: step {progress.step} of {options.total}, loss {progress.loss:.4f}", flush=True)  # noqa: T201

    weights = pretrain(options, checkpoints / f"{options.cell}.safetensors", report)
    content = save({name: np.ascontiguousarray(w) for name, w in sorted(weights.items())})
    write_file(out / f"{options.cell}.safetensors", content)
    return {**asdict(options), "sha256": hashlib.sha256(content).hexdigest()}


def main(arguments: list[str] | None = None) -> None:
    """Train the requested cells and write the manifest."""
    parser = argparse.ArgumentParser(prog="python -m seqpred.pretraining", description=__doc__)
    parser.add_argument("--cells", nargs="+", default=list(STEPS), help="cells to train")
    parser.add_argument("--steps", type=int, help="batches [default: by cell]")
    parser.add_argument("--refine", type=int, default=REFINE, help="batches of the fitted priors after them")
    parser.add_argument("--seed", type=int, default=PretrainOptions.seed)
    parser.add_argument("--hidden-size", type=int, default=PretrainOptions.hidden_size)
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the weights")
    parser.add_argument("--checkpoints", type=Path, default=Path("runs/pretraining"), help="folder of unfinished runs")
    parser.add_argument("--processes", type=int, default=2, help="at once; 0: in this one")
    asked = parser.parse_args(arguments)
    asked.checkpoints.mkdir(parents=True, exist_ok=True)
    asked.out.mkdir(parents=True, exist_ok=True)
    options = [_options(cell, asked) for cell in asked.cells]
    train = partial(train_cell, out=asked.out, checkpoints=asked.checkpoints)
    if asked.processes:
        with ProcessPoolExecutor(asked.processes, get_context("spawn")) as pool:
            networks = [*pool.map(train, options)]
    else:
        networks = [*map(train, options)]
    versions = {"seqpred": __version__, "torch": torch.__version__, "numpy": np.__version__}
    by_cell = {own["cell"]: own for own in networks}
    manifest = {"format": 1, "generator": GENERATOR, "versions": versions, "networks": by_cell}
    write_file(asked.out / MANIFEST, (json.dumps(manifest, indent=2) + "\n").encode())


def _options(cell: str, asked: argparse.Namespace) -> PretrainOptions:
    return PretrainOptions(cell, asked.steps or STEPS[cell], asked.refine, asked.seed, asked.hidden_size)


if __name__ == "__main__":
    main()
