"""The commands, by name. Only the module of the command in use is imported."""

from __future__ import annotations

import importlib
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from seqpred import __version__


class Entry(NamedTuple):
    """A command before its module is imported.

    Attributes:
        function: `module:function`, below `seqpred.cli`.
        summary: first sentence of the function's docstring.
        needs_arguments: whether the command without arguments prints its help.
    """

    function: str
    summary: str
    needs_arguments: bool = True


COMMANDS = {
    "forecast": Entry("forecast:forecast", "Forecast without training, with the pretrained network."),
    "init": Entry("init:init", "Inspect a data file and print a commented config.", needs_arguments=False),
    "check": Entry("check:check", "Summarize a data file and how training would use it."),
    "train": Entry("train:train", "Train a model and print the path of its folder."),
    "tune": Entry("tune:tune", "Search for a better config."),
    "eval": Entry("evaluate:evaluate", "Score a model on past windows, next to naive baselines."),
    "compare": Entry("compare:compare", "Compare models on the windows that none was trained on."),
    "explain": Entry("explain:explain", "Show the components of the next forecast of each series."),
    "predict": Entry("predict:predict", "Forecast the rows that follow the data."),
    "show": Entry("show:show", "Show what a model folder or a config contains."),
    "schema": Entry("show:schema", "Print the JSON Schema of the config, for editors.", needs_arguments=False),
}


def load_command(name: str) -> TyperCommand:
    """The command of this name with its options; imports its module."""
    module, _, function = COMMANDS[name].function.partition(":")
    single = typer.Typer(rich_markup_mode=None, add_completion=False)
    callback = getattr(importlib.import_module(f"seqpred.cli.{module}"), function)
    single.command(name, no_args_is_help=COMMANDS[name].needs_arguments)(callback)
    command = typer.main.get_command(single)
    assert isinstance(command, TyperCommand)
    return command


class _Deferred(TyperCommand):
    """A command that is imported when it is used."""

    def make_context(self, *args: Any, **options: Any) -> Any:
        """The context of the command itself."""
        return load_command(str(self.name)).make_context(*args, **options)


class _Commands(TyperGroup):
    """All commands; their help shows the summaries."""

    def __init__(self, **options: Any) -> None:
        options["commands"] = {name: _Deferred(name, help=entry.summary) for name, entry in COMMANDS.items()}
        super().__init__(**options)


app = typer.Typer(
    name="seqpred",
    cls=_Commands,
    help="Forecast time series from CSV files with recurrent networks.\n\n"
    "\b\nWithout training:\n  seqpred forecast sales.csv\n\n"
    "\b\nWith a network trained on your data:\n  seqpred init sales.csv > sales.yaml\n"
    "  seqpred train sales.yaml\n  seqpred predict runs/sales",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help does not need rich, whose import takes time
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(requested: bool) -> None:
    if requested:
        typer.echo(f"seqpred {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass
