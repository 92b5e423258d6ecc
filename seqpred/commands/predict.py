"""Forecast with a model."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from seqpred.arrays import Float
from seqpred.commands.load_panel import load_panel, open_data
from seqpred.commands.pretrained import load_for
from seqpred.errors import ConfigError
from seqpred.forecasting.future import make_future, read_future
from seqpred.forecasting.model import Model, load
from seqpred.forecasting.session import OnShare
from seqpred.forecasting.table import Table, add_origins, check_levels, make_table
from seqpred.notes import Notify, OnProgress, Progress, no_op
from seqpred.panel.panel import Panel

if TYPE_CHECKING:
    import pandas as pd

    from seqpred.forecasting.shard import Shard

BLOCK = 1 << 18  # quantiles that are computed and written at once, which bounds memory


def predict(  # noqa: PLR0913, as many options as the command
    model: Model | str | Path,
    data: object = None,
    *,
    steps: int | None = None,
    quantiles: Sequence[float] | None = None,
    future: object = None,
    origin: bool = False,
    notify: Notify = no_op,
) -> pd.DataFrame:
    """Forecast the rows that follow the data: one row per series, target and step.

    Args:
        data: the history, a path or a DataFrame; None for the file that the config names.
        steps: how many rows to forecast; by default one horizon.
        quantiles: the levels to return; by default those of the config.
        future: future values of the known covariates, a path or a DataFrame with columns for id, time and covariates.
        origin: add a column with the timestamp of the last row before each forecast.
    Raises:
        ConfigError: steps or quantiles are of another type, or outside what the model can forecast.
    """
    from seqpred.reading.frame import to_frame

    levels = None if quantiles is None else checked_levels(quantiles)
    model, data = load_for(model, data, {} if levels is None else {"forecast.quantiles": levels}, notify)
    found = compute_forecasts(model, data, steps=steps, quantiles=levels, future=future, notify=notify)
    return to_frame(found.table(as_text=False, origin=origin))


class Forecasts(NamedTuple):
    """Forecasts and the history that they continue.

    Attributes:
        panel: the history.
        values: [K, N, Q], in the order of `Panel.tracks`.
        levels: of the Q quantiles.
        wanted: the levels to print.
    """

    panel: Panel
    values: Float
    levels: Sequence[float]
    wanted: Sequence[float]

    def table(self, *, as_text: bool = True, origin: bool = False) -> Table:
        """The columns in the order in which they are printed; see `make_table` and `add_origins`."""
        table = make_table(self.panel, self.values, self.levels, self.wanted, as_text=as_text)
        return add_origins(table, self.panel, as_text=as_text) if origin else table


Made = TypeVar("Made")
Work: TypeAlias = Callable[[Forecasts, bool], Made]
"""Makes something of forecasts; also receives whether they are the first ones."""


@dataclass(frozen=True)
class ForecastJob:
    """Series whose rows have been read, ready to be forecast.

    Attributes:
        panel: the history.
        ahead: [S, N, known], the known covariates of the N steps.
        wanted: the levels to print.
    """

    model: Model
    panel: Panel
    ahead: Float
    wanted: Sequence[float]

    def run(self, on_share: OnShare = no_op) -> Forecasts:
        """The forecasts of all series."""
        values = self.model.forecast(self.panel, self.ahead.shape[1], self.ahead, on_share)
        return Forecasts(self.panel, values, self.model.config.levels, self.wanted)

    def blocks(self) -> Iterator[ForecastJob]:
        """The same series, in order, in jobs whose forecasts fit in memory."""
        series = len(self.panel.names)
        count = max(
            1, BLOCK // (self.panel.roles.count("target") * self.ahead.shape[1] * len(self.model.config.levels))
        )
        for first in range(0, series, count):
            last = min(first + count, series)
            yield replace(self, panel=self.panel.between(first, last), ahead=self.ahead[first:last])
            self.panel.release_pages()

    def run_blocks(self, work: Work[Made], on_progress: OnProgress = no_op) -> Generator[Made, None, None]:
        """What `work` makes of the forecasts of each block, in the order of the series."""
        series, done = len(self.panel.names), 0
        for block in self.blocks():
            share = len(block.panel.names) / series
            found = block.run(partial(_report, on_progress, done / series, share))
            yield work(found, done == 0)
            done += len(block.panel.names)
            report_share(on_progress, done / series)


def compute_forecasts(
    model: Model | str | Path,
    data: object = None,
    *,
    steps: int | None = None,
    quantiles: Sequence[float] | None = None,
    future: object = None,
    notify: Notify = no_op,
) -> Forecasts:
    """The forecasts of `predict` with their history; see `read_job`."""
    return read_job(model, data, steps=steps, quantiles=quantiles, future=future, notify=notify).run()


def read_job(  # noqa: PLR0913, as many options as the command
    model: Model | str | Path,
    data: object = None,
    *,
    steps: int | None = None,
    quantiles: Sequence[float] | None = None,
    future: object = None,
    shard: Shard | None = None,
    notify: Notify = no_op,
    on_progress: OnProgress = no_op,
) -> ForecastJob:
    """Read the rows to be forecast.

    Args:
        shard: forecast only the series of this shard.
        on_progress: receives how much of a large file is stored.
    """
    model = model if isinstance(model, Model) else load(model)
    count = _checked_steps(steps, model)
    wanted = model.config.forecast.quantiles if quantiles is None else quantiles
    check_levels(wanted, model.config.levels)
    panel = load_panel(open_data(data, model.config), model.config, notify, model.covariates, on_progress)
    ahead, panel = read_future(future, panel, model.covariates, count, notify)
    if shard is not None:
        chosen = shard.choose(panel.names)
        panel, ahead = panel.choose(chosen), ahead[chosen]
    return ForecastJob(model, panel, ahead, wanted)


def checked_levels(quantiles: object) -> list[float]:
    """The levels of an argument, as a list.

    Raises:
        ConfigError: it is not a list of numbers.
    """
    if isinstance(quantiles, Iterable):
        levels = [*quantiles]
        if all(isinstance(level, Real) for level in levels):
            return [float(level) for level in levels]
    raise ConfigError(f"quantiles is {quantiles!r}", hint="Pass a list of numbers such as [0.1, 0.9].")


def _checked_steps(steps: object, model: Model) -> int:
    """How many rows an argument requests; the horizon if it is None.

    Raises:
        ConfigError: it is not a positive whole number.
    """
    if steps is None:
        return model.horizon
    if not isinstance(steps, Integral) or isinstance(steps, bool) or steps < 1:
        raise ConfigError(f"steps is {steps!r}", hint="Pass a whole number of at least 1, or None for one horizon.")
    return int(steps)


def _report(on_progress: OnProgress, begin: float, part: float, share: float) -> None:
    """Report a share of a part of all series, which begins at another share of them."""
    report_share(on_progress, begin + part * share)


def report_share(on_progress: OnProgress, share: float) -> None:
    """Report which share of the series is forecast."""
    on_progress(Progress("forecasting", share))


def future_table(
    model: Model | str | Path, data: object = None, *, steps: int | None = None, notify: Notify = no_op
) -> Table:
    """A template for `future`: id, time, and an empty column for each known covariate."""
    model = model if isinstance(model, Model) else load(model)
    if not model.covariates.known:
        hint = "Forecast without --future; to use known covariates, list them in data.covariates.known and train again."
        raise ConfigError("this model has no known covariates", hint=hint)
    count = _checked_steps(steps, model)
    panel = load_panel(open_data(data, model.config), model.config, notify, model.covariates)
    return make_future(panel, model.covariates, count)
