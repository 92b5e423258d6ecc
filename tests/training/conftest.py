"""Fixtures for trainings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from seqpred.features.input_spec import InputSpec
from seqpred.features.inputs import Track, prepare
from seqpred.training import loop
from seqpred.training.dataset import reliable_scale


def prepare_track(values: np.ndarray, spec: InputSpec) -> Track:
    """A whole track [T] as training prepares it: rows with an unreliable scale have none."""
    track = prepare(values, spec)
    return track._replace(scale=reliable_scale(track.scale, track.filled, spec.season))


@pytest.fixture
def slow_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float, float], Callable[[], float]]:
    """Makes a clock that advances by so many seconds with each training step and each validation, and only then."""

    def make(step: float, validation: float) -> Callable[[], float]:
        now = 0.0

        def advancing(seconds: float, work: Callable[..., Any]) -> Callable[..., Any]:
            def timed(*arguments: Any) -> Any:
                nonlocal now
                now += seconds
                return work(*arguments)

            return timed

        monkeypatch.setattr(loop, "training_step", advancing(step, loop.training_step))
        monkeypatch.setattr(loop, "validation_score", advancing(validation, loop.validation_score))
        return lambda: now

    return make


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets the number of processes."""

    def use(count: int) -> None:
        monkeypatch.setattr("seqpred.training.networks.count_processes", lambda *_: count)

    return use
