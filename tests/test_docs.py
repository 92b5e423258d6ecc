"""The documentation matches the program: generated pages are current, commands run, links resolve, configs train."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import seqpred
from seqpred.cli.app import COMMANDS, load_command
from seqpred.config.loading import load_config
from seqpred.sources.opening import open_source
from tests.cli.test_recipes import PROGRAMS, needs, server  # noqa: F401, a fixture
from tests.conftest import ROOT
from tests.doc_commands import add_sales, command_blocks, fences, prepare, run, skipped
from tests.test_architecture import PACKAGES, SOURCE

CONFIGS = sorted((ROOT / "configs").rglob("*.yaml"))
ELSEWHERE = {"m4_hourly", "etth1"}  # their data sets are not part of the repository
GENERATED = ("config.md", "commands.md", "modules.md", "seqpred.schema.json", "llms.txt")
README = ROOT / "README.md"
REPOSITORY = "https://github.com/seqpred/seqpred/"
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "data" / "README.md", ROOT / "benchmarks" / "README.md"]
)
WITH_COMMANDS = [page for page in PAGES if any(not skipped(c) for b in command_blocks(page) for c in b.commands)]


def generated_pages() -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location("write", ROOT / "docs" / "write.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.PAGES  # type: ignore[no-any-return]


@pytest.mark.parametrize("page", GENERATED)
def test_generated_page_is_current(page: str) -> None:
    assert (ROOT / "docs" / page).read_text() == generated_pages()[page](), "run `make docs`"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_every_config_starts_with_a_description_and_trains(path: Path, tmp_path: Path) -> None:
    first, second, *_ = path.read_text().splitlines()
    assert first.startswith("# ")
    assert f"seqpred train configs/{path.name}" in second
    config = load_config(path, ["training.max_steps=2", "model.members=1"])
    if path.stem in ELSEWHERE:
        return
    data = open_source(ROOT / str(config.data.path))
    model = seqpred.train(config, data, tmp_path / "model")
    assert len(seqpred.predict(model, data)) == model.horizon


def test_there_is_a_config_for_each_kind_of_network_and_each_file() -> None:
    kinds = {"rnn", "lstm", "gru", "bidirectional", "deep", "dropout"}
    files = {p.stem for p in (ROOT / "data").glob("*.csv")}
    assert {p.stem for p in CONFIGS} == kinds | files | ELSEWHERE


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, programs, and the models runs/sales and runs/stores."""
    place = tmp_path_factory.mktemp("docs")
    prepare(place)
    for command in ("seqpred init sales.csv > sales.yaml", "seqpred train sales.yaml", "seqpred train stores.yaml"):
        done = run(command, place)
        assert done.returncode == 0, done.stderr
    add_sales(place)
    return place


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda p: str(p.relative_to(ROOT)))
def test_commands_of_the_page_run_and_print_what_it_shows(page: Path, workspace: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    shutil.copytree(workspace, place)
    repeated = 2 if page.name == "pipelines.md" else 1  # its recipes may run again
    for block in command_blocks(page) * repeated:
        output = None
        for command in block.commands:
            if skipped(command):
                continue
            if "--resume" in command:  # there is something to resume only if training has not finished
                shutil.rmtree(place / "runs" / "sales")
            done = run(command, place)
            assert done.returncode == 0, f"{block.where}: {command}\n{done.stderr}"
            assert "Traceback" not in done.stderr, f"{block.where}: {command}\n{done.stderr}"
            output = done.stdout
        if block.output and output is not None:
            trained = any("runs/" in command for command in block.commands)
            shown, printed = (skeleton(text) if trained else stripped(text) for text in (block.output, output))
            assert shown == printed, f"{block.where}: the output has changed:\n{output}"


DATABASES = {
    "duckdb": "duckdb -list -noheader d.db 'select count(*), count(distinct origin) from forecast'",
    "sqlite3": "sqlite3 f.db 'select count(*), count(distinct origin) from forecast'",
    "psql": "psql -At -c 'select count(*), count(distinct origin) from forecast'",
}


@pytest.mark.parametrize(
    "program", [*(pytest.param(name, marks=needs(name)) for name in ("duckdb", "sqlite3")), "psql"]
)
def test_a_recipe_that_runs_twice_replaces_the_forecasts(
    program: str, workspace: Path, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "place"
    shutil.copytree(workspace, place)
    if program == "psql":
        if not all(map(shutil.which, PROGRAMS["postgres"])):
            pytest.skip("PostgreSQL is not here")
        (place / "bin" / "psql").unlink()
        for name, value in request.getfixturevalue("server").items():
            monkeypatch.setenv(name, value)
    blocks = command_blocks(ROOT / "docs" / "pipelines.md")
    commands = next(block.commands for block in blocks if block.commands[0].startswith(program))
    for command in commands * 2:
        done = run(command, place)
        assert done.returncode == 0, done.stderr
    assert run(DATABASES[program], place).stdout.strip() == "14|1"


def test_examples_in_help_run(workspace: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    shutil.copytree(workspace, place)
    shutil.copytree(place / "runs" / "sales", place / "runs" / "lstm")
    shutil.copytree(place / "runs" / "sales", place / "runs" / "gru")
    examples = [line for name in COMMANDS for line in re.findall(r"Example: (.+)", load_command(name).help or "")]
    assert len(examples) > 5
    for command in examples:
        if not skipped(command):
            done = run(command, place)
            assert done.returncode == 0, f"{command}\n{done.stderr}"


def stripped(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def skeleton(text: str) -> str:
    """The output without what a shorter training changes: digits, the width of columns and blanks."""
    text = re.sub(r"-?\d[\d.,]*|(?<= )-(?=\s)", "0", stripped(text))
    return re.sub(r"─+", "─", re.sub(r"[ \t]+", " ", text))


def test_there_are_commands_to_run() -> None:
    """The search for commands finds fenced and indented blocks."""
    assert {page.name for page in WITH_COMMANDS} >= {"README.md", "streaming.md"}


def test_indented_commands_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A page\n\nRun:\n\n    seqpred schema\n\nDone.\n")
    assert [block.commands for block in command_blocks(page)] == [("seqpred schema",)]


def test_python_of_the_readme_runs(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = [text for language, text, _ in fences(README) if language == "python"]
    assert code
    train = seqpred.train

    def train_briefly(config: dict[str, Any], *args: Any) -> Any:
        return train({**config, "model": {"members": 1}, "training": {"max_steps": 5}}, *args)

    monkeypatch.setattr(seqpred, "train", train_briefly, raising=False)
    monkeypatch.chdir(tmp_path)
    for text in code:
        names: dict[str, Any] = {"frame": pd.read_csv(workspace / "sales.csv")}
        exec(text, names)
        assert len(names["table"]) == 2 * 28


def test_the_worked_example_prints_what_the_page_shows(capsys: pytest.CaptureFixture[str]) -> None:
    found = fences(ROOT / "docs" / "cells.md")
    place = next(i for i, (language, _, _) in enumerate(found) if language == "python")
    exec(found[place][1], {})
    assert stripped(capsys.readouterr().out) == stripped(found[place + 1][1])


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_yaml_of_the_page_is_a_valid_config(page: Path, tmp_path: Path) -> None:
    for language, text, _ in fences(page):
        if language == "yaml":
            (tmp_path / "config.yaml").write_text(text)
            load_config(tmp_path / "config.yaml", [])


def test_the_readme_shows_every_command() -> None:
    commands = [command for block in command_blocks(README) for command in block.commands]
    shown = [name for command in commands for name in re.findall(r"\bseqpred (\w+) ", command)]
    assert set(shown) >= set(COMMANDS) - {"schema", "show"}


def test_architecture_lists_the_packages_in_import_order() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == PACKAGES


def test_files_named_in_architecture_exist() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    paths = {path for path in re.findall(r"`([\w/]+\.py)`", page) if "/" in path}
    assert len(paths) > 20
    assert [path for path in sorted(paths) if not any((place / path).exists() for place in (ROOT, SOURCE))] == []


CALLED_FILES = """
import os, sys
from seqpred.cli import main

def note(frame, event, _):
    if event == "call" and frame.f_code.co_name != "<module>":
        called.add(frame.f_code.co_filename)

def leave(code):
    sys.setprofile(None)
    sys.stderr.write("\\n".join(called))
    raise SystemExit(code)

called, os._exit = set(), leave
sys.setprofile(note)
main()
"""


def test_predict_calls_the_files_that_architecture_lists_for_a_row(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    walk = page.partition("## One row of a CSV file")[2].partition("Steps 5 to 10")[0]
    steps = set(re.findall(r"`([\w/]+\.py)`", walk[walk.index("\n1. ") :])) - {"reading/thorough.py"}
    assert len(steps) == 14, "each file more makes a row harder to follow"
    listed = {*re.findall(r"`([\w/]+\.py)`", walk)} - {"reading/thorough.py"}  # for malformed cells
    frame = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=60), "sales": [n % 7 for n in range(60)]})
    config = {"data": {"target": "sales"}, "forecast": {"horizon": 2, "season": 7}}
    sizes = {"model": {"hidden_size": 2, "members": 1}, "training": {"max_steps": 2, "validation": 2}}
    seqpred.train(config | sizes, frame, tmp_path / "model")
    command = [sys.executable, "-c", CALLED_FILES, "predict", str(tmp_path / "model"), "-", "--quiet"]
    done = subprocess.run(command, input=frame.to_csv(index=False), capture_output=True, text=True, check=True)
    called = {str(Path(name).relative_to(SOURCE)) for name in done.stderr.split() if name.startswith(str(SOURCE))}
    assert listed - called == set()


def test_no_file_names_a_folder_of_a_machine() -> None:
    for path in ROOT.rglob("*"):
        if path.suffix in {".md", ".py", ".toml", ".yaml"} and not set(path.parts) & {
            ".venv",
            ".venv-lowest",
            ".peers",
            "runs",
        }:
            found = re.search(r"/(?:work|root|home)/\w", path.read_text(encoding="utf-8"))
            assert not found, f"{path}: {found}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_to_files_and_headings_resolve(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        for prefix in (f"{REPOSITORY}blob/main/", f"{REPOSITORY}tree/main/"):
            link = link.replace(prefix, f"{ROOT}/")  # noqa: PLW2901
        link = link.replace("https://raw.githubusercontent.com/seqpred/seqpred/main/", f"{ROOT}/")  # noqa: PLW2901
        if link.startswith(("https:", "http:")):
            continue
        target, _, heading = link.partition("#")
        file = page.parent / target if target else page
        assert file.exists(), f"{page.name}: {link}"
        if heading:
            assert heading in headings(file), f"{page.name}: {link}"


def headings(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


def test_links_of_the_readme_are_absolute() -> None:
    """PyPI shows the README without the repository around it."""
    links = re.findall(r"\]\(([^)\s]+)\)", README.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not link.startswith("https://")] == []
