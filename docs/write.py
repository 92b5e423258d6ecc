"""Writes docs/config.md and docs/commands.md from the program itself: python docs/write.py (make docs)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from seqpred.cli.app import app
from seqpred.config.schema import Config, json_schema

DOCS = Path(__file__).parent
SECTIONS = {
    "data": "DataSection",
    "model": "ModelSection",
    "forecast": "ForecastSection",
    "training": "TrainingSection",
}


def config_page() -> str:
    """Every key of the config: type, bounds, default, meaning."""
    schema = json_schema()
    lines = [
        "# The config",
        "",
        "Written by `make docs` from the program. A config is a YAML of four sections; `data.target` must be there.",
        "`auto` is decided by the data, in `seqpred/recipe.py`; the model folder's `config.yaml` has what was decided.",
        "Precedence, lowest first: the default, what the data decides, the YAML, `--set key=value`.",
        "`seqpred schema` prints the JSON Schema, for editors.",
    ]
    for section, name in SECTIONS.items():
        description = schema["$defs"][name]["description"]
        lines += ["", f"## {section}", "", description, "", "| key | values | default | meaning |", "|---|---|---|---|"]
        lines += _rows(schema, name, "")
    assert set(SECTIONS) == set(Config.model_fields)
    return "\n".join(lines) + "\n"


def _rows(schema: dict[str, Any], name: str, above: str) -> Iterator[str]:
    """A line of the table for each key of a section, those of sections within it too."""
    for key, field in schema["$defs"][name]["properties"].items():
        if "$ref" in field:
            yield from _rows(schema, field["$ref"].rsplit("/", 1)[1], f"{above}{key}.")
            continue
        default = f"`{_plain(field['default'])}`" if "default" in field else "must be given"
        yield f"| `{above}{key}` | {_values(field)} | {default} | {field['description']} |"


def _plain(value: object) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _values(field: dict[str, Any]) -> str:
    """Types and bounds in words."""
    if "anyOf" in field:
        return ", or ".join(_values(part) for part in field["anyOf"])
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{v}`" for v in field["enum"])
    words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    bounds = [f"{word} {field[key]}" for key, word in words.items() if key in field]
    kinds = {
        "integer": "whole number",
        "number": "number",
        "string": "text",
        "boolean": "true or false",
        "null": "null",
    }
    kind = f"list of {_values(field['items'])}" if field.get("type") == "array" else kinds[field["type"]]
    return " ".join([kind, *bounds])


def commands_page() -> str:
    """Every command with its arguments and options."""
    lines = [
        "# The commands",
        "",
        "Written by `make docs` from the program. Data goes to standard output, everything else to standard error.",
        "",
        "| exit code | when |",
        "|---|---|",
        "| 0 | done; also when the reader of a pipe has gone |",
        "| 1 | a bug of ours |",
        "| 2 | wrong usage or config |",
        "| 3 | wrong data |",
        "| 4 | wrong or damaged model folder |",
        "| 5 | `--require-skill` not met |",
        "| 6 | could not write |",
        "| 130 | interrupted |",
    ]
    group: Any = typer.main.get_command(app)
    for name, command in group.commands.items():
        lines += ["", f"## seqpred {name}", "", *(line.strip() for line in (command.help or "").splitlines()), ""]
        for parameter in command.params:
            argument = parameter.param_type_name == "argument"
            names = [str(parameter.metavar)] if argument else parameter.opts
            lines.append(f"- {', '.join(f'`{name}`' for name in names)}: {parameter.help}")
    return "\n".join(line.rstrip() for line in lines) + "\n"


PAGES = {"config.md": config_page, "commands.md": commands_page}

if __name__ == "__main__":
    for page, write in PAGES.items():
        (DOCS / page).write_text(write(), encoding="utf-8")
