"""Resolved sizes; series too short for the recipe are those too short for training."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from seqpred.commands.load_panel import load_panel
from seqpred.config.schema import Config
from seqpred.errors import DataError
from seqpred.features.covariates import Covariates
from seqpred.panel.build import build_panel
from seqpred.pretrained.weights import pretrained_cells
from seqpred.reading.table import Table
from seqpred.recipe.eligibility import trainable, validatable
from seqpred.recipe.resolve import resolve
from seqpred.recipe.start import PRETRAINED_CELLS
from seqpred.sources.columns import Columns
from seqpred.sources.opening import open_source
from seqpred.sources.source import Source
from seqpred.timestamps.format import TimestampFormat
from seqpred.training.dataset import training_windows

few = st.integers(1, 12)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), few, few, few, few, st.booleans())
def test_data_is_too_short_for_the_recipe_if_and_only_if_it_is_for_training(
    lengths: list[int], horizon: int, validation: int, window: int, anchor: int, both: bool
) -> None:
    codes, times = np.repeat(np.arange(len(lengths)), lengths), np.concatenate([np.arange(n) for n in lengths])
    values = np.random.default_rng(0).normal(0, 1, (len(codes), 1))
    names = [str(s) for s in range(len(lengths))]
    panel = build_panel(
        Table(Source("", b""), Columns("t", "s", ("y",)), TimestampFormat("integer"), names, codes, times, values)
    )
    sections = {"model": {"window": window, "anchor": anchor, "bidirectional": both, "hidden_size": 8}}
    sections |= {"forecast": {"horizon": horizon, "season": 1}, "training": {"validation": validation}}
    config = resolve(Config.from_tree({"data": {"target": "y"}, **sections}), panel)
    is_trainable = trainable(config, panel.lengths).any() and validatable(config, panel.lengths).any()
    try:
        windows = training_windows(panel, config, Covariates())
    except DataError:
        assert not is_trainable
    else:
        assert is_trainable
        assert set(np.flatnonzero(trainable(config, panel.lengths))) <= set(windows.starts().tracks.tolist())
        assert set(windows.validation_windows()[1].tolist()) == set(
            np.flatnonzero(validatable(config, panel.lengths)).tolist()
        )


def test_validation_uses_half_the_rows_if_a_quarter_has_too_few_blocks() -> None:
    def validation(series: int, rows: int, horizon: int) -> object:
        codes = np.repeat(np.arange(series), rows)
        times, values = np.tile(np.arange(rows), series), np.random.default_rng(0).normal(size=(series * rows, 1))
        columns = Columns(("t",), "id", ("y",))
        table = Table(
            Source("a frame", None),
            columns,
            TimestampFormat("integer"),
            [f"s{s}" for s in range(series)],
            codes,
            times,
            values,
        )
        config = Config.from_tree({"data": {"target": "y"}, "forecast": {"horizon": horizon}})
        return resolve(config, build_panel(table)).training.validation

    assert validation(1, 100, 10) == 50  # a quarter holds two blocks
    assert validation(15, 100, 10) == 25  # thirty
    assert validation(14, 100, 10) == 50
    assert validation(1, 1000, 10) == 80  # eight horizons, whatever the share
    assert validation(1, 30, 20) == 20  # one at least


def test_two_years_outside_the_validation_split_are_needed_for_a_yearly_season() -> None:
    def season(rows: int) -> object:
        frame = pd.DataFrame({"ds": pd.date_range("2020-01-01", periods=rows, freq="MS"), "y": np.arange(rows) % 5.0})
        config = Config.from_tree({"data": {"target": "y"}, "forecast": {"horizon": 12}})
        return resolve(config, load_panel(open_source(frame), config, lambda _: None)).forecast.season

    assert season(36) == 12
    assert season(35) == 1


def test_a_long_horizon_reduces_the_batch_so_that_a_step_stays_small() -> None:
    def sizes(horizon: int) -> tuple[object, object]:
        frame = pd.DataFrame({"y": np.sin(np.arange(60_000) / 200)})
        config = Config.from_tree({"data": {"target": "y"}, "forecast": {"horizon": horizon, "season": 1}})
        training = resolve(config, load_panel(open_source(frame), config, lambda _: None))
        return training.model.window, training.training.batch_size

    assert sizes(48) == (96, 32)
    assert sizes(168) == (256, 10)
    assert sizes(1440) == (256, 5)
    assert sizes(5000) == (93, 4)


def test_few_rows_reduce_the_batch_and_the_patience_and_many_rows_the_members() -> None:
    def sizes(series: int, rows: int, start: str = "auto") -> tuple[object, object, object]:
        frame = pd.DataFrame({"id": np.repeat(np.arange(series), rows), "y": np.arange(series * rows) % 7.0})
        sections = {"forecast": {"horizon": 7}, "model": {"start": start}}
        config = Config.from_tree({"data": {"target": "y", "id": "id"}, **sections})
        training = resolve(config, load_panel(open_source(frame), config, lambda _: None))
        assert training.model.window == 24
        return training.training.batch_size, training.training.patience, training.model.members

    assert sizes(1, 144) == (8, 2, 5)
    assert sizes(1, 144, "blank") == (8, 5, 5)
    assert sizes(10, 192) == (20, 2, 5)
    assert sizes(100, 199) == (32, 5, 5)
    assert sizes(100, 200) == (32, 5, 3)


def test_the_default_horizon_is_shorter_than_a_very_long_season() -> None:
    def horizon(season: int, rows: int) -> object:
        frame = pd.DataFrame({"y": np.sin(np.arange(rows) / 200)})
        config = Config.from_tree({"data": {"target": "y"}, "forecast": {"season": season}})
        return resolve(config, load_panel(open_source(frame), config, lambda _: None)).forecast.horizon

    assert [horizon(season, 6000) for season in (1, 24, 365, 1440)] == [12, 24, 365, 60]
    assert horizon(1440, 300) == 50


def test_the_pretrained_cells_are_those_in_the_package() -> None:
    assert sorted(PRETRAINED_CELLS) == pretrained_cells()


def test_larger_batches_have_a_higher_learning_rate_and_fewer_steps() -> None:
    def schedule(batch_size: int, **training: object) -> tuple[object, object]:
        frame = pd.DataFrame({"y": np.arange(1000) % 7.0})
        sections = {"forecast": {"horizon": 7}, "training": {"batch_size": batch_size, **training}}
        config = Config.from_tree({"data": {"target": "y"}, **sections})
        resolved = resolve(config, load_panel(open_source(frame), config, lambda _: None)).training
        return resolved.learning_rate, resolved.max_steps

    assert schedule(4) == schedule(8) == (0.002, 1500)
    assert schedule(16) == (0.0032, 1100)
    assert schedule(32) == schedule(128) == (0.005, 800)
    assert schedule(32, learning_rate=0.001, max_steps=50) == (0.001, 50)
