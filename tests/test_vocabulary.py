"""Everything a user reads uses the standard terms of the field; docs/glossary.md defines our own."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seqpred.cli.app import COMMANDS, load_command
from seqpred.config.schema import json_schema
from tests.conftest import ROOT
from tests.test_docs import PAGES

RETIRED = {  # word or phrase: what to write instead
    r"tells?|telling|told": "report, indicate, specify",
    r"says?|saying|said": "state, report, specify; emit for a network",
    r"speaks?|speaking|spoken|spoke": "emit, output; a position",
    r"settles?|settled|settling": "resolve",
    r"stands?(?! for\b)|standing|stood": "is, appears",
    r"adopts?|adopted|adopting": "encode, apply",
    r"obeys?|obeyed": "on the grid",
    r"mends?|mended|mending": "fix",
    r"begins? anew|begun anew|began anew": "start over",
    r"go on|goes on|going on|went on|gone on": "continue, resume",
    r"leaves? out|left out|leaving out": "skip, exclude, omit",
    r"takes? for|taken for|took for": "treat as",
    r"holds? together|held together|held against": "compare, check against",
    r"learns?|learnt|learned from|learning from|in learning|to learn from": "train, train on",
    r"learning part|validation part|test part|training part": "training split, validation split, test split",
    r"light runtime|runtime light|\(light\)|light where": "onnx",
    r"the house|rooms": "architecture, package",
    r"beside": "next to, relative to",
    r"by that|by the naive's|by the seasonal naive's": "relative to",
    r"trusted|how far to trust": "shrinkage, shrink",
    r"faulty": "malformed, invalid",
    r"bridged|bridges|bridging": "forward-filled",
    r"unkind|feasts?|hardly a": "a plain word",
    r"(?:whole|completely) or not at all": "atomically",
    r"in (?:the )?place of": "instead of",
    r"takes? as|taken as|took as": "treat as",
    r"onto the step|on the step|off the step": "on the time grid",
    r"so many|such and such": "N, this many",
    r"can'?t be": "cannot be",
    r"as in:": "Example:",
    r"paths start": "the current directory is",
    r"(?:already|must) holds?|holds? (?:a model|an unfinished|numbers|data|the data)": "contain",
    r"\w*colours?|neighbours?|\w*labelled|centred?|favours?|(?:recogn|summar|initial|normal)is\w+": "US spelling",
}
PATTERN = re.compile("|".join(rf"\b(?:{words})(?!\w)" for words in RETIRED), re.IGNORECASE)
SOURCE = ROOT / "seqpred"
MODULES = sorted(SOURCE.rglob("*.py"))


def retired(text: str) -> Iterator[str]:
    """Each retired word with its line number and the line."""
    for number, line in enumerate(text.splitlines(), 1):
        for match in PATTERN.finditer(line):
            yield f"{number}: {match.group()!r} in {line.strip()!r}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_retired_words_are_absent_from_the_page(page: Path) -> None:
    assert list(retired(page.read_text(encoding="utf-8"))) == []


def test_a_retired_word_is_found() -> None:
    assert len(list(retired("What it says,\nand how far to trust it."))) == 2


def descriptions(schema: Any, place: str = "config") -> Iterator[tuple[str, str]]:
    """The descriptions of all config keys and sections in the JSON Schema."""
    if isinstance(schema, dict):
        if isinstance(schema.get("description"), str):
            yield place, schema["description"]
        for key, value in schema.items():
            yield from descriptions(value, f"{place}.{key}")


def test_retired_words_are_absent_from_config_descriptions() -> None:
    found = list(descriptions(json_schema()))
    assert len(found) > 40
    assert [(name, word) for name, text in found for word in retired(text)] == []


def help_texts() -> Iterator[tuple[str, str]]:
    """The help of every command, argument and option, by name."""
    for name in COMMANDS:
        command = load_command(name)
        yield name, command.help or ""
        yield from ((f"{name} {parameter.name}", parameter.help or "") for parameter in command.params)


def test_retired_words_are_absent_from_help() -> None:
    assert [(name, word) for name, text in help_texts() for word in retired(text)] == []


def literals(path: Path) -> Iterator[tuple[int, str]]:
    """The string literals of a module with their line numbers, docstrings excluded."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.lineno, node.value


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_retired_words_are_absent_from_messages(path: Path) -> None:
    assert [(line, word) for line, text in literals(path) for word in retired(text)] == []
