"""Options shared by `init`, `train`, `tune` and `forecast`: the config and its keys."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from seqpred.cli.completion import offer_columns, offer_settings

ConfigArgument = Annotated[
    Path, typer.Argument(metavar="CONFIG", help="YAML config; `seqpred init` writes one.", show_default=False)
]
DataOption = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Data file, instead of the config's data.path; - reads standard input."),
]


def _check_reading(settings: list[str] | None) -> list[str] | None:
    """Reject keys that have no effect on the pretrained network."""
    for item in settings or []:
        key = item.partition("=")[0].strip()
        if not key.startswith(("data.", "forecast.")) or key.startswith("data.covariates."):
            raise typer.BadParameter(f"{item} has no effect on the pretrained network")
    return settings


_Set = partial(typer.Option, "--set", metavar="KEY=VALUE", autocompletion=offer_settings)
SetOption = Annotated[list[str] | None, _Set(help="Set a config key, such as model.cell=gru. Repeatable.")]
SetReadingOption = Annotated[
    list[str] | None,
    _Set(
        help="Set a config key of section data, such as data.date_order=day-first. Repeatable.",
        callback=_check_reading,
    ),
]
TimeOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN",
        help="Timestamp column [default: inferred]. Repeat it if date and time, or year and month, are separate.",
        autocompletion=offer_columns,
    ),
]
TargetOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN",
        help="Column to forecast [default: inferred]. Repeat it for several.",
        autocompletion=offer_columns,
    ),
]
IdOption = Annotated[
    str | None,
    typer.Option(
        "--id",
        metavar="COLUMN",
        help="Column that identifies the series [default: inferred].",
        autocompletion=offer_columns,
    ),
]
HorizonOption = Annotated[
    int | None, typer.Option(min=1, max=1_000_000, metavar="N", help="Rows to forecast [default: up to one season].")
]


def config_keys(
    time: Sequence[str] | None,
    target: Sequence[str] | None,
    series: str | None,
    settings: Sequence[str] | None,
    **forecast: Any,
) -> dict[str, Any]:
    """The dotted keys that options set.

    Args:
        settings: items of `--set`, which take precedence.
        forecast: values of keys of the section `forecast`, by name.
    """
    from seqpred.config.loading import read_override

    keys = {
        "data.time": time and (time[0] if len(time) == 1 else [*time]),
        "data.target": target and (target[0] if len(target) == 1 else [*target]),
        "data.id": series,
        **{f"forecast.{name}": value for name, value in forecast.items()},
    }
    return {key: value for key, value in keys.items() if value} | dict(map(read_override, settings or []))
