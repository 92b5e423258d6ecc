"""The processor cores that may be used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seqpred.runtime import cores as module
from seqpred.runtime.cores import cores


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("max 100000", 64), ("150000 100000", 2), ("1000 100000", 1), ("", 64)],
)
def test_a_quota_of_the_control_group_limits_the_cores(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quota: str, expected: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(64), raising=False)
    monkeypatch.setattr(module, "QUOTA", tmp_path / "cpu.max")
    assert cores() == 64, "there is no control group"
    (tmp_path / "cpu.max").write_text(quota)
    assert cores() == expected
