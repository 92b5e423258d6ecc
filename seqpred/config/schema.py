"""The sections and keys of a config, with types, bounds and defaults.

A key's title is its comment in the config that `seqpred init` writes; an advanced key is omitted there while it has
its default. Precedence, lowest first: the default, what is inferred from the data (`auto`), the YAML, `--set`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.fields import FieldInfo

from seqpred.config.cells import installed_cells
from seqpred.config.data_section import DataSection, Section
from seqpred.config.keys import advanced, fields_of, key, set_key
from seqpred.config.messages import Place, validate
from seqpred.config.values import Auto, Cell, Count, Levels

SCHEMA_URL = "https://seqpred.github.io/seqpred.schema.json"


class ModelSection(Section):
    """The recurrent network and its inputs."""

    cell: Cell = key("lstm", "rnn, lstm or gru", "Recurrent cell: rnn, lstm, gru, or the name of an installed cell.")
    depth: int = key(2, "stacked layers", "Stacked layers, each fed by the one below.", ge=1, le=64)
    bidirectional: bool = key(
        False,
        "read each window in both directions",
        "Read each window in both directions. A bidirectional network cannot carry its state forward.",
    )
    dropout: float = key(
        0.2,
        "between layers and before the head",
        "Dropout between layers and before the head; never across time.",
        ge=0,
        lt=1,
    )
    hidden_size: Annotated[int, Field(ge=1, le=8192)] | Auto = key(
        "auto", "state units", "State units of each layer and direction."
    )
    start: Literal["auto", "pretrained", "blank"] = advanced(
        "auto",
        "use the pretrained network",
        "pretrained: combine the forecast with that of the pretrained network of this cell; validation chooses its "
        "share. blank: do not. auto: pretrained if the network is forward, its cell is rnn, lstm or gru, and the "
        "season has at most 400 rows.",
    )
    joint: bool | Auto = advanced(
        "auto",
        "targets are inputs to each other",
        "Whether each target of a series also sees the other targets as inputs.",
    )
    members: Annotated[int, Field(ge=1, le=64)] | Auto = key(
        "auto",
        "networks in the ensemble",
        "Number of networks whose quantiles are averaged, each trained from its own seed.",
    )
    blend: bool = advanced(
        True,
        "blend several naive forecasts",
        "true: the network corrects a learned blend of several naive forecasts. false: it corrects the naive forecast "
        "of the anchor alone.",
    )
    autoregression: bool = advanced(
        True,
        "linear autoregressive term",
        "Add a linear autoregressive term over the last `window` rows to the forecast.",
    )
    window: Count | Auto = key(
        "auto",
        "rows in a training window",
        "Rows in a training window; a bidirectional network sees only these before a forecast.",
    )
    anchor: Count | Auto = key(
        "auto",
        "lag of the naive forecast that the network corrects",
        "Lag of the naive forecast that the network corrects (1: the last value).",
    )
    lags: Annotated[list[Count], Field(min_length=1, max_length=64)] | Auto = key(
        "auto", "inputs: change since this many rows ago", "Inputs: the change of the target since this many rows ago."
    )


class ForecastSection(Section):
    """What to forecast."""

    horizon: Count | Auto = key("auto", "rows to forecast", "Rows to forecast at once.")
    season: Count | Auto = key(
        "auto", "rows per season", "Rows per season, for scaling, the seasonal naive forecast and MASE (1: no season)."
    )
    quantiles: Levels = key(
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
        "levels",
        "Quantile levels to forecast; the median is always forecast.",
    )
    minimum: Auto | float | Annotated[list[float | None], Field(min_length=1)] | None = key(
        "auto",
        "lowest forecast; null: any",
        "Lowest value of a forecast: lower medians and quantiles are raised to it. One number, or a list with one "
        "number or null for each target. auto: 0 for a target without a negative value in the training split, "
        "otherwise none. null: none.",
    )


class TrainingSection(Section):
    """How to train the network."""

    loss: Literal["pinball", "huber"] = advanced(
        "pinball", "quantile loss", "Quantile loss at every position; huber smooths its corner."
    )
    learning_rate: Annotated[float, Field(gt=0, le=1)] | Auto = key(
        "auto",
        "peak of the schedule",
        "Peak learning rate of AdamW; the rate warms up, then decays to zero. auto: from 0.002 for batches of up to 8 "
        "windows to 0.005 for 32 or more.",
    )
    batch_size: Annotated[int, Field(ge=1, le=65536)] | Auto = advanced(
        "auto", "windows in a batch", "Windows in a batch."
    )
    max_steps: Annotated[int, Field(ge=0, le=100_000_000)] | Auto = key(
        "auto",
        "maximum number of batches",
        "Maximum number of training steps (batches) of each network; 0 to fine-tune the pretrained network alone. "
        "auto: 0 for up to 500 rows with a pretrained start, no covariates, and the default depth, dropout, "
        "autoregression, hidden_size and members; otherwise 800 or more.",
    )
    time_budget: float | None = advanced(
        None,
        "maximum training time in seconds",
        "Maximum training time in seconds; the schedule is adapted to it. Runs limited by time are not reproducible.",
        gt=0,
    )
    patience: Annotated[int, Field(ge=1, le=100_000)] | Auto = advanced(
        "auto",
        "validations without a better score before training stops",
        "Validations without a better score before training stops. auto: 5; 2 for fewer than 2,000 rows with a "
        "pretrained start.",
    )
    validation: Count | Auto = key(
        "auto",
        "last rows of each series, to choose the number of steps",
        "Rows at the end of each series on which the number of training steps is chosen. The members of the ensemble "
        "are then trained on all rows.",
    )
    seed: int = key(1, "of all random numbers", "Seed of all random numbers.", ge=0, lt=2**31)
    device: Literal["auto", "cpu", "cuda", "mps"] = advanced(
        "auto", "where to train", "Device to train on. auto: cuda if available, otherwise cpu."
    )
    threads: Annotated[int, Field(ge=1, le=1024)] | Auto = advanced(
        "auto", "in a training step", "CPU threads in a training step. auto: 1; more for large networks."
    )
    distribute: Literal["auto", "networks", "batches"] = advanced(
        "auto",
        "how the processes of torchrun divide the work",
        "How the processes that torchrun starts divide the work. networks: each process trains whole networks. "
        "batches: each batch is computed in four slices, which up to four processes share. auto: batches if "
        "hidden_size squared times batch_size is 2,097,152 or more, otherwise networks. One process computes the same "
        "slices, so the model does not depend on the number of processes.",
    )


class Config(Section):
    """A complete config. Only the section `data` is required."""

    data: DataSection
    model: ModelSection = ModelSection.model_construct()
    forecast: ForecastSection = ForecastSection.model_construct()
    training: TrainingSection = TrainingSection.model_construct()
    tune: dict[str, Any] = advanced(
        {},
        "search space of `seqpred tune`",
        "Search space of `seqpred tune`: dotted keys with a list of values, such as 'model.depth: [1, 2]', or a "
        "range, such as 'training.learning_rate: {low: 0.0003, high: 0.01, log: true}'.",
    )

    @staticmethod
    def from_tree(tree: Mapping[str, Any]) -> Config:
        """The config in a mapping of sections, as in YAML.

        Raises:
            ConfigError: all faults together.
        """
        return validate(Config, tree, lambda _: Place("config"))

    def replace(self, changes: Mapping[str, Any]) -> Config:
        """A copy with dotted keys set to new values, validated like any other.

        Args:
            changes: values by dotted key, such as `{"model.depth": 3}`.
        Raises:
            ConfigError: an unknown key, or a value out of bounds.
        """
        tree = self.model_dump()
        for name, value in changes.items():
            set_key(tree, name, value)
        return Config.from_tree(tree)


def config_fields() -> dict[str, FieldInfo]:
    """The field of every key, by dotted name."""
    return fields_of(Config)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a config, for editors; the cells are those that are installed."""
    schema = Config.model_json_schema()
    schema["$defs"]["ModelSection"]["properties"]["cell"]["enum"] = list(installed_cells())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_URL, **schema}
