"""The search space: which config keys are varied, and between which values."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqpred.config.loading import read_override
from seqpred.config.schema import Config, config_fields
from seqpred.errors import ConfigError, SeqpredError, did_you_mean

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

SECTIONS = ("model.", "forecast.", "training.")  # the data is the same for all trials
FIXED = ("forecast.horizon", "forecast.season", "training.validation")  # scores would not be comparable
DEFAULT = {  # searched if neither the config nor --grid names a key
    "model.cell": ["rnn", "lstm", "gru"],
    "model.depth": [1, 2, 3],
    "model.hidden_size": [16, 32, 64, 128],
    "model.dropout": {"low": 0.0, "high": 0.5},
    "training.learning_rate": {"low": 3e-4, "high": 1e-2, "log": True},
}


@dataclass(frozen=True)
class Choice:
    """One of several values."""

    values: tuple[bool | int | float | str, ...]

    def distribution(self) -> BaseDistribution:
        """The same as Optuna's type."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.values)


@dataclass(frozen=True)
class Range:
    """A number from `low` to `high`, both included; uniform, or uniform in its logarithm."""

    low: float
    high: float
    log: bool = False

    def distribution(self) -> BaseDistribution:
        """The same as Optuna's type; an integer range if both ends are integers."""
        from optuna.distributions import FloatDistribution, IntDistribution

        if isinstance(self.low, int) and isinstance(self.high, int):
            return IntDistribution(self.low, self.high, log=self.log)
        return FloatDistribution(self.low, self.high, log=self.log)

    @property
    def values(self) -> tuple[float, float]:
        """Both ends, which bound all other values."""
        return self.low, self.high


Space = dict[str, Choice | Range]


def read_space(config: Config, grid: Sequence[str]) -> Space:
    """The search space: of `--grid` if given, else of the config's `tune` section, else `DEFAULT`.

    Args:
        grid: items such as `model.cell=rnn,lstm,gru`.
    Raises:
        ConfigError: an unknown key, a key that cannot be searched, or a value out of bounds.

    >>> config = Config.from_tree({"data": {"target": "y"}})
    >>> read_space(config, ["model.depth=1,2"])
    {'model.depth': Choice(values=(1, 2))}
    """
    if grid:
        named: Mapping[str, Any] = dict(map(_read_grid, grid))
    else:
        named = config.tune or DEFAULT
    space = {key: _read(key, spec) for key, spec in named.items()}
    for key, values in space.items():
        _check_values(config, key, values)
    return space


def combinations(space: Space) -> list[dict[str, Any]]:
    """All combinations of a space of choices, the last key varying fastest."""
    return [dict(zip(space, values, strict=True)) for values in itertools.product(*(s.values for s in space.values()))]


def _read_grid(item: str) -> tuple[str, list[Any]]:
    """The key and the values of `--grid key=a,b,c`."""
    key, equals, text = item.partition("=")
    values = [read_override(f"{key}={part}")[1] for part in text.split(",") if part.strip()] if equals else []
    if not values:
        hint = "Example: --grid model.cell=rnn,lstm,gru."
        raise ConfigError(f"--grid {item}: expected key=value,value,...", hint=hint)
    return key.strip(), values


def _read(key: str, spec: Any) -> Choice | Range:
    known = [k for k in config_fields() if k.startswith(SECTIONS) and k not in FIXED]
    if key in FIXED:
        raise ConfigError(f"tune: {key} cannot be searched", hint="It changes what the validation scores measure.")
    if key not in known:
        raise ConfigError(f"tune: unknown key {key!r}", hint=did_you_mean(key, known))
    if isinstance(spec, dict):
        return _read_range(key, spec)
    values = tuple(spec) if isinstance(spec, list) else ()
    if not values or any(isinstance(v, (list, dict)) for v in values):
        hint = f"Example: 'tune: {{{key}: [1, 2, 3]}}', 'tune: {{{key}: {{low: 1, high: 3}}}}'."
        raise ConfigError(f"tune: {key} is {spec!r}, neither a list of values nor a range", hint=hint)
    return Choice(values)


def _read_range(key: str, spec: Mapping[str, Any]) -> Range:
    low, high = (spec.get(end, float("nan")) for end in ("low", "high"))
    numbers = all(isinstance(end, (int, float)) and not isinstance(end, bool) for end in (low, high))
    if set(spec) - {"low", "high", "log"} or not numbers or not low < high:
        hint = f"Example: 'tune: {{{key}: {{low: 0.001, high: 0.01, log: true}}}}'."
        raise ConfigError(f"tune: {key} is {dict(spec)!r}, not a range", hint=hint)
    if spec.get("log") and low <= 0:
        raise ConfigError(f"tune: {key} has a logarithmic range that starts at {low}", hint="Start it above 0.")
    return Range(low, high, bool(spec.get("log")))


def _check_values(config: Config, key: str, values: Choice | Range) -> None:
    """Reject values that the config itself would reject."""
    for value in values.values:
        try:
            config.replace({key: value})
        except SeqpredError as e:
            raise ConfigError(f"tune: {e.message.removeprefix('config: ')}", hint=e.hint) from None


def describe(space: Space) -> Iterator[str]:
    """One line per key, for people."""
    for key, values in space.items():
        if isinstance(values, Range):
            yield f"{key}: {values.low:g} to {values.high:g}{' (log)' if values.log else ''}"
        else:
            yield f"{key}: {', '.join(map(str, values.values))}"
