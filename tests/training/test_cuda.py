"""With CUDA as without: the same bytes again, going on where it was killed, and models that forecast anywhere."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import seqpred
from seqpred.network.machine import choose_device, free_memory
from seqpred.training.checkpoint import Checkpoint
from tests.cli.outside import listing
from tests.invariants.conftest import frame

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
GRID = list(itertools.product(["rnn", "lstm", "gru"], [1, 2], [False, True]))


def config(cell: str = "gru", depth: int = 1, bidirectional: bool = False, **training: Any) -> dict[str, Any]:
    network = {"cell": cell, "depth": depth, "bidirectional": bidirectional, "dropout": 0.3}
    return {
        "data": {"target": "sales", "time": "day", "id": "id"},
        "model": {**network, "hidden_size": 16, "window": 14, "members": 2},
        "forecast": {"horizon": 7, "season": 7},
        "training": {"max_steps": 40, "validation": 7, "batch_size": 16, "device": "cuda", **training},
    }


@pytest.mark.parametrize(("cell", "depth", "bidirectional"), GRID)
def test_the_same_seed_gives_the_same_bytes_and_so_does_going_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cell: str, depth: int, bidirectional: bool
) -> None:
    chosen = config(cell, depth, bidirectional)
    whole = listing(seqpred.train(chosen, frame(), tmp_path / "whole").folder.path)
    assert listing(seqpred.train(chosen, frame(), tmp_path / "again").folder.path) == whole
    write = Checkpoint._write

    def write_and_die(self: Checkpoint) -> None:
        write(self)
        if self.run and self.run["step"] == 23:
            raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("seqpred.training.checkpoint.EVERY", 0.0)
        patch.setattr("seqpred.training.checkpoint.COST", 1e9)
        patch.setattr(Checkpoint, "_write", write_and_die)
        with pytest.raises(ZeroDivisionError):
            seqpred.train(chosen, frame(), tmp_path / "killed")
    assert listing(seqpred.train(chosen, frame(), tmp_path / "killed", resume=True).folder.path) == whole


@pytest.mark.parametrize(("cell", "depth", "bidirectional"), GRID)
def test_what_is_learned_there_forecasts_anywhere(tmp_path: Path, cell: str, depth: int, bidirectional: bool) -> None:
    seqpred.train(config(cell, depth, bidirectional), frame(), tmp_path / "m")
    models = (seqpred.load(tmp_path / "m", "light"), seqpred.load(tmp_path / "m", "torch"))
    light, full = (seqpred.predict(model, frame())["q0.5"].to_numpy() for model in models)
    assert np.isfinite(light).all()
    np.testing.assert_allclose(light, full, rtol=1e-4)


def test_a_device_that_is_there_is_taken_and_its_memory_is_known() -> None:
    assert choose_device("auto").type == "cuda"
    assert 0 < (free_memory(torch.device("cuda")) or 0) <= torch.cuda.get_device_properties(0).total_memory
