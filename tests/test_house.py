"""The house: its rooms, the order in which they import, and what may be loaded where."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import ROOT

HOUSE = ROOT / "seqpred"

# Each room may import from those above it and from itself.
ROOMS = [
    "errors",
    "yaml_lines",
    "config",
    "data",
    "covariates",
    "features",
    "scores",
    "backtest",
    "recipe",
    "network",
    "folder",
    "forecasting",
    "model",
    "streaming",
    "training",
    "verbs",
    "cli",
]
TORCH = {"network", "training"}
TORCH_FILES = {"verbs.py"}  # the version in a manifest
PANDAS_FILES = {"data/frames.py", "data/reading.py", "data/dates.py"}


def files() -> list[Path]:
    return sorted(HOUSE.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """Every module imported anywhere in a file, late imports included, those for types alone left out."""
    tree = ast.parse(path.read_text())
    for_types = [n for n in ast.walk(tree) if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
    left_out = {id(inner) for block in for_types for inner in ast.walk(block)}
    for node in ast.walk(tree):
        if id(node) in left_out:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{a.name}" if node.module == "seqpred" else node.module for a in node.names)


def test_every_file_has_its_room() -> None:
    doors = {"__init__", "__main__"}
    assert {room(f) for f in files()} - doors == set(ROOMS)


def test_imports_flow_one_way() -> None:
    wrong = []
    for path in files():
        here = room(path)
        if here in ("__init__", "__main__"):
            continue
        for module in imports(path):
            parts = module.split(".")
            if parts[0] == "seqpred" and parts[1] in ROOMS and ROOMS.index(parts[1]) > ROOMS.index(here):
                wrong.append(f"{path.relative_to(HOUSE)} imports {module}")
    assert not wrong


def test_torch_and_pandas_live_in_their_rooms_alone() -> None:
    for path in files():
        name = str(path.relative_to(HOUSE))
        loaded = {module.split(".")[0] for module in imports(path)}
        if "torch" in loaded:
            assert room(path) in TORCH or name in TORCH_FILES, f"{name} imports torch"
        if "pandas" in loaded:
            assert name in PANDAS_FILES, f"{name} imports pandas"


def test_no_room_is_without_a_purpose() -> None:
    names = {part for f in files() for part in f.relative_to(HOUSE).with_suffix("").parts}
    assert not names & {"utils", "util", "helpers", "helper", "common", "misc", "base", "core"}
    for path in files():
        assert ast.get_docstring(ast.parse(path.read_text())) or path.name == "__main__.py", path


def test_importing_seqpred_is_free() -> None:
    code = "import seqpred, sys; print(sorted({'torch', 'pandas', 'numpy', 'pydantic'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
