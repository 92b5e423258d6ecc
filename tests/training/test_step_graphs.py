"""Steps as graphs: the same bytes as without, also where a graph cannot be recorded or differs."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

import seqpred
from seqpred.network.machine import CPU
from seqpred.network.network import Network
from seqpred.notes import Note
from seqpred.training import batch, step_graphs
from seqpred.training.batch import Batch, Gradients, Measured
from seqpred.training.loop import fit
from seqpred.training.progress import Hooks
from seqpred.training.run import Outcome
from seqpred.training.step_graphs import Recording, step_runner
from tests.cli.outside import listing
from tests.invariants.conftest import frame
from tests.training.recorder import CpuRecorder, RecordingMode, all_tensors, tensors_in
from tests.training.test_checkpoint import config
from tests.training.test_loop import make


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[RecordingMode]:
    """Trainings on the CPU use graphs; collects the recordings."""
    recorder = CpuRecorder()
    monkeypatch.setattr(step_graphs, "recorder_on", lambda _: recorder)
    return recorder.recorded


def with_covariates() -> pd.DataFrame:
    rng, rows = np.random.default_rng(0), frame()
    kind = np.where(rng.random(len(rows)) < 0.5, "a", "b")
    return rows.assign(promo=rng.integers(0, 2, len(rows)), kind=kind, past=rng.random(len(rows)))


def train(folder: Path, **changes: Any) -> dict[str, bytes | None]:
    chosen = config(changes.pop("cell", "gru"), changes.pop("depth", 1), changes.pop("bidirectional", False), **changes)
    chosen["data"]["covariates"] = {"known": ["promo", "kind"], "past": ["past"]}
    return listing(seqpred.train(chosen, with_covariates(), folder).folder.path)


def fitted(arguments: tuple[Any, ...], notes: list[Note] | None = None) -> dict[str, Any]:
    """The outcome of a training without its duration."""
    outcome = fit(*arguments, Hooks(notify=(notes if notes is not None else []).append))
    return as_bytes(outcome)


def as_bytes(outcome: Outcome) -> dict[str, Any]:
    state = {**outcome.state_dict(), "seconds": 0, "validation_results": repr(outcome.validation_results)}
    return {**state, "weights": {name: w.tobytes() for name, w in outcome.weights.items()}, "initial": None}


# ------------------------------------------------------------------ the same bytes


@pytest.mark.parametrize(("cell", "depth", "bidirectional"), [("rnn", 1, False), ("gru", 1, True), ("lstm", 2, False)])
def test_a_training_with_graphs_has_the_bytes_of_one_without(
    tmp_path: Path, recorded: list[RecordingMode], cell: str, depth: int, bidirectional: bool
) -> None:
    network = {"cell": cell, "depth": depth, "bidirectional": bidirectional}
    graphs = train(tmp_path / "graphs", **network)
    count = len(recorded)
    assert count, "no graph was recorded"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(step_graphs, "recorder_on", lambda _: None)
        assert train(tmp_path / "without", **network) == graphs
    assert len(recorded) == count


def test_each_offset_of_the_positions_has_a_graph(recorded: list[RecordingMode]) -> None:
    arguments = make(horizon=36)
    graphs = fitted(arguments)
    assert len(recorded) == 3
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(step_graphs, "recorder_on", lambda _: None)
        assert fitted(arguments) == graphs


def test_a_training_has_one_graph_for_all_slices_and_steps(recorded: list[RecordingMode]) -> None:
    arguments = make(slices=4)
    notes: list[Note] = []
    graphs = fitted(arguments, notes)
    assert len(recorded) == 1
    assert not notes
    recorded.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(step_graphs, "recorder_on", lambda _: None)
        assert fitted(arguments) == graphs


@pytest.mark.parametrize(("slices", "at"), [(1, 1), (1, 23), (4, 9)])
def test_a_resumed_training_with_graphs_has_the_bytes_of_an_uninterrupted_one(
    recorded: list[RecordingMode], slices: int, at: int
) -> None:
    arguments = make(slices=slices)
    states: list[Any] = []

    def keep(state_dict: Callable[[], Any]) -> None:
        states.append(copy.deepcopy(state_dict()))

    expected = as_bytes(fit(*arguments, Hooks(on_step=keep)))
    assert as_bytes(fit(*arguments, state=states[at - 1])) == expected
    assert len(recorded) == 2


def test_divergences_are_noticed_with_graphs(recorded: list[RecordingMode]) -> None:
    arguments = make(steps=20, validate_every=5)
    arguments[1].prepare(torch.arange(2))
    arguments[1].x[50:70] = torch.inf
    notes: list[Note] = []
    outcome = fitted(arguments, notes)
    assert outcome["reason"].startswith("diverged 3 times")
    assert len(notes) == 3
    assert len(recorded) == 1


# ------------------------------------------------------------------ what cannot be recorded


class BadRecorder(CpuRecorder):
    """Fails, or replays with another outcome."""

    def __init__(self, wrong: str) -> None:
        super().__init__()
        self.wrong = wrong

    def record(self, compute: Callable[[], Tensor]) -> Recording:
        result, replay = super().record(compute)
        if self.wrong == "failure":
            raise RuntimeError("CUDA error: out of luck\nmore")
        gradients = [t.grad for t in all_tensors() if isinstance(t, nn.Parameter) and t.grad is not None]

        def replay_wrongly() -> None:
            replay()
            if self.wrong == "result":
                result[-1] += 1e-6
            elif self.wrong == "gradient":
                for gradient in gradients:
                    gradient.flatten()[0].neg_()
            else:
                torch.rand(1)

        return Recording(result, replay_wrongly)


@pytest.mark.parametrize("wrong", ["failure", "result", "gradient", "random state"])
def test_a_graph_that_fails_or_differs_is_not_used(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    expected, recorder, notes = fitted(make()), BadRecorder(wrong), list[Note]()
    monkeypatch.setattr(step_graphs, "recorder_on", lambda _: recorder)
    assert fitted(make(), notes) == expected
    problem = "recording one failed (CUDA error: out of luck)"
    problem = problem if wrong == "failure" else "a replay and the computation itself differ"
    assert [note.text for note in notes] == [
        f"training steps are not run as CUDA graphs, which takes longer: {problem}"
    ]
    assert len(recorder.recorded) == 1, "it was tried again"


@pytest.mark.parametrize(
    ("operation", "named"),
    [
        (lambda loss: loss * float(loss.detach()), "_local_scalar_dense is not permitted"),
        (lambda loss: loss * torch.tensor([0.5])[0], "reads a tensor of the host"),
    ],
)
def test_an_operation_that_a_graph_cannot_contain_is_named(
    monkeypatch: pytest.MonkeyPatch, recorded: list[RecordingMode], operation: Callable[[Tensor], Tensor], named: str
) -> None:
    original, notes = batch.quantile_loss, list[Note]()
    monkeypatch.setattr(batch, "quantile_loss", lambda *parts: operation(original(*parts)))
    fitted(make(steps=3), notes)
    assert len(notes) == 1
    assert named in notes[0].text
    assert not recorded


def test_only_cells_of_seqpred_on_cuda_have_graphs(recorded: list[RecordingMode]) -> None:
    shape = make()[0]
    assert step_runner(Network(shape), CPU, Hooks()) is not None

    class Own(Network):
        def __init__(self) -> None:
            super().__init__(shape)
            self.shape = shape._replace(cell="mine")

    assert step_runner(Own(), CPU, Hooks()) is None


def test_the_cpu_has_no_recorder() -> None:
    assert step_graphs.recorder_on(CPU) is None


# ------------------------------------------------------------------ what a step reads


class FromHost(TorchDispatchMode):
    """Collects the operations with arguments on the CPU."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if any(tensor.device == CPU for tensor in tensors_in((args, kwargs or {}))):
            self.found.append(str(func))
        return func(*args, **kwargs or {})


