"""Inspect data, and how training would use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from seqpred.commands.init import config_of
from seqpred.commands.load_panel import as_config, open_data, read_rows
from seqpred.config.schema import Config
from seqpred.errors import DataError
from seqpred.inspection.detect import detect
from seqpred.inspection.findings import Findings, describe_columns
from seqpred.inspection.grid_report import report_grid
from seqpred.inspection.survey import survey
from seqpred.inspection.wide_layout import choose_wide_columns
from seqpred.notes import Note, Notify, OnProgress, no_op
from seqpred.panel.build import build_panel
from seqpred.reading.column_profile import profile_columns
from seqpred.recipe.eligibility import check_varying, too_few_rows, trainable, training_view, validatable
from seqpred.recipe.resolve import resolve
from seqpred.sources.dialect import Dialect
from seqpred.sources.opening import open_source
from seqpred.sources.source import Source
from seqpred.spool.large import beginning


def check(thing: object, data: object = None, *, notify: Notify = no_op, on_progress: OnProgress = no_op) -> Findings:
    """Summarise data, as far as it can be read, and how training would use it.

    Args:
        thing: data (a path, `-` or a DataFrame), whose columns are inferred, or a config as `train` takes it.
        data: a path or a DataFrame to use with a config; None for the config's own path.
    Returns:
        Findings; `to_dict()` is the object that `check --json` prints, `fault` is why training would fail.
    """
    is_path = isinstance(thing, (str, Path)) and Path(thing).suffix in (".yaml", ".yml")
    config = as_config(thing) if is_path or isinstance(thing, (Config, Mapping)) else None  # type: ignore[arg-type]
    source = open_data(data, config) if config else open_source(thing)
    found = Findings(source.name)
    try:
        _inspect(found, source, config, notify, on_progress)
    except DataError as e:
        found.fault = e
    return found


def _inspect(found: Findings, source: Source, config: Config | None, notify: Notify, on_progress: OnProgress) -> None:
    """Fill the findings stage by stage, in the order in which training processes the data.

    Raises:
        DataError: why training would fail; the findings of earlier stages are kept.
    """
    found.columns = describe_columns(profile_columns(source), None, {})
    reasons = dict.fromkeys(("time", "id", "target"), "the config")
    if config is None:
        detected = detect(beginning(source), {})
        config, reasons = config_of(detected.keys), detected.reasons
    data = config.data
    table, guess = read_rows(source, config, notify, on_progress=on_progress)
    reasons |= {role: choice.reason for role, choice in guess.choices.items()}
    profiles = profile_columns(source.with_dialect(Dialect.of(data)))
    is_wide = data.layout == "wide"
    values = choose_wide_columns(source, [p.name for p in profiles], data).headers.names if is_wide else ()
    found.columns = describe_columns(profiles, table.columns, {**reasons, "value": "named by a timestamp"}, values)
    found.rows = report_grid(table, data.frequency)
    _note(found, table.notes, notify)  # before building the panel, because they may explain an error in it
    panel = build_panel(table, data.frequency, data.duplicates, data.missing)
    _note(found, panel.notes[len(table.notes) :], notify)
    found.survey = survey(panel, table)
    check_varying(panel)
    resolved = resolve(config, panel)
    found.training = training_view(resolved, panel, found.survey.constant_series)
    if not trainable(resolved, panel.lengths).any() or not validatable(resolved, panel.lengths).any():
        raise too_few_rows(resolved, panel)


def _note(found: Findings, notes: Sequence[str], notify: Notify) -> None:
    for note in notes:
        found.notes.append(note)
        notify(Note(note, found.source))
