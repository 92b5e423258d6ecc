"""The packages, the order in which they import each other, and which may load torch and pandas."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.conftest import ROOT

SOURCE = ROOT / "seqpred"

# In import order: a package may import from those above it and from itself.
PACKAGES = [
    "errors",
    "notes",
    "arrays",
    "workers",
    "launcher",
    "address_space",
    "config",
    "calendar",
    "sources",
    "timestamps",
    "reading",
    "spool",
    "panel",
    "inspection",
    "features",
    "runtime",
    "recipe",
    "synthetic",
    "network",
    "evaluation",
    "storage",
    "pretrained",
    "forecasting",
    "explanation",
    "training",
    "pretraining",
    "report",
    "tuning",
    "commands",
    "cli",
]
TORCH = {"network", "training", "pretraining"}
PANDAS_FILES = {"column_profile.py", "frame.py", "json_rows.py", "number_columns.py", "thorough.py", "wide.py"}
PANDAS_FILES = {f"reading/{name}" for name in PANDAS_FILES} | {"timestamps/reader.py"}
MAX_FUNCTION, MAX_FILE = 40, 300  # lines
LONG_FILES = {"sources/source.py"}


def files() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def package(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path: Path, *, for_types: bool = False) -> Iterator[str]:
    """Every module imported anywhere in a file, including late ones.

    Args:
        for_types: also those that are imported for type checking only.
    """
    tree = parsed(path)
    conditions = [n for n in ast.walk(tree) if isinstance(n, ast.If)]
    type_checking = [n for n in conditions if not for_types and ast.unparse(n.test) == "TYPE_CHECKING"]
    skipped = {id(inner) for block in type_checking for inner in ast.walk(block)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{a.name}" if node.module == "seqpred" else node.module for a in node.names)


def test_every_file_has_its_package() -> None:
    entry_points = {"__init__", "__main__"}
    assert {package(f) for f in files()} - entry_points == set(PACKAGES)


def test_imports_only_go_up_the_list_of_packages() -> None:
    wrong = []
    for path in files():
        here = package(path)
        if here in ("__init__", "__main__"):
            continue
        for module in imports(path):
            parts = module.split(".")
            if parts[0] == "seqpred" and parts[1] in PACKAGES and PACKAGES.index(parts[1]) > PACKAGES.index(here):
                wrong.append(f"{path.relative_to(SOURCE)} imports {module}")
    assert not wrong


def test_no_files_import_each_other() -> None:
    """Not even late or for type checking: each file can be understood after those that it imports."""
    above = {f"seqpred.{'.'.join(p.relative_to(SOURCE).with_suffix('').parts)}": p for p in files()}
    left = {name: {*imports(path, for_types=True)} & set(above) - {name} for name, path in above.items()}
    left.pop("seqpred.__init__")
    while free := [name for name, imported in left.items() if not imported & set(left)]:
        for name in free:
            del left[name]
    assert not left, "these import each other, or are imported by files that do"


def test_functions_and_files_are_short() -> None:
    long = []
    for path in files():
        name, text = str(path.relative_to(SOURCE)), path.read_text()
        if text.count("\n") > MAX_FILE and name not in LONG_FILES:
            long.append(name)
        functions = [n for n in ast.walk(parsed(path)) if isinstance(n, ast.FunctionDef)]
        long += [f"{name}: {n.name}" for n in functions if (n.end_lineno or 0) - n.lineno >= MAX_FUNCTION]
    assert not long


def test_only_some_packages_import_torch_and_pandas() -> None:
    for path in files():
        name = str(path.relative_to(SOURCE))
        loaded = {module.split(".")[0] for module in imports(path)}
        if "torch" in loaded:
            assert package(path) in TORCH, f"{name} imports torch"
        if "pandas" in loaded:
            assert name in PANDAS_FILES, f"{name} imports pandas"


def test_every_module_has_a_docstring_and_a_specific_name() -> None:
    names = {part for f in files() for part in f.relative_to(SOURCE).with_suffix("").parts}
    assert not names & {"utils", "util", "helpers", "helper", "common", "misc", "base", "core"}
    for path in files():
        assert ast.get_docstring(parsed(path)) or path.name == "__main__.py", path


def test_importing_seqpred_loads_no_heavy_package() -> None:
    code = "import seqpred, sys; print(sorted({'torch', 'pandas', 'numpy', 'pydantic'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
