"""From the data to a config that trains well: the one place that chooses sizes and rates."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any

import numpy as np

from seqpred.config.schema import Config, DataSection
from seqpred.config.yaml_subset import dump_yaml
from seqpred.features.covariates import find_calendar
from seqpred.inspection.detect import one_or_list
from seqpred.inspection.seasons import find_anchor, find_season, sample
from seqpred.panel.panel import Panel
from seqpred.recipe.resolved import ResolvedConfig

ENOUGH = 30  # blocks of validation, each of one series and one horizon, that are enough to decide by
LONG = 400  # rows of a season that is not forecast at once unless it is asked for: a year of days is still shorter
MAX_OUTPUTS = (
    1 << 24
)  # quantiles of all steps ahead, from all rows of a batch: half a second's work, and 0.7 GB of memory
MANY_ROWS = 20_000  # of which three members forecast as well as five
MOST_JOINT = 16  # targets that are told of each other: each adds two inputs to every one


def resolve(config: Config, panel: Panel) -> ResolvedConfig:
    """The config with every `auto` decided by the training data; what a person wrote stays.

    Args:
        panel: all training rows, the validation part included.
    """
    columns = panel.columns
    changes: dict[str, Any] = {
        "data.time": one_or_list(columns.time),
        "data.id": columns.id,
        "data.date_order": panel.clock.date_order or config.data.date_order,
        "data.decimal": panel.dialect.decimal,
        "data.frequency": str(panel.step),
        "data.timezone": panel.dialect.timezone,
    }

    def choose(key: str, value: Any) -> Any:
        """What the config says, or else this value."""
        said: Any = reduce(getattr, key.split("."), config)
        changes[key] = value if said == "auto" else said
        return changes[key]

    targets = panel.roles.count("target")
    choose("model.joint", 1 < targets <= MOST_JOINT)
    typical = int(np.median(panel.lengths))
    learned, room = _learned(config, panel, typical)
    season = choose("forecast.season", find_season(learned, room))
    horizon = choose("forecast.horizon", _horizon(season, typical))
    validation = choose("training.validation", _validation(horizon, typical, len(panel.names) * targets))
    best_anchor, lags = find_anchor(learned, season, horizon, room)
    anchor = choose("model.anchor", best_anchor)
    chosen_lags = choose("model.lags", lags if len(lags) > 1 else [1, 2, 4, 8])
    calendar = choose("data.covariates.calendar", list(find_calendar(panel, max(anchor, *chosen_lags))))
    changes["data.covariates.calendar"] = calendar if calendar != "none" else []
    longest = max(1, typical - validation - anchor - 1)
    ahead = horizon * len({*config.forecast.quantiles, 0.5})
    window = choose(
        "model.window", min(max(2 * horizon, 2 * season, 24), 256, longest, max(24, MAX_OUTPUTS // (4 * ahead)))
    )
    rows = len(panel.values) * targets
    choose("model.hidden_size", 32 if rows < 2000 else 64)
    choose("model.members", 5 if rows < MANY_ROWS else 3)
    batch, spoken = (128, 1) if config.model.bidirectional else (_batch(rows, window, ahead), window)
    choose("training.batch_size", max(4, min(batch, MAX_OUTPUTS // (spoken * ahead))))
    choose("training.max_steps", int(round(500 * math.log10(max(rows, 100)), -2)))
    choose(
        "training.threads", _threads(config.model.cell, changes["model.hidden_size"], changes["training.batch_size"])
    )
    return ResolvedConfig.of(config.replace(changes))


def _learned(config: Config, panel: Panel, typical: int) -> tuple[Panel, int]:
    """What seasons and lags are found in: not the validation part, at least a quarter is left out of every series.

    Beside it how many rows they may take up: that is decided by lengths, which tell nothing of the validation part.
    """
    horizon, said = config.forecast.horizon, config.training.validation
    if said == "auto":
        said = (
            typical // 2
            if horizon == "auto"
            else _validation(horizon, typical, len(panel.names) * panel.roles.count("target"))
        )
    left = max(typical // 4, horizon if horizon != "auto" else 1, 1)
    learned = panel.lengths - max(left, said)
    return sample(panel, np.maximum(learned, np.minimum(panel.lengths, 1))), typical - left


def _horizon(season: int, rows: int) -> int:
    """One season ahead, a dozen rows where there is none, and no more than a sixth of the data.

    Of a season of very many rows an hour's minutes, or a minute's seconds: a day of either at once learns slowly.
    """
    usual = 12 if season == 1 else season if season <= LONG else 60
    return max(1, min(usual, rows // 6))


def _validation(horizon: int, rows: int, tracks: int) -> int:
    """Eight horizons of a quarter of the rows, or as many as are enough to decide by.

    Where a quarter holds too little for that, eight of half the rows, and at least one.
    """
    if rows // 4 // horizon * tracks < ENOUGH:
        return max(horizon, min(rows // 2, 8 * horizon))
    return max(horizon, min(rows // 4, max(8, -(-ENOUGH // tracks)) * horizon))


def _batch(rows: int, window: int, ahead: int) -> int:
    """Windows in a step: 32, or as many as hold a quarter of all rows or say a quarter of `SAID`; eight at least.

    Args:
        ahead: quantiles of all steps, which each row of a window says.
    """
    return min(32, max(8, min(rows // 4, MAX_OUTPUTS // (4 * ahead)) // window))


def _threads(cell: str, hidden_size: int, batch_size: int) -> int:
    """Threads for a network of this size, by the table that `benchmarks/threads.py` measures.

    The choice follows that table and not a clock at the start of each run: a near tie would fall now this way, now
    that, and with it the bytes of the result.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    work = hidden_size**2 * batch_size
    if work < 64**2 * (32 if cell == "lstm" else 128):
        return 1  # a second thread saves little here, and beside other work it costs more than that
    return min(cores, 2 if work < 128**3 else 4 if work < 512**2 * 128 else 8)


