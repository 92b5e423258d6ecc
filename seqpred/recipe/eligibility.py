"""Which series of a panel are long enough to train and to validate on."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Int
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
