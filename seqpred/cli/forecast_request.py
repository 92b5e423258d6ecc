"""A request to `predict` or `forecast`: its options, parsed and checked together."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import typer

from seqpred.cli.forecast_options import Form

if TYPE_CHECKING:
    from seqpred.cli.table import TableFormat
    from seqpred.forecasting.shard import Shard


class ForecastRequest(NamedTuple):
    """A request to `predict` or `forecast`; see their options.

    Attributes:
        on_screen: whether a table and a chart are shown on a terminal.
    """

    data: str | None
    levels: list[float] | None = None
    steps: int | None = None
    future: str | None = None
    write_future: Path | None = None
    engine: Literal["local", "ray"] = "local"
    address: str | None = None
    part: Shard | None = None
    stream: bool = False
    state: Path | None = None
    strict: bool = False
    window: bool = False
    form: Form = "csv"
    output: Path | None = None
    header: bool = True
    on_screen: bool = False
    origin: bool = False
    digits: int | None = None

    def streamed(
        self, state: Path | None, shard: str | None, *, each: bool, strict: bool, window: bool = False
    ) -> ForecastRequest:
        """The same request with the options of a stream, or of a shard, which excludes them.

        Args:
            each: whether every row gets a forecast.
        """
        part = shard_of(shard, each=each or state is not None)
        return self._replace(stream=each, state=state, strict=strict, window=window, part=part)

    def written(
        self, form: Form | None, output: Path | None, digits: int | None, *, no_header: bool, origin: bool
    ) -> ForecastRequest:
        """The complete request, checked, with the options of the output; without any, a terminal shows a chart."""
        is_bare = form is None and output is None and not (no_header or origin)
        if form is None and output:
            from seqpred.cli.output_files import form_of

            form = form_of(output)
        complete = self._replace(
            form=form or "csv",
            output=output,
            header=not no_header,
            on_screen=is_bare and sys.stdout.isatty(),
            origin=origin,
            digits=digits,
        )
        complete.check()
        return complete

    def check(self) -> None:
        """Refuse options that exclude each other, and files that cannot be written."""
        _check(self.data, self.future, self.form, self.output, each=self.stream, stateful=self.state is not None)
        if self.engine == "ray" and (self.stream or self.state):
            raise typer.BadParameter("--engine ray forecasts files: a stream is read by one process")
        if self.address is not None and self.engine != "ray":
            raise typer.BadParameter("--address is for --engine ray")
        if self.write_future and (self.stream or self.state or self.output or self.future):
            text = "--write-future writes a template and no forecast: omit --stream, --state, --output and --future"
            raise typer.BadParameter(text)
        self._check_files(self.data, self.future)

    def _check_files(self, *inputs: str | None) -> None:
        """Refuse files that cannot be written, or that are read or written by another option."""
        if self.written_files:
            from seqpred.cli.output_files import check_distinct, check_output

            for path in self.written_files:
                check_output(path, *inputs)
            check_distinct(self.written_files)

    @property
    def written_files(self) -> list[Path]:
        """The files that this request writes."""
        return [path for path in (self.output, self.write_future, self.state) if path]

    @property
    def table_format(self) -> TableFormat:
        """How the forecasts are written."""
        from seqpred.cli.table import TableFormat

        return TableFormat(self.form, self.header, self.digits, self.origin)

    def history(self, like: str | None) -> str | None:
        """The file from which the pretrained network's config is chosen."""
        if like is None and self.data == "-" and (self.stream or self.state):
            raise typer.BadParameter("a stream has no rows yet to choose the season from: pass --like FILE")
        if like is not None:
            self._check_files(like)
        return self.data if like is None else like


def _check(
    data: str | None, future: str | None, form: Form, output: Path | None, *, each: bool, stateful: bool
) -> None:
    """Refuse combinations of options that exclude each other.

    Args:
        each: whether every row gets a forecast.
        stateful: whether a state is loaded and saved.
    """
    if data == "-" and future == "-":
        raise typer.BadParameter("the history and --future cannot both be standard input")
    if form == "parquet" and not output:
        raise typer.BadParameter("--format parquet is binary: pass --output FILE")
    if not (each or stateful):
        return
    if data is None:
        raise typer.BadParameter("--stream and --state need new rows: pass a file, or - for standard input")
    if form in ("json", "parquet"):
        raise typer.BadParameter(f"--format {form} cannot be written row by row: use csv, tsv or jsonl")
    if each and output:
        raise typer.BadParameter("--stream writes to standard output: redirect it, and omit --output")


def shard_of(text: str | None, *, each: bool) -> Shard | None:
    """The shard of an option."""
    if text is None:
        return None
    if each:
        raise typer.BadParameter("--shard divides files: split the rows of a stream before it")
    return parse_shard(text)


def parse_shard(text: str) -> Shard:
    """A shard from the value of `--shard`."""
    from seqpred.forecasting.shard import Shard

    try:
        return Shard.parse(text)
    except ValueError:
        raise typer.BadParameter(f"--shard {text}: expected i/n with i from 1 to n, such as 1/4") from None


def levels_of(text: str | None) -> list[float] | None:
    """The quantile levels of an option."""
    if not text:
        return None
    try:
        levels = [float(part) for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(f"--quantiles {text}: expected numbers between 0 and 1, such as 0.1,0.9") from None
    if not all(0 < level < 1 for level in levels) or sorted(set(levels)) != levels:
        raise typer.BadParameter(f"--quantiles {text}: expected increasing numbers between 0 and 1, such as 0.1,0.9")
    return levels
