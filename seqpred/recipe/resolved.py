"""A resolved config: every `auto` replaced by a value, and what follows from those values."""

from __future__ import annotations

from typing import Literal

from pydantic import ValidationError

from seqpred.config.data_section import CovariateSection, DataSection
from seqpred.config.schema import Config, ForecastSection, ModelSection, TrainingSection
from seqpred.config.values import Count, Cycle
from seqpred.features.covariates import Covariates
from seqpred.features.input_spec import InputSpec
from seqpred.runtime.shape import Shape


class ResolvedCovariates(CovariateSection):
    """The covariates, with the calendar cycles that are inputs."""

    calendar: list[Cycle]


class ResolvedData(DataSection):
    """How the data is read, with its time step."""

    frequency: str
    covariates: ResolvedCovariates


class ResolvedModel(ModelSection):
    """The network, with all of its sizes."""

    hidden_size: Count
    start: Literal["pretrained", "blank"] = "blank"
    joint: bool
    members: Count
    window: Count
    anchor: Count
    lags: list[Count]


class ResolvedForecast(ForecastSection):
    """What is forecast, in rows."""

    horizon: Count
    season: Count
    minimum: float | list[float | None] | None = None


class ResolvedTraining(TrainingSection):
    """How the network is trained, with all of its counts."""

    batch_size: Count
    learning_rate: float
    max_steps: int
    patience: Count = 5
    validation: Count
    threads: Count


class ResolvedConfig(Config):
    """A config without `auto`, as a model folder stores it."""

    data: ResolvedData
    model: ResolvedModel
    forecast: ResolvedForecast
    training: ResolvedTraining

    @classmethod
    def of(cls, config: Config) -> ResolvedConfig:
        """The same config as a resolved one. Keys that it does not set have the defaults of this class.

        Raises:
            ValueError: a key is still `auto`, or does not fit the targets; the message names it.
        """
        try:
            resolved = cls.model_validate(config.model_dump(exclude_unset=True))
        except ValidationError as e:
            raise ValueError(f"{'.'.join(map(str, e.errors()[0]['loc'][:2]))} is auto") from None
        if len(resolved.minimums) != resolved.targets:
            raise ValueError("forecast.minimum does not have one value for each target")
        return resolved

    @property
    def levels(self) -> tuple[float, ...]:
        """Q quantile levels that the network emits, increasing: those of the config and the median."""
        return tuple(sorted({*self.forecast.quantiles, 0.5}))

    @property
    def median(self) -> int:
        """The index of the median in `levels`."""
        return self.levels.index(0.5)

    @property
    def minimums(self) -> tuple[float | None, ...]:
        """The lowest forecast of each of the C targets; None for no minimum."""
        given = self.forecast.minimum
        return tuple(given) if isinstance(given, list) else (given,) * self.targets

    @property
    def targets(self) -> int:
        """C, the target columns of the panel: a single one where the columns of the file are timestamps."""
        return len(self.data.targets) if self.data.layout == "rows" else 1

    @property
    def joint(self) -> bool:
        """Whether each target of a series also sees the other targets as inputs."""
        return self.model.joint and self.targets > 1

    @property
    def input_spec(self) -> InputSpec:
        """Which past rows the inputs and the naive forecasts are made from."""
        return InputSpec(
            season=self.forecast.season,
            anchor=self.model.anchor,
            lags=tuple(self.model.lags),
            blend=self.model.blend,
            autoregression=self.model.window if self.model.autoregression else 0,
        )

    def shape(self, covariates: Covariates) -> Shape:
        """The dimensions of the network."""
        spec, model, added = self.input_spec, self.model, covariates.layout
        targets = self.targets if self.joint else 0
        return Shape(
            inputs=spec.inputs + 2 * targets + added.numbers,
            codes=((targets,) if targets else ()) + added.codes,
            known=added.known,
            known_codes=added.known_codes,
            anchor=spec.anchor,
            blend=spec.blend,
            autoregression=spec.autoregression,
            recent=spec.recent,
            profile=spec.profile,
            cycles=spec.cycles,
            horizon=self.forecast.horizon,
            levels=self.levels,
            cell=model.cell,
            depth=model.depth,
            hidden_size=model.hidden_size,
            bidirectional=model.bidirectional,
            dropout=model.dropout,
        )
