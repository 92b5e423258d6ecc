"""The fixed part of a session, and the memory of its series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Float, Float32, Int
from seqpred.calendar.step import Step
from seqpred.features.covariates import Covariates
from seqpred.features.input_spec import SeriesSpec
from seqpred.features.inputs import SeriesMemory, TrackMemory
from seqpred.panel.panel import SINCE
from seqpred.runtime.runtime import Runtime

ADDED = "added."  # with which the names of the arrays of an added forecast begin
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class SessionSpec:
    """What stays fixed in a session.

    Attributes:
        series: how rows become inputs.
        horizon: rows that the network forecasts at once.
        median: the index of the median among the Q levels.
        step: from one row to the next.
        steps: N, rows to forecast.
        minimums: the lowest forecast of each of the C targets; None for no minimum.
        tile: the runtime reads a multiple of this number of tracks after blocks of rows; see `runtime.TILE`.
        added: another forecast of the same targets, a share of which the forecast contains.
    """

    series: SeriesSpec
    runtime: Runtime
    horizon: int
    median: int
    step: Step
    steps: int
    minimums: tuple[float | None, ...] = ()
    tile: int = 1
    added: AddedForecast | None = None

    @cached_property
    def lowest(self) -> Float | None:
        """`minimums` as an array for quantiles [B, C, P, N, Q], -inf for no minimum; None if no target has one."""
        if all(minimum is None for minimum in self.minimums):
            return None
        lowest = [-np.inf if minimum is None else minimum for minimum in self.minimums]
        return np.array(lowest)[:, None, None, None]

    @property
    def covariates(self) -> Covariates:
        """The covariates, in the order of the columns after the targets."""
        return self.series.covariates

    @property
    def targets(self) -> int:
        """C, the number of targets."""
        return self.series.targets

    @property
    def anchor(self) -> int:
        """Lag of the naive forecast that the network corrects."""
        return self.series.inputs.anchor

    @cached_property
    def since(self) -> int | None:
        """The column of the time since the last row; None if rows have a fixed step."""
        names = [c.name for c in self.covariates.columns]
        return self.targets + names.index(SINCE) if SINCE in names else None

    @property
    def rows_ahead(self) -> int:
        """M, the rows ahead whose known covariates and times are used: whole horizons."""
        return -(-self.steps // self.horizon) * self.horizon

    @cached_property
    def reads_ahead(self) -> bool:
        """Whether a forecast needs more than the state: known covariates, its own medians, or a window."""
        return self.steps > self.horizon or self.covariates.has_known or self.runtime.window is not None

    def next_times(self, state: SeriesState, count: int) -> Int:
        """The times of the next rows, [B, count]; irregular rows are assumed at the usual interval."""
        rows = np.arange(count)
        if self.since is not None:
            return state.last[:, None] + (1 + rows) * self.step.count
        return self.step.times(state.origins[:, None], state.rows[:, None] + rows)


@dataclass(frozen=True)
class AddedForecast:
    """A forecast with separate inputs, such as that of a pretrained network.

    Attributes:
        spec: without covariates and without minimums; horizon, targets and levels are those of the other forecast.
        share: of it in the sum, from 0 to 1.
        interval_scale: the factor of the distance of its quantiles from its median.
    """

    spec: SessionSpec
    share: float
    interval_scale: float

    def added_to(self, quantiles: Float, own: Float) -> Float:
        """The sum of both forecasts, [B, C, P, N, Q]: `own` is this one, `quantiles` the other."""
        median = own[..., self.spec.median, None]
        scaled = median + self.interval_scale * (own - median)
        return np.asarray((1 - self.share) * quantiles + self.share * scaled)


class SeriesState(NamedTuple):
    """The memory of B series. Its size does not depend on their number of rows.

    Attributes:
        origins: [B], the time of the first row.
        last: [B], the time of the last row of irregular series.
        features: for the inputs of the next rows.
        recurrent: [B, C, S, hidden], the states of a forward network.
        window: [B, C, window, F], the last inputs of a bidirectional network.
        added: the state of the added forecast, if there is one.
    """

    origins: Int
    last: Int
    features: SeriesMemory
    recurrent: Float32
    window: Float32
    added: SeriesState | None = None

    @property
    def rows(self) -> Int:
        """Rows of each series, [B]."""
        return self.features.tracks.rows

    @classmethod
    def start(cls, spec: SessionSpec, origins: Sequence[int] | Int) -> SeriesState:
        """The state before the first row of series that start at these times."""
        series, runtime, targets = len(origins), spec.runtime, spec.targets
        times = np.array(origins, np.int64)
        state = runtime.start(series * targets)
        return cls(
            origins=times,
            last=times.copy(),
            features=SeriesMemory.start(spec.series, series),
            recurrent=by_series(state if runtime.window is None else state[:0], targets),
            window=np.zeros((series, targets, runtime.window or 0, spec.series.width), np.float32),
            added=None if spec.added is None else cls.start(spec.added.spec, origins),
        )

    def to_arrays(self) -> Arrays:
        """All arrays by name, the series first in each."""
        features = self.features
        added = {} if self.added is None else {ADDED + name: a for name, a in self.added.to_arrays().items()}
        own = {"held": features.held, "known": features.known, "recurrent": self.recurrent, "window": self.window}
        return {"origins": self.origins, "last": self.last, **features.tracks._asdict(), **own, **added}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> SeriesState:
        """The state from the arrays of `to_arrays`."""
        tracks = TrackMemory(**{name: arrays[name] for name in TrackMemory._fields})
        features = SeriesMemory(tracks, arrays["held"], arrays["known"])
        added = {name.removeprefix(ADDED): array for name, array in arrays.items() if name.startswith(ADDED)}
        other = cls.from_arrays(added) if added else None
        return cls(arrays["origins"], arrays["last"], features, arrays["recurrent"], arrays["window"], other)

    def take(self, index: Int | slice) -> SeriesState:
        """The state of some of the series."""
        return SeriesState.from_arrays({name: array[index] for name, array in self.to_arrays().items()})

    def put(self, index: Int, state: SeriesState) -> None:
        """Replace the state of some of the series."""
        for array, new in zip(self.to_arrays().values(), state.to_arrays().values(), strict=True):
            array[index] = new

    @staticmethod
    def concatenate(states: Sequence[SeriesState]) -> SeriesState:
        """The states of several groups of series, one after another."""
        if len(states) == 1:
            return states[0]
        arrays = [state.to_arrays() for state in states]
        return SeriesState.from_arrays({name: np.concatenate([a[name] for a in arrays]) for name in arrays[0]})


def by_series(state: Float32, targets: int) -> Float32:
    """The state of a runtime, [S, B C, hidden], by series, [B, C, S, hidden]."""
    parts, tracks, hidden = state.shape
    return np.ascontiguousarray(state.transpose(1, 0, 2)).reshape(tracks // targets, targets, parts, hidden)


def by_part(state: Float32) -> Float32:
    """The inverse of `by_series`."""
    series, targets, parts, hidden = state.shape
    return np.ascontiguousarray(state.reshape(series * targets, parts, hidden).transpose(1, 0, 2))
