"""The dimensions of a network. Without torch, so that the ONNX backend starts without it."""

from __future__ import annotations

from typing import NamedTuple

from seqpred.features.naive import NaiveTable, naive_table

PLACES = 4  # along the horizon, at which naive forecasts are weighed
SHARPNESS = 8.0  # factor of the logits of these weights: how fast they are trained relative to the rest of the head


class Shape(NamedTuple):
    """Everything that determines which weights a network has.

    Attributes:
        inputs: F, the numbers in a row.
        levels: Q, increasing.
        codes: the number of values of each category; their codes follow the numbers.
        known: how many of the last numbers are known ahead.
        known_codes: how many of the last codes are known ahead.
        anchor: the lag of the naive forecast that the network corrects.
        blend: whether other naive forecasts are weighed along with the anchor's.
        autoregression: the number of recent values in the linear autoregressive term.
        recent: R, the number of recent values that the head receives for these two.
        profile: P, the rows of the running profile that precedes them; 0 for none.
        cycles: the cycles of the naive forecasts.
    """

    inputs: int
    horizon: int
    levels: tuple[float, ...]
    cell: str
    depth: int
    hidden_size: int
    bidirectional: bool
    dropout: float
    codes: tuple[int, ...] = ()
    known: int = 0
    known_codes: int = 0
    anchor: int = 1
    blend: bool = False
    autoregression: int = 0
    recent: int = 0
    profile: int = 0
    cycles: tuple[int, ...] = ()

    @property
    def naives(self) -> int:
        """A, the number of naive forecasts besides the anchor's."""
        return len(self.naive_table.steps) if self.blend else 0

    @property
    def naive_table(self) -> NaiveTable:
        """The naive forecasts that are blended, as functions of the recent values."""
        return naive_table(self.cycles, self.anchor, self.horizon, self.recent)

    @property
    def known_places(self) -> tuple[int, ...]:
        """The columns of a row that are known ahead."""
        width = self.inputs + len(self.codes)
        return (*range(self.inputs - self.known, self.inputs), *range(width - self.known_codes, width))
