"""Which rows, columns and past rows the inputs and the naive forecasts of a network use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from seqpred.features.autoregression import fitted_rows
from seqpred.features.classical import CLASSICAL_INPUTS, leads, recent_rows, relative_lags
from seqpred.features.covariates import Covariates
from seqpred.features.naive import cycles_used, profile_rows

LEAST_SCALE = 1e-5  # of the spread of the recent values: an exact season that is rounded hardly changes over a season


@dataclass(frozen=True)
class InputSpec:
    """Which past rows the inputs and the naive forecasts use.

    Attributes:
        season: lag of the differences that the scale averages.
        anchor: lag of the naive forecast that the network corrects.
        lags: of the changes given as inputs; the longest is also the width of the rolling mean and spread.
        blend: whether the network also weighs other naive forecasts.
        autoregression: rows of the linear autoregressive term; 0 for none.
        classical: whether a pretrained network weighs the classical forecasts of `features.classical` for this season;
            the anchor is then the last value.
        least_scale: the scale relative to the spread of the recent values, at least.
    """

    season: int
    anchor: int
    lags: tuple[int, ...]
    blend: bool = True
    autoregression: int = 0
    classical: bool = False
    least_scale: float = LEAST_SCALE

    @classmethod
    def for_pretrained(cls, season: int) -> InputSpec:
        """The inputs of a pretrained network, in units of the season."""
        return cls(season, 1, relative_lags(season), blend=False, classical=True)

    @property
    def inputs(self) -> int:
        """F, inputs of each row: a change for each lag, distance from the rolling mean, spread, anchor, observed.

        With `classical`, those of `features.classical` follow the changes.
        """
        return len(self.lags) + 4 + CLASSICAL_INPUTS * self.classical

    @property
    def fill_lag(self) -> int:
        """The lag from which missing values are replaced."""
        return self.season if self.classical else self.anchor

    @property
    def value(self) -> int:
        """Which input is the value itself, if `classical`."""
        return len(self.lags) + CLASSICAL_INPUTS - 3

    @property
    def context(self) -> tuple[int, int]:
        """Which inputs are the rows of history and the season; the value itself is before them."""
        last = len(self.lags) + CLASSICAL_INPUTS
        return last - 2, last - 1

    @cached_property
    def cycles(self) -> tuple[int, ...]:
        """Rows of the cycles that the naive forecasts use, increasing."""
        return tuple(sorted({self.season, self.anchor, max(self.lags)} - {1}))

    @cached_property
    def recent(self) -> int:
        """R, rows up to the current one that the head receives; 0 if it uses none."""
        if self.classical:
            return max(recent_rows(self.season), fitted_rows(self.season))
        blended = max(2 * self.anchor, *(cycle * cycles_used(cycle) for cycle in self.cycles), 0)
        return max(blended * self.blend, self.autoregression)

    @cached_property
    def profile(self) -> int:
        """P, rows of the running profile that the head receives; 0 for none."""
        return profile_rows(self.cycles) * self.blend

    @cached_property
    def past(self) -> int:
        """W, filled values before a row that are remembered for its inputs and naive forecasts."""
        before = leads(self.season)[-1] if self.classical else 0
        return max(*self.lags, self.anchor, self.recent + before)


class SeriesSpec(NamedTuple):
    """How the rows of a series become inputs.

    Attributes:
        inputs: which past rows are used.
        targets: C, the first columns of a row; covariates follow.
        joint: whether each target also receives inputs of the other targets.
    """

    inputs: InputSpec
    covariates: Covariates
    targets: int
    joint: bool

    @property
    def width(self) -> int:
        """F, inputs of each row of a track."""
        layout = self.covariates.layout
        return self.inputs.inputs + layout.numbers + len(layout.codes) + (2 * self.targets + 1) * self.joint
