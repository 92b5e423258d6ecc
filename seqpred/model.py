"""A trained model: its settled config and weights, and the forecaster that they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from seqpred.backtest import Forecaster
from seqpred.config import Config, settled
from seqpred.covariates import Covariates
from seqpred.data.dialect import Dialect
from seqpred.data.panel import SINCE, Panel
from seqpred.errors import ConfigError, FolderError
from seqpred.features import Float, Look
from seqpred.folder import Folder
from seqpred.forecasting import light
from seqpred.forecasting.batch import Forecasting, Watch, forecast_panel, unseen
from seqpred.forecasting.runtime import Runtime
from seqpred.network.graph import PARTS, write_graph
from seqpred.network.shape import Shape

RuntimeName = Literal["auto", "light", "torch"]


@dataclass(frozen=True)
class Model:
    """What a model folder holds, ready to forecast; `wanted` is the runtime that is asked for."""

    folder: Folder
    wanted: RuntimeName = "auto"

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
        told = self.config.data.covariates
        named = [(name, role) for role in ("known", "past", "static") for name in getattr(told, role)]
        try:
            found = Covariates.from_data(self.folder.manifest.get("covariates", []), settled(told.calendar))
            if sorted((c.name, c.role) for c in found.columns if c.name != SINCE) != sorted(named):
                raise ValueError("they are not those that the config names")
            return found
        except (TypeError, KeyError, AttributeError, ValueError, OverflowError) as e:
            hint = "Train again, or restore the whole folder from a copy."
            raise FolderError(
                f"the covariates in it can't be read ({e})", hint=hint, where=str(self.folder.path)
            ) from None

    @cached_property
    def plan(self) -> Forecasting:
        """How it forecasts, the network apart."""
        return plan_of(self.config, self.covariates)

    def forecast(self, panel: Panel, steps: int, ahead: Float, watch: Watch = unseen) -> Float:
        """The quantiles [K, N, Q] that follow each track of a panel; see `forecast_panel`."""
        return forecast_panel(panel, self.plan, self.runtime, steps, ahead, watch)

    @cached_property
    def runtime(self) -> Runtime:
        """What computes the network.

        The graph that the light one reads is written here, from the weights. The one in the folder is for others: a
        stranger may have put another in its place.

        Raises:
            FolderError: the weights are not those of the config's network.
            ConfigError: the light runtime is asked for, and there is no graph for the model.
        """
        try:
            weights = self.folder.weights()
            if self.runtime_name == "torch":
                return torch_runtime(self.config, self.covariates, weights)
            graph = write_graph(shape_of(self.config, self.covariates), weights)
            assert graph is not None
            window = settled(self.config.model.window) if self.config.model.bidirectional else None
            return light.Light(graph, window)
        except (RuntimeError, ValueError, TypeError, LookupError) as e:
            hint = "Train again, or restore the whole folder from a copy."
            raise FolderError(
                f"the weights do not fit its config ({e})", hint=hint, where=str(self.folder.path)
            ) from None

    @cached_property
    def runtime_name(self) -> Literal["light", "torch"]:
        """The light runtime wherever there is a graph for it: it starts sooner and is as fast with many series.

        Raises:
            ConfigError: it is asked for, and can't be had.
        """
        if self.wanted == "torch":
            return "torch"
        why = "onnxruntime is not installed" if not light.is_here() else ""
        if self.config.model.cell not in PARTS:
            why = f"ONNX has no cell {self.config.model.cell!r}"
        if why and self.wanted == "light":
            raise ConfigError(f"the light runtime can't be used: {why}", hint="Leave --runtime out, or say torch.")
        return "torch" if why else "light"


def look_of(config: Config) -> Look:
    """How far back the inputs of a settled config look."""
    model = config.model
    return Look(
        settled(config.forecast.season),
        settled(model.anchor),
        tuple(settled(model.lags)),
        model.blend,
        settled(model.window) if model.autoregression else 0,
    )


def dialect_of(config: Config) -> Dialect:
    """How the config says that its files are written."""
    data = config.data
    return Dialect(data.encoding, tuple(data.sentinels), data.date_order, data.decimal, data.layout, data.timezone)


def levels_of(config: Config) -> tuple[float, ...]:
    """The quantile levels that the head gives: those of the config and the median."""
    return tuple(sorted({*config.forecast.quantiles, 0.5}))


def joint_of(config: Config) -> bool:
    """Whether the targets of a series are told of each other."""
    return settled(config.model.joint) and config.data.layout == "rows" and len(config.data.targets) > 1


def shape_of(config: Config, covariates: Covariates) -> Shape:
    """The network of a settled config."""
    look = look_of(config)
    model, added, targets = config.model, covariates.layout, len(config.data.targets) if joint_of(config) else 0
    return Shape(
        inputs=look.inputs + 2 * targets + added.numbers,
        codes=((targets,) if targets else ()) + added.codes,
        known=added.known,
        known_codes=added.known_codes,
        anchor=look.anchor,
        blend=look.blend,
        autoregression=look.autoregression,
        recent=look.recent,
        cycles=look.cycles,
        horizon=settled(config.forecast.horizon),
        levels=levels_of(config),
        cell=model.cell,
        depth=model.depth,
        hidden_size=settled(model.hidden_size),
        bidirectional=model.bidirectional,
        dropout=model.dropout,
    )


def make_forecaster(config: Config, covariates: Covariates, runtime: Runtime) -> Forecaster:
    """The forecaster that a settled config, what was learned of the covariates, and a runtime make."""
    plan = plan_of(config, covariates)
    return lambda panel, steps, ahead: forecast_panel(panel, plan, runtime, steps, ahead)


def plan_of(config: Config, covariates: Covariates) -> Forecasting:
    """What a settled config says of how to forecast, the network apart."""
    return Forecasting(
        look=look_of(config),
        covariates=covariates,
        joint=joint_of(config),
        middle=levels_of(config).index(0.5),
        horizon=settled(config.forecast.horizon),
    )


def torch_runtime(config: Config, covariates: Covariates, weights: Mapping[str, Any]) -> Runtime:
    """The networks of a settled config, computed by torch."""
    from seqpred.network.ensemble import Ensemble
    from seqpred.network.reference import Reference

    ensemble = Ensemble.holding(shape_of(config, covariates), weights)
    return Reference(ensemble, settled(config.model.window))
