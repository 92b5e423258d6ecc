"""Forecasts after several cutoffs of the same series, in one pass over the rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from seqpred.arrays import Float
from seqpred.calendar.step import Step
from seqpred.forecasting.session import ForecastSession, forecast_panel
from seqpred.forecasting.session_state import SessionSpec
from seqpred.panel.panel import Panel

MAX_BYTES = 256 << 20  # of the states that are kept


@dataclass
class RollingForecaster:
    """Forecasts a panel that ends at a cutoff, and keeps the state of its series for the next, later cutoff.

    Then only the rows in between are read. The rows of a series must not change from one call to the next. The rows
    after a cutoff are never passed in, so no forecast can depend on them.

    Attributes:
        spec_of: from the time step and the number of steps to what stays fixed.
    """

    spec_of: Callable[[Step, int], SessionSpec]
    _session: ForecastSession | None = field(default=None, init=False)

    def __call__(self, panel: Panel, steps: int, ahead: Float) -> Float:
        """The quantiles [K, N, Q] that follow each track; see `forecast_panel`."""
        spec = self.spec_of(panel.step, steps) if self._session is None else self._session.spec
        if self._session is None:
            self._session = ForecastSession(spec, source=panel.source)
        session = self._session
        session.clock = panel.clock
        earlier = (session.rows_read(panel.names) >= panel.lengths).any()
        if earlier or spec.steps != steps or session.bytes > MAX_BYTES:
            return forecast_panel(panel, self.spec_of(panel.step, steps), ahead)
        return forecast_panel(panel, spec, ahead, session=session)
