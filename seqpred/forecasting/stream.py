"""From lines to forecasts: gaps filled, rows that came before left out, each row answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from seqpred.arrays import Float
from seqpred.calendar.step import DAY, YEAR_10000, Step
from seqpred.config.schema import Config
from seqpred.errors import ConfigError, Fault
from seqpred.features.covariates import Covariates, recode
from seqpred.forecasting.follower import Follower, Following, Log
from seqpred.forecasting.future import coming
from seqpred.forecasting.model import Model, plan_of
from seqpred.forecasting.rows import Line, Row, Rows, Wanted
from seqpred.forecasting.table import check_levels, quantile_at
from seqpred.panel.panel import SINCE
from seqpred.panel.static_file import open_statics, read_statics
from seqpred.sources.columns import Columns
from seqpred.sources.dialect import Dialect

MOST_ABSENT = 1000  # absent rows before a row, beside 50 for each that its series has had, beyond which it is a fault


@dataclass(frozen=True)
class Answer:
    """The forecasts after a row.

    Attributes:
        line: of the row.
        place: of its series.
        rows: how many rows the series had then.
        quantiles: [C, N, Q].
    """

    line: int
    place: int
    rows: int
    time: int
    quantiles: Float


@dataclass(frozen=True)
class Asked:
    """What a person asks of a stream.

    Attributes:
        steps: rows ahead; one horizon by default.
        quantiles: levels to give; those of the config by default.
        future: the known covariates of coming rows; what it does not hold is unknown.
        window: whether a network of both directions may read its window anew at every row.
    """

    steps: int | None = None
    quantiles: Sequence[float] | None = None
    future: object = None
    window: bool = False


@dataclass(frozen=True)
class Snapshot:
    """The state of a stream before some lines.

    Attributes:
        counts: taken, late and malformed rows.
    """

    counts: tuple[int, int, int]
    log: Log


class Stream:
    """Rows in, answers out.

    Args:
        name: what messages call the place the rows come from.
        on_fault: receives malformed lines.

    Attributes:
        wanted: the levels to show beside the median.
        late: how many rows lay at or before their series' last one, and were left out.
        taken: how many rows were read.

    Raises:
        ConfigError: the network or the layout of the data can't be followed row by row.
    """

    def __init__(self, model: Model, name: str, asked: Asked, on_fault: Callable[[Fault], None]) -> None:
        config, covariates = model.config, model.covariates
        _check(config, asked.window)
        self.levels = config.levels
        self.wanted = tuple(config.forecast.quantiles if asked.quantiles is None else asked.quantiles)
        check_levels(self.wanted, self.levels)
        data, told, dialect = config.data, config.data.covariates, Dialect.of(config.data)
        roles = (tuple(told.known), tuple(told.past), tuple(told.static))
        columns = Columns(tuple(data.times), data.id, tuple(data.targets), *roles)
        step = _usual(Step.parse(data.frequency), covariates)
        step = replace(step, tolerance=Step.parse(data.snap).count) if data.snap else step
        words = {c.name: c.words for c in covariates.columns if c.words is not None}
        self.fingerprint = str(model.folder.manifest["fingerprint"])
        self._statics = _statics(config, covariates)
        own = columns if self._statics is None else replace(columns, static=())
        self.rows = Rows(name, Wanted(own, dialect, words, step), on_fault)
        self.follower = Follower(
            Following(
                plan_of(config, covariates),
                model.runtime,
                len(data.targets),
                step,
                asked.steps or model.horizon,
                coming(asked.future, columns, dialect, covariates, step),
            )
        )
        usual = step.count if step.unit in ("microsecond", "irregular") else 32 * DAY * step.count
        self._latest = YEAR_10000 - self.follower.following.steps * usual if step.unit != "row" else 2**53
        self._ends: dict[int, int] = {}  # by place, time of the last row in the lines being taken
        self.late = self.taken = 0

    def snapshot(self) -> Snapshot:
        """What `restore` needs to forget the lines that are taken from now on, up to the next snapshot."""
        return Snapshot((self.taken, self.late, self.rows.bad), self.follower.start_log())

    def restore(self, snapshot: Snapshot) -> None:
        """Forget the lines taken since a snapshot; later snapshots must have been restored before."""
        self.taken, self.late, self.rows.bad = snapshot.counts
        self.follower.undo(snapshot.log)

    def shown(self, quantiles: Float) -> Float:
        """The median and the wanted levels, [..., numbers], of all levels, [..., Q]."""
        flat = quantiles.reshape(-1, len(self.levels))
        columns = [flat[:, self.levels.index(0.5)], *(quantile_at(flat, self.levels, w) for w in self.wanted)]
        return np.stack(columns, axis=1).reshape(*quantiles.shape[:-1], -1)

    def take(self, lines: Sequence[Line]) -> list[Answer]:
        """The forecasts after these lines, in their order."""
        self._ends = {}
        rows = self.rows.read(lines)
        blocks: dict[int, list[list[float]]] = {}
        asked: list[tuple[int, int, int, int]] = []  # line, place, row of the series, time
        follower, covariates = self.follower, self.follower.following.plan.covariates
        nothing = [float("nan")] * (follower.following.targets + len(covariates.columns))
        if self.rows.clock is not None:
            follower.wall = self.rows.clock.local
        for given in rows:
            place = follower.places.get(given.name)
            had = 0 if place is None else follower.rows[place] + len(blocks.get(place, ()))
            try:
                row, absent = self._where(given, had)
            except ValueError as e:
                self.rows.bad += 1
                self.rows.on_fault(Fault(self.rows.name, given.line, str(e)))
                continue
            if absent < 0:
                self.late += 1
                continue
            place = follower.place(row.name, row.time or 0)
            block = blocks.setdefault(place, [])
            block.extend([nothing] * absent)
            block.append(self._whole(row, place, not had))
            asked.append((given.line, place, follower.rows[place] + len(block), row.time or 0))
        self.taken += len(asked)
        before = {place: follower.rows[place] for place in blocks}
        said = follower.read({place: np.array(block) for place, block in blocks.items()})
        return [Answer(line, place, n, time, said[place][:, n - before[place] - 1]) for line, place, n, time in asked]

    def _whole(self, row: Row, place: int, new: bool) -> list[float]:
        """The row with what does not stand in it: how long after the last one it comes, what is static elsewhere."""
        values, since = row.values, self.follower.following.since
        if self._statics is not None:
            values = [*values, *self._statics.get(row.name, self._statics[""])]
        if since is not None:
            assert row.time is not None
            distance = float("nan") if new else float(row.time - self._end(place, 0))
            self._ends[place] = row.time
            values = [*values[:since], distance, *values[since:]]
        return values

    def _where(self, row: Row, had: int) -> tuple[Row, int]:
        """The row with its time, and how many rows are absent before it; negative where it is not new.

        Args:
            had: how many rows its series has had.
        Raises:
            ValueError: it is off the step, or too far ahead.
        """
        if row.time is not None and row.time >= self._latest:
            raise ValueError(f"{self._written(row)} is too near the year 10000 for a forecast")
        if row.time is None or not had:
            return row, 0
        following, place, time = self.follower.following, self.follower.places[row.name], row.time
        if row.later is not None and time <= self._end(place, had):
            time = row.later
            row = row._replace(time=time)
        if following.since is not None:
            return row, 0 if time > self._end(place, had) else -1
        position = _position(following.step, self.follower.origins[place], time)
        if position is None:
            raise ValueError(f"{self._written(row)} is not on the step of {following.step}")
        absent = position - had
        if absent > MOST_ABSENT + 50 * had:
            raise ValueError(f"{self._written(row)} lies {absent + 1} steps after the last row, too far to be true")
        return row, absent

    def _end(self, place: int, had: int) -> int:
        """The time of the last row of a series that has had so many, those to be read included."""
        follower = self.follower
        if place in self._ends:
            return self._ends[place]
        if follower.following.since is not None:
            return int(follower.memory["last"][place])
        return int(follower.following.step.times(follower.origins[place], np.array([had - 1]))[0])

    def _written(self, row: Row) -> str:
        assert self.rows.clock is not None
        stamp = self.rows.clock.write(np.array([row.time]))[0]
        return f"the time {stamp}" + (f" of series {row.name!r}" if row.name else "")


def _position(step: Step, origin: int, time: int) -> int | None:
    """How many steps a time lies after the origin; None where it lies on none."""
    if step.unit in ("row", "microsecond") and not step.tolerance:
        position, rest = divmod(time - origin, step.count)
        return None if rest else position
    return _by_calendar(step, origin, time)


@lru_cache(1 << 14)
def _by_calendar(step: Step, origin: int, time: int) -> int | None:
    position, on_step = step.positions(np.array([time]), origin)
    return int(position[0]) if on_step[0] else None


def _check(config: Config, window: bool) -> None:
    if config.model.bidirectional and not window:
        raise ConfigError(
            "this network reads each window in both directions, so it has no state to carry on from row to row",
            hint=f"--window reads the last {config.model.window} rows anew at each row; "
            "or train one with model.bidirectional: false.",
        )
    if config.data.layout not in ("rows", "wide"):
        raise ConfigError(
            "a table with a column per year can't be followed: one row of it is a day of many years",
            hint="Leave --stream and --state out, or give a table with a row for each time.",
        )
    if config.data.frequency == "irregular" and config.data.covariates.known:
        raise ConfigError(
            "without a step nobody knows the times of coming rows, by which a stream finds what is known of them",
            hint="Leave --stream and --state out, and give --future.",
        )


def _usual(step: Step, covariates: Covariates) -> Step:
    """The step of a model, the usual distance of two rows in learning its length where there is none."""
    distance = [c.spread for c in covariates.columns if c.name == SINCE]
    return replace(step, count=max(1, int(distance[0]))) if distance else step


def _statics(config: Config, covariates: Covariates) -> dict[str, list[float]] | None:
    """What a static file says of each series, as a model's codes and in the order of its columns; of "", nothing."""
    columns = [c for c in covariates.columns if c.role == "static"]
    source = open_statics(config.data.covariates, Dialect.of(config.data))
    if source is None:
        return None
    table = read_statics(config.data.id, source, [c.name for c in columns], covariates.categories)
    values = table.values.copy()
    for i, column in enumerate(columns):
        if column.words is not None:
            values[:, i], _ = recode(values[:, i], table.words[column.name], column)
    named = dict(zip(table.names, values[np.argsort(table.codes)].tolist(), strict=True))
    return {"": [float("nan")] * len(columns), **named}
