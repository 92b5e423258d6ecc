"""A stream: lines in, forecasts out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from seqpred.arrays import Float
from seqpred.calendar.step import Step
from seqpred.config.schema import Config
from seqpred.errors import ConfigError
from seqpred.features.covariates import Covariates
from seqpred.forecasting.model import Model
from seqpred.forecasting.row_session import Forecast, RowSession
from seqpred.forecasting.session_log import Log
from seqpred.forecasting.table import check_levels, quantile_at
from seqpred.notes import Notify, no_op
from seqpred.panel.panel import SINCE
from seqpred.reading.lines import LineParser, OnSkipped, RowFormat
from seqpred.reading.waiting_lines import Line
from seqpred.sources.columns import Columns
from seqpred.sources.dialect import Dialect


@dataclass(frozen=True)
class StreamOptions:
    """The options of a stream.

    Attributes:
        steps: rows ahead; by default one horizon.
        quantiles: levels to emit; by default those of the config.
        future: known covariates of coming rows; what it does not contain is unknown.
        window: whether a bidirectional network may read its window again at every row.
    """

    steps: int | None = None
    quantiles: Sequence[float] | None = None
    future: object = None
    window: bool = False


@dataclass(frozen=True)
class Snapshot:
    """The state of a stream before some lines.

    Attributes:
        malformed: how many rows had been malformed.
    """

    malformed: int
    log: Log


class StreamingForecaster:
    """Parses lines and forecasts after their rows.

    Args:
        source: what messages call the source of the lines.
        on_skipped: receives malformed rows, and rows that are not on the time grid.
        notify: receives what was inferred from the future file.

    Attributes:
        parser, session: what it is made of.
        quantiles: the levels to emit next to the median.

    Raises:
        ConfigError: the model or the layout of its data does not support streams.
    """

    def __init__(
        self, model: Model, source: str, options: StreamOptions, on_skipped: OnSkipped, notify: Notify = no_op
    ) -> None:
        config, covariates = model.config, model.covariates
        check_streaming(config, options.window)
        self.levels = config.levels
        self.quantiles = tuple(config.forecast.quantiles if options.quantiles is None else options.quantiles)
        check_levels(self.quantiles, self.levels)
        self.fingerprint = str(model.folder.manifest["fingerprint"])
        data, roles, dialect = config.data, config.data.covariates, Dialect.of(config.data)
        names = (tuple(roles.known), tuple(roles.past), tuple(roles.static))
        columns = Columns(tuple(data.times), data.id, tuple(data.targets), *names)
        step, statics = usual_step(Step.parse(data.frequency), covariates), _statics(config, covariates)
        step = replace(step, tolerance=Step.parse(data.snap).count) if data.snap else step
        words = {c.name: c.words for c in covariates.columns if c.words is not None}
        own = columns if statics is None else replace(columns, static=())
        self.parser = LineParser(source, RowFormat(own, dialect, words, step), on_skipped, notify)
        spec = model.session_spec(step, options.steps or model.horizon)
        if step.unit == "irregular" and spec.since is None:
            hint = "Omit --stream and --state, or train a model on this data."
            raise ConfigError("the pretrained network cannot stream rows without a fixed time step", hint=hint)
        known = None
        if options.future is not None:
            from seqpred.forecasting.future import known_at  # reading tables, which most streams do not need

            known = known_at(options.future, columns, dialect, covariates, step, notify)
        self.session = RowSession(spec, known, statics, on_skipped, source)

    def take(self, lines: Sequence[Line], every_row: bool = True) -> list[Forecast]:
        """The forecasts after these lines, in their order.

        Args:
            every_row: a forecast after every row, rather than after the last new one of each series.
        """
        rows = self.parser.parse(lines)
        self.session.clock = self.parser.clock
        return self.session.update(rows, every_row)

    def snapshot(self) -> Snapshot:
        """What `restore` needs to forget the lines that are taken from now on, up to the next snapshot."""
        return Snapshot(self.parser.malformed, self.session.start_log())

    def restore(self, snapshot: Snapshot) -> None:
        """Forget the lines taken since a snapshot; later snapshots must have been restored before."""
        self.parser.malformed = snapshot.malformed
        self.session.undo(snapshot.log)

    def mute(self) -> None:
        """Report no more skipped rows."""
        self.parser.on_skipped = self.session.on_skipped = no_op

    def load(self, path: Path) -> None:
        """Continue from a state file.

        Raises:
            FolderError: it is damaged, of another model, or of another format.
        """
        from seqpred.forecasting.session_file import read_session

        read_session(path, self.session, self.fingerprint)
        self.parser.clock = self.session.clock

    def save(self, path: Path) -> None:
        """Write a state file.

        Raises:
            WriteError: it could not be written.
        """
        from seqpred.forecasting.session_file import write_session

        write_session(path, self.session, self.fingerprint)

    def shown(self, quantiles: Float) -> Float:
        """The median and the levels to emit, [..., numbers], from all levels, [..., Q]."""
        flat = quantiles.reshape(-1, len(self.levels))
        columns = [flat[:, self.levels.index(0.5)], *(quantile_at(flat, self.levels, q) for q in self.quantiles)]
        return np.stack(columns, axis=1).reshape(*quantiles.shape[:-1], -1)


def check_streaming(config: Config, window: bool) -> None:
    """Refuse a model that cannot be updated row by row.

    Raises:
        ConfigError: with the reason and what to do.
    """
    omit = "Omit --stream and --state"
    if config.model.bidirectional and not window:
        raise ConfigError(
            "a bidirectional network has no state that could be carried from row to row",
            hint=f"--window reads the last {config.model.window} rows again at each row; "
            "or train a network with model.bidirectional: false.",
        )
    if config.data.layout not in ("rows", "wide"):
        raise ConfigError(
            f"data.layout is {config.data.layout}, and its rows do not follow each other in time",
            hint=f"{omit}, or provide a table with one row per timestamp.",
        )
    if config.data.duplicates in ("mean", "last"):
        raise ConfigError(
            f"data.duplicates is {config.data.duplicates}, and a stream cannot revise a forecast that it has emitted "
            "when another row has the same timestamp",
            hint=f"{omit}; or train with data.duplicates: first, which a stream does too.",
        )
    if config.data.frequency == "irregular" and config.data.covariates.known:
        raise ConfigError(
            "known covariates cannot be streamed for irregular data: future timestamps are unknown",
            hint=f"{omit}, and pass --future.",
        )


def usual_step(step: Step, covariates: Covariates) -> Step:
    """The step of a model; if there is none, with the usual interval of its training data."""
    interval = [c.spread for c in covariates.columns if c.name == SINCE]
    return replace(step, count=max(1, int(interval[0]))) if interval else step


def _statics(config: Config, covariates: Covariates) -> dict[str, list[float]] | None:
    """The static covariates of each series in the static file, as a model's codes; NaN for others, named ""."""
    if config.data.covariates.static_file is None:
        return None
    from seqpred.features.fit_covariates import encode_categories  # reading tables, which most streams do not need
    from seqpred.panel.static_file import open_statics, read_statics

    columns = [c for c in covariates.columns if c.role == "static"]
    source = open_statics(config.data.covariates, Dialect.of(config.data))
    assert source is not None
    table = read_statics(config.data.id, source, [c.name for c in columns], covariates.categories)
    values = table.values.copy()
    for i, column in enumerate(columns):
        if column.words is not None:
            values[:, i], _ = encode_categories(values[:, i], table.words[column.name], column)
    named = dict(zip(table.names, values[np.argsort(table.codes)].tolist(), strict=True))
    return {"": [float("nan")] * len(columns), **named}
