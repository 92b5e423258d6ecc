"""Inspect data and write a config for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqpred.commands.load_panel import Notify, load_panel, no_op
from seqpred.config.schema import Config
from seqpred.inspection.detect import detect
from seqpred.recipe.eligibility import check_varying, rows_needed, too_few_rows
from seqpred.recipe.resolve import resolve, write_config
from seqpred.sources.source import Source
from seqpred.spool.cache import Storing, beginning


def init(source: Source, path: str, overrides: Mapping[str, Any], notify: Notify = no_op) -> str:
    """A commented config for the data, as YAML.

    Args:
        path: the value of `data.path`.
        overrides: dotted keys and their values, which take precedence over what is inferred.
        notify: receives the chosen columns and the progress of storing a large file; all other notes are in the
            config.
    """
    config = config_of(overrides)
    found = detect(beginning(source), overrides)
    config = config.replace({**found.keys, **overrides})
    if found.guess and found.guess.note:
        notify(f"{source.name}: chose {found.guess.note}.")
    panel = load_panel(source, config, lambda note: notify(note) if isinstance(note, Storing) else None)
    check_varying(panel)
    config = resolve(config, panel)
    if rows_needed(config) > panel.lengths.max():
        raise too_few_rows(config, panel)
    return write_config(config, panel, found.reasons, path)


def config_of(keys: Mapping[str, Any]) -> Config:
    """A config with these keys and defaults for all others."""
    return Config.model_validate({"data": {"target": "?"}}).replace(keys)
