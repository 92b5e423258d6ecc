"""CUDA: reproducible and resumable trainings, graphs of steps, and models that forecast on any device."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import seqpred
from seqpred.network.machine import choose_device, free_memory
from seqpred.notes import Note
from seqpred.storage.atomic import replace_file
from seqpred.training import batch, checkpoint, step_graphs
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


@pytest.mark.parametrize(("cell", "depth", "bidirectional"), GRID)
@pytest.mark.parametrize("distribute", ["networks", "batches"])
def test_a_training_with_graphs_has_the_bytes_of_one_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cell: str, depth: int, bidirectional: bool, distribute: str
) -> None:
    chosen, notes = config(cell, depth, bidirectional, **ON_CUDA, distribute=distribute), list[Note]()
    replays = 0
    original = step_graphs._Graph.replay

    def counted(*arguments: Any) -> Any:
        nonlocal replays
        replays += 1
        return original(*arguments)

    monkeypatch.setattr(step_graphs._Graph, "replay", counted)
    graphs = listing(seqpred.train(chosen, frame(), tmp_path / "graphs", notify=notes.append).folder.path)
    assert replays > 40, "the steps were not replayed"
    assert not [note for note in notes if "graphs" in note.text]
    monkeypatch.setattr(step_graphs, "recorder_on", lambda _: None)
    assert listing(seqpred.train(chosen, frame(), tmp_path / "without").folder.path) == graphs


def train_without_recording(folder: Path) -> tuple[dict[str, bytes | None], list[str]]:
    """A training whose steps wait for the GPU while they are recorded, so that the check before does not find it."""
    original, notes = batch.quantile_loss, list[Note]()

    def waiting(*parts: Any) -> torch.Tensor:
        loss = original(*parts)
        if torch.cuda.is_current_stream_capturing():
            loss.item()
        return loss

    batch.quantile_loss = waiting
    found = listing(seqpred.train(config(**ON_CUDA), frame(), folder, notify=notes.append).folder.path)
    return found, [note.text for note in notes]


def test_training_continues_after_a_recording_has_failed(tmp_path: Path) -> None:
    """In a process of its own, which records nothing afterwards."""
    expected = listing(seqpred.train(config(**ON_CUDA), frame(), tmp_path / "expected").folder.path)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        found, notes = process.submit(train_without_recording, tmp_path / "failed").result()
    assert found == expected
    assert len([note for note in notes if "recording one failed" in note]) == 1


@pytest.mark.parametrize(("cell", "depth", "bidirectional"), GRID)
def test_cuda_and_the_cpu_forecast_the_same(tmp_path: Path, cell: str, depth: int, bidirectional: bool) -> None:
    seqpred.train(config(cell, depth, bidirectional), frame(), tmp_path / "m")
    models = (seqpred.load(tmp_path / "m", "cuda"), seqpred.load(tmp_path / "m", "torch"))
    cuda, cpu = (seqpred.predict(model, frame())["q0.5"].to_numpy() for model in models)
    np.testing.assert_allclose(cuda, cpu, rtol=1e-4)


def test_auto_chooses_cuda_and_its_free_memory_is_known() -> None:
    assert choose_device("auto").type == "cuda"
    assert 0 < (free_memory(torch.device("cuda")) or 0) <= torch.cuda.get_device_properties(0).total_memory
