"""A trained model: its settled config and weights, and the forecaster that they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seqpred.backtest import Forecaster
from seqpred.config import Config, settled
from seqpred.covariates import Covariates
from seqpred.errors import FolderError
from seqpred.features import Look
from seqpred.folder import Folder

if TYPE_CHECKING:
    from seqpred.network.network import Shape


@dataclass(frozen=True)
class Model:
    """What a model folder holds, ready to forecast."""

    folder: Folder

    @property
    def config(self) -> Config:
        """The settled config."""
        return self.folder.config

    @property
    def horizon(self) -> int:
        """Rows that the network forecasts at once."""
        return settled(self.config.forecast.horizon)

    @cached_property
    def covariates(self) -> Covariates:
        """What training learned of the covariates.

        Raises:
            FolderError: the manifest does not say it.
        """
        calendar = settled(self.config.data.covariates.calendar)
        try:
            return Covariates.from_data(self.folder.manifest.get("covariates", []), calendar)
        except (TypeError, KeyError, AttributeError) as e:
            hint = "Train again, or restore the whole folder from a copy."
            raise FolderError(
                f"the covariates in it can't be read ({e})", hint=hint, where=str(self.folder.path)
            ) from None

    @cached_property
    def forecast(self) -> Forecaster:
        """From a panel, N steps and the known covariates ahead to the quantiles [K, N, Q] that follow each track.

        Raises:
            FolderError: the weights are not those of the config's network.
        """
        try:
            return make_forecaster(self.config, self.covariates, self.folder.weights())
        except (RuntimeError, ValueError) as e:
            hint = "Train again, or restore the whole folder from a copy."
            raise FolderError(
                f"the weights do not fit its config ({e})", hint=hint, where=str(self.folder.path)
            ) from None


def look_of(config: Config) -> Look:
    """How far back the inputs of a settled config look."""
    model = config.model
    return Look(settled(config.forecast.season), settled(model.anchor), tuple(settled(model.lags)), model.blend)


def levels_of(config: Config) -> tuple[float, ...]:
    """The quantile levels that the head gives: those of the config and the median."""
    return tuple(sorted({*config.forecast.quantiles, 0.5}))


def joint_of(config: Config) -> bool:
    """Whether the targets of a series are told of each other."""
    return settled(config.model.joint) and config.data.layout == "rows" and len(config.data.targets) > 1


def shape_of(config: Config, covariates: Covariates) -> Shape:
    """The network of a settled config."""
    from seqpred.network.network import Shape

    model, added, targets = config.model, covariates.layout, len(config.data.targets) if joint_of(config) else 0
    return Shape(
        inputs=look_of(config).inputs + 2 * targets + added.numbers,
        codes=((targets,) if targets else ()) + added.codes,
        known=added.known,
        known_codes=added.known_codes,
        naives=look_of(config).naives,
        anchor=settled(model.anchor),
        horizon=settled(config.forecast.horizon),
        levels=levels_of(config),
        cell=model.cell,
        depth=model.depth,
        hidden_size=settled(model.hidden_size),
        bidirectional=model.bidirectional,
        dropout=model.dropout,
    )


def make_forecaster(config: Config, covariates: Covariates, weights: Mapping[str, Any]) -> Forecaster:
    """The forecaster that a settled config, what was learned of the covariates, and weights make."""
    from seqpred.forecasting.batch import Forecasting, forecast_panel
    from seqpred.forecasting.runtime import Reader
    from seqpred.network.ensemble import Ensemble

    network = Ensemble.holding(shape_of(config, covariates), weights)
    plan = Forecasting(
        look=look_of(config),
        covariates=covariates,
        joint=joint_of(config),
        middle=levels_of(config).index(0.5),
        horizon=settled(config.forecast.horizon),
        known=network.shape.known_places,
    )
    window = settled(config.model.window)
    return lambda panel, steps, ahead: forecast_panel(panel, plan, lambda: Reader(network, window), steps, ahead)
