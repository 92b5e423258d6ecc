"""The commands, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from seqpred import __version__
from seqpred.cli.check import check
from seqpred.cli.compare import compare
from seqpred.cli.evaluate import evaluate
from seqpred.cli.explain import explain
from seqpred.cli.init import init
from seqpred.cli.predict import predict
from seqpred.cli.show import schema, show
from seqpred.cli.train import train
from seqpred.cli.tune import tune

app = typer.Typer(
    name="seqpred",
    help="Forecast time series from CSV files with a recurrent network.\n\n"
    "Three steps: seqpred init sales.csv > sales.yaml; seqpred train sales.yaml; seqpred predict runs/sales.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help does not need rich, whose import takes time
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"seqpred {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


_COMMANDS: dict[str, Callable[..., None]] = {
    "init": init,
    "check": check,
    "train": train,
    "tune": tune,
    "eval": evaluate,
    "compare": compare,
    "explain": explain,
    "predict": predict,
    "show": show,
    "schema": schema,
}
for name, command in _COMMANDS.items():
    app.command(
        name, no_args_is_help=name in ("check", "train", "compare", "explain", "tune", "eval", "predict", "show")
    )(command)
