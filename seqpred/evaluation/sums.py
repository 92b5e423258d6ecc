"""The sums of an evaluation by window: those of several shards merge into the scores of all series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from seqpred.evaluation.metrics import Tally
from seqpred.evaluation.scores import Evaluation, Part, WindowScores


class Cutoff(NamedTuple):
    """The last row that a forecast may use: its time as a number, and as the data writes it."""

    time: int
    text: str | int


@dataclass(frozen=True)
class WindowSums:
    """The sums of one window.

    Attributes:
        cutoffs: the earliest and the latest of all series; None if no series reaches back to the window.
        series: how many do.
        tallies: by forecaster.
    """

    cutoffs: tuple[Cutoff, Cutoff] | None
    series: int
    part: Part
    tallies: Mapping[str, Tally]

    def to_data(self) -> dict[str, Any]:
        """All sums, for JSON."""
        tallies = {name: tally.to_data() for name, tally in self.tallies.items()}
        return {"cutoffs": self.cutoffs, "series": self.series, "part": self.part, "tallies": tallies}

    @classmethod
    def from_data(cls, data: Mapping[str, Any], levels: Sequence[float]) -> WindowSums:
        """The sums from `to_data`.

        Raises:
            KeyError, TypeError, ValueError: the data have another form.
        """
        ends = data["cutoffs"]
        cutoffs = None if ends is None else (Cutoff(*ends[0]), Cutoff(*ends[1]))
        tallies = {name: Tally.from_data(own, levels) for name, own in data["tallies"].items()}
        return cls(cutoffs, data["series"], data["part"], tallies)

    def scores(self) -> WindowScores:
        """The window and its scores."""
        assert self.cutoffs is not None
        return WindowScores(
            cutoff=self.cutoffs[1].text,
            first_cutoff=self.cutoffs[0].text,
            series=self.series,
            rows=self.tallies["model"].rows,
            scores={name: tally.scores() for name, tally in self.tallies.items()},
            part=self.part,
        )


def merge(shards: Sequence[WindowSums]) -> WindowSums:
    """The sums of one window over all shards."""
    ends = [shard.cutoffs for shard in shards if shard.cutoffs is not None]
    cutoffs = (min(first for first, _ in ends), max(last for _, last in ends)) if ends else None
    tallies = {name: _total([shard.tallies[name] for shard in shards]) for name in shards[0].tallies}
    return WindowSums(cutoffs, sum(shard.series for shard in shards), shards[0].part, tallies)


def summarize(windows: Sequence[WindowSums], horizon: int, season: int) -> Evaluation:
    """The scores over all windows, over the unseen ones, and of each.

    Args:
        windows: oldest first.
    """
    names = list(windows[0].tallies)
    total = {name: _total([window.tallies[name] for window in windows]) for name in names}
    unseen = [window for window in windows if window.part == "unseen"]
    fresh = {name: _total([window.tallies[name] for window in unseen]) for name in names} if unseen else {}
    return Evaluation(
        scores={name: tally.scores() for name, tally in total.items()},
        unseen={name: tally.scores() for name, tally in fresh.items() if tally.rows},
        horizon=horizon,
        season=season,
        windows=[window.scores() for window in windows],
    )


def _total(tallies: Sequence[Tally]) -> Tally:
    total = Tally(tallies[0].levels)
    for tally in tallies:
        total.merge(tally)
    return total
