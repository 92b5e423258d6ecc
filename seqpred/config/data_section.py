"""The keys of a config about the data: where it is, how it is written, and which column has which role."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from seqpred.config.keys import advanced, key
from seqpred.config.values import Auto, Cycle, Encoding, Region, Target, TimeZone, Word, Words


class Section(BaseModel):
    """A part of the config; unknown keys are rejected, and values cannot be changed.

    Validators are built on first use: a command validates one kind of config only.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, defer_build=True)


class CovariateSection(Section):
    """Other columns used as inputs, by role. A text column becomes a category."""

    known: Words = advanced(
        [],
        "also known in the future",
        "Columns whose future values are known (price, holiday); `predict` reads them from --future.",
    )
    past: Words = advanced([], "only observed", "Columns whose future values are unknown.")
    static: Words = advanced([], "constant within each series", "Columns that are constant within each series.")
    static_file: str | None = advanced(
        None,
        "file with the static columns",
        "File with the static columns: one row per series, with the same id column as the data. It is read again at "
        "every forecast.",
    )
    calendar: list[Cycle] | Literal["auto", "none"] = advanced(
        "auto",
        "calendar cycles as inputs",
        "Calendar cycles used as inputs. auto: cycles longer than every lag and at most a third of the data.",
    )
    holidays: Region | None = advanced(
        None,
        "country whose holidays are inputs",
        "Country (ISO 3166 code), optionally with a subdivision, such as US, DE-BY or GB-SCT. Its public holidays and "
        "the days before and after them become known covariates. For steps of at most a day. Training needs "
        "`pip install 'seqpred[holidays]'`.",
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
        "CSV or Parquet file, compressed or not, relative to the working directory; or a pattern such as logs/*.csv "
        "or a folder, whose files are joined in the order of their names; - reads standard input.",
    )
    time: Word | Annotated[list[Word], Field(min_length=2, max_length=5)] | None = key(
        "auto",
        "timestamps",
        "Column of timestamps (dates or whole numbers), or several columns, such as [Date, Time] or [year, month]. "
        "auto: inferred. null: rows are in order.",
    )
    target: Target = key(..., "to forecast", "Column to forecast, or a list of columns (a wide table).")
    id: Word | None = key(
        "auto",
        "identifies the series",
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
        "moves timestamps onto the grid",
        "Largest distance by which a timestamp is moved onto the time grid, such as P1D for weeks that end on a "
        "Friday, but on a Thursday before a holiday. null: every timestamp must be on the grid.",
    )
    timezone: TimeZone = advanced(
        "auto",
        "of the local times",
        "Time zone, such as Europe/Berlin: timestamps without an offset are local times of this zone, and the "
        "calendar uses its local time. auto: the zone of the timestamps, if they have one.",
    )
    covariates: CovariateSection = key(
        CovariateSection.model_construct(), "other columns as inputs", "Other columns used as inputs, by role."
    )
    duplicates: Literal["error", "mean", "last", "first"] = advanced(
        "error", "rows with the same timestamp", "How to handle several rows of a series with the same timestamp."
    )
    missing: Literal["mask", "interpolate", "error"] = advanced(
        "mask",
        "missing rows and empty cells",
        "How training handles missing rows and empty cells: mask excludes them from the loss, interpolate fills "
        "targets linearly, error rejects them. In the inputs, targets are always forward-filled from the past.",
    )
    sentinels: list[int | float | str] = advanced(
        [], "markers of missing values", 'Numbers or texts that stand for a missing value, such as [-200, "-"].'
    )
    date_order: Literal["auto", "day-first", "month-first", "year-first"] = advanced(
        "auto",
        "of 03/04/05",
        "Which part comes first in dates such as 03/04/2005 or 03/04/05. auto: the order consistent with every row.",
    )
    timestamp_format: str = advanced(
        "auto",
        "of the timestamps",
        "Format of the timestamps as a strftime pattern, such as %d/%m/%Y %H:%M. If some timestamps have another "
        "format, it is inferred, with a note. auto: inferred from every row.",
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
        "Currency, unit or % around the numbers, by column, such as {price: $, load: kWh}. It is inferred for columns "
        "that are not listed.",
    )
    encoding: Encoding = advanced(
        "auto",
        "of the file",
        "Encoding of a CSV file, such as cp1252. auto: from the byte-order mark, otherwise UTF-8.",
    )
    layout: Literal["rows", "years", "weekday-years", "wide"] = advanced(
        "rows",
        "of the table",
        "rows: one row per timestamp. years: one column per year, each row the same date in every year. "
        "weekday-years: one column per year, each row the same weekday (364 days earlier per year back). wide: one row "
        "per series, timestamps as column names; data.target is a name for the values, and data.id may combine "
        "columns, such as Province + Country.",
    )

    @property
    def times(self) -> list[str]:
        """The time columns, in order; none if rows are in order."""
        return [] if self.time is None else [self.time] if isinstance(self.time, str) else list(self.time)

    @property
    def targets(self) -> list[str]:
        """The target columns, in order."""
        return [self.target] if isinstance(self.target, str) else list(self.target)
