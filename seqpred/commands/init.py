"""Inspect data and write a config for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqpred.commands.load_panel import load_panel
from seqpred.config.schema import Config
from seqpred.inspection.candidates import suggest_covariates
from seqpred.inspection.detect import detect
from seqpred.notes import Note, Notify, OnProgress, no_op
from seqpred.recipe.describe import describe
from seqpred.recipe.eligibility import check_varying, rows_needed, too_few_rows
from seqpred.recipe.resolve import resolve
from seqpred.sources.source import Source
from seqpred.spool.large import beginning


def init(
    source: Source,
    path: str,
    overrides: Mapping[str, Any],
    notify: Notify = no_op,
    on_progress: OnProgress = no_op,
) -> str:
    """A commented config for the data, as YAML.

    Args:
        path: the value of `data.path`.
        overrides: dotted keys and their values, which take precedence over what is inferred.
        notify: receives the chosen columns; all other notes are in the config.
        on_progress: receives how much of a large file is stored.
    """
    config = config_of(overrides)
    found = detect(beginning(source), overrides)
    config = config.replace({**found.keys, "data.path": path, **overrides})
    if found.guess and found.guess.note:
        notify(Note(f"chose {found.guess.note}", source.name))
    panel = load_panel(source, config, on_progress=on_progress)
    check_varying(panel)
    config = resolve(config, panel)
    if rows_needed(config) > panel.lengths.max():
        raise too_few_rows(config, panel)
    candidates = suggest_covariates(found.source, found.profiles, panel.columns) if config.data.layout == "rows" else {}
    return describe(config, panel, found.reasons, overrides, candidates)


def config_of(keys: Mapping[str, Any]) -> Config:
    """A config with these keys and defaults for all others."""
    return Config.model_validate({"data": {"target": "?"}}).replace(keys)
