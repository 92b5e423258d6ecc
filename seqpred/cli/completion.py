"""Shell completion: config keys and their values, column names, model folders."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import typer

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


def join_split_words() -> None:
    """Undo that bash splits `--set model.cell=gru` at the equals sign, and completes only what follows it.

    The words become `--set gru`, and `COMPLETED_KEY` is the key.
    """
    line = os.environ.get("COMP_WORDS", "")
    found = re.search(r"(?<=--set |-grid )([\w.]+) =(?: (\S*))?$", line)
    if found and os.environ.get("_SEQPRED_COMPLETE") == "complete_bash":
        before = line[: found.start()]
        os.environ |= {
            "COMP_WORDS": before + (found[2] or ""),
            "COMP_CWORD": str(len(before.split())),
            "COMPLETED_KEY": found[1],
        }


def offer_settings(incomplete: str) -> list[str]:
    """Config keys with this prefix, each followed by an equals sign; after one, the values of the key."""
    from seqpred.config.schema import config_fields

    fields = config_fields()
    if split := os.environ.get("COMPLETED_KEY"):
        return [value for value in _values(split, fields) if value.startswith(incomplete)]
    key, sign, start = incomplete.partition("=")
    if not sign:
        return [f"{name}=" for name in fields if name.startswith(incomplete)]
    return [f"{key}={value}" for value in _values(key, fields) if value.startswith(start)]


def _values(key: str, fields: Mapping[str, FieldInfo]) -> list[str]:
    """The values that a key may have, as far as they can be listed."""
    if key == "model.cell":
        from seqpred.config.cells import installed_cells

        return list(installed_cells())
    return list(_listed(fields[key].annotation)) if key in fields else []


def _listed(annotation: Any) -> Iterator[str]:
    if annotation is bool:
        yield from ("true", "false")
    for part in get_args(annotation):
        yield from [part] if isinstance(part, str) else _listed(part)


def offer_models(incomplete: str) -> list[str]:
    """The pretrained network, and model folders whose path begins like this, up to one folder further down."""
    from seqpred.pretrained import PRETRAINED
    from seqpred.storage.layout import holds_model

    pretrained = [PRETRAINED] if PRETRAINED.startswith(incomplete) else []
    above = Path(os.path.dirname(incomplete) or ".")
    try:
        folders = [folder for folder in sorted(above.iterdir()) if folder.is_dir() and not folder.name.startswith(".")]
        inside = [child for folder in folders for child in sorted(folder.iterdir()) if child.is_dir()]
    except OSError:
        return pretrained
    return pretrained + [
        str(path) for path in (*folders, *inside) if holds_model(path) and str(path).startswith(incomplete)
    ]


def offer_columns(ctx: typer.Context, incomplete: str) -> list[str]:
    """Columns with this prefix of the data file on the command line; none if it cannot be read."""
    from seqpred.reading.header import header
    from seqpred.sources.opening import open_source

    # An option without its value ends parsing, so the data file may be among the remaining words.
    data = next(iter(filter(None, [ctx.params.get("data"), *ctx.args])), "-")
    if data == "-":
        return []
    try:
        names = header(open_source(data))
    except Exception:  # noqa: BLE001, completion has no place for an error message
        return []
    return [name for name in names if name.startswith(incomplete)]
