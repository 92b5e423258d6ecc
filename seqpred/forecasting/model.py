"""A trained model: its resolved config and weights, and its forecasts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seqpred.arrays import Float
from seqpred.calendar.step import Step
from seqpred.errors import ConfigError, FolderError
from seqpred.features.covariates import Covariates
from seqpred.features.naive import anchor_name
from seqpred.forecasting.model_session import AddedOf, make_forecaster, session_spec, torch_runtime
from seqpred.forecasting.session import OnShare, forecast_panel
from seqpred.forecasting.session_state import SessionSpec
from seqpred.notes import no_op
from seqpred.panel.panel import SINCE, Panel
from seqpred.pretrained import PRETRAINED
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.runtime import onnx_runtime
from seqpred.runtime.onnx_graph import PARTS, write_graph
from seqpred.runtime.runtime import Runtime
from seqpred.storage.model_folder import Folder, read_folder

if TYPE_CHECKING:
    import pandas as pd

    from seqpred.evaluation.backtest import Forecaster
    from seqpred.forecasting.pretrained_part import PretrainedPart

RuntimeName = Literal["auto", "onnx", "torch", "cuda"]


@dataclass(frozen=True)
class Model:
    """A model folder, ready to forecast.

    Attributes:
        wanted: the requested inference backend.
    """

    folder: Folder
    wanted: RuntimeName = "auto"

    @property
    def config(self) -> ResolvedConfig:
        """The resolved config."""
        return self.folder.config

    @property
    def horizon(self) -> int:
        """Rows that the network forecasts at once."""
        return self.config.forecast.horizon

    @cached_property
    def covariates(self) -> Covariates:
        """The covariates with the statistics of the training split.

        Raises:
            FolderError: the manifest does not contain them, or other ones than the config.
        """
        section = self.config.data.covariates
        expected = [(name, role) for role in ("known", "past", "static") for name in getattr(section, role)]
        try:
            manifest = self.folder.manifest
            found = Covariates.from_data(manifest.get("covariates", []), section.calendar, manifest.get("holidays"))
            if sorted((c.name, c.role) for c in found.columns if c.name != SINCE) != sorted(expected):
                raise ValueError("they are not those of the config")
            if (found.holidays and found.holidays.region) != section.holidays:
                raise ValueError("the holidays are not those of the config")
            return found
        except (TypeError, KeyError, AttributeError, ValueError, OverflowError) as e:
            raise self._damaged(f"the covariates in it cannot be read ({e})") from None

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled and copied: the fields. A session of onnxruntime is made again from them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __repr__(self) -> str:
        lines = self.summary()
        return f"<Model {lines['model']}: {lines['network']}, horizon {self.horizon}, {lines['scores']}>"

    def _repr_html_(self) -> str:
        from seqpred.forecasting.model_html import model_html

        with self._reporting_damage():
            return model_html(self.folder, self.summary())

    def summary(self) -> dict[str, str]:
        """The model in ten lines, as label and text.

        Raises:
            FolderError: the manifest lacks something that training writes.
        """
        from seqpred.forecasting.summary import summarize

        with self._reporting_damage():
            return summarize(self.folder, "cuda" if self.wanted == "cuda" else self.runtime_name)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """The stored scores, one row per forecaster: on the holdout if there is one, else on the validation split.

        `scores.attrs["part"]` is `unseen` or `validation`; `skill` and `network_skill` are also there.

        Raises:
            FolderError: the manifest does not contain them.
        """
        from seqpred.forecasting.stored import score_table

        with self._reporting_damage():
            return score_table(self.folder.manifest)

    @cached_property
    def history(self) -> pd.DataFrame:
        """The learning curves: step, network, loss and validation score, as in `history.csv`.

        Raises:
            FolderError: the file in the folder has another form.
        """
        from seqpred.forecasting.stored import history_table

        with self._reporting_damage():
            return history_table(self.folder.history)

    @contextmanager
    def _reporting_damage(self) -> Iterator[None]:
        try:
            yield
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as e:
            raise self._damaged(f"an entry is missing or invalid ({type(e).__name__}: {e})") from None

    def forecast(self, panel: Panel, steps: int, ahead: Float, on_share: OnShare = no_op) -> Float:
        """The quantiles [K, N, Q] that follow each track of a panel; see `forecast_panel`."""
        return forecast_panel(panel, self.session_spec(panel.step, steps), ahead, on_share)

    def session_spec(self, step: Step, steps: int) -> SessionSpec:
        """What stays fixed in a session; see the function `session_spec`."""
        added = self.added_forecast and self.added_forecast(step)
        return session_spec(self.config, self.covariates, self.runtime, step, steps, added)

    def forecasters(self) -> dict[str, Forecaster]:
        """The model and, as `blend`, the same without the networks, for forecasts after increasing cutoffs."""
        from seqpred.runtime.blend_runtime import BlendRuntime

        try:
            blend = BlendRuntime(self.config.shape(self.covariates), self.folder.weights())
        except (KeyError, ValueError) as e:
            raise self._damaged(f"the weights do not fit its config ({e})") from None
        return {
            "model": make_forecaster(self.config, self.covariates, self.runtime, self.added_forecast),
            "blend": make_forecaster(self.config, self.covariates, blend),
        }

    @cached_property
    def pretrained_part(self) -> PretrainedPart | None:
        """The part of the forecast that is that of a pretrained network; None if there is none.

        Raises:
            FolderError: the folder does not contain a valid one.
        """
        arrays = self.folder.pretrained()
        if not arrays:
            return None
        from seqpred.forecasting.pretrained_part import PretrainedPart  # most of it is not needed otherwise

        try:
            return PretrainedPart.from_arrays(arrays)
        except (KeyError, ValueError) as e:
            raise self._damaged(f"the pretrained network in it cannot be used ({e})") from None

    @cached_property
    def added_forecast(self) -> AddedOf | None:
        """The forecast of this part in sessions, from the step of the data; None if there is none.

        Raises:
            FolderError: the folder does not contain a valid one.
        """
        part = self.pretrained_part
        if part is None:
            return None
        try:
            (scale,) = self.folder.weights()["interval_scale"].tolist()
            return part.forecast(self.config, scale, self.runtime_name)
        except (RuntimeError, ValueError, TypeError, LookupError) as e:
            raise self._damaged(f"the pretrained network in it cannot be used ({e})") from None

    @property
    def component_names(self) -> tuple[str, ...]:
        """The naive forecasts of which the medians consist, the one that the network corrects first."""
        shape = self.config.shape(self.covariates)
        return (anchor_name(shape.anchor), *(shape.naive_table.names if shape.naives else ()))

    def component_spec(self, step: Step, steps: int) -> SessionSpec:
        """A session that emits the components of the medians; see `network.component_runtime`. It needs torch.

        Raises:
            FolderError: the weights are not those of the config's network.
        """
        from seqpred.network.component_runtime import ComponentRuntime
        from seqpred.network.ensemble import Ensemble

        try:
            ensemble = Ensemble.from_weights(self.config.shape(self.covariates), self.folder.weights())
        except (RuntimeError, ValueError, TypeError, LookupError) as e:
            raise self._damaged(f"the weights do not fit its config ({e})") from None
        runtime = ComponentRuntime(ensemble, self.config.model.window)
        return session_spec(self.config, self.covariates, runtime, step, steps)

    @property
    def parameters(self) -> int:
        """How many weights the networks have."""
        return self.folder.parameters

    def _damaged(self, what: str) -> FolderError:
        hint = "Train again, or restore the whole folder from a copy."
        return FolderError(what, hint=hint, where=str(self.folder.path))

    @cached_property
    def runtime(self) -> Runtime:
        """The inference backend.

        The graph for onnxruntime is written here, from the weights. The one in the folder is for other programs:
        somebody may have replaced it.

        Raises:
            FolderError: the weights are not those of the config's network.
            ConfigError: onnx is requested and does not support the model, or cuda and torch cannot find it.
        """
        try:
            weights = self.folder.weights()
            if self.wanted == "cuda" or self.runtime_name == "torch":
                device = "cuda" if self.wanted == "cuda" else "cpu"
                return torch_runtime(self.config, self.covariates, weights, device)
            graph = write_graph(self.config.shape(self.covariates), weights)
            assert graph is not None
            window = self.config.model.window if self.config.model.bidirectional else None
            return onnx_runtime.OnnxRuntime(graph, window)
        except (RuntimeError, ValueError, TypeError, LookupError) as e:
            raise self._damaged(f"the weights do not fit its config ({e})") from None

    @cached_property
    def runtime_name(self) -> Literal["onnx", "torch"]:
        """The inference backend: onnx if it supports the model, since it starts sooner and is as fast with many series.

        With `cuda`, that of the pretrained part, which a GPU does not compute.

        Raises:
            ConfigError: onnx is requested and cannot be used.
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
        runtime: the inference backend; `auto` is onnx if it supports the model, otherwise torch. `cuda` is torch on a
            GPU. `light` is an old name of `onnx`.
    Raises:
        FolderError: the folder is missing, damaged, altered, or of another format.
        ConfigError: the name is `pretrained`, which is not a folder.
    """
    if str(path) == PRETRAINED and not os.path.lexists(path):
        hint = "Pass its name with the data, as in `seqpred.predict('pretrained', data)`."
        raise ConfigError("the pretrained network is not a model folder", hint=hint)
    return Model(read_folder(Path(path)), "onnx" if runtime == "light" else runtime)
