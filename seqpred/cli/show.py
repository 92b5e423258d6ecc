"""`seqpred show` and `seqpred schema`: describe a model or a config without executing anything from it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from seqpred.cli.completion import offer_models
from seqpred.cli.forecast_options import JsonOption


def show(
    thing: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL|CONFIG",
            help="Model folder, `pretrained` or YAML config.",
            show_default=False,
            autocompletion=offer_models,
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Show what a model folder or a config contains.

    Prints a summary of the model, then its config and manifest as YAML. Nothing in the folder is executed.

    Example: seqpred show runs/sales
    """
    from seqpred.cli.terminal import write_data
    from seqpred.pretrained import PRETRAINED

    is_config = os.path.isfile(thing) or thing.suffix in (".yaml", ".yml")
    is_pretrained = str(thing) == PRETRAINED
    described = _pretrained() if is_pretrained else _config(thing) if is_config else _model(thing)
    if as_json:
        import json

        write_data(json.dumps(described) + "\n")
        return
    from seqpred.config.yaml_subset import dump_yaml
    from seqpred.report.text import printable

    details = dump_yaml(described, width=78)
    if not is_config:
        details = f"{_aligned(_summary_of_pretrained(described) if is_pretrained else _summary(thing))}\n{details}"
    write_data(printable(details))


def _summary(path: Path) -> Mapping[str, str]:
    """The summary of a model."""
    from seqpred.forecasting.model import load

    return load(path).summary()


def _summary_of_pretrained(described: Mapping[str, Any]) -> Mapping[str, str]:
    """The summary of the pretrained networks."""
    networks = described["networks"]
    sizes = sorted({f"{own['depth']} layer of {own['hidden_size']} units" for own in networks.values()})
    return {
        "model": "pretrained, part of seqpred",
        "networks": f"{', '.join(networks)}, each {' or '.join(sizes)}",
        "data": "synthetic series; columns, season and horizon follow from your data",
        "scores": "see `seqpred eval pretrained DATA`",
    }


def _aligned(lines: Mapping[str, str]) -> str:
    """A summary as YAML with the texts below each other."""
    from seqpred.config.yaml_subset import dump_yaml

    width = max(map(len, lines)) + 2
    return "".join(f"{label + ':':<{width}}" + dump_yaml({"x": text}, width=200)[3:] for label, text in lines.items())


def _model(path: Path) -> dict[str, Any]:
    from seqpred.forecasting.model import Model
    from seqpred.storage.model_folder import read_folder

    folder = read_folder(path)
    manifest = {k: v for k, v in folder.manifest.items() if k not in ("sha256", "manifest_sha256")}
    return {
        "kind": "model",
        "path": str(path),
        "config": folder.config.model_dump(),
        "runtime": Model(folder).runtime_name,
        "parameters": folder.parameters,
        "weights": {name: list(w.shape) for name, w in folder.weights().items()},
        "manifest": manifest,
    }


def _pretrained() -> dict[str, Any]:
    from seqpred.pretrained.weights import pretrained_cells, read_weights

    networks = {cell: read_weights(cell) for cell in pretrained_cells()}
    return {
        "kind": "pretrained",
        "networks": {
            cell: {**own.manifest, "parameters": sum(w.size for w in own.weights.values())}
            for cell, own in networks.items()
        },
    }


def _config(path: Path) -> dict[str, Any]:
    from seqpred.config.loading import load_config

    return {"kind": "config", "path": str(path), "config": load_config(path).model_dump()}


def schema() -> None:
    """Print the JSON Schema of the config, for editors.

    Save it, and refer to it in the first line of a config:

    seqpred schema > seqpred.schema.json

    # yaml-language-server: $schema=seqpred.schema.json
    """
    import json

    from seqpred.cli.terminal import write_data
    from seqpred.config.schema import json_schema

    write_data(json.dumps(json_schema(), indent=2) + "\n")
