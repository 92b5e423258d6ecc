"""Mutation testing of the code that reads data, scales it and scores forecasts.

Usage: python benchmarks/mutants.py [COUNT [SEED [PACKAGE...]]]. COUNT mutants are drawn at random from all that the
operators of Cosmic Ray (pip install cosmic-ray) generate for these packages. Each is tested in a forked process that
has imported the libraries, but not the code. Surviving mutants are printed as diffs; some are equivalent to the code.

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
PATIENCE = 600  # seconds, after which a mutant counts as detected
HEAVY = ("hypothesis", "numpy", "onnx", "onnxruntime", "pandas", "pyarrow.csv", "pyarrow.parquet", "pydantic", "pytest")
HEAVY += ("rich.progress", "rich.table", "safetensors.numpy", "torch", "typer", "yaml")
INVARIANTS = ["tests/invariants/test_leaks.py", "tests/invariants/test_streaming.py"]
# The mutated packages, each with the tests that run after those of its own folder.
PACKAGES: dict[str, list[str]] = {
    "calendar": ["tests/panel/test_irregular.py"],
    "sources": [],
    "reading": ["tests/features/test_covariates.py"],
    "timestamps": ["tests/reading"],
    "spool": [],
    "panel": ["tests/features/test_covariates.py"],
    "inspection": [],
    "features": INVARIANTS,
    "evaluation": [],
}


class Mutant(NamedTuple):
    """One application of an operator of Cosmic Ray in one file of a package."""

    package: str
    path: Path
    operator: str
    place: int


def mutants(packages: Iterable[str]) -> Iterator[Mutant]:
    """All mutants of these packages."""
    from cosmic_ray.ast import ast_nodes, get_ast_from_path
    from cosmic_ray.plugins import get_operator, operator_names

    for package in packages:
        for file in sorted((ROOT / "seqpred" / package).glob("*.py")):
            nodes = list(ast_nodes(get_ast_from_path(file)))
            for name in operator_names():
                if get_operator(name).arguments():  # operators on given variable names
                    continue
                operator = get_operator(name)()
                places = sum(len(list(operator.mutation_positions(node))) for node in nodes)
                yield from (Mutant(package, file, name, place) for place in range(places))


def code_of(mutant: Mutant) -> str:
    """The altered file; empty if it is equivalent or not valid Python."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    before = mutant.path.read_text()
    after = mutate_code(before, get_operator(mutant.operator)(), mutant.place)
    try:
        return "" if after is None or _meaning(before) == _meaning(after) else str(after)
    except SyntaxError:
        return ""


def _meaning(code: str) -> str:
    """The code without annotations, which are never evaluated here."""
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
    """The output of the first failing tests of the package; empty if all pass."""
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
        return "" if _passes(process) else (copy / "output").read_text() or "no output"


def _test(copy: Path, mutant: Mutant) -> None:
    """Run the tests in this process, then exit with their exit code."""
    import pytest

    os.setpgid(0, 0)
    code = 1
    try:
        with open(copy / "output", "w") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        os.chdir(copy)
        sys.dont_write_bytecode = True
        sys.path.insert(0, str(copy))
        os.environ["PYTHONPATH"] = str(copy)
        package, own = mutant.package, f"tests/{mutant.package}/test_{mutant.path.stem}.py"
        first = [own] if (ROOT / own).exists() else []
        for tests in (*first, f"tests/{package}", f"seqpred/{package}", *PACKAGES[package]):
            code = pytest.main([*OPTIONS, tests])
            if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
                break
            code = 0
    except BaseException:  # noqa: BLE001, this process exits
        traceback.print_exc()
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(code))


def _passes(process: int) -> bool:
    """Wait for a process, for at most PATIENCE seconds; returns whether it succeeded."""
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
    packages = sys.argv[3:] or list(PACKAGES)
    drawn = list(mutants(packages))
    random.Random(seed).shuffle(drawn)
    for package in packages:  # tests that fail anyway would count as detections
        untouched = Mutant(package, ROOT / "seqpred" / package / "__init__.py", "", 0)
        if output := failure(untouched, untouched.path.read_text()):
            sys.exit(f"{output}\nthe tests of {package} fail without a mutant")
    print(f"{len(drawn):,} mutants; testing {count} drawn with seed {seed}", flush=True)
    seen: dict[str, list[bool]] = {package: [] for package in packages}
    for mutant in drawn:
        if sum(map(len, seen.values())) == count:
            break
        if not (code := code_of(mutant)):
            continue
        detected = bool(failure(mutant, code))
        seen[mutant.package].append(detected)
        if not detected:
            names = [str(mutant.path.relative_to(ROOT)), mutant.operator]
            lines = difflib.unified_diff(
                mutant.path.read_text().splitlines(), code.splitlines(), *names, n=1, lineterm=""
            )
            print("SURVIVED", *lines, "", sep="\n", flush=True)
    for package, found in seen.items():
        print(f"{package}: {sum(found)} of {len(found)} detected")
    found = [detected for own in seen.values() for detected in own]
    print(f"all: {sum(found)} of {len(found)} detected, {sum(found) / len(found):.0%}")
    sys.exit(sum(found) < 0.85 * len(found))


if __name__ == "__main__":
    main()
