"""A trained model: its settled config and weights, and the forecaster that they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from seqpred.arrays import Float
from seqpred.errors import ConfigError, FolderError
from seqpred.evaluation.backtest import Forecaster
from seqpred.features.covariates import Covariates
from seqpred.forecasting.batch import Forecasting, OnProgress, forecast_panel, unseen
from seqpred.panel.panel import SINCE, Panel
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.runtime import onnx_runtime
from seqpred.runtime.blend_runtime import BlendRuntime
from seqpred.runtime.onnx_graph import PARTS, write_graph
from seqpred.runtime.runtime import Runtime
from seqpred.storage.model_folder import Folder, read_folder

RuntimeName = Literal["auto", "onnx", "torch"]


@dataclass(frozen=True)
class Model:
    """What a model folder holds, ready to forecast; `wanted` is the runtime that is asked for."""

    folder: Folder
    wanted: RuntimeName = "auto"

    @property
    def config(self) -> ResolvedConfig:
        """The settled config."""
        return self.folder.config

    @property
    def horizon(self) -> int:
        """Rows that the network forecasts at once."""
        return self.config.forecast.horizon

    @cached_property
    def covariates(self) -> Covariates:
        """What training learned of the covariates.

        Raises:
            FolderError: the manifest does not say it.
        """
        told = self.config.data.covariates
        named = [(name, role) for role in ("known", "past", "static") for name in getattr(told, role)]
        try:
            found = Covariates.from_data(self.folder.manifest.get("covariates", []), told.calendar)
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

    def forecast(self, panel: Panel, steps: int, ahead: Float, on_progress: OnProgress = unseen) -> Float:
        """The quantiles [K, N, Q] that follow each track of a panel; see `forecast_panel`."""
        return forecast_panel(panel, self.plan, self.runtime, steps, ahead, on_progress)

    def forecast_blend(self, panel: Panel, steps: int, ahead: Float) -> Float:
        """The same without the networks: the initial blend of naive forecasts, [K, N, Q]."""
        try:
            runtime = BlendRuntime(self.config.shape(self.covariates), self.folder.weights())
        except (KeyError, ValueError) as e:
            hint = "Train again, or restore the whole folder from a copy."
            raise FolderError(
                f"the weights do not fit its config ({e})", hint=hint, where=str(self.folder.path)
            ) from None
        return forecast_panel(panel, self.plan, runtime, steps, ahead)

    @cached_property
    def runtime(self) -> Runtime:
        """What computes the network.

        The graph for onnxruntime is written here, from the weights. The one in the folder is for other programs:
        somebody may have replaced it.

        Raises:
            FolderError: the weights are not those of the config's network.
            ConfigError: onnx is asked for and does not support the model.
        """
        try:
            weights = self.folder.weights()
            if self.runtime_name == "torch":
                return torch_runtime(self.config, self.covariates, weights)
            graph = write_graph(self.config.shape(self.covariates), weights)
            assert graph is not None
            window = self.config.model.window if self.config.model.bidirectional else None
            return onnx_runtime.OnnxRuntime(graph, window)
        except (RuntimeError, ValueError, TypeError, LookupError) as e:
            hint = "Train again, or restore the whole folder from a copy."
            raise FolderError(
                f"the weights do not fit its config ({e})", hint=hint, where=str(self.folder.path)
            ) from None

    @cached_property
    def runtime_name(self) -> Literal["onnx", "torch"]:
        """The inference backend: onnx if it supports the model, since it starts sooner and is as fast with many series.

        Raises:
            ConfigError: onnx is asked for and cannot be used.
        """
        if self.wanted == "torch":
            return "torch"
        why = "onnxruntime is not installed" if not onnx_runtime.is_installed() else ""
        if self.config.model.cell not in PARTS:
            why = f"ONNX has no cell {self.config.model.cell!r}"
        if why and self.wanted == "onnx":
            raise ConfigError(
                f"the onnx runtime cannot be used: {why}", hint="Omit --runtime, or pass --runtime torch."
            )
        return "torch" if why else "onnx"


def load(path: str | Path, runtime: RuntimeName | Literal["light"] = "auto") -> Model:
    """The model in a folder.

    Args:
        runtime: the inference backend; `auto` is onnx if it supports the model, otherwise torch. `light` is an old
            name of `onnx`.
    Raises:
        FolderError: the folder is missing, damaged, altered, or of another format.
    """
    return Model(read_folder(Path(path)), "onnx" if runtime == "light" else runtime)


def make_forecaster(config: ResolvedConfig, covariates: Covariates, runtime: Runtime) -> Forecaster:
    """The forecaster that a settled config, what was learned of the covariates, and a runtime make."""
    plan = plan_of(config, covariates)
    return lambda panel, steps, ahead: forecast_panel(panel, plan, runtime, steps, ahead)


def plan_of(config: ResolvedConfig, covariates: Covariates) -> Forecasting:
    """What a settled config says of how to forecast, the network apart."""
    return Forecasting(
        look=config.input_spec,
        covariates=covariates,
        joint=config.joint,
        middle=config.levels.index(0.5),
        horizon=config.forecast.horizon,
    )


def torch_runtime(config: ResolvedConfig, covariates: Covariates, weights: Mapping[str, Any]) -> Runtime:
    """The networks of a settled config, computed by torch."""
    from seqpred.network.ensemble import Ensemble
    from seqpred.network.torch_runtime import TorchRuntime

    ensemble = Ensemble.from_weights(config.shape(covariates), weights)
    return TorchRuntime(ensemble, config.model.window)
