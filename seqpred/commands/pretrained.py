"""Models by name: a folder, or the pretrained network with a config from the data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seqpred.config.schema import ModelSection
from seqpred.errors import ConfigError, DataError
from seqpred.forecasting.model import Model, RuntimeName, load
from seqpred.notes import Note, Notify, no_op
from seqpred.pretrained import PRETRAINED
from seqpred.pretrained.weights import read_weights
from seqpred.sources.opening import open_source
from seqpred.sources.source import Source

if TYPE_CHECKING:
    from seqpred.forecasting.pretrained_model import PretrainedModel


def load_for(
    model: Model | str | Path,
    data: object,
    overrides: Mapping[str, Any] | None = None,
    notify: Notify = no_op,
    runtime: RuntimeName | Literal["light"] = "auto",
) -> tuple[Model, object]:
    """A model and the data, which has been opened if the model is the pretrained one.

    Args:
        model: a model, its folder, or `pretrained`.
        overrides: dotted keys of the config of the pretrained network.
        notify: receives what was chosen for it.
    Raises:
        ConfigError: the pretrained network is requested without data.
    """
    if isinstance(model, Model):
        return model, data
    if str(model) != PRETRAINED:
        return load(model, runtime), data
    if data is None:
        raise ConfigError("the pretrained network needs data", hint="Pass a data file, or - for standard input.")
    source = data if isinstance(data, Source) else open_source(data)
    return pretrained_for(source, overrides or {}, notify, "onnx" if runtime == "light" else runtime), source


def fingerprint_of(model: str | Path) -> str:
    """The fingerprint of a model in its folder, or of the pretrained network that `load_for` chooses by default."""
    if str(model) == PRETRAINED:
        return read_weights(ModelSection.model_construct().cell).fingerprint
    return str(load(model).folder.manifest["fingerprint"])


def pretrained_for(
    source: Source, overrides: Mapping[str, Any], notify: Notify = no_op, runtime: RuntimeName = "auto"
) -> PretrainedModel:
    """The pretrained network for the columns, the season and the horizon of some data.

    Args:
        overrides: dotted keys and their values, which take precedence over what is inferred.
        notify: receives the chosen columns, the season and the horizon.
    Raises:
        DataError: the data cannot be read, or no value is observed.
    """
    from seqpred.commands.init import config_of  # inspecting data, which a stream of a trained model does not need
    from seqpred.commands.load_panel import load_panel
    from seqpred.forecasting.pretrained_model import pretrained_model
    from seqpred.inspection.detect import detect
    from seqpred.recipe.eligibility import check_observed
    from seqpred.recipe.pretrained import describe_choices, resolve_pretrained
    from seqpred.spool.large import beginning

    found = detect(beginning(source), overrides)
    config = config_of(overrides).replace({**found.keys, **overrides})
    panel = load_panel(source, config)
    check_observed(panel)
    if panel.clock.dated and panel.step.unit == "row":
        hint = "Provide at least two rows of a series, or name a file that has them with `forecast --like`."
        raise DataError("one timestamp has no time step", hint=hint, where=source.name)
    resolved = resolve_pretrained(config, panel)
    chosen = [found.guess.note] if found.guess and found.guess.note else []
    notify(Note("chose " + ", ".join([*chosen, describe_choices(resolved, panel)]), source.name))
    return pretrained_model(resolved, runtime)
