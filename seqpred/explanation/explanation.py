"""The explanation of the next forecast of each series: what `explain` returns and prints as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from seqpred.arrays import Float
from seqpred.explanation.components import Components
from seqpred.explanation.covariates import CovariateEffect
from seqpred.forecasting.table import track_columns
from seqpred.panel.panel import Panel

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Explanation:
    """Why the next forecasts are what they are.

    Attributes:
        panel: the history; K tracks of N steps are forecast.
        components: they add up to the forecasts.
        covariates: the effect of each, the most important first.
        mase: of the model in the windows on which the importance was measured; None if there are none.
        windows, windows_unseen: how many these are, and how many of them training has not seen.
    """

    panel: Panel
    components: Components
    covariates: Sequence[CovariateEffect]
    mase: float | None
    windows: int
    windows_unseen: int

    @property
    def table(self) -> pd.DataFrame:
        """One row per series, target and step: the forecast, the components that add up to it, and the shares.

        The columns are those of `predict` (id, time, step, target, forecast), then each component in the target's
        unit, `share_NAME` for the share of each naive forecast, and `effect_NAME` for the effect of each covariate.
        """
        from seqpred.reading.frame import to_frame

        found = self.components
        columns = track_columns(self.panel, found.forecast.shape[1], as_text=False)
        numbers = {"forecast": found.forecast, **dict(found.contributions())}
        numbers |= {f"share_{name}": found.shares[:, i] for i, name in enumerate(found.names)}
        numbers |= {f"effect_{effect.name}": effect.effect for effect in self.covariates}
        return to_frame(columns | {name: values.ravel().tolist() for name, values in numbers.items()})

    def to_dict(self, digits: int | None = None) -> dict[str, Any]:
        """The object that `explain --json` prints.

        Args:
            digits: decimals of the numbers; all of them by default.
        """
        content = {
            "horizon": self.components.forecast.shape[1],
            "naive_forecasts": list(self.components.names),
            "forecasts": list(self.steps()),
            "covariates": [
                {
                    "name": effect.name,
                    "role": effect.role,
                    "typical": effect.typical,
                    "importance": effect.importance,
                    "mase": effect.mase,
                }
                for effect in self.covariates
            ],
            "mase": self.mase,
            "windows": self.windows,
            "windows_unseen": self.windows_unseen,
        }
        return content if digits is None else _rounded(content, digits)

    def steps(self) -> Iterator[dict[str, Any]]:
        """The components of each series, target and step."""
        found = self.components
        columns = track_columns(self.panel, found.forecast.shape[1])
        effects = [effect.name for effect in self.covariates]
        values = zip(
            zip(*columns.values(), strict=True),
            found.forecast.ravel().tolist(),
            _by_step(found.naives),
            _by_step(found.shares),
            found.correction.ravel().tolist(),
            found.raised.ravel().tolist(),
            _by_step(np.stack([np.zeros_like(found.forecast), *(e.effect for e in self.covariates)], 1)[:, 1:]),
            strict=True,
        )
        for row, forecast, naive, shares, correction, raised, changes in values:
            yield {
                **dict(zip(columns, row, strict=True)),
                "forecast": _finite(forecast),
                "naive": _named(found.names, naive),
                "shares": _named(found.names, shares),
                "correction": _finite(correction),
                "raised_to_minimum": _finite(raised),
                "effects": _named(effects, changes),
            }


def _by_step(values: Float) -> list[list[float]]:
    """Values [K, A, N] as one list for each track and step."""
    tracks, count, steps = values.shape
    found: list[list[float]] = np.moveaxis(values, 1, -1).reshape(tracks * steps, count).tolist()
    return found


def _named(names: Sequence[str], values: Sequence[float]) -> dict[str, float | None]:
    return {name: _finite(value) for name, value in zip(names, values, strict=True)}


def _rounded(content: Any, digits: int) -> Any:
    """Nested lists and dictionaries with rounded numbers."""
    if isinstance(content, dict):
        return {key: _rounded(value, digits) for key, value in content.items()}
    if isinstance(content, list):
        return [_rounded(value, digits) for value in content]
    return round(content, digits) if isinstance(content, float) else content


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
