"""From a resolved config, its covariates and a runtime to sessions and forecasters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from seqpred.calendar.step import Step
from seqpred.features.covariates import Covariates
from seqpred.features.input_spec import SeriesSpec
from seqpred.forecasting.session_state import AddedForecast, SessionSpec
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.runtime.runtime import TILE, Runtime

if TYPE_CHECKING:
    from seqpred.evaluation.backtest import Forecaster

AddedOf = Callable[[Step], AddedForecast]


def make_forecaster(
    config: ResolvedConfig, covariates: Covariates, runtime: Runtime, added_of: AddedOf | None = None
) -> Forecaster:
    """The forecaster of a resolved config, its covariates and a runtime, for increasing cutoffs.

    Args:
        added_of: from the step of the data to the forecast of which it contains a share.
    """
    from seqpred.forecasting.rolling import RollingForecaster

    return RollingForecaster(
        lambda step, steps: session_spec(config, covariates, runtime, step, steps, added_of and added_of(step))
    )


def session_spec(
    config: ResolvedConfig,
    covariates: Covariates,
    runtime: Runtime,
    step: Step,
    steps: int,
    added: AddedForecast | None = None,
) -> SessionSpec:
    """What stays fixed in a session of a model.

    Args:
        step: of the data; that of irregular data has the usual interval.
        steps: rows to forecast.
        added: the forecast of which it contains a share.
    """
    series = SeriesSpec(config.input_spec, covariates, config.targets, config.joint)
    tile = TILE if config.data.id else 1  # a table of one series has no shards
    horizon, minimums = config.forecast.horizon, config.minimums
    return SessionSpec(series, runtime, horizon, config.median, step, steps, minimums, tile, added)


def torch_runtime(
    config: ResolvedConfig, covariates: Covariates, weights: Mapping[str, Any], device: str = "cpu"
) -> Runtime:
    """The networks of a resolved config in torch.

    Raises:
        ConfigError: torch cannot find the device.
    """
    from seqpred.network.ensemble import Ensemble
    from seqpred.network.machine import choose_device
    from seqpred.network.torch_runtime import TorchRuntime

    chosen = choose_device(device, "--runtime", "onnx or torch")
    ensemble = Ensemble.from_weights(config.shape(covariates), weights)
    return TorchRuntime(ensemble, config.model.window, chosen)
