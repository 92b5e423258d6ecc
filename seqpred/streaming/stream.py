"""From lines to forecasts: gaps filled, rows that came before left out, each row answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from seqpred.config import Config, settled
from seqpred.data.reading import Columns
from seqpred.data.timing import DAY, YEAR_10000, Step
from seqpred.errors import ConfigError
from seqpred.features import Float
from seqpred.forecasting.future import coming
from seqpred.forecasting.table import check_levels, quantile_at
from seqpred.model import Model, dialect_of, levels_of, plan_of
from seqpred.streaming.follower import Follower, Following
from seqpred.streaming.rows import Line, Row, Rows, Wanted

MOST_ABSENT = 1000  # absent rows before a row, beside 50 for each that its series has had, beyond which it is a fault


@dataclass(frozen=True)
class Answer:
    """The forecasts after a row: its series, how many rows that had then, and the quantiles [C, N, Q]."""

    place: int
    rows: int
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


class Stream:
    """Rows in, answers out.

    Args:
        name: what messages call the place the rows come from.
        tell: told of lines that are no rows.

    Attributes:
        wanted: the levels to show beside the median.
        late: how many rows lay at or before their series' last one, and were left out.
        taken: how many rows were read.

    Raises:
        ConfigError: the network or the layout of the data can't be followed row by row.
    """

    def __init__(self, model: Model, name: str, asked: Asked, tell: Callable[[str], None]) -> None:
        config, covariates = model.config, model.covariates
        _check(config, asked.window)
        self.levels = levels_of(config)
        self.wanted = tuple(config.forecast.quantiles if asked.quantiles is None else asked.quantiles)
        check_levels(self.wanted, self.levels)
        data, told, dialect = config.data, config.data.covariates, dialect_of(config)
        roles = (tuple(told.known), tuple(told.past), tuple(told.static))
        columns = Columns(tuple(data.times), data.id, tuple(data.targets), *roles)
        step = Step.parse(settled(data.frequency))
        words = {c.name: c.words for c in covariates.columns if c.words is not None}
        self.fingerprint = str(model.folder.manifest["fingerprint"])
        self.rows = Rows(name, Wanted(columns, dialect, words, dated=step.unit != "row"), tell)
        self.follower = Follower(
            Following(
                plan_of(config, covariates),
                model.runtime,
                len(data.targets),
                step,
                asked.steps or model.horizon,
                coming(asked.future, columns, dialect, covariates),
            )
        )
        usual = step.count if step.unit == "microsecond" else 32 * DAY * step.count
        self._latest = YEAR_10000 - self.follower.following.steps * usual if step.unit != "row" else 2**53
        self.late = self.taken = 0

    def shown(self, quantiles: Float) -> Float:
        """The median and the wanted levels, [..., numbers], of all levels, [..., Q]."""
        flat = quantiles.reshape(-1, len(self.levels))
        columns = [flat[:, self.levels.index(0.5)], *(quantile_at(flat, self.levels, w) for w in self.wanted)]
        return np.stack(columns, axis=1).reshape(*quantiles.shape[:-1], -1)

    def take(self, lines: Sequence[Line]) -> list[Answer]:
        """The answers to these lines, in their order."""
        rows = self.rows.read(lines)
        blocks: dict[int, list[list[float]]] = {}
        asked: list[tuple[int, int]] = []  # place, row of the series
        nothing = [float("nan")] * len(self.rows.wanted.columns.values)
        follower = self.follower
        for row in rows:
            try:
                place, absent = self._where(row, blocks)
            except ValueError as e:
                self.rows.bad += 1
                self.rows.tell(f"{self.rows.name}:{row.line}: {e}")
                continue
            if absent < 0:
                self.late += 1
                continue
            block = blocks.setdefault(place, [])
            block.extend([nothing] * absent)
            block.append(row.values)
            asked.append((place, follower.rows[place] + len(block)))
        self.taken += len(asked)
        before = {place: follower.rows[place] for place in blocks}
        said = follower.read({place: np.array(block) for place, block in blocks.items()})
        return [Answer(place, n, said[place][:, n - before[place] - 1]) for place, n in asked]

    def _where(self, row: Row, blocks: dict[int, list[list[float]]]) -> tuple[int, int]:
        """The place of a row's series, and how many rows are absent before it; negative where it is not new.

        Raises:
            ValueError: it is off the step, or too far ahead.
        """
        follower = self.follower
        if row.time is not None and row.time >= self._latest:
            raise ValueError(f"{self._written(row)} is too near the year 10000 for a forecast")
        place = follower.places.get(row.name)
        if place is None:
            place = follower.place(row.name, row.time or 0)
            return place, 0
        if row.time is None:
            return place, 0
        had = follower.rows[place] + len(blocks.get(place, ()))
        position = _position(follower.following.step, follower.origins[place], row.time)
        if position is None:
            raise ValueError(f"{self._written(row)} is not on the step of {follower.following.step}")
        absent = position - had
        if absent > MOST_ABSENT + 50 * had:
            raise ValueError(f"{self._written(row)} lies {absent + 1} steps after the last row, too far to be true")
        return place, absent

    def _written(self, row: Row) -> str:
        assert self.rows.clock is not None
        stamp = self.rows.clock.write(np.array([row.time]))[0]
        return f"the time {stamp}" + (f" of series {row.name!r}" if row.name else "")


def _position(step: Step, origin: int, time: int) -> int | None:
    """How many steps a time lies after the origin; None where it lies on none."""
    if step.unit in ("row", "microsecond"):
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
    data = config.data
    for unfit, what in (
        (data.layout != "rows", "a table with a column per year"),
        (data.frequency == "irregular", "data without a step (data.frequency: irregular)"),
        (data.timezone != "auto", f"data with the clock of {data.timezone} (data.timezone)"),
        (data.covariates.static_file is not None, "data whose static columns stand in a file of their own"),
    ):
        if unfit:
            raise ConfigError(f"{what} can't be followed row by row yet", hint="Leave --stream and --state out.")
