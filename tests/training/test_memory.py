"""A training that needs too much memory is rejected before it starts."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

import seqpred
from seqpred.errors import ConfigError
from seqpred.network.machine import free_memory
from seqpred.runtime.shape import Shape
from seqpred.training import memory
from seqpred.training.memory import can_keep, check_memory
from tests.invariants.conftest import frame

CPU = torch.device("cpu")


def test_free_memory_is_plausible_or_unknown_outside_linux() -> None:
    free = free_memory(CPU)
    assert free is not None or not sys.platform.startswith("linux")
    assert free is None or 1 << 26 < free < 1 << 50


@pytest.mark.parametrize(
    ("shape", "window", "batch", "key"),
    [
        (Shape(8, 1, (0.5,), "lstm", 1, 512, False, 0.0), 10_000, 4096, "training.batch_size, model.window or model."),
        (
            Shape(8, 5000, (0.1, 0.5, 0.9), "gru", 1, 8, False, 0.0),
            10_000,
            1024,
            "training.batch_size, .* forecast.hor",
        ),
        (Shape(8, 1, (0.5,), "lstm", 64, 8192, True, 0.0), 2, 1, "model.hidden_size or model.depth"),
    ],
)
def test_a_training_too_large_is_rejected_with_the_memory_it_needs_and_the_key_to_lower(
    monkeypatch: pytest.MonkeyPatch, shape: Shape, window: int, batch: int, key: str
) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda _: 8 << 30)
    with pytest.raises(ConfigError, match=rf"would need [\d.,]+ GB of memory, and 8.0 GB are free. Lower {key}"):
        check_memory(shape, window, batch, CPU)


def test_a_rejected_training_leaves_nothing_behind(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda _: 1 << 20)
    config = {"data": {"target": "sales", "time": "day", "id": "id"}, "forecast": {"horizon": 7}}
    with pytest.raises(ConfigError, match="GB are free"):
        seqpred.train(config, frame(), tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_the_memory_is_computed_without_importing_torchs_compiler() -> None:
    """It takes longer to import than a small network to train."""
    code = (
        "import sys; from seqpred.training.memory import required_memory; from seqpred.runtime.shape import Shape; "
        "more = {'known': 2, 'anchor': 4, 'blend': True, 'autoregression': 9, 'recent': 20, 'cycles': (4,)}; "
        "required_memory(Shape(8, 3, (0.1, 0.5), 'gru', 1, 4, False, 0.0, **more), 10, 4); "
        "print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_few_copies_of_a_small_network_are_kept_and_many_of_a_large_one_are_not() -> None:
    small, large = (Shape(8, 24, (0.1, 0.5, 0.9), "lstm", 2, size, False, 0.0) for size in (64, 512))
    assert can_keep(small, 40)
    assert can_keep(large, 4)
    assert not can_keep(large, 40)
