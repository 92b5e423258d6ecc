"""A large file is stored once for training and forecasts, though a resolved config says more about how it is read."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import seqpred
from seqpred.commands.load_panel import load_panel
from seqpred.config.schema import Config
from seqpred.notes import Note
from seqpred.panel.panel import Panel
from seqpred.sources.opening import open_source
from seqpred.spool.mapped import cache_folder
from tests.spool.test_cache import CONFIG, assert_same, rows, small

__all__ = ["small"]


def stored() -> list[str]:
    """The folders in the cache."""
    return [p.name for p in cache_folder().iterdir() if not p.is_symlink()]


def resolved(panel: Panel) -> Config:
    """A config as training writes it."""
    dialect = panel.clock.complete(panel.dialect)
    keys = ("date_order", "timestamp_format", "decimal", "timezone")
    return CONFIG.replace({"data.unit": dict(dialect.unit), **{f"data.{key}": getattr(dialect, key) for key in keys}})


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d/%m/%Y", "%Y-%m-%d 00:00+01:00"])
def test_a_resolved_config_finds_the_rows_that_were_stored_with_auto(form: str, small: Path) -> None:
    path = small / "sales.csv"
    rows(form=form).to_csv(path, index=False)
    config = CONFIG.replace({"data.date_order": "day-first"}) if "/" in form else CONFIG
    panel = load_panel(open_source(path), config)
    (entry,) = stored()
    contents = [(cache_folder() / entry / name).read_bytes() for name in ("rows", "rows.json")]
    notes: list[Note] = []
    assert_same(load_panel(open_source(path), resolved(panel), notes.append), panel)
    assert stored() == [entry]
    assert "stored once" not in "".join(map(str, notes))
    shutil.rmtree(cache_folder() / entry)  # the link to it is replaced
    assert_same(load_panel(open_source(path), resolved(panel)), panel)
    (own,) = stored()
    assert [(cache_folder() / own / name).read_bytes() for name in ("rows", "rows.json")] == contents


def test_rows_with_notes_are_stored_for_each_way_to_read_them(small: Path) -> None:
    """Since the notes may depend on what the config leaves open."""
    path = small / "sales.csv"
    rows().to_csv(path, index=False, sep=";", decimal=",")
    panel = load_panel(open_source(path), CONFIG)
    assert "numbers are read with the decimal sign ','" in " ".join(panel.notes)
    assert_same(load_panel(open_source(path), resolved(panel)), replace(panel, notes=panel.notes[1:]))
    assert len(stored()) == 2


def test_forecasts_read_what_training_stored(small: Path) -> None:
    path = small / "sales.csv"
    rows().to_csv(path, index=False)
    config = {
        "data": {"path": str(path), "target": "y"},
        "model": {"hidden_size": 4, "members": 1, "start": "blank"},
        "training": {"max_steps": 2},
    }
    model = seqpred.train(config, out=small / "model")
    seqpred.predict(model)
    assert len(stored()) == 1
