"""Scores by series and by step, and the forecasts themselves, collected during a backtest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from seqpred.evaluation.backtest import Observer, TrackForecast
from seqpred.evaluation.metrics import Case, Tally, tally_by_step
from seqpred.evaluation.scores import Scores
from seqpred.panel.panel import Panel

By = Literal["series", "step"]
MOST_WAITING = 256  # tracks whose scores by step are computed at once


class SeriesBreakdown:
    """Scores by series, or by series and target if there are several targets.

    Args:
        levels: of the forecasters' Q quantiles.
    """

    def __init__(self, panel: Panel, levels: Sequence[float]) -> None:
        self._panel, self._levels = panel, levels
        self._tallies: dict[str, dict[str, Tally]] = {}

    def observe(self, track: TrackForecast) -> None:
        """Take note of one track in one window."""
        name = self._panel.track_name(track.series, track.target)
        own = self._tallies.setdefault(name, {key: Tally(self._levels) for key in track.cases})
        for key, case in track.cases.items():
            own[key].add([case])

    def scores(self) -> dict[str, dict[str, Scores]]:
        """By series, then by forecaster; the highest MASE of the model first."""
        found = {name: {key: tally.scores() for key, tally in own.items()} for name, own in self._tallies.items()}
        return dict(sorted(found.items(), key=lambda item: -(item[1]["model"].mase or 0.0)))


class StepBreakdown:
    """Scores by step ahead.

    Args:
        levels: of the forecasters' Q quantiles.
    """

    def __init__(self, levels: Sequence[float]) -> None:
        self._levels = levels
        self._waiting: dict[str, list[Case]] = {}  # tallied together, which is faster
        self._tallies: dict[str, list[Tally]] = {}

    def observe(self, track: TrackForecast) -> None:
        """Take note of one track in one window."""
        for key, case in track.cases.items():
            self._waiting.setdefault(key, []).append(case)
        if len(self._waiting["model"]) == MOST_WAITING:
            self._add_waiting()

    def _add_waiting(self) -> None:
        for key, cases in self._waiting.items():
            found = tally_by_step(cases, self._levels)
            for total, tally in zip(self._tallies.setdefault(key, found), found, strict=True):
                if total is not tally:
                    total.merge(tally)
        self._waiting = {}

    def scores(self) -> dict[str, dict[str, Scores]]:
        """By step, then by forecaster."""
        self._add_waiting()
        steps = len(next(iter(self._tallies.values()), []))
        return {str(n + 1): {key: own[n].scores() for key, own in self._tallies.items()} for n in range(steps)}


@dataclass
class ForecastTable:
    """The forecasts of every window as columns: id, time, cutoff, step, target, actual, forecast, quantiles."""

    panel: Panel
    levels: Sequence[float]
    columns: dict[str, list[Any]] = field(default_factory=dict)

    def observe(self, track: TrackForecast) -> None:
        """Append the rows of one track in one window."""
        own, case = self.panel.columns, track.cases["model"]
        written: Sequence[Sequence[Any]] = self.panel.clock.write_columns(track.times)
        steps = len(case.truth)
        rows: dict[str, list[Any]] = {own.id: [track.series] * steps} if own.id is not None else {}
        if own.time:
            rows |= {name: list(cells[1:]) for name, cells in zip(own.time, written, strict=True)}
        cutoff = " ".join(str(cells[0]) for cells in written)
        rows |= {"cutoff": [cutoff] * steps, "step": list(range(1, steps + 1)), "target": [track.target] * steps}
        rows |= {"actual": case.truth.tolist(), "forecast": case.quantiles[:, self.levels.index(0.5)].tolist()}
        rows |= {f"q{level:g}": case.quantiles[:, i].tolist() for i, level in enumerate(self.levels)}
        for name, cells in rows.items():
            self.columns.setdefault(name, []).extend(cells)


class Observed(Protocol):
    """Something that collects what a backtest finds."""

    def observe(self, panel: Panel) -> Observer:
        """What receives the forecasts of a panel's tracks."""
        ...


def all_of(parts: Sequence[Observed]) -> Callable[[Panel], Observer]:
    """One observer for all parts."""

    def observe(panel: Panel) -> Observer:
        observers = [part.observe(panel) for part in parts]

        def observe_track(track: TrackForecast) -> None:
            for observer in observers:
                observer(track)

        return observe_track

    return observe


class Details:
    """What `eval` collects besides the scores: a breakdown, the forecasts, or both.

    Args:
        levels: of the forecasters' Q quantiles.
        by: the requested breakdown, if any.
        keep_forecasts: whether to collect the forecasts.
    """

    def __init__(self, levels: Sequence[float], by: By | None, *, keep_forecasts: bool) -> None:
        self.levels, self.by, self.keep_forecasts = levels, by, keep_forecasts
        self._breakdown: SeriesBreakdown | StepBreakdown | None = None
        self._table: ForecastTable | None = None

    def observe(self, panel: Panel) -> Observer:
        """What receives the forecasts of a panel's tracks."""
        if self.by is not None:
            self._breakdown = StepBreakdown(self.levels) if self.by == "step" else SeriesBreakdown(panel, self.levels)
        if self.keep_forecasts:
            self._table = ForecastTable(panel, self.levels)
        parts = [part.observe for part in (self._breakdown, self._table) if part is not None]

        def observe(track: TrackForecast) -> None:
            for part in parts:
                part(track)

        return observe

    @property
    def forecasts(self) -> dict[str, list[Any]]:
        """The columns of the forecasts of every window."""
        return {} if self._table is None else self._table.columns

    def scores(self) -> dict[str, dict[str, Scores]]:
        """The breakdown; empty if none was requested."""
        return {} if self._breakdown is None else self._breakdown.scores()

    def to_dict(self) -> dict[str, Any]:
        """What `eval --json` adds: `by_series` or `by_step`."""
        found = {key: {name: s.to_dict() for name, s in own.items()} for key, own in self.scores().items()}
        return {f"by_{self.by}": found} if self.by else {}
