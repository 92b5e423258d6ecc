"""Resolve `forecast.minimum`: the lowest value of a forecast of a target."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from seqpred.arrays import Float, Int
from seqpred.config.schema import Config
from seqpred.config.values import Auto
from seqpred.errors import ConfigError
from seqpred.panel.panel import Panel

Minimum: TypeAlias = float | list[float | None] | None
"""One minimum for all targets, or one for each; None for no minimum."""


def find_minimum(given: Minimum | Auto, panel: Panel, cuts: Int) -> Minimum:
    """The minimum of each target: 0 for `auto` if no value in the training split is negative, otherwise none.

    Args:
        cuts: [S], rows in the training split of each series.
    Raises:
        ConfigError: a list of another length than that of the targets.
    """
    targets = panel.roles.count("target")
    if given != "auto":
        if isinstance(given, list) and len(given) != targets:
            hint = "Set one number or null per target, in their order, or one for all."
            raise ConfigError(f"forecast.minimum has {len(given)} values for {targets} targets", hint=hint)
        return given
    found = [0.0 if low >= 0 else None for low in lowest_values(panel, cuts).tolist()]
    return found[0] if len(set(found)) == 1 else found


def lowest_values(panel: Panel, cuts: Int) -> Float:
    """The lowest value of each target, [C], in the first `cuts` rows ([S]) of each series; NaN without a value."""
    targets = panel.roles.count("target")
    lowest = np.full(targets, np.nan)
    for first, begin, piece in panel.pieces():
        ends = cuts[first : first + len(piece.names)] - begin
        row = np.arange(len(piece.values)) - np.repeat(piece.offsets[:-1], piece.lengths)
        values = piece.values[row < np.repeat(ends, piece.lengths), :targets]
        lowest = np.fmin(lowest, np.fmin.reduce(values, axis=0, initial=np.nan))
    return lowest


def describe_conflict(config: Config, minimums: tuple[float | None, ...], panel: Panel) -> str:
    """A note about targets with lower values after the training split than the minimum found in it; empty if none."""
    if config.forecast.minimum != "auto":
        return ""
    lowest = zip(panel.columns.targets, minimums, lowest_values(panel, panel.lengths).tolist(), strict=False)
    below = [f"{name!r} (down to {low:g})" for name, minimum, low in lowest if minimum is not None and low < minimum]
    if not below:
        return ""
    return (
        f"forecasts are not below 0, as the training split has no negative value; later rows of {', '.join(below)} "
        "have: set forecast.minimum: null to allow negative forecasts"
    )