def test_a_step_reads_nothing_from_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the device `meta`, which computes nothing; a first step may move constants to the device."""
    original_norm, original_compute = nn.utils.clip_grad_norm_, Gradients.compute
    monkeypatch.setattr(nn.utils, "clip_grad_norm_", lambda parameters, norm, **_: original_norm(parameters, norm))
    found: list[str] = []

    def compute(self: Gradients, batch: Batch) -> Measured:
        def on_device(tensor: Tensor) -> Tensor:
            return tensor.to("meta")

        windows = {name: on_device(t) for name, t in vars(self.windows).items() if isinstance(t, Tensor)}
        network = copy.deepcopy(self.network).to("meta")
        there = replace(self, network=network, windows=replace(self.windows, memory=(), **windows))
        there = replace(there, levels=on_device(self.levels))
        moved = batch_of(batch, on_device)
        there._compute_whole(moved)
        with FromHost() as mode:
            there._compute_whole(moved)
        found.extend(mode.found)
        return original_compute(self, batch)

    monkeypatch.setattr(Gradients, "compute", compute)
    train(tmp_path / "m", cell="lstm", max_steps=2)
    assert not found


def batch_of(drawn: Batch, move: Callable[[Tensor], Tensor]) -> Batch:
    first = replace(drawn.positions, first=move(drawn.positions.first))
    return Batch(move(drawn.starts), move(drawn.tracks), first)
