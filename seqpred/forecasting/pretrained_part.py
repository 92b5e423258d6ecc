"""The forecast of a pretrained network as a part of the forecast of a trained model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Float32
from seqpred.calendar.step import Step
from seqpred.features.covariates import Covariates
from seqpred.features.input_spec import InputSpec, SeriesSpec
from seqpred.forecasting.session_state import AddedForecast, SessionSpec
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.recipe.start import pretrained_cycle
from seqpred.runtime.runtime import TILE, Runtime
from seqpred.runtime.weighing_runtime import Heads, WeighingRuntime

SHARE, NETWORK = "share", "network."  # names of the arrays in a model folder

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class PretrainedPart:
    """A share of a pretrained forecast.

    Attributes:
        weights: of the pretrained network, by name.
        share: from 0 to 1; the trained ensemble has the rest.
    """

    weights: Mapping[str, Float32]
    share: float

    @property
    def tuned_share(self) -> float:
        """The share of the fine-tuned head in the pretrained forecast; the original head has the rest."""
        return round(sum(Heads.of(self.weights).shares[1:]), 2)

    def arrays(self) -> dict[str, Float32]:
        """What a model folder stores of it; see `Folder.pretrained`."""
        own = {NETWORK + name: weights for name, weights in self.weights.items()}
        return {**own, SHARE: np.array([self.share], np.float32)}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> PretrainedPart:
        """The part from the arrays in a model folder.

        Raises:
            KeyError, ValueError: they are not those of a part.
        """
        (share,) = arrays[SHARE].tolist()
        if not 0 < share <= 1:
            raise ValueError(f"the share of the pretrained forecast is {share}")
        return cls({n.removeprefix(NETWORK): w for n, w in arrays.items() if n.startswith(NETWORK)}, share)

    def forecast(
        self, config: ResolvedConfig, interval_scale: float, runtime: Literal["onnx", "torch"]
    ) -> Callable[[Step], AddedForecast]:
        """From the step of the data to the forecast for the sessions of a model.

        Args:
            config: of the model.
            interval_scale: of the model.
        Raises:
            RuntimeError, ValueError, TypeError, LookupError: the weights are not those of a pretrained network.
        """
        core, share = weighing_core(config.model.cell, self.weights, runtime), self.share
        heads = Heads.of(self.weights)
        return lambda step: AddedForecast(pretrained_session_spec(config, core, step, heads), share, interval_scale)


def pretrained_session_spec(config: ResolvedConfig, core: Runtime, step: Step, heads: Heads) -> SessionSpec:
    """A session of a pretrained network that forecasts the targets, horizon and levels of a model.

    Args:
        core, heads: of the network.
        step: of the data.
    """
    spec = InputSpec.for_pretrained(pretrained_cycle(config.forecast.season, config.model.anchor))
    horizon = config.forecast.horizon
    series = SeriesSpec(spec, Covariates(), config.targets, joint=False)
    runtime = WeighingRuntime(core, spec, horizon, config.levels, heads)
    tile = TILE if config.data.id else 1
    return SessionSpec(series, runtime, horizon, config.median, step, horizon, tile=tile)


def weighing_core(cell: str, weights: Mapping[str, Float32], runtime: Literal["onnx", "torch"]) -> Runtime:
    """The network that emits the part of the heads that is linear in the state.

    Raises:
        RuntimeError, ValueError, TypeError, LookupError: the weights are not those of a pretrained network.
    """
    if runtime == "torch":
        from seqpred.network.weighing_core import WeighingCore

        return WeighingCore(cell, weights)
    from seqpred.runtime.onnx_runtime import OnnxRuntime
    from seqpred.runtime.weighing_graph import write_weighing_graph

    return OnnxRuntime(write_weighing_graph(cell, weights), None)
