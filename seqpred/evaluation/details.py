"""Scores by series and by step, and the forecasts themselves, collected during a backtest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from seqpred.evaluation.backtest import Observer, TrackForecast
from seqpred.evaluation.metrics import Case, Tally
from seqpred.evaluation.scores import Scores
from seqpred.panel.panel import Panel

By = Literal["series", "step"]


@dataclass
class Breakdown:
    """Scores by series or by step ahead.

    Attributes:
        levels: of the forecasters' Q quantiles.
        tallies: by series or step, then by forecaster.
    """

    by: By
    levels: Sequence[float]
    tallies: dict[str, dict[str, Tally]] = field(default_factory=dict)

    def observe(self, track: TrackForecast) -> None:
        """Take note of one track in one window."""
        if self.by == "series":
            self._add(" ".join(filter(None, (track.series, track.target))), track.cases)
            return
        for n in range(len(track.cases["model"].truth)):
            step = {
                name: replace(c, truth=c.truth[n : n + 1], quantiles=c.quantiles[n : n + 1])
                for name, c in track.cases.items()
            }
            self._add(str(n + 1), step)

    def _add(self, key: str, cases: Mapping[str, Case]) -> None:
        tallies = self.tallies.setdefault(key, {name: Tally(self.levels) for name in cases})
        for name, case in cases.items():
            tallies[name].add([case])

    def scores(self) -> dict[str, dict[str, Scores]]:
        """By key, then by forecaster: series with the highest MASE of the model first, steps in order."""
        found = {key: {name: tally.scores() for name, tally in own.items()} for key, own in self.tallies.items()}
        if self.by == "step":
            return found
        return dict(sorted(found.items(), key=lambda item: -(item[1]["model"].mase or 0.0)))


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
        by: the breakdown, if one is asked for.
        keep_forecasts: whether to collect the forecasts.
    """

    def __init__(self, levels: Sequence[float], by: By | None, *, keep_forecasts: bool) -> None:
        self.levels, self.by, self.keep_forecasts = levels, by, keep_forecasts
        self._breakdown = Breakdown(by, levels) if by else None
        self._table: ForecastTable | None = None

    def observe(self, panel: Panel) -> Observer:
        """What receives the forecasts of a panel's tracks."""
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
        """The breakdown; empty if none was asked for."""
        return {} if self._breakdown is None else self._breakdown.scores()

    def to_dict(self) -> dict[str, Any]:
        """What `eval --json` adds: `by_series` or `by_step`."""
        found = {key: {name: s.to_dict() for name, s in own.items()} for key, own in self.scores().items()}
        return {f"by_{self.by}": found} if self.by else {}
