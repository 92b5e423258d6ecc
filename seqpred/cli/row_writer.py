"""The rows of successive forecasts as CSV, TSV or JSON lines: the output of a stream."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from seqpred.cli.table import DELIMITERS, TableFormat
from seqpred.timestamps.format import TimestampFormat

if TYPE_CHECKING:
    from seqpred.sources.columns import Columns


class RowWriter:
    """Writes the rows of successive forecasts in the same form as `table.encode_block`.

    Args:
        made: csv, tsv or jsonl.
        columns: of the rows.
        levels: of the quantiles.
    """

    def __init__(self, made: TableFormat, columns: Columns, levels: Sequence[float]) -> None:
        self._form, self._digits, self._has_origin = made.form, made.digits, made.origin
        self._has_header = made.header and made.form != "jsonl"
        self._id, self._times = columns.id, columns.time
        self._numbers = ["forecast", *(f"q{level:g}" for level in levels)]
        self._named = len(columns.targets) > 1
        self._targets = [self._field("target", name) for name in columns.targets] if self._named else [""]
        self._keys = [f"{json.dumps(name)}: " for name in self._numbers]
        self._field_of = lru_cache(1 << 17)(self._field)
        self._moment_of = lru_cache(1 << 12)(self._moment)
        self.clock = TimestampFormat(None)

    def header(self) -> str:
        """The first line; empty in JSON."""
        if not self._has_header:
            return ""
        names = [self._id] if self._id else []
        names += [
            *self._times,
            *(["origin"] if self._has_origin else []),
            "step",
            *(["target"] if self._named else []),
            *self._numbers,
        ]
        return "".join(self._field(n, n) for n in names)[:-1] + "\n"

    @property
    def has_times(self) -> bool:
        """Whether there are columns of time."""
        return bool(self._times)

    def write(
        self, series: str, times: Sequence[int], forecasts: Sequence[Sequence[Sequence[float]]], origin: int
    ) -> str:
        """The lines of one row's forecasts, [C, N, numbers].

        Args:
            times: of the steps.
            origin: the time of the row; without columns of time, its number.
        """
        last = self._origin_of(origin) if self._has_origin else ""
        start = self._field_of(self._id, series) if self._id else ""
        moments = [self._moment_of(time) for time in times] if self._times else [""] * len(times)
        lines = []
        for target, own in zip(self._targets, forecasts, strict=True):
            for step, (moment, numbers) in enumerate(zip(moments, own, strict=True), start=1):
                lines.append(self._line(start + moment + last, step, target, numbers))
        return "".join(lines)

    def _line(self, start: str, step: int, target: str, numbers: Sequence[float]) -> str:
        if self._digits is not None:
            numbers = [round(number, self._digits) for number in numbers]
        if self._form == "jsonl":
            cells = ", ".join(
                [k + ("null" if math.isnan(n) else repr(n)) for k, n in zip(self._keys, numbers, strict=True)]
            )
            return f'{{{start}"step": {step}, {target}{cells}}}\n'
        sign = DELIMITERS[self._form]
        cells = sign.join(["" if math.isnan(n) else repr(n) for n in numbers])
        return f"{start}{step}{sign}{target}{cells}\n"

    def _moment(self, time: int) -> str:
        cells = [column[0] for column in self.clock.write_columns(np.array([time]))]
        return "".join(self._field(name, cell) for name, cell in zip(self._times, cells, strict=True))

    def _origin_of(self, origin: int) -> str:
        return self._field("origin", self.clock.write(np.array([origin]))[0] if self._times else origin)

    def _field(self, name: str, value: str | int) -> str:
        """A cell, and what separates it from the next."""
        if self._form == "jsonl":
            return f"{json.dumps(name, ensure_ascii=False)}: {json.dumps(value, ensure_ascii=False)}, "
        text = io.StringIO()
        csv.writer(text, delimiter=DELIMITERS[self._form], lineterminator="\n").writerow([value, ""])
        return text.getvalue()[:-1]
