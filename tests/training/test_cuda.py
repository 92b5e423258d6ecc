"""With CUDA as without: the same bytes again, going on where it was killed, and models that forecast anywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import seqpred
from seqpred.network.machine import choose_device, free_memory
from seqpred.training.checkpoint import Checkpoint
from tests.cli.outside import listing
from tests.invariants.conftest import frame
from tests.training.test_checkpoint import GRID, config

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
ON_CUDA = {"device": "cuda", "max_steps": 40, "batch_size": 16}


@pytest.mark.parametrize(("cell", "depth", "bidirectional"), GRID)
def test_the_same_seed_gives_the_same_bytes_and_so_does_going_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cell: str, depth: int, bidirectional: bool
) -> None:
    chosen = config(cell, depth, bidirectional, **ON_CUDA)
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
    seqpred.train(config(cell, depth, bidirectional, **ON_CUDA), frame(), tmp_path / "m")
    models = (seqpred.load(tmp_path / "m", "light"), seqpred.load(tmp_path / "m", "torch"))
    light, full = (seqpred.predict(model, frame())["q0.5"].to_numpy() for model in models)
    assert np.isfinite(light).all()
    np.testing.assert_allclose(light, full, rtol=1e-4)


def test_a_device_that_is_there_is_taken_and_its_memory_is_known() -> None:
    assert choose_device("auto").type == "cuda"
    assert 0 < (free_memory(torch.device("cuda")) or 0) <= torch.cuda.get_device_properties(0).total_memory
