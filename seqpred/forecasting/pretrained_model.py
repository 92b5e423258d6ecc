"""A pretrained network as a model: its config follows from the data, and it forecasts any horizon."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seqpred.calendar.step import Step
from seqpred.errors import ConfigError, FolderError
from seqpred.features.input_spec import InputSpec, SeriesSpec
from seqpred.forecasting.model import Model, RuntimeName
from seqpred.forecasting.pretrained_part import weighing_core
from seqpred.forecasting.rolling import RollingForecaster
from seqpred.forecasting.session_state import SessionSpec
from seqpred.pretrained import PRETRAINED
from seqpred.pretrained.weights import HINT, PretrainedWeights, read_weights
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.runtime import onnx_runtime
from seqpred.runtime.classical_head import NAMES, mean_of_watched
from seqpred.runtime.runtime import TILE, Runtime
from seqpred.runtime.weighing_runtime import ConstantRuntime, Heads, WeighedComponents, WeighingRuntime
from seqpred.storage.model_folder import Folder

if TYPE_CHECKING:
    from seqpred.evaluation.backtest import Forecaster


@dataclass(frozen=True)
class PretrainedModel(Model):
    """A pretrained network for the data of a config.

    Attributes:
        network: its weights.
        cycle: rows of the season that its inputs and the classical forecasts use.
    """

    network: PretrainedWeights | None = None
    cycle: int = 1

    @property
    def spec(self) -> InputSpec:
        """The inputs of the network."""
        return InputSpec.for_pretrained(self.cycle)

    @cached_property
    def runtime_name(self) -> Literal["onnx", "torch"]:
        """The inference backend, which is onnx.

        Raises:
            ConfigError: torch is requested, or onnxruntime is not installed.
        """
        if self.wanted in ("torch", "cuda"):
            message = f"the pretrained network has no {self.wanted} runtime"
            raise ConfigError(message, hint=f"Omit --runtime {self.wanted}.")
        if not onnx_runtime.is_installed():
            raise ConfigError("onnxruntime is not installed", hint="pip install onnxruntime")
        return "onnx"

    def session_spec(self, step: Step, steps: int) -> SessionSpec:
        """A session whose horizon is the number of steps: all steps are forecast at once."""
        config, series = self.config, SeriesSpec(self.spec, self.covariates, self.config.targets, joint=False)
        runtime = WeighingRuntime(self._core, self.spec, steps, config.levels, self._heads)
        tile = TILE if config.data.id else 1  # a table of one series has no shards
        return SessionSpec(series, runtime, steps, config.median, step, steps, config.minimums, tile)

    def forecasters(self) -> dict[str, Forecaster]:
        """The network and, as `blend`, the mean of some classical forecasts; see `mean_of_watched`."""
        assert self.network is not None
        outputs = ConstantRuntime(mean_of_watched(self.network.weights["head.bias"]))

        def blend(step: Step, steps: int) -> SessionSpec:
            runtime = WeighingRuntime(outputs, self.spec, steps, self.config.levels)
            return replace(self.session_spec(step, steps), runtime=runtime)

        return {"model": RollingForecaster(self.session_spec), "blend": RollingForecaster(blend)}

    @property
    def component_names(self) -> tuple[str, ...]:
        """The last value, then the classical forecasts of the values, then those of their logarithms."""
        return (NAMES[0], *NAMES, *(f"{name} (logarithms)" for name in NAMES))

    def component_spec(self, step: Step, steps: int) -> SessionSpec:
        """A session that emits the components of the medians; see `Model.component_spec`."""
        runtime = WeighedComponents(self._core, self.spec, steps, self._heads)
        return replace(self.session_spec(step, steps), runtime=runtime)

    @property
    def parameters(self) -> int:
        """How many weights the network has."""
        assert self.network is not None
        return sum(w.size for w in self.network.weights.values())

    @cached_property
    def _heads(self) -> Heads:
        assert self.network is not None
        return Heads.of(self.network.weights)

    @cached_property
    def _core(self) -> Runtime:
        assert self.network is not None
        try:
            return weighing_core(self.config.model.cell, self.network.weights, self.runtime_name)
        except (RuntimeError, ValueError, TypeError, LookupError) as e:
            raise FolderError(f"the pretrained weights cannot be used ({e})", hint=HINT) from None


def pretrained_model(config: ResolvedConfig, wanted: RuntimeName = "auto") -> PretrainedModel:
    """The pretrained network of the config's cell for data of this config.

    Raises:
        FolderError: its weights are missing or altered.
    """
    network = _weights(config.model.cell)
    manifest: dict[str, Any] = {"fingerprint": network.fingerprint, "data": {"ends": None}, "network": network.manifest}
    folder = Folder(Path(PRETRAINED), config, manifest, network.content)
    return PretrainedModel(folder, wanted, network, config.model.anchor)


_weights = lru_cache(read_weights)