def write_config(config: ResolvedConfig, panel: Panel, reasons: Mapping[str, str], path: str) -> str:
    """A commented YAML for this data, as `init` prints it: what was found, and why each key is as it is."""
    columns, step = panel.columns, str(panel.step)
    lengths = panel.lengths
    span = f"{lengths.min()} to {lengths.max()}" if lengths.min() != lengths.max() else f"{lengths.max()}"
    series = len(panel.names)
    season = config.forecast.season
    notes = "".join(f"# Note: {note}.\n" for note in panel.notes)
    season_why = "rows in one season" if season != 1 else "no season found"
    return f"""\
# {series} series of {span} rows, step {step}. Train it: seqpred train THIS_FILE
{notes}
data:
  path: {_scalar(path)}
  time: {_scalar(one_or_list(columns.time))}  # {reasons["time"]}
  target: {_scalar(config.data.target)}  # {reasons["target"]}
  id: {_scalar(columns.id)}  # {reasons["id"]}
  frequency: {_scalar(step)}  # {reasons.get("frequency", "from one row to the next")}
{"".join(_decisions(config, reasons))}
model:
  cell: {config.model.cell}  # or rnn, gru
  depth: {config.model.depth}  # layers
  hidden_size: {config.model.hidden_size}  # units in each
  dropout: {config.model.dropout}
  bidirectional: false
{"".join(_joint(config))}\
  members: {config.model.members}  # networks whose quantiles are averaged, each from a seed of its own
  window: {config.model.window}  # rows in a training window
  anchor: {config.model.anchor}  # the network corrects 'as {config.model.anchor} rows ago', which errs least here
  lags: {config.model.lags}  # inputs: the change since so many rows ago

forecast:
  horizon: {config.forecast.horizon}  # rows ahead
  season: {season}  # {season_why}
  quantiles: {config.forecast.quantiles}

training:
  max_steps: {config.training.max_steps}
  batch_size: {config.training.batch_size}
  learning_rate: {config.training.learning_rate}
  patience: {config.training.patience}  # validations without a better score
  validation: {config.training.validation}  # last rows of each series, which choose how long to learn
  seed: {config.training.seed}
"""


def _joint(config: ResolvedConfig) -> Iterator[str]:
    if len(config.data.targets) > 1:
        yield f"  joint: {_scalar(config.model.joint)}  # whether the targets are told of each other\n"


def _decisions(config: ResolvedConfig, reasons: Mapping[str, str]) -> Iterator[str]:
    """Lines for how the file is written, as far as it is unusual."""
    for key in ("layout", "duplicates", "missing", "sentinels", "date_order", "decimal", "encoding", "timezone"):
        value = getattr(config.data, key)
        if value != DataSection.model_fields[key].get_default(call_default_factory=True):
            yield f"  {key}: {_scalar(value)}  # {reasons.get(key, 'as all rows together decide')}\n"
    told = config.data.covariates
    yield "  covariates:  # what else the network is told of each row; known, past and static columns by name\n"
    for role, what in (("known", "known in the future too"), ("past", "only observed"), ("static", "of a series")):
        if getattr(told, role):
            yield f"    {role}: {_scalar(getattr(told, role))}  # {what}\n"
    if told.static_file:
        yield f"    static_file: {_scalar(told.static_file)}  # where the static columns stand\n"
    yield f"    calendar: {_scalar(told.calendar)}  # cycles that no lag spans\n"


def _scalar(value: bool | str | list[Any] | None) -> str:
    """A YAML scalar, or a list in one line, that reads back as this value."""
    return dump_yaml(value, default_flow_style=True, width=10_000).removesuffix("...\n").strip()
