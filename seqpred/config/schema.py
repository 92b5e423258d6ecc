"""The sections and keys of a config, with types, bounds and defaults.

A key's title is its comment in the config that `seqpred init` writes; an advanced key is omitted there while it has
its default. Precedence, lowest first: the default, what is inferred from the data (`auto`), the YAML, `--set`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from seqpred.config.keys import advanced, fields_of, key, set_key
from seqpred.config.messages import Place, validate
from seqpred.config.values import Auto, Cell, Count, Cycle, Encoding, Levels, Target, TimeZone, Word, Words


class Section(BaseModel):
    """A part of the config; unknown keys are rejected, and values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class CovariateSection(Section):
    """Other columns used as inputs, by role. A text column becomes a category."""

    known: Words = advanced(
        [],
        "also known in the future",
        "Columns whose future values are known (price, holiday); `predict` reads them from --future.",
    )
    past: Words = advanced([], "known up to the forecast only", "Columns whose future values are unknown.")
    static: Words = advanced([], "constant within each series", "Columns that are constant within each series.")
    static_file: str | None = advanced(
        None,
        "file with the static columns",
        "File with the static columns, one row per series, identified by a column named as in data.id. It is read "
        "again at every forecast.",
    )
    calendar: list[Cycle] | Literal["auto", "none"] = advanced(
        "auto",
        "calendar cycles as inputs",
        "Calendar cycles used as inputs. auto: those that no lag spans, if the data contains at least three of them.",
    )

    @property
    def columns(self) -> list[str]:
        """All covariate columns, in the order of their roles."""
        return [*self.known, *self.past, *self.static]


class DataSection(Section):
    """Where the data is, how it is written, and which column has which role."""

    path: str | None = key(
        None,
        "relative to the working directory",
        "CSV or Parquet file (.gz too), relative to the working directory; or a pattern such as logs/*.csv, whose "
        "files are joined in the order of their names; - reads standard input.",
    )
    time: Word | Annotated[list[Word], Field(min_length=2, max_length=5)] | None = key(
        "auto",
        "timestamps",
        "Column of timestamps: dates or whole numbers; or several columns, such as [Date, Time] or [year, month]. "
        "auto: inferred. null: rows are in order.",
    )
    target: Target = key(..., "to forecast", "Column to forecast, or a list of columns (a wide table).")
    id: Word | None = key(
        "auto",
        "names the series",
        "Column that identifies the series (a long table). auto: inferred. null: one series.",
    )
    frequency: Word | Auto = key(
        "auto",
        "time from one row to the next",
        "Time step: PT1H, P1D, P7D, P1M (P1M-end: last day of the month), P3M, P1Y, business-day, or a whole "
        "number for integer timestamps. irregular: no fixed step; the time since the previous row becomes an "
        "input. auto: inferred.",
    )
    snap: Word | None = advanced(
        None,
        "moves timestamps onto the step",
        "Largest distance by which a timestamp is moved onto the time step, such as P1D for weeks that end on a "
        "Friday, but on a Thursday before a holiday. null: every timestamp must be on the step.",
    )
    timezone: TimeZone = advanced(
        "auto",
        "of the local times",
        "Time zone, such as Europe/Berlin: timestamps without an offset are local times of this zone, and the "
        "calendar uses its local time. auto: the zone of the timestamps, if they have one.",
    )
    covariates: CovariateSection = key(
        CovariateSection(), "other columns as inputs", "Other columns used as inputs, by role."
    )
    duplicates: Literal["error", "mean", "last", "first"] = advanced(
        "error", "rows with the same timestamp", "How to handle several rows of a series with the same timestamp."
    )
    missing: Literal["mask", "interpolate", "error"] = advanced(
        "mask",
        "missing rows and empty cells",
        "How training handles missing rows and empty cells: mask excludes them from the loss, interpolate fills "
        "targets linearly, error rejects them. Inputs are always forward-filled from the past.",
    )
    sentinels: list[int | float | str] = advanced(
        [], "values that mean missing", 'Numbers or texts that stand for a missing value, such as [-200, "-"].'
    )
    date_order: Literal["auto", "day-first", "month-first", "year-first"] = advanced(
        "auto",
        "of 03/04/05",
        "Which part comes first in dates such as 03/04/2005 or 03/04/05. auto: the order consistent with every row.",
    )
    decimal: Literal["auto", ".", ","] = advanced(
        "auto",
        "decimal sign",
        "Decimal sign; thousands may be grouped by the other sign, a blank or an apostrophe. auto: the sign "
        "consistent with every cell.",
    )
    unit: dict[str, str] = advanced(
        {},
        "around the numbers",
        "Currency, unit or % around the numbers, by column, such as {price: $, load: kWh}. Columns that are not "
        "listed: inferred.",
    )
    encoding: Encoding = advanced(
        "auto",
        "of the file",
        "Encoding of a CSV file, such as cp1252. auto: as its byte-order mark indicates, else UTF-8.",
    )
    layout: Literal["rows", "years", "weekday-years", "wide"] = advanced(
        "rows",
        "of the table",
        "rows: one row per timestamp. years: one column per year, each row the same date in every year. "
        "weekday-years: one column per year, each row the same weekday (364 days earlier per year back). wide: one row "
        "per series, timestamps as column names; the target names the values, and the id may join columns, as in "
        "Province + Country.",
    )

    @property
    def times(self) -> list[str]:
        """The time columns, in order; none if rows are in order."""
        return [] if self.time is None else [self.time] if isinstance(self.time, str) else list(self.time)

    @property
    def targets(self) -> list[str]:
        """The target columns, in order."""
        return [self.target] if isinstance(self.target, str) else list(self.target)


