"""The docs are true: pages written by the program are fresh, the README's commands exist, every YAML trains."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

import seqpred
from seqpred.cli.app import app
from seqpred.config.schema import load_config
from seqpred.sources.source import open_source
from tests.conftest import ROOT

CONFIGS = sorted((ROOT / "configs").rglob("*.yaml"))
ELSEWHERE = {"m4_hourly", "etth1"}  # whose files don't come with the project


def pages() -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location("write", ROOT / "docs" / "write.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.PAGES  # type: ignore[no-any-return]


@pytest.mark.parametrize("page", ["config.md", "commands.md"])
def test_a_page_written_by_the_program_is_fresh(page: str) -> None:
    assert (ROOT / "docs" / page).read_text() == pages()[page](), "run `make docs`"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_every_config_opens_with_what_it_is_and_trains(path: Path, tmp_path: Path) -> None:
    first, second, *_ = path.read_text().splitlines()
    assert first.startswith("# ")
    assert f"seqpred train configs/{path.name}" in second
    config = load_config(path, ["training.max_steps=2"])
    if path.stem in ELSEWHERE:
        return
    data = open_source(ROOT / str(config.data.path))
    model = seqpred.train(config, data, tmp_path / "model")
    assert len(seqpred.predict(model, data)) == model.horizon


def test_there_is_a_config_for_each_system_and_each_file() -> None:
    systems = {"rnn", "lstm", "gru", "bidirectional", "deep", "dropout"}
    files = {p.stem for p in (ROOT / "data").glob("*.csv")}
    assert {p.stem for p in CONFIGS} == systems | files | ELSEWHERE


def commands() -> list[str]:
    """Every line of the README's shell blocks that calls seqpred."""
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    parts = [part.strip() for line in lines for part in line.split("|")]
    return [part for part in parts if part.startswith("seqpred ")]


@pytest.mark.parametrize("line", commands())
def test_the_readmes_commands_parse(line: str) -> None:
    words = shlex.split(line.split(">", maxsplit=1)[0], comments=True)[1:]
    group: Any = typer.main.get_command(app)
    command = group.commands[words[0]]
    command.make_context(words[0], words[1:])  # raises where an option or argument is unknown


def test_the_readme_shows_every_command() -> None:
    group: Any = typer.main.get_command(app)
    assert {line.split()[1] for line in commands()} >= set(group.commands) - {"schema", "show"}


def test_the_repository_speaks_of_the_project_alone() -> None:
    for path in ROOT.rglob("*"):
        if path.suffix in {".md", ".py", ".toml", ".yaml"} and not set(path.parts) & {".venv", ".venv-lowest", "runs"}:
            found = re.search(r"/(?:work|root|home)/\w", path.read_text(encoding="utf-8"))
            assert not found, f"{path}: {found}"


def test_links_between_pages_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "data").glob("*.md")]:
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
