"""From a source and a config to a panel: the columns are chosen, the rows read and put on the time grid.

What only some data needs is imported where it is used, so that a forecast starts fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from seqpred.config.data_section import DataSection
from seqpred.config.loading import load_config
from seqpred.config.schema import Config
from seqpred.errors import ConfigError
from seqpred.features.covariates import Covariates
from seqpred.features.fit_covariates import apply_covariates
from seqpred.inspection.columns import Guess, choose_columns, find_categories, with_id
from seqpred.notes import Note, Notify, OnProgress, no_op
from seqpred.panel.build import build_panel
from seqpred.panel.panel import Panel, Rows
from seqpred.reading.column_profile import name_columns, profile_columns
from seqpred.reading.table import read_table
from seqpred.sources.dialect import Dialect
from seqpred.sources.opening import open_source
from seqpred.sources.source import Source
from seqpred.spool.large import beginning, is_large


def as_config(config: Config | Mapping[str, Any] | str | Path) -> Config:
    """A config from a YAML file, a mapping or a config."""
    if isinstance(config, Config):
        return config
    if isinstance(config, (str, Path)):
        return load_config(Path(config))
    return Config.from_tree(config)


def open_data(data: object, config: Config) -> Source:
    """The source of the data, or of the config's own `data.path` if `data` is None.

    Raises:
        ConfigError: neither is given.
    """
    if isinstance(data, Source):
        return data
    if data is None and config.data.path is None:
        hint = "Pass a file (to train as --data FILE), or - for standard input."
        raise ConfigError("no data is given, and data.path is not set in the config", hint=hint)
    return open_source(config.data.path if data is None else data)


def load_panel(
    source: Source,
    config: Config,
    notify: Notify = no_op,
    covariates: Covariates | None = None,
    on_progress: OnProgress = no_op,
) -> Panel:
    """Read a source into a panel.

    Args:
        notify: receives what was inferred, filled or dropped.
        covariates: the covariates of a trained model; its category codes are used.
        on_progress: receives how much of a large file is stored.
    """
    data = config.data
    rows, guess = read_rows(source, config, notify, covariates, on_progress)
    if guess.note:
        notify(Note(f"chose {guess.note}", source.name))
    for note in rows.notes:  # before building the panel, because they may explain an error in it
        notify(Note(note, source.name))
    is_trained = covariates is not None
    panel = build_panel(rows, data.frequency, data.duplicates, data.missing, is_trained=is_trained)
    for note in panel.notes[len(rows.notes) :]:
        notify(Note(note, source.name))
    return panel if covariates is None else with_covariates(panel, covariates, source, notify)


def read_rows(
    source: Source,
    config: Config,
    notify: Notify = no_op,
    covariates: Covariates | None = None,
    on_progress: OnProgress = no_op,
) -> tuple[Rows, Guess]:
    """Read the rows of a source with the config's dialect; also return how its columns were chosen."""
    data, source = config.data, source.with_dialect(Dialect.of(config.data))
    if data.layout == "wide":
        wide = read_wide_rows(source, data, covariates)
        return wide, Guess(wide.columns, {})
    profile = profile_columns if covariates is None else name_columns
    profiles, statics = list(profile(source)), None
    if data.covariates.static_file is not None:
        from seqpred.panel.static_file import join_statics, open_statics, profile_static_columns

        statics = open_statics(data.covariates, source.dialect)
        assert statics is not None
        extra = profile_static_columns(statics, data.covariates.static, profile)
        profiles = list({p.name: p for p in (*profiles, *extra)}.values())
    guess = choose_columns(profiles, source.name, data)
    if covariates is None:
        guess = with_id(guess, beginning(source), profiles)
    columns = guess.columns
    categories = find_categories(profiles, columns) if covariates is None else covariates.categories
    own = replace(columns, static=()) if statics else columns
    if data.layout == "rows" and is_large(source):
        from seqpred.spool.cache import store

        rows: Rows = store(source, own, categories & {*own.values}, notify, on_progress)
    elif data.layout == "rows":
        rows = read_table(source, own, categories)
    else:
        from seqpred.reading.year_columns import unfold_years

        rows = unfold_years(read_table(source, own, categories))
    if statics:
        rows = join_statics(rows, source.name, statics, columns.static, categories, strict=covariates is None)
    return rows, guess


def read_wide_rows(source: Source, data: DataSection, covariates: Covariates | None = None) -> Rows:
    """The rows of a wide table with its static covariates, which are columns of the table or of a separate file."""
    from seqpred.inspection.wide_layout import choose_wide_columns
    from seqpred.panel.static_file import JoinedRows, join_statics, open_statics
    from seqpred.reading.header import header
    from seqpred.reading.wide import read_wide, read_wide_statics

    wide = choose_wide_columns(source, header(source), data)
    rows: Rows = read_wide(source, wide)
    names, statics = data.covariates.static, open_statics(data.covariates, source.dialect)
    if not names:
        return rows
    profiles = profile_columns(statics or source) if covariates is None else []
    texts = {p.name for p in profiles if p.kind not in ("number", "whole")} & {*names}
    categories = texts if covariates is None else covariates.categories
    if statics:
        return join_statics(rows, source.name, statics, names, categories, strict=covariates is None)
    return JoinedRows(rows, read_wide_statics(source, wide, categories), rows.notes)


def with_covariates(panel: Panel, covariates: Covariates, source: Source, notify: Notify) -> Panel:
    """The panel with a model's category codes; report what that found."""
    encoded = apply_covariates(panel, covariates)
    for note in encoded.notes[len(panel.notes) :]:
        notify(Note(note, source.name))
    return encoded
