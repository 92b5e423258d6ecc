"""`seqpred show` and `seqpred schema`: what a thing is, without running anything from it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def show(
    thing: Annotated[
        Path, typer.Argument(metavar="MODEL|CONFIG", help="Model folder or YAML config.", show_default=False)
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, and errors too.")] = False,
) -> None:
    """Show what a model folder or a config is; nothing from it is run."""
    is_config = thing.is_file() or thing.suffix in (".yaml", ".yml")
    described = _config(thing) if is_config else _model(thing)
    if as_json:
        import json

        typer.echo(json.dumps(described))
        return
    from seqpred.config.yaml_subset import dump_yaml
    from seqpred.report.text import printable

    typer.echo(printable(dump_yaml(described, width=100)), nl=False)


def _model(path: Path) -> dict[str, Any]:
    from seqpred.forecasting.model import Model
    from seqpred.storage.model_folder import read_folder

    folder = read_folder(path)
    model = Model(folder)
    weights = folder.weights()
    manifest = {k: v for k, v in folder.manifest.items() if k not in ("sha256", "manifest_sha256")}
    return {
        "kind": "model",
        "path": str(path),
        "config": folder.config.model_dump(),
        "runtime": model.runtime_name,
        "parameters": sum(w.size for w in weights.values()),
        "weights": {name: list(w.shape) for name, w in weights.items()},
        "manifest": manifest,
    }


def _config(path: Path) -> dict[str, Any]:
    from seqpred.config.loading import load_config

    return {"kind": "config", "path": str(path), "config": load_config(path).model_dump()}


def schema() -> None:
    """Print the JSON Schema of a config, for editors.

    Example: seqpred schema > seqpred.schema.json, then
    # yaml-language-server: $schema=seqpred.schema.json
    """
    import json

    from seqpred.config.schema import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))
