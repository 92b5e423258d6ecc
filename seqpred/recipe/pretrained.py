"""The config of a pretrained network for some data: season and horizon from the rows, no covariates."""

from __future__ import annotations

from collections.abc import Iterator

from seqpred.calendar.step import usual_seasons
from seqpred.config.schema import Config
from seqpred.features.classical import LONGEST_CYCLE
from seqpred.inspection.seasons import find_season
from seqpred.panel.panel import Panel
from seqpred.recipe.resolve import resolve
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.recipe.start import pretrained_cycle

NO_COVARIATES: dict[str, list[str]] = {f"data.covariates.{role}": [] for role in ("known", "past", "static")}


def resolve_pretrained(config: Config, panel: Panel) -> ResolvedConfig:
    """The config with its season, horizon and columns; `model.anchor` is the season that the network uses.

    That is a longer cycle than the season if its naive forecast is better, as the week of hourly data.

    Args:
        panel: all rows.
    """
    season = find_season(panel) if config.forecast.season == "auto" else config.forecast.season
    fixed = {"forecast.season": season, **NO_COVARIATES, "data.covariates.calendar": "none", "model.joint": False}
    return for_pretrained(resolve(config.replace(fixed), panel))


def for_pretrained(config: ResolvedConfig) -> ResolvedConfig:
    """The config of a pretrained network for the columns, season and horizon of another model's config."""
    cycle = pretrained_cycle(config.forecast.season, config.model.anchor)
    network = {"model.anchor": cycle, "model.lags": [1, *([cycle] if cycle > 1 else [])]}
    changes = {**NO_COVARIATES, "data.covariates.calendar": "none", "model.joint": False, **network}
    return ResolvedConfig.of(config.replace({**changes, "data.covariates.calendar": []}))


def describe_choices(config: ResolvedConfig, panel: Panel) -> str:
    """The season and the horizon, or the horizon and why there is no season, for the user."""
    season, cycle, horizon = config.forecast.season, config.model.anchor, f"horizon {config.forecast.horizon}"
    if season > LONGEST_CYCLE:
        return f"{horizon}; season {season} is longer than {LONGEST_CYCLE} rows and ignored"
    if cycle > season:
        return f"season {cycle} (better than {season}), {horizon}"
    if season == 1:
        return f"{horizon}; {_no_season(panel)}"
    few = "; fewer than two seasons of rows, so no growth is estimated" if panel.lengths.max() < 2 * season else ""
    return f"season {season}, {horizon}{few}"


def _no_season(panel: Panel) -> str:
    possible = [usual for usual in _calendar(panel) if usual > 1]
    return f"no season: fewer than {2 * possible[0]} rows" if possible else "no season found"


def _calendar(panel: Panel) -> Iterator[int]:
    if panel.clock.dated and panel.step.unit != "irregular":
        yield from usual_seasons(panel.step)
