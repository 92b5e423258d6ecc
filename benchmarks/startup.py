"""Wall time of whole processes that need neither data nor torch, relative to `python -c "import typer"`.

Run: python benchmarks/startup.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from alternating import compare, print_table

SEQPRED = str(Path(sys.executable).with_name("seqpred"))
TYPER = [sys.executable, "-c", "import typer"]
FAULTY = "data:\n  target: y\nmodel:\n  hiden_size: 32\n"
COMMANDS = (["--help"], ["--version"], ["schema"], ["train", "--help"], ["train", "bad.yaml"])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "bad.yaml").write_text(FAULTY)
        rows = [
            (f"`seqpred {' '.join(c)}`", compare(_process([SEQPRED, *c], folder), _process(TYPER, folder)))
            for c in COMMANDS
        ]
    print_table(["command", "relative to `import typer` (middle half)"], rows)


def _process(command: Sequence[str], folder: str) -> Callable[[], object]:
    return lambda: subprocess.run(command, cwd=folder, capture_output=True, check=False)


if __name__ == "__main__":
    main()
