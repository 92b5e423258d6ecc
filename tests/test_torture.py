"""The long checks of `make torture`, in short: they run, and find nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.mark.parametrize(("part", "count"), [("kills", 2), ("saving", 10), ("repeats", 2), ("fuzz", 400)])
def test_nothing_is_found_in_a_few(part: str, count: int) -> None:
    command = [sys.executable, "-W", "ignore", str(ROOT / "benchmarks" / "torture.py"), part, str(count), "7"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{part}: " in done.stdout
