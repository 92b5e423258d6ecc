"""`seqpred explain`."""

from __future__ import annotations

from typing import Annotated

import typer

from seqpred.cli.forecast_options import DigitsOption, HistoryArgument, JsonOption, ModelArgument, NoNotesOption


def explain(
    ctx: typer.Context,
    model: ModelArgument,
    data: HistoryArgument = None,
    future: Annotated[
        str | None, typer.Option(metavar="FILE", help="Future values of the known covariates, as for predict.")
    ] = None,
    digits: DigitsOption = None,
    as_json: JsonOption = False,
    quiet: NoNotesOption = False,
) -> None:
    """Show the components of the next forecast of each series.

    Prints the shares of the naive forecasts, the correction by the network and the effect of each covariate. The
    weighted mean of the naive forecasts plus the correction is the forecast. An effect is the forecast minus the
    forecast with the covariate at its typical value.

    Example: seqpred explain runs/sales sales.csv
    """
    from seqpred.cli.terminal import Output, table, write_data
    from seqpred.commands import explain as command

    output = Output.of(ctx, quiet=quiet)
    found = command.explain(model, data, future=future, notify=output.notify)
    if as_json:
        import json

        write_data(json.dumps(found.to_dict(digits), ensure_ascii=False) + "\n")
        return
    from seqpred.report.components import component_rows, covariate_rows, effect_rows

    title, rows = component_rows(found, digits)
    table(title, *rows)
    if found.covariates:
        title, rows = effect_rows(found, digits)
        table(title, *rows)
        title, rows = covariate_rows(found.covariates, found.mase, digits)
        table(title, *rows, texts=3)
