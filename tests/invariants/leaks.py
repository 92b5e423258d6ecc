"""No leak: whatever the config, nothing before a cut changes when everything after it does.

`check_config` takes a config and data, replaces all values after a cut, and compares bit by bit:

- what is decided and fitted before training: the resolved config, the statistics of the covariates;
- what training sees: every array of its windows up to the cut (inputs, scales, values, filled values);
- the outputs and states of the recurrent part at each row up to the cut;
- forecasts and scores of every window before the cut, baselines included.

It also checks that something after the cut did change, since a test that cannot fail proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from seqpred.arrays import Float
from seqpred.commands.load_panel import load_panel
from seqpred.config.schema import Config
from seqpred.evaluation.scores import Part
from seqpred.features.covariates import Covariates
from seqpred.features.fit_covariates import apply_covariates, fit_covariates
from seqpred.forecasting.model_session import make_forecaster, torch_runtime
from seqpred.network.ensemble import gather
from seqpred.network.network import Network
from seqpred.network.recurrent import Stack
from seqpred.panel.panel import Panel
from seqpred.recipe.eligibility import training_rows
from seqpred.recipe.resolve import resolve
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.sources.opening import open_source
from seqpred.training.dataset import training_windows
from seqpred.training.windows import Windows
from tests.conftest import backtest_last

WORDS = ["fair", "rain", "snow"]
WINDOWS = 4  # of one horizon each, at the end of the data


@dataclass(frozen=True)
class Setup:
    """Everything before the first training step, with an untrained network."""

    panel: Panel
    config: ResolvedConfig
    covariates: Covariates
    windows: Windows
    network: Network

    @property
    def horizon(self) -> int:
        return self.config.forecast.horizon


def set_up(tree: dict[str, Any], data: pd.DataFrame, decided: Setup | None = None) -> Setup:
    """What `train` does with a config and data up to its first step.

    Args:
        decided: whose config and covariates are used, rather than those that follow from the data.
    """
    given = Config.from_tree(tree)
    config = decided.config if decided else resolve(given, load_panel(open_source(data), given))
    panel = load_panel(open_source(data), config)
    cuts = training_rows(config, panel.lengths)
    covariates = decided.covariates if decided else fit_covariates(panel, cuts, config.data.covariates.calendar)
    panel = apply_covariates(panel, covariates)
    windows = training_windows(panel, config, covariates)
    windows.prepare(torch.arange(len(windows.begins)))
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = Network(config.shape(covariates))
    return Setup(panel, config, covariates, windows, network.eval())


def changed_after(data: pd.DataFrame, cut: pd.Timestamp, seed: int, *, known: bool) -> pd.DataFrame:
    """The data with other values in each row after the cut, a tenth of them missing.

    Args:
        known: whether the columns that are known ahead change too.
    """
    rng = np.random.default_rng(seed)
    late = (data["day"] > cut).to_numpy()
    changed = data.copy()
    for name in ("a", "b", "past", "price") if known else ("a", "b", "past"):
        values = changed[name].to_numpy().copy()
        values[late] = rng.normal(0, 10.0 ** rng.integers(0, 7), late.sum())
        values[late & (rng.random(len(values)) < 0.1)] = np.nan
        changed[name] = values
    if known:
        changed.loc[late, "weather"] = rng.choice(WORDS, late.sum())
    for name in data["id"].unique():  # a static value that is not there yet may become any
        own = (data["id"] == name).to_numpy()
        if data.loc[own & ~late, "size"].isna().all():
            changed.loc[own & late, "size"] = rng.choice([np.nan, rng.normal(0, 1e3)])
    return changed


def check_config(tree: dict[str, Any], data: pd.DataFrame, seed: int) -> None:
    """Compare everything before a cut, for the cut of the validation split and for one drawn at random."""
    rng = np.random.default_rng(seed)
    setup, end = set_up(tree, data), data["day"].max()
    step = data["day"].sort_values().diff().loc[lambda gaps: gaps > pd.Timedelta(0)].min()
    _check_training(
        setup, tree, changed_after(data, end - setup.config.training.validation * step, seed, known=True), seed
    )
    behind = int(rng.integers(2, WINDOWS))  # windows after the cut
    cut = end - behind * setup.horizon * step
    _check_windows(setup, set_up(tree, changed_after(data, cut, seed, known=True), setup), cut)
    _check_scores(setup, set_up(tree, changed_after(data, cut, seed, known=False), setup), behind)


def _check_training(setup: Setup, tree: dict[str, Any], changed: pd.DataFrame, seed: int) -> None:
    """What is decided, fitted and trained on depends on the training split alone."""
    other = set_up(tree, changed)
    assert other.config == setup.config, "the config depends on the validation split"
    assert other.covariates == setup.covariates, "the covariates depend on the validation split"
    windows = setup.windows
    assert_same_rows(setup, other, [int(c - b) for b, c in zip(windows.begins, windows.cuts, strict=True)])
    starts = windows.starts()
    assert len(starts.tracks)
    seen = []
    for own in (windows, other.windows):
        rng = torch.Generator().manual_seed(seed)
        first, tracks = own.draw(starts, 16, rng)
        positions = own.positions(first, rng)
        seen.append((own.inputs(first), own.targets(positions, own.begins[tracks], own.cuts[tracks])))
    assert same(seen[0][0], seen[1][0])
    assert same(seen[0][1], seen[1][1])
    assert not same(windows.values, other.windows.values), "nothing was changed"


def _check_windows(setup: Setup, other: Setup, cut: pd.Timestamp) -> None:
    """Inputs, scales and states at each row depend on rows up to it alone, also those of known covariates."""
    rows = [_rows_until(setup.panel, s, cut) for s, _ in setup.panel.tracks()]
    # A line through a gap of the targets depends on its far end (data.missing: interpolate); the inputs do not.
    assert_same_rows(setup, other, rows, but=("values",) if setup.config.data.missing == "interpolate" else ())
    assert not same(setup.windows.values, other.windows.values), "nothing was changed"
    if isinstance(setup.network.recurrent, Stack):
        for begin, count in zip(setup.windows.begins.tolist(), rows, strict=True):
            states = [_states(setup.network, s.windows.x[begin : begin + count + 9], count) for s in (setup, other)]
            assert all(same(a, b) for a, b in zip(*states, strict=True)), "a state depends on a later row"


def _rows_until(panel: Panel, series: int, cut: pd.Timestamp) -> int:
    """Rows of a series up to a time, including it."""
    times = panel.times(series, np.arange(panel.lengths[series], dtype=np.int64))
    return int((pd.to_datetime(pd.Series(panel.clock.write(times))) <= cut).sum())


@torch.no_grad()
def _states(network: Network, x: Tensor, count: int) -> Iterator[Tensor]:
    """The outputs at the first `count` rows, of more; and the states after them."""
    assert isinstance(network.recurrent, Stack)
    outputs, _ = network.recurrent(network.inputs(x[None]), network.start(1))
    yield outputs[:, :count]
    _, states = network.advance(x[None, :count], network.start(1))
    for layer in states:
        yield from layer


def assert_same_rows(one: Setup, other: Setup, rows: list[int], but: tuple[str, ...] = ()) -> None:
    """Every array of the windows with an entry per row is the same up to `rows` of each track, bit by bit."""
    end = int(one.windows.ends.max())
    arrays = {n: t for n, t in vars(one.windows).items() if isinstance(t, Tensor) and len(t) >= end and n not in but}
    assert len(arrays) >= 4 - len(but)
    for name, mine in arrays.items():
        theirs = getattr(other.windows, name)
        for begin, count in zip(one.windows.begins.tolist(), rows, strict=True):
            assert same(mine[begin : begin + count], theirs[begin : begin + count]), f"{name} depends on a later row"


def _check_scores(setup: Setup, other: Setup, behind: int) -> None:
    """Forecasts and scores of the windows that end at or before the cut are the same; those after it are not."""
    (forecasts, scores), (changed, changed_scores) = (_backtest(setup, own.panel) for own in (setup, other))
    before = WINDOWS - behind
    for i in range(before + 1):  # made at or before the cut
        assert same(forecasts[i], changed[i]), f"the forecasts of window {i} depend on a later row"
    for i in range(before):  # its rows are before the cut too
        assert repr(scores[i]) == repr(changed_scores[i]), f"the scores of window {i} depend on a later row"
    assert not same(forecasts[-1], changed[-1]), "nothing was changed"


def _backtest(setup: Setup, panel: Panel) -> tuple[list[Float], list[Any]]:
    """The forecasts and the scores of all windows."""
    shape = setup.network.shape
    initial = {"initial_forecast": np.zeros((setup.horizon, len(shape.levels)), np.float32)}
    if shape.naives:
        initial["blend"] = np.full((shape.naives, setup.horizon), 0.1, np.float32)
    weights = gather([setup.network.weights()], initial, 0.9, 1.1)
    forecaster = make_forecaster(setup.config, setup.covariates, torch_runtime(setup.config, setup.covariates, weights))
    forecasts: list[Float] = []

    def recorder(*arguments: Any) -> Float:
        forecasts.append(forecaster(*arguments))
        return forecasts[-1]

    parts: list[Part] = ["unseen"] * WINDOWS
    season = setup.config.forecast.season
    found = backtest_last(panel, recorder, setup.config.levels, setup.horizon, season, parts)
    assert len(forecasts) == len(found.windows) == WINDOWS
    return forecasts, found.windows


def same(one: Any, other: Any) -> bool:
    """Whether two arrays are equal bit by bit."""
    return np.asarray(one).tobytes() == np.asarray(other).tobytes()


# ------------------------------------------------------------------ data and configs drawn at random


def make_data(seed: int, rows: int = 80, step: str = "D") -> pd.DataFrame:
    """Three series of unequal length with a cycle of 7, gaps, and covariates of each role.

    With a step below a day, the weather changes at midnight only. The static size of each series is missing in its
    first rows, in all, or in none.
    """
    rng = np.random.default_rng(seed)
    statics = np.random.default_rng(seed + 1)
    parts = []
    for i, count in enumerate((rows, rows - 1, rows - 17)):
        day = pd.date_range(end="2024-06-30", periods=count, freq=step)
        price = rng.uniform(1, 2, count)
        a = 30 + 5 * i + 3 * np.sin(2 * np.pi * np.arange(count) / 7) - price + rng.normal(0, 0.5, count)
        b = np.exp(rng.normal(0, 0.3, count)) + 0.1 * a
        part = {"id": f"s{i}", "day": day, "a": a, "b": b, "past": rng.normal(size=count), "price": price}
        table = pd.DataFrame({**part, "weather": rng.choice(WORDS, count), "kind": ["x", "y"][i % 2]})
        if step != "D":
            table.loc[day.hour != 0, "weather"] = WORDS[0]
        first = int(statics.choice([0, statics.integers(count), count])) if i else 0  # else it is no column of numbers
        table["size"] = np.where(np.arange(count) < first, np.nan, 1.0 + i)
        for name in ("a", "past"):
            gaps = rng.random(count) < 0.05
            gaps[[0, -1]] = False
            table.loc[gaps, name] = np.nan
        missing = rng.random(count) < 0.03
        missing[[0, -1]] = False
        parts.append(table[~missing])
    return pd.concat(parts, ignore_index=True)


def draw_case(seed: int) -> tuple[dict[str, Any], pd.DataFrame]:
    """A config of all kinds that the program supports, small enough to be quick, and data for it."""
    rng = np.random.default_rng(seed)

    def pick(*choices: Any) -> Any:
        return choices[int(rng.integers(len(choices)))]

    tree = {
        "data": {
            "time": "day",
            "id": "id",
            "target": pick("a", "b", ["a", "b"]),
            "missing": pick("mask", "mask", "interpolate"),
            "covariates": {
                "known": pick([], ["price"], ["weather"], ["price", "weather"]),
                "past": pick([], ["past"]),
                "static": pick([], ["kind"], ["size"], ["kind", "size"]),
                "calendar": pick("auto", "none", ["weekday"], ["weekday", "day-of-month"]),
            },
        },
        "model": {
            "cell": pick("rnn", "lstm", "gru"),
            "depth": pick(1, 2, 3),
            "bidirectional": pick(False, True),
            "dropout": pick(0.0, 0.3),
            "hidden_size": pick(1, 4, 7),
            "joint": pick("auto", False, True),
            "blend": pick(True, False),
            "autoregression": pick(True, False),
            "window": pick("auto", 5, 14, 21),
            "anchor": pick("auto", 1, 7, 3),
            "lags": pick("auto", [1], [1, 2, 7]),
        },
        "forecast": {
            "horizon": pick(1, 3, 7, 8),
            "season": pick("auto", 1, 7),
            "quantiles": pick([0.5], [0.1, 0.9], [0.1, 0.3, 0.5, 0.8]),
        },
        "training": {"validation": pick("auto", 10, 14), "threads": 1},
    }
    return tree, make_data(seed, step=pick("D", "6h"))
