"""Mutants of what reads data, scales it and scores forecasts: how many of them the tests notice.

Usage: python benchmarks/mutants.py [COUNT [SEED [ROOM...]]]. COUNT mutants are drawn at random among all that Cosmic
Ray's operators (pip install cosmic-ray) make of these files, or of some rooms alone; each is tested in a forked
process, in which the libraries are imported already and the code is not. Survivors are printed as differences, to be
read: some mean the same.

Source: DeMillo, Lipton and Sayward 1978, Hints on test data selection, Computer 11(4).
"""

from __future__ import annotations

import ast
import difflib
import importlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
OPTIONS = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
PATIENCE = 600  # seconds, after which a mutant counts as noticed
HEAVY = ("hypothesis", "numpy", "onnx", "onnxruntime", "pandas", "pyarrow.csv", "pyarrow.parquet", "pydantic", "pytest")
HEAVY += ("rich.progress", "rich.table", "safetensors.numpy", "torch", "typer", "yaml")
INVARIANTS = ["tests/invariants/test_leaks.py", "tests/invariants/test_streaming.py"]
# Which tests a room's mutants are shown, those that notice soonest first.
ROOMS = {
    "data": ["tests/data", "seqpred/data", "tests/test_covariates.py", "tests/test_irregular.py"],
    "covariates.py": ["tests/test_covariates.py", "seqpred/covariates.py", "tests/test_irregular.py", *INVARIANTS],
    "features.py": ["tests/test_features.py", "seqpred/features.py", "tests/streaming", *INVARIANTS],
    "scores": ["tests/scores", "seqpred/scores", "tests/test_backtest.py"],
    "backtest.py": ["tests/test_backtest.py", "seqpred/backtest.py"],
}


class Mutant(NamedTuple):
    """A file of the house, and an operator of Cosmic Ray's at one of the places where it applies."""

    room: str
    path: Path
    operator: str
    place: int


def mutants(rooms: Iterable[str]) -> Iterator[Mutant]:
    """All there are in these rooms."""
    from cosmic_ray.ast import ast_nodes, get_ast_from_path
    from cosmic_ray.plugins import get_operator, operator_names

    for room in rooms:
        path = ROOT / "seqpred" / room
        for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            nodes = list(ast_nodes(get_ast_from_path(file)))
            for name in operator_names():
                if get_operator(name).arguments():  # names of variables, which is no sample of faults
                    continue
                operator = get_operator(name)()
                places = sum(len(list(operator.mutation_positions(node))) for node in nodes)
                yield from (Mutant(room, file, name, place) for place in range(places))


def code_of(mutant: Mutant) -> str:
    """The altered file; empty where it means the same, or nothing at all."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    before = mutant.path.read_text()
    after = mutate_code(before, get_operator(mutant.operator)(), mutant.place)
    try:
        return "" if after is None or _meaning(before) == _meaning(after) else str(after)
    except SyntaxError:
        return ""


def _meaning(code: str) -> str:
    """The code without annotations, which are texts in this house."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant("")
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    return ast.dump(tree)


def failure(mutant: Mutant, code: str) -> str:
    """What the first test says that fails, of those that the room's mutants are shown; empty where none does."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place)
        for thing in ROOT.iterdir():
            if not thing.name.startswith(".") and thing.name != "seqpred":
                (copy / thing.name).symlink_to(thing)
        shutil.copytree(ROOT / "seqpred", copy / "seqpred")
        (copy / mutant.path.relative_to(ROOT)).write_text(code)
        process = os.fork()
        if not process:
            _test(copy, mutant)
        return "" if _passes(process) else (copy / "said").read_text() or "nothing"


def _test(copy: Path, mutant: Mutant) -> None:
    """Run the tests in this process, which ends with their exit code."""
    import pytest

    os.setpgid(0, 0)
    code = 1
    try:
        with open(copy / "said", "w") as said:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
        os.chdir(copy)
        sys.dont_write_bytecode = True
        sys.path.insert(0, str(copy))
        os.environ["PYTHONPATH"] = str(copy)
        own = f"tests/data/test_{mutant.path.stem}.py"
        first = [own] if mutant.room == "data" and (ROOT / own).exists() else []
        for tests in (*first, *ROOMS[mutant.room]):
            code = pytest.main([*OPTIONS, tests])
            if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
                break
            code = 0
    except BaseException:  # noqa: BLE001, it is this process's last
        traceback.print_exc()
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(code))


def _passes(process: int) -> bool:
    """Wait for a process, as long as it may take; whether all went well."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return status == 0
        time.sleep(0.05)
    os.killpg(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return False


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    for name in HEAVY:
        importlib.import_module(name)
    import torch

    torch.set_num_threads(1)
    rooms = sys.argv[3:] or list(ROOMS)
    drawn = list(mutants(rooms))
    random.Random(seed).shuffle(drawn)
    for room in rooms:  # what fails anyway would be taken for noticing
        path = ROOT / "seqpred" / room
        untouched = Mutant(room, path / "__init__.py" if path.is_dir() else path, "", 0)
        if said := failure(untouched, untouched.path.read_text()):
            sys.exit(f"{said}\nthe tests of {room} fail as it is")
    print(f"{len(drawn):,} mutants; {count} of them, drawn with seed {seed}, are tested", flush=True)
    seen: dict[str, list[bool]] = {room: [] for room in rooms}
    for mutant in drawn:
        if sum(map(len, seen.values())) == count:
            break
        if not (code := code_of(mutant)):
            continue
        noticed = bool(failure(mutant, code))
        seen[mutant.room].append(noticed)
        if not noticed:
            names = [str(mutant.path.relative_to(ROOT)), mutant.operator]
            lines = difflib.unified_diff(
                mutant.path.read_text().splitlines(), code.splitlines(), *names, n=1, lineterm=""
            )
            print("SURVIVED", *lines, "", sep="\n", flush=True)
    for room, found in seen.items():
        print(f"{room}: {sum(found)} of {len(found)} noticed")
    found = [noticed for own in seen.values() for noticed in own]
    print(f"all: {sum(found)} of {len(found)} noticed, {sum(found) / len(found):.0%}")
    sys.exit(sum(found) < 0.85 * len(found))


if __name__ == "__main__":
    main()
