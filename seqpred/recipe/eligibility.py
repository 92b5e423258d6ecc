"""Which series of a panel are long enough to train and to validate on."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Float, Int
from seqpred.errors import DataError
from seqpred.panel.panel import Panel
from seqpred.recipe.resolved import ResolvedConfig


def learned_rows(config: ResolvedConfig, lengths: Int) -> Int:
    """Rows at the beginning of each series that are learned from, [S]; what follows is its validation part."""
    rows: Int = lengths - np.where(validated(config, lengths), config.training.validation, 0)
    return rows


def validated(config: ResolvedConfig, lengths: Int) -> npt.NDArray[np.bool_]:
    """Which series have a validation part, [S]; shorter ones are learned from whole, and so never scored on it."""
    return lengths > config.training.validation + config.model.anchor + 1


def learned_from(config: ResolvedConfig, lengths: Int) -> npt.NDArray[np.bool_]:
    """Which series are long enough for a window to begin in them, [S]; `training/windows.py` draws from these."""
    anchor, window = config.model.anchor, config.model.window
    learned = lengths - np.where(validated(config, lengths), config.training.validation, 0)
    needed = max(anchor + 1, window) if config.model.bidirectional else anchor + 1  # one speaks at a window's end only
    enough: npt.NDArray[np.bool_] = learned > needed
    return enough


def scored(config: ResolvedConfig, lengths: Int) -> npt.NDArray[np.bool_]:
    """Which series have a whole window before, and a whole horizon in, their validation part, [S]."""
    anchor, window = config.model.anchor, config.model.window
    before = np.maximum(lengths - config.training.validation, np.maximum(anchor + 1, window))
    whole: npt.NDArray[np.bool_] = before + config.forecast.horizon <= lengths
    return validated(config, lengths) & whole


def training_view(config: ResolvedConfig, panel: Panel, still: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """What training would see of the data: what `settle` has decided, and of how many series it makes use.

    Args:
        config: settled.
        still: [S], series in which nothing ever changes.
    """
    learned = learned_from(config, panel.lengths)
    sections = {"forecast": ("season", "horizon"), "training": ("validation", "max_steps", "batch_size")}
    sections["model"] = ("window", "anchor", "lags", "hidden_size")
    return {
        **{name: getattr(getattr(config, section), name) for section, names in sections.items() for name in names},
        "series": {
            "learned_from": int((learned & ~still).sum()),
            "too_short": int((~learned).sum()),
            "constant": int((learned & still).sum()),
            "validated": int((scored(config, panel.lengths) & ~still).sum()),
        },
    }


def too_few_rows(config: ResolvedConfig, panel: Panel) -> DataError:
    """What to say of data that a settled config can't be trained on."""
    validation, window = config.training.validation, config.model.window
    anchor, longest = config.model.anchor, int(panel.lengths.max())
    return DataError(
        f"the longest series has {longest} rows; anchor {anchor}, window {window} and a validation part of "
        f"{validation} need {rows_needed(config)}",
        hint=f"Give more rows, or lower forecast.horizon (now {config.forecast.horizon}), model.window or "
        "training.validation.",
        where=panel.source,
    )


def rows_needed(config: ResolvedConfig) -> int:
    """Rows that the longest series must have to be trained on with a settled config."""
    learned = max(config.model.anchor + 1, config.model.window)
    return learned + max(config.training.validation, config.forecast.horizon) + 1


def check_varying(panel: Panel) -> None:
    """Check that every target has a value and that some series varies.

    Raises:
        DataError: a target without a value, or only constant series.
    """
    low, high = _extremes(panel)
    for c, name in enumerate(panel.columns.targets):
        if not np.isfinite(low[:, c]).any():
            raise DataError(f"column {name!r} has no value", hint="Name another target.", where=panel.source)
    if not (low < high).any():
        value, of_series = low[np.isfinite(low)][0], " of a series" if len(panel.names) > 1 else ""
        found = f"column {panel.columns.targets[0]!r} is constant ({value:g} in every row{of_series})"
        raise DataError(f"{found}: there is nothing to forecast", hint="Name another target.", where=panel.source)


def _extremes(panel: Panel) -> tuple[Float, Float]:
    """The minimum and maximum of each series and target, [S, C]; NaN without a value."""
    targets = panel.roles.count("target")
    low, high = np.full((2, len(panel.names), targets), np.nan)
    for first, _, piece in panel.pieces():
        values, begins, own = piece.values[:, :targets], piece.offsets[:-1], slice(first, first + len(piece.names))
        low[own] = np.fmin(low[own], np.fmin.reduceat(values, begins, axis=0))
        high[own] = np.fmax(high[own], np.fmax.reduceat(values, begins, axis=0))
    return low, high
