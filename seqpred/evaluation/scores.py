"""The scores of a backtest: by forecaster, over all windows and for each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Part = Literal["unseen", "validation", "training"]
"""What the rows of a window were for the model: unseen, its validation split, or its training data."""


@dataclass(frozen=True)
class Scores:
    """The metrics of one forecaster; None if one cannot be computed.

    Attributes:
        smape: in percent, from 0 to 200.
        coverage: percent of the observations inside each central interval, by its level in percent, as `80`.
    """

    mae: float | None = None
    rmse: float | None = None
    smape: float | None = None
    mase: float | None = None
    wql: float | None = None
    coverage: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The object in `eval --json`."""
        return asdict(self)


@dataclass(frozen=True)
class WindowScores:
    """The scores of one window.

    Attributes:
        cutoff: timestamp of the last row that the forecasts may use, the latest over all series.
        first_cutoff: the earliest, if the series differ.
        series: how many series reach back to the window.
        rows: observed values that were forecast.
        scores: by forecaster.
    """

    cutoff: str | int
    first_cutoff: str | int
    series: int
    rows: int
    scores: Mapping[str, Scores]
    part: Part

    def to_dict(self) -> dict[str, Any]:
        """The object in `eval --json`."""
        first = {"first_cutoff": self.first_cutoff} if self.first_cutoff != self.cutoff else {}
        return {
            "cutoff": self.cutoff,
            **first,
            "series": self.series,
            "rows": self.rows,
            "mase": {name: scores.mase for name, scores in self.scores.items()},
            "smape": {name: scores.smape for name, scores in self.scores.items()},
            "part": self.part,
        }


@dataclass(frozen=True)
class Evaluation:
    """What a backtest found.

    Attributes:
        scores: by forecaster, over all windows.
        unseen: the same over the windows that training has not seen; empty if there are none.
        windows: oldest first.
    """

    scores: Mapping[str, Scores]
    horizon: int
    season: int
    windows: Sequence[WindowScores]
    unseen: Mapping[str, Scores] = field(default_factory=dict)

    @property
    def skill(self) -> float | None:
        """1 - MASE(model) / MASE(best baseline), over all windows; None if a MASE is missing."""
        return skill(self.scores)

    @property
    def network_skill(self) -> float | None:
        """1 - MASE(model) / MASE(blend), over all windows; None if a MASE is missing."""
        return network_skill(self.scores)

    @property
    def windows_unseen(self) -> int:
        """How many windows training has not seen."""
        return sum(window.part == "unseen" for window in self.windows)

    def to_dict(self) -> dict[str, Any]:
        """The object that `eval --json` prints."""
        return {
            "metrics": {name: scores.to_dict() for name, scores in self.scores.items()},
            "skill": self.skill,
            "network_skill": self.network_skill,
            "horizon": self.horizon,
            "season": self.season,
            "windows": [window.to_dict() for window in self.windows],
            "windows_unseen": self.windows_unseen,
        }


def label_windows(count: int, horizon: int, rows_unseen: int) -> list[Part]:
    """What the rows of the last windows, oldest first, were for a model.

    Args:
        rows_unseen: rows at the end of every series that training has not seen.

    >>> label_windows(3, 4, 8)
    ['training', 'unseen', 'unseen']
    """
    return ["unseen" if back * horizon <= rows_unseen else "training" for back in range(count, 0, -1)]


def skill(scores: Mapping[str, Scores]) -> float | None:
    """1 - MASE(model) / MASE(best baseline); the blend is not a baseline. None if a MASE is missing.

    >>> skill({"model": Scores(mase=0.5), "naive": Scores(mase=2.0), "drift": Scores(mase=1.0)})
    0.5
    """
    own = scores["model"].mase
    baselines = [s.mase for name, s in scores.items() if name not in ("model", "blend") and s.mase is not None]
    return 1 - own / min(baselines) if own is not None and baselines and min(baselines) > 0 else None


def network_skill(scores: Mapping[str, Scores]) -> float | None:
    """1 - MASE(model) / MASE(blend): what the networks contribute. None if a MASE is missing.

    >>> network_skill({"model": Scores(mase=0.5), "blend": Scores(mase=0.4)})
    -0.25
    """
    own, blend = scores["model"].mase, scores["blend"].mase if "blend" in scores else None
    return 1 - own / blend if own is not None and blend else None
