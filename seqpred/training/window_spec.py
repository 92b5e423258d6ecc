"""The rows that a training window covers."""

from __future__ import annotations

from dataclasses import dataclass

from seqpred.features.input_spec import InputSpec


@dataclass(frozen=True)
class WindowSpec:
    """The rows that a window covers.

    Attributes:
        inputs: which past rows the inputs and the naive forecasts use.
        window: rows in a window.
        horizon: rows after a position that are its targets.
        last_position_only: whether only the last row of a window is a position (bidirectional networks).
        known: the columns of x with covariates that are known ahead.
    """

    inputs: InputSpec
    window: int
    horizon: int
    last_position_only: bool
    known: tuple[int, ...] = ()
