"""Which series of a panel are long enough for training and validation."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqpred.arrays import Bool, Float, Int
from seqpred.errors import DataError
from seqpred.panel.panel import Panel
from seqpred.recipe.resolved import ResolvedConfig


def has_validation(config: ResolvedConfig, lengths: Int) -> Bool:
    """Which series have a validation split, [S]; shorter ones are used for training as a whole."""
    return rows_before_validation(lengths, config.training.validation, config.model.anchor) < lengths


def training_rows(config: ResolvedConfig, lengths: Int) -> Int:
    """Rows in the training split of each series, [S]; the rest is its validation split."""
    return rows_before_validation(lengths, config.training.validation, config.model.anchor)


def rows_before_validation(lengths: Int, validation: int, anchor: int) -> Int:
    """`training_rows` of a config that is not yet resolved."""
    return lengths - np.where(lengths > validation + anchor + 1, validation, 0)


def trainable(config: ResolvedConfig, lengths: Int) -> Bool:
    """Which series have room for a training window, [S]."""
    anchor, window = config.model.anchor, config.model.window
    needed = max(anchor + 1, window) if config.model.bidirectional else anchor + 1  # emits at the end of a window only
    return training_rows(config, lengths) > needed


def validatable(config: ResolvedConfig, lengths: Int) -> Bool:
    """Which series have a whole window before their validation split, and a whole horizon in it, [S]."""
    anchor, window = config.model.anchor, config.model.window
    before = np.maximum(lengths - config.training.validation, max(anchor + 1, window))
    return has_validation(config, lengths) & (before + config.forecast.horizon <= lengths)


def training_view(config: ResolvedConfig, panel: Panel, constant: Bool) -> dict[str, Any]:
    """How training would use the data: resolved keys and how many series are used, for `check --json`.

    Args:
        constant: [S], whether a series never changes.
    """
    is_trainable = trainable(config, panel.lengths)
    sections: dict[str, tuple[str, ...]] = {
        "forecast": ("season", "horizon", "minimum"),
        "training": ("validation", "max_steps", "batch_size"),
        "model": ("window", "anchor", "lags", "hidden_size"),
    }
    return {
        **{name: getattr(getattr(config, section), name) for section, names in sections.items() for name in names},
        "series": {
            "learned_from": int((is_trainable & ~constant).sum()),
            "too_short": int((~is_trainable).sum()),
            "constant": int((is_trainable & constant).sum()),
            "validated": int((validatable(config, panel.lengths) & ~constant).sum()),
        },
    }


def rows_needed(config: ResolvedConfig) -> int:
    """Rows that the longest series needs for training and validation."""
    before = max(config.model.anchor + 1, config.model.window)
    return before + max(config.training.validation, config.forecast.horizon) + 1


def too_few_rows(config: ResolvedConfig, panel: Panel) -> DataError:
    """The error for data with too few rows for a config."""
    validation, window = config.training.validation, config.model.window
    anchor, longest = config.model.anchor, int(panel.lengths.max())
    return DataError(
        f"the longest series has {longest} rows; anchor {anchor}, window {window} and a validation split of "
        f"{validation} need {rows_needed(config)}",
        hint=f"Add rows, or lower forecast.horizon (now {config.forecast.horizon}), model.window or "
        "training.validation. `seqpred forecast` needs no training.",
        where=panel.source,
    )


def check_varying(panel: Panel) -> None:
    """Check that every target has a value and that some series varies.

    Raises:
        DataError: a target without a value, or only constant series.
    """
    low, high = check_observed(panel)
    if not (low < high).any():
        value, of_series = low[np.isfinite(low)][0], " of a series" if len(panel.names) > 1 else ""
        found = f"column {panel.columns.targets[0]!r} is constant ({value:g} in every row{of_series})"
        raise DataError(f"{found}: there is nothing to forecast", hint="Name another target.", where=panel.source)


def check_observed(panel: Panel) -> tuple[Float, Float]:
    """Check that every target has a value; the minimum and maximum of each series and target, [S, C].

    Raises:
        DataError: a target without a value.
    """
    low, high = _extremes(panel)
    for c, name in enumerate(panel.columns.targets):
        if not np.isfinite(low[:, c]).any():
            raise DataError(f"column {name!r} has no value", hint="Name another target.", where=panel.source)
    return low, high


def _extremes(panel: Panel) -> tuple[Float, Float]:
    """The minimum and maximum of each series and target, [S, C]; NaN without a value."""
    targets = panel.roles.count("target")
    low, high = np.full((2, len(panel.names), targets), np.nan)
    for first, _, piece in panel.pieces():
        values, begins, own = piece.values[:, :targets], piece.offsets[:-1], slice(first, first + len(piece.names))
        low[own] = np.fmin(low[own], np.fmin.reduceat(values, begins, axis=0))
        high[own] = np.fmax(high[own], np.fmax.reduceat(values, begins, axis=0))
    return low, high
