"""Short versions of the tests of `make torture` run and find no failures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


# Few processes, because each imports everything first.
@pytest.mark.parametrize("parts", ["kills=1,saving=10,repeats=2,output=6,streams=6", "fuzz=200"])
def test_short_runs_find_no_failures(parts: str) -> None:
    command = [sys.executable, "-W", "ignore", str(ROOT / "benchmarks" / "torture.py"), parts, "1", "7"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(f"{part.partition('=')[0]}: " in done.stdout for part in parts.split(","))


FAULTS = {"a traceback": "1 / 0", "too much memory": "bytearray(2 << 30)", "a crash": "__import__('os').abort()"}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_fuzzing_detects_an_injected_fault(fault: str, tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from benchmarks import torture; from benchmarks.fuzz import Target; "
        f"torture.targets = lambda place: {{'csv': Target((b'a,b',), lambda content: {fault})}}; "
        f"print(len(list(torture.fuzz(40, 1, Path({str(tmp_path)!r})))))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("altered1\n")
