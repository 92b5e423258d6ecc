"""CUDA: reproducible and resumable trainings, and models that forecast on any machine."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

import seqpred
from seqpred.network.machine import choose_device, free_memory
from seqpred.storage.atomic import replace_file
from seqpred.training import checkpoint
from seqpred.training.checkpoint import Checkpoint, unpack
from tests.cli.outside import listing
from tests.invariants.conftest import frame
from tests.training.test_checkpoint import GRID, config

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
ON_CUDA = {"device": "cuda", "max_steps": 40, "batch_size": 16}


@pytest.mark.parametrize(("cell", "depth", "bidirectional"), GRID)
def test_the_same_seed_and_a_resumed_training_give_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cell: str, depth: int, bidirectional: bool
) -> None:
    chosen = config(cell, depth, bidirectional, **ON_CUDA)
    expected = listing(seqpred.train(chosen, frame(), tmp_path / "expected").folder.path)
    assert listing(seqpred.train(chosen, frame(), tmp_path / "again").folder.path) == expected

    def write_and_die(path: Path, content: bytes) -> None:
        replace_file(path, content)
        runs = unpack(content)["runs"].values()
        if any(run["step"] == 23 for run in runs):
            raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "Checkpoint", partial(Checkpoint, every=0.0))
        patch.setattr(checkpoint, "replace_file", write_and_die)
        with pytest.raises(ZeroDivisionError):
            seqpred.train(chosen, frame(), tmp_path / "killed")
    assert listing(seqpred.train(chosen, frame(), tmp_path / "killed", resume=True).folder.path) == expected


@pytest.mark.parametrize(("cell", "depth", "bidirectional"), GRID)
def test_a_model_trained_on_cuda_forecasts_on_the_cpu(
    tmp_path: Path, cell: str, depth: int, bidirectional: bool
) -> None:
    seqpred.train(config(cell, depth, bidirectional, **ON_CUDA), frame(), tmp_path / "m")
    models = (seqpred.load(tmp_path / "m", "light"), seqpred.load(tmp_path / "m", "torch"))
    onnx, reference = (seqpred.predict(model, frame())["q0.5"].to_numpy() for model in models)
    assert np.isfinite(onnx).all()
    np.testing.assert_allclose(onnx, reference, rtol=1e-4)


def test_auto_chooses_cuda_and_its_free_memory_is_known() -> None:
    assert choose_device("auto").type == "cuda"
    assert 0 < (free_memory(torch.device("cuda")) or 0) <= torch.cuda.get_device_properties(0).total_memory