class ModelSection(Section):
    """The recurrent network and its inputs."""

    cell: Cell = key("lstm", "rnn, lstm or gru", "Recurrent cell: rnn, lstm, gru, or the name of an installed one.")
    depth: int = key(2, "stacked layers", "Stacked layers, each fed by the one below.", ge=1, le=64)
    bidirectional: bool = key(
        False,
        "read each window in both directions",
        "Read each window in both directions. A bidirectional network cannot carry its state forward.",
    )
    dropout: float = key(
        0.2,
        "between layers and before the head",
        "Dropout between layers and before the head; never across time.",
        ge=0,
        lt=1,
    )
    hidden_size: Annotated[int, Field(ge=1, le=8192)] | Auto = key(
        "auto", "state units", "State units of each layer and direction."
    )
    joint: bool | Auto = advanced(
        "auto",
        "targets are inputs to each other",
        "Whether each target of a series also sees the other targets as inputs.",
    )
    members: Annotated[int, Field(ge=1, le=64)] | Auto = key(
        "auto", "networks in the ensemble", "Networks whose quantiles are averaged, each trained from its own seed."
    )
    blend: bool = advanced(
        True,
        "blend several naive forecasts",
        "Correct a learned blend of several naive forecasts, rather than the naive forecast of the anchor alone.",
    )
    autoregression: bool = advanced(
        True,
        "linear autoregressive term",
        "Add a linear autoregressive term over the last `window` rows to the forecast.",
    )
    window: Count | Auto = key(
        "auto",
        "rows in a training window",
        "Rows in a training window; a bidirectional network sees only these before a forecast.",
    )
    anchor: Count | Auto = key(
        "auto",
        "lag of the naive forecast that the network corrects",
        "Lag of the naive forecast that the network corrects (1: the last value).",
    )
    lags: Annotated[list[Count], Field(min_length=1, max_length=64)] | Auto = key(
        "auto", "inputs: change since this many rows ago", "Inputs: the change of the target since this many rows ago."
    )


class ForecastSection(Section):
    """What to forecast."""

    horizon: Count | Auto = key("auto", "rows to forecast", "Rows to forecast at once.")
    season: Count | Auto = key(
        "auto", "rows per season", "Rows per season, for scaling, the seasonal naive forecast and MASE (1: no season)."
    )
    quantiles: Levels = key(
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
        "levels",
        "Quantile levels to forecast; the median is always forecast.",
    )


class TrainingSection(Section):
    """How to train the network."""

    loss: Literal["pinball", "huber"] = advanced(
        "pinball", "quantile loss", "Quantile loss at every position; huber smooths its corner."
    )
    learning_rate: float = key(
        0.002,
        "peak of the schedule",
        "Peak learning rate of AdamW; the rate warms up, then decays to zero.",
        gt=0,
        le=1,
    )
    batch_size: Annotated[int, Field(ge=1, le=65536)] | Auto = advanced(
        "auto", "windows in a batch", "Windows in a batch."
    )
    max_steps: Annotated[int, Field(ge=1, le=100_000_000)] | Auto = key("auto", "batches at most", "Batches at most.")
    time_budget: float | None = advanced(
        None,
        "seconds at most",
        "Seconds of training at most; the schedule is adapted. Runs limited by time are not reproducible.",
        gt=0,
    )
    patience: int = advanced(
        10,
        "validations without a better score before stopping",
        "Validations without a better score before stopping.",
        ge=1,
        le=100_000,
    )
    validation: Count | Auto = key(
        "auto",
        "last rows of each series, which decide when to stop",
        "Rows at the end of each series that decide how long to train; the final networks are trained on all rows.",
    )
    seed: int = key(1, "of all random numbers", "Seed of all random numbers.", ge=0, lt=2**31)
    device: Literal["auto", "cpu", "cuda", "mps"] = advanced(
        "auto", "where to train", "Device to train on. auto: cuda if available, else cpu."
    )
    threads: Annotated[int, Field(ge=1, le=1024)] | Auto = advanced(
        "auto", "of the processor", "CPU threads. auto: by the size of the network."
    )


class Config(Section):
    """A complete config: four sections, of which only the first is required."""

    data: DataSection
    model: ModelSection = ModelSection()
    forecast: ForecastSection = ForecastSection()
    training: TrainingSection = TrainingSection()
    tune: dict[str, Any] = advanced(
        {},
        "search space of `seqpred tune`",
        "Search space of `seqpred tune`: dotted keys with a list of values, such as 'model.depth: [1, 2]', or a "
        "range, such as 'training.learning_rate: {low: 0.0003, high: 0.01, log: true}'.",
    )

    @staticmethod
    def from_tree(tree: Mapping[str, Any]) -> Config:
        """The config in a mapping of sections, as in YAML.

        Raises:
            ConfigError: all faults together.
        """
        return validate(Config, tree, lambda _: Place("config"))

    def replace(self, changes: Mapping[str, Any]) -> Config:
        """A copy with dotted keys set to new values, validated like any other.

        Args:
            changes: values by dotted key, such as `{"model.depth": 3}`.
        Raises:
            ConfigError: an unknown key, or a value out of bounds.
        """
        tree = self.model_dump()
        for name, value in changes.items():
            set_key(tree, name, value)
        return Config.from_tree(tree)


def config_fields() -> dict[str, FieldInfo]:
    """The field of every key, by dotted name."""
    return fields_of(Config)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a config, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema()}
