"""What is remembered of many series, and the forecasts after each of their new rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Float, Float32, Int
from seqpred.calendar.step import DAY, Step
from seqpred.features.tracks import Arrays, Block, advance, remembered
from seqpred.forecasting.batch import Forecasting, widened
from seqpred.panel.panel import SINCE
from seqpred.runtime.runtime import HeadInputs, Runtime, read_windows

LONGEST_BLOCK = 512  # rows of a series prepared at once, which bounds memory

Coming = Callable[[str, Int], Float]
"""From a series and the times of coming rows to their known covariates, [N, known]; NaN where unknown."""


@dataclass(frozen=True)
class Following:
    """What stays the same while rows come.

    Attributes:
        targets: C, how many.
        step: from one row to the next.
        steps: N, rows to forecast.
        ahead: what is known of coming rows.
    """

    plan: Forecasting
    runtime: Runtime
    targets: int
    step: Step
    steps: int
    ahead: Coming

    @cached_property
    def since(self) -> int | None:
        """Where in a row it says how long after the last one it comes; None where rows have a step."""
        names = [c.name for c in self.plan.covariates.columns]
        return self.targets + names.index(SINCE) if SINCE in names else None


@dataclass
class Log:
    """What reading rows has changed, so that it can be undone.

    Attributes:
        series: how many there were before.
        changes: places, and how many rows they had and what was remembered of them before.
    """

    series: int
    changes: list[tuple[npt.NDArray[np.intp], list[int], Arrays]] = field(default_factory=list)


class Follower:
    """The memory of all series so far; each has a place in its arrays.

    Attributes:
        wall: what the clock on the wall shows at some times, for the calendar.
        names: of the series, by place.
        origins: the time of each one's first row.
        rows: how many rows each has had, absent ones included.
        memory: see `tracks.Arrays`.
    """

    def __init__(self, following: Following) -> None:
        self.following = following
        self.names: list[str] = []
        self.origins: list[int] = []
        self.rows: list[int] = []
        self.places: dict[str, int] = {}
        self.wall: Callable[[Int], Int] = lambda times: times
        self.memory = self._fresh(1)
        self._log: Log | None = None

    def place(self, name: str, time: int) -> int:
        """The place of a series; a new one begins at this time."""
        place = self.places.get(name)
        if place is None:
            place = self.places[name] = len(self.names)
            self.names.append(name)
            self.origins.append(time)
            self.rows.append(0)
        return place

    def times_ahead(self, place: int, rows: int, last: int) -> list[int]:
        """The times of the steps after so many rows of a series; where there is no step, after the `last` one's."""
        step, origin, steps = self.following.step, self.origins[place], self.following.steps
        if step.unit == "irregular":
            return [last + n * step.count for n in range(1, steps + 1)]
        if step.unit in ("row", "microsecond"):
            return [origin + n * step.count for n in range(rows, rows + steps)]
        times: list[int] = step.times(origin, np.arange(rows, rows + steps)).tolist()
        return times

    def read(self, blocks: Mapping[int, Float]) -> dict[int, Float]:
        """New rows of some series, each [T, columns]; the quantiles after each row, [C, T, N, Q]."""
        self._make_room()
        by_length: dict[int, list[int]] = {}
        for place, rows in blocks.items():
            by_length.setdefault(len(rows), []).append(place)
        said: dict[int, Float] = {}
        for length, places in by_length.items():
            values = np.stack([blocks[place] for place in places])
            chosen = np.array(places)
            width = LONGEST_BLOCK if not self._one_by_one else 1
            parts = [self._read(chosen, values[:, t : t + width]) for t in range(0, length, width)]
            whole = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)
            said.update(zip(places, whole, strict=True))
        return said

    def start_log(self) -> Log:
        """A new log, in which changes from now on are recorded."""
        self._log = log = Log(len(self.names))
        return log

    def undo(self, log: Log) -> None:
        """Forget the rows that a log has recorded; logs are undone last first."""
        for places, rows, memory in reversed(log.changes):
            for k, v in memory.items():
                self.memory[k][places] = v
            for place, count in zip(places.tolist(), rows, strict=True):
                self.rows[place] = count
        for name in self.names[log.series :]:
            del self.places[name]
        for per_series in (self.names, self.origins, self.rows):
            del per_series[log.series :]
        self._log = None

    @property
    def _one_by_one(self) -> bool:
        """Whether a row's forecast needs more than the state after it: its own medians, what is known, a window."""
        following = self.following
        known = following.plan.covariates.known
        return following.steps > following.plan.horizon or bool(known) or following.runtime.window is not None

    def _fresh(self, series: int) -> Arrays:
        """What is remembered of series before their first row."""
        following, covariates = self.following, self.following.plan.covariates
        targets, runtime, look = following.targets, following.runtime, following.plan.look
        memory = remembered(look, series, targets)
        kept = [c for c in covariates.columns if c.role == "static" or c.daily]
        if following.since is not None:
            memory["last"] = np.zeros(series, np.int64)
        memory["kept"] = np.full((series, len(kept), 2), np.nan)  # a code or number, and the day that it holds for
        layout = covariates.layout
        memory["known"] = np.zeros((series, look.anchor, layout.known + layout.known_codes), np.float32)
        if runtime.window is None:
            state = runtime.start(series * targets)
            memory["state"] = _by_series(state, series)
        else:
            memory["recent"] = np.zeros((series, targets, runtime.window, self._inputs), np.float32)
        return memory

    @property
    def _inputs(self) -> int:
        plan, targets = self.following.plan, self.following.targets
        layout = plan.covariates.layout
        own = plan.look.inputs + layout.numbers + len(layout.codes)
        return own + (2 * targets + 1 if plan.joint else 0)

    def _make_room(self) -> None:
        """Twice the places as soon as there are too few."""
        have = len(self.memory["rows"])
        if len(self.names) <= have:
            return
        more = self._fresh(max(have, len(self.names) - have))
        self.memory = {k: np.concatenate([v, more[k]]) for k, v in self.memory.items()}

    def _read(self, places: npt.NDArray[np.intp], values: Float) -> Float:
        """T more rows of B series, [B, T, columns]; the quantiles after each, [B, C, T, N, Q]."""
        following = self.following
        plan = following.plan
        covariates_known = bool(plan.covariates.known)
        memory = {k: v[places] for k, v in self.memory.items()}
        if self._log is not None:
            self._log.changes.append((places, [self.rows[p] for p in places], memory))
        names, origins = [self.names[p] for p in places], np.array([self.origins[p] for p in places], np.int64)
        q, observed, memory = self._pass(names, origins, memory, values)
        for k, v in memory.items():
            self.memory[k][places] = v
        for place in places.tolist():
            self.rows[place] += values.shape[1]
        done = [q]
        while sum(part.shape[3] for part in done) < following.steps:
            medians = done[-1][:, :, 0, :, plan.middle].transpose(0, 2, 1)
            rows = self._coming(names, origins, memory, medians)
            width = 1 if covariates_known or following.runtime.window is not None else rows.shape[1]
            for t in range(0, rows.shape[1], width):
                q, _, memory = self._pass(names, origins, memory, rows[:, t : t + width])
            q = q[:, :, -1:]
            flat, last = q.reshape(-1, *q.shape[3:]), done[-1].reshape(-1, *q.shape[3:])
            done.append(widened(flat, last, plan.middle).reshape(q.shape))
        said: Float = np.concatenate(done, axis=3)[:, :, :, : following.steps]
        said[~observed] = np.nan
        return said

    def _coming(self, names: Sequence[str], origins: Int, memory: Arrays, medians: Float) -> Float:
        """Rows [B, N, columns] in which the network goes on from its own medians, [B, N, C]."""
        covariates, targets = self.following.plan.covariates, self.following.targets
        rows = np.full((*medians.shape[:2], targets + len(covariates.columns)), np.nan)
        rows[:, :, :targets] = medians
        first = memory["rows"]
        for b, name in enumerate(names if covariates.known else ()):
            times = self._times(origins[b : b + 1], first[b : b + 1], medians.shape[1])[0]
            rows[b, :, targets : targets + len(covariates.known)] = self.following.ahead(name, times)
        return rows

    def _pass(
        self, names: Sequence[str], origins: Int, memory: Arrays, values: Float
    ) -> tuple[Float, npt.NDArray[np.bool_], Arrays]:
        """Through the network: quantiles [B, C, T, N, Q], which tracks had been observed, and the memory then."""
        following, targets = self.following, self.following.targets
        series, rows = values.shape[:2]
        covariates = following.plan.covariates
        block, after = advance(memory, values[:, :, :targets].transpose(0, 2, 1), following.plan.look)
        times, told = None, values[:, :, targets:].copy()
        if following.since is not None:
            times = self._stamps(origins, memory, values[:, :, following.since])
            after["last"] = times[:, -1]
        elif covariates.calendar or covariates.columns:
            times = self._times(origins, memory["rows"], rows)
        times = None if times is None else self.wall(times)
        after["kept"] = self._keep(memory["kept"], told, times)
        flat = np.empty(0, np.int64) if times is None else times.ravel()
        numbers, codes = covariates.tell(told.reshape(series * rows, -1), flat)
        x = self._joined(block, numbers.reshape(series, rows, -1), codes.reshape(series, rows, -1))
        after["known"], around = self._around(names, origins, memory, after, (numbers, codes))
        known = None if around is None else np.repeat(around, targets, axis=0)[:, None]
        z, after = self._said(memory, after, x, HeadInputs(block.recent(following.plan.look), known))
        anchors = block.anchors(following.plan.look.anchor, following.plan.horizon)
        quantiles = anchors[..., None] + block.scale[..., None, None] * z.astype(np.float64)
        return quantiles, block.observed, after

    def _said(self, memory: Arrays, after: Arrays, x: Float32, ahead: HeadInputs) -> tuple[Float32, Arrays]:
        """What the network says, [B, C, T, N, Q], and the memory with its state."""
        runtime = self.following.runtime
        series, targets, rows = x.shape[:3]
        flat = x.reshape(series * targets, rows, -1)
        if runtime.window is not None:
            recent = np.concatenate([memory["recent"], x], axis=2)[:, :, rows:].astype(np.float32)
            after["recent"] = recent
            had = np.minimum(after["rows"], runtime.window).repeat(targets)
            tracks = [t[len(t) - n :] for t, n in zip(recent.reshape(-1, *recent.shape[2:]), had, strict=True)]
            z = read_windows(runtime, tracks, ahead)[:, None]
        else:
            own = memory["state"].astype(np.float32)
            state = np.ascontiguousarray(own.reshape(series * targets, *own.shape[2:]).transpose(1, 0, 2))
            z, state = runtime.read(np.ascontiguousarray(flat), state, rows, ahead)
            after["state"] = _by_series(state, series)
        return z.reshape(series, targets, *z.shape[1:]), after

    def _joined(self, block: Block, numbers: Float32, codes: Float32) -> Float32:
        """[B, C, T, F], in the order of `features.join`."""
        series, targets, rows, _ = block.x.shape

        def each(part: Float32) -> Float32:
            return np.broadcast_to(part[:, None], (series, targets, *part.shape[1:]))

        if not self.following.plan.joint:
            return np.concatenate([block.x, each(numbers), each(codes)], axis=3)
        others = block.x[:, :, :, [0, -4]].transpose(0, 2, 1, 3).reshape(series, rows, -1)
        which = np.broadcast_to(np.arange(1, targets + 1, dtype=np.float32)[:, None, None], (series, targets, rows, 1))
        return np.concatenate([block.x, each(others), each(numbers), which, each(codes)], axis=3)

    # ------------------------------------------------------------------ covariates

    def _times(self, origins: Int, first: npt.NDArray[np.generic], rows: int) -> Int:
        """The times of rows from the `first` on, [B, T]."""
        positions = first.astype(np.int64)[:, None] + np.arange(rows)
        step = self.following.step
        if step.unit in ("row", "microsecond"):
            return origins[:, None] + positions * step.count
        return np.stack([step.times(int(o), p) for o, p in zip(origins, positions, strict=True)])

    def _stamps(self, origins: Int, memory: Arrays, since: Float) -> Int:
        """The times [B, T] of rows that come so long after one another; those to be forecast the usual distance."""
        new = memory["rows"] == 0
        last = np.where(new, origins, memory["last"].astype(np.int64))
        distance = np.where(np.isfinite(since), since, self.following.step.count).astype(np.int64)
        distance[new, 0] = 0
        stamps: Int = last[:, None] + distance.cumsum(axis=1)
        return stamps

    def _keep(self, kept: npt.NDArray[np.generic], told: Float, times: Int | None) -> Float:
        """What holds for a series, or for a day, put into rows without it; `told` [B, T, covariates] is changed."""
        memory: Float = kept.astype(np.float64)
        columns = self.following.plan.covariates.columns
        places = [i for i, c in enumerate(columns) if c.role == "static" or c.daily]
        for k, i in enumerate(places):
            for t in range(told.shape[1]):
                own, held = told[:, t, i], memory[:, k]
                if columns[i].daily:
                    assert times is not None
                    first, day = times[:, t] % DAY == 0, times[:, t] // DAY
                    begins = first & np.isfinite(own)
                    held[begins, 0], held[begins, 1] = own[begins], day[begins]
                    holds = held[:, 1] == day
                else:
                    new = np.isnan(held[:, 0])
                    held[new, 0] = own[new]
                    holds = np.isfinite(held[:, 0])
                told[:, t, i] = np.where(holds, held[:, 0], own)
        return memory

    def _around(
        self, names: Sequence[str], origins: Int, memory: Arrays, after: Arrays, told: tuple[Float32, Float32]
    ) -> tuple[npt.NDArray[np.generic], Float32 | None]:
        """The known covariates of the last `anchor` rows, and with those of the coming ones, [B, anchor + N, known]."""
        covariates, targets = self.following.plan.covariates, self.following.targets
        if not covariates.known:
            return memory["known"], None
        series = len(names)
        now = self._known(*told).reshape(series, -1, memory["known"].shape[2])
        begins = (memory["rows"] == 0)[:, None, None]
        past = np.where(begins, now[:, :1], memory["known"])
        past = np.concatenate([past, now], axis=1)[:, now.shape[1] :].astype(np.float32)
        steps = self.following.plan.horizon
        coming = self._coming(names, origins, after, np.full((series, steps, targets), np.nan))[:, :, targets:]
        times = self.wall(self._times(origins, after["rows"], steps))
        self._keep(after["kept"], coming, times)
        ahead = self._known(*covariates.tell(coming.reshape(series * steps, -1), times.ravel()))
        return past, np.concatenate([past, ahead.reshape(series, steps, -1)], axis=1)

    def _known(self, numbers: Float32, codes: Float32) -> Float32:
        layout = self.following.plan.covariates.layout
        return np.concatenate(
            [numbers[:, layout.numbers - layout.known :], codes[:, len(layout.codes) - layout.known_codes :]], axis=1
        )


def _by_series(state: Float32, series: int) -> Float32:
    """[series, C, S, hidden], from a runtime's state [S, tracks, hidden]."""
    parts, tracks, hidden = state.shape
    return np.ascontiguousarray(state.transpose(1, 0, 2)).reshape(series, tracks // max(series, 1), parts, hidden)
