"""Fixtures: run the command in the temporary folder of a test, and three tiny models."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cli.outside import TINY, Run, Trained, call, call_all, listing, long_table, monthly, wide_table
from tests.conftest import Once


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the command in the temporary folder of the test."""
    return lambda *args, stdin=b"": call(tmp_path, args, stdin)


@pytest.fixture
def refused(tmp_path: Path) -> Callable[..., str]:
    """Runs a command that must fail with an exit code and no other effect; returns the message."""

    def fail(code: int, *args: object, stdin: str | bytes = b"") -> str:
        before = listing(tmp_path)
        done = call(tmp_path, args, stdin)
        assert "Traceback" not in done.err, done.err
        assert done.code == code, done.err
        assert done.out == ""
        assert sum(line.startswith(("seqpred: ", '{"error": ')) for line in done.err.splitlines()) == 1, done.err
        assert listing(tmp_path) == before, "files were left behind"
        return done.err

    return fail


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Writes a file into the temporary folder of the test."""

    def to(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return to


@pytest.fixture(scope="session")
def models(once: Once) -> dict[str, Trained]:
    """Three tiny models: `single` from the config that init writes, `many` from standard input, `wide` without times.

    Validation parts of one horizon: a single fold.
    """

    def single(place: Path) -> Trained:
        (place / "sales.csv").write_text(monthly())
        init = ["init", "sales.csv", "--horizon", "6", "--set", "training.validation=6"]
        (place / "sales.yaml").write_text(call(place, init).out)
        done = call(place, ["train", "sales.yaml", *TINY])
        return Trained(place / "runs" / "sales", place / "sales.csv", place, done)

    def many(place: Path) -> Trained:
        (place / "shops.csv").write_text(long_table())
        (place / "shops.yaml").write_text("data: {target: value}\nforecast: {horizon: 4}\ntraining: {validation: 4}\n")
        args = ["train", "shops.yaml", "--data", "-", "--out", "deep/er/shops", *TINY]
        return Trained(place / "deep/er/shops", place / "shops.csv", place, call(place, args, long_table()))

    def wide(place: Path) -> Trained:
        (place / "flow.csv").write_text(wide_table())
        (place / "flow.yaml").write_text(
            "data: {path: old.csv, target: [in, out]}\nforecast: {horizon: 3}\ntraining: {validation: 3}\n"
        )
        done = call(place, ["train", "flow.yaml", "--data", "flow.csv", "--quiet", *TINY])
        return Trained(place / "runs" / "flow", place / "flow.csv", place, done)

    with ThreadPoolExecutor(2) as pool:
        made = {make.__name__: pool.submit(once, make.__name__, make) for make in (single, many, wide)}
        trained = {name: future.result() for name, future in made.items()}
    for name, model in trained.items():
        assert model.done.code == 0, f"{name}: {model.done.err}"
    return trained


@pytest.fixture(scope="session")
def predicted(models: dict[str, Trained], once: Once) -> dict[str, str]:
    """Forecasts of the three models with default options, and of `single` in every format."""
    single, many, wide = models["single"], models["many"], models["wide"]
    levels = ["--quantiles", "0.25", "--steps", "1"]

    def predict(place: Path) -> dict[str, str]:
        commands = {
            "csv": (single.place, ["predict", single.folder]),
            "json": (single.place, ["predict", single.folder, "--format", "json"]),
            "jsonl": (place, ["predict", single.folder, single.data, "--format", "jsonl"]),
            "many": (place, ["predict", many.folder, many.data]),
            "wide": (place, ["predict", wide.folder, wide.data, "--quantiles", "0.1,0.9", "--steps", "8"]),
            "output": (place, ["predict", single.folder, single.data, "--output", "f.csv", *levels]),
        }
        done = call_all(commands)
        for name, one in done.items():
            assert one.code == 0, f"{name}: {one.err}"
        return {**{name: one.out for name, one in done.items()}, "file": (place / "f.csv").read_text()}

    return once("predicted", predict)
