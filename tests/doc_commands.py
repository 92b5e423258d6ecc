"""Commands found in the documentation, and a folder in which they run."""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from tests.cli import warm
from tests.conftest import ROOT

SKIPPED = {  # first words of a command: why it is not executed
    "seqpred tune": "trains many models; tests/cli/test_tune.py runs it",
    "seqpred train best.yaml": "needs the output of tune",
    "seqpred predict runs/sales sales.csv --engine ray": "needs Ray; make scale runs it",
    "seqpred predict runs/sales 'sales/*.parquet' --engine ray": "needs a cluster",
    "curl": "downloads a file that is part of the repository",
    "pip install": "installs packages from an index",
    "make": "installs packages, then runs this test",
    "seqpred --install-completion": "changes the start-up files of the user's shell",
}
_SHORT = "--set model.members=1 --set training.max_steps=5 --set training.threads=1"
_COMMAND = ROOT / "tests" / "cli" / "warm_command.py"
_RECEIVES_ROWS = '[[ "$*" == *"table if not exists"* ]] || [ $(cat | wc -l) -gt 1 ]'
STAND_INS = {  # programs that run instead of the real ones, as bash
    # trains one small network for five steps
    "seqpred": f'case "$1" in train) set -- "$@" {_SHORT} ;; esac\nexec {sys.executable} -S {_COMMAND} $SERVER "$@"',
    # ignores -f, because the file does not grow
    "tail": 'for word; do shift; [ "$word" = -f ] || set -- "$@" "$word"; done\nPATH="${PATH#*:}" exec tail "$@"',
    "psql": _RECEIVES_ROWS,  # the real one needs a server
}
STAND_INS |= {name: _RECEIVES_ROWS for name in ("duckdb", "sqlite3", "jq") if not shutil.which(name)}
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?<=\n\n)(?: {4}.*\n)+")


@dataclass(frozen=True)
class Block:
    """Commands of one code block, with the output that the page shows for the last of them (empty: none)."""

    where: str
    commands: tuple[str, ...]
    output: str = ""


def fences(page: Path) -> list[tuple[str, str, int]]:
    """Language, text and line number of every fenced block of a page."""
    text = page.read_text(encoding="utf-8")
    return [(m[1], m[2], text.count("\n", 0, m.start()) + 1) for m in _FENCE.finditer(text)]


def command_blocks(page: Path) -> list[Block]:
    """Every fenced `console` block, then every indented block of a page."""
    found = fences(page)
    blocks = []
    for i, (language, text, line) in enumerate(found):
        if language == "console":
            shown = found[i + 1][1] if i + 1 < len(found) and found[i + 1][0] == "text" else ""
            commands = [part.removeprefix("$ ") for part in text.splitlines() if part.startswith("$ ")]
            blocks.append(Block(f"{page.name}:{line}", tuple(commands), shown))
    prose = _FENCE.sub("", page.read_text(encoding="utf-8"))
    indented = [block.group().splitlines() for block in _INDENTED.finditer(prose)]
    return blocks + [Block(f"{page.name}, indented", tuple(map(str.strip, lines))) for lines in indented]


def skipped(command: str) -> bool:
    return any(command.startswith(words) for words in SKIPPED)


def prepare(place: Path) -> None:
    """The files that the documentation uses, a folder of programs, and a config with covariates."""
    for path in (ROOT / "data").glob("*.csv"):
        shutil.copy(path, place)
    shutil.copytree(ROOT / "data", place / "data")
    shutil.copytree(ROOT / "configs", place / "configs")
    (place / "sales.csv").write_text("day,shop,units\n" + "".join(_sales(0, 90)))
    (place / "longer.csv").write_text("day,shop,units\n" + "".join(_sales(0, 130)))
    (place / "new_rows.csv").write_text("day,shop,units\n" + "".join(_sales(118, 125)))
    (place / "stores.csv").write_text("date,store,kind,sales,promo,holiday,temperature\n" + "".join(_stores(90)))
    (place / "stores.yaml").write_text(
        "data: {path: stores.csv, time: date, target: sales, id: store,"
        " covariates: {known: [promo, holiday], past: [temperature], static: [kind]}}\n"
    )
    programs = place / "bin"
    programs.mkdir()
    for name, body in STAND_INS.items():
        script = programs / name
        script.write_text(f"#!/bin/bash\n{body}\n")
        script.chmod(0o755)


def add_sales(place: Path) -> None:
    """Append four weeks to sales.csv, so that there are rows that a model has not seen."""
    with (place / "sales.csv").open("a") as file:
        file.writelines(_sales(90, 118))


def run(command: str, place: Path) -> subprocess.CompletedProcess[str]:
    """Run one line of bash in a prepared folder; every part of a pipe must succeed."""
    channel = warm.server().fileno()
    environment = {
        **os.environ,
        "SERVER": str(channel),
        "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        "OMP_NUM_THREADS": "1",
        "XDG_CACHE_HOME": str(place / "cache"),
    }
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=place,
        env=environment,
        pass_fds=[channel],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _sales(begin: int, end: int) -> Iterator[str]:
    """Rows of two shops with a weekly season, from day `begin` to day `end`."""
    for i in range(begin, end):
        for shop, level in (("north", 40), ("south", 25)):
            units = level + round(9 * math.sin(i * math.tau / 7)) + i * 7 % 5
            yield f"{date(2024, 1, 1) + timedelta(i)},{shop},{units}\n"


def _stores(days: int) -> Iterator[str]:
    for i in range(days):
        for store, kind in (("a", "city"), ("b", "village")):
            promo = int(i % 10 < 2)
            sales = 30 + 10 * promo + round(6 * math.sin(i * math.tau / 7)) + i * 7 % 5
            yield f"{date(2024, 1, 1) + timedelta(i)},{store},{kind},{sales},{promo},{int(i % 30 == 0)},{10 + i % 9}\n"
