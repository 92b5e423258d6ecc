"""No leak, provably: whatever the config, nothing before a cut changes when everything after it does.

`check_config` takes any config and its data, replaces all that stands after a cut, and holds together, bit for bit:

- what is decided and learned before training: the settled config, the covariates' scales and categories;
- what training sees: every array of its windows up to the cut (inputs, scales, values, what is bridged);
- what the recurrent part says and remembers at each row up to the cut;
- forecasts and scores of every window whose rows lie before the cut, baselines included.

And that something after the cut did change, since a test that can't fail proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from seqpred.commands.load_panel import load_panel
from seqpred.config.schema import Config
from seqpred.evaluation.scores import Part
from seqpred.features.covariates import Covariates, apply_covariates, learn_covariates
from seqpred.forecasting.model import make_forecaster, torch_runtime
from seqpred.network.ensemble import gather
from seqpred.network.network import Network
from seqpred.network.recurrent import Stack
from seqpred.panel.panel import Panel
from seqpred.recipe.eligibility import training_rows
from seqpred.recipe.resolve import resolve
from seqpred.sources.opening import open_source
from seqpred.training.dataset import training_windows
from seqpred.training.windows import Windows
from tests.conftest import backtest_last

WORDS = ["fair", "rain", "snow"]


@dataclass(frozen=True)
class Learning:
    """All that stands before the first step of training, and a network that has not learned."""

    panel: Panel
    config: Config
    covariates: Covariates
    windows: Windows
    network: Network

    @property
    def horizon(self) -> int:
        return self.config.forecast.horizon


def prepare_learning(tree: dict[str, Any], data: pd.DataFrame, settle_on: pd.DataFrame) -> Learning:
    """What `train` makes of a config and data, up to its first step.

    Args:
        settle_on: the data that the recipe decides on, where that is not the question.
    """
    said = Config.from_tree(tree)
    config = resolve(said, load_panel(open_source(settle_on), said, lambda _: None))
    panel = load_panel(open_source(data), config, lambda _: None)
    cuts = training_rows(config, panel.lengths)
    covariates = learn_covariates(panel, cuts, config.data.covariates.calendar)
    panel = apply_covariates(panel, covariates)
    shape = config.shape(covariates)
    windows = training_windows(panel, config, covariates)
    windows.prepare(torch.arange(len(windows.begins)))
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = Network(shape)
    return Learning(panel, config, covariates, windows, network.eval())


def changed_after(data: pd.DataFrame, cut: pd.Timestamp, seed: int, *, known: bool) -> pd.DataFrame:
    """The data with other values in each row later than the cut, a tenth of them missing.

    Args:
        known: whether the columns known ahead change too.
    """
    rng = np.random.default_rng(seed)
    late = (data["day"] > cut).to_numpy()
    altered = data.copy()
    for name in ("a", "b", "past", "price") if known else ("a", "b", "past"):
        values = altered[name].to_numpy().copy()
        values[late] = rng.normal(0, 10.0 ** rng.integers(0, 7), late.sum())
        values[late & (rng.random(len(values)) < 0.1)] = np.nan
        altered[name] = values
    if known:
        altered.loc[late, "weather"] = rng.choice(WORDS, late.sum())
    return altered


def check_config(tree: dict[str, Any], data: pd.DataFrame, seed: int) -> None:
    """Hold all before a cut together, over two cuts: the one of the validation part, and one drawn at random."""
    rng = np.random.default_rng(seed)
    whole = prepare_learning(tree, data, data)
    last_day = data["day"].max()
    learned_until = last_day - pd.Timedelta(days=whole.config.training.validation)
    _check_learning(whole, tree, data, learned_until, seed)
    # Windows end `back` horizons before the data does; the cut lies behind some of them.
    windows, behind = 4, int(rng.integers(1, 4))
    cut = last_day - pd.Timedelta(days=behind * whole.horizon)
    _check_windows(whole, tree, data, cut, seed)
    _check_scores(whole, prepare_learning(tree, changed_after(data, cut, seed, known=False), data), windows, behind)


def _check_learning(whole: Learning, tree: dict[str, Any], data: pd.DataFrame, cut: pd.Timestamp, seed: int) -> None:
    """What is decided, learned and trained on knows the learning part alone."""
    altered = changed_after(data, cut, seed, known=True)
    other = prepare_learning(tree, altered, altered)
    assert other.config == whole.config, "the recipe has seen the validation part"
    assert other.covariates == whole.covariates, "the covariates were learned from the validation part"
    assert_same_rows(whole, other, [int(c - b) for b, c in zip(whole.windows.begins, whole.windows.cuts, strict=True)])
    trainable = whole.windows.starts()
    seen = []
    for windows in (whole.windows, other.windows):
        rng = torch.Generator().manual_seed(seed)
        starts, chosen = windows.draw(trainable, 16, rng)
        positions = windows.positions(starts, rng)
        seen.append((windows.inputs(starts), windows.targets(positions, *_limits(windows, chosen))))
    assert same(seen[0][0], seen[1][0])
    assert same(seen[0][1], seen[1][1])
    assert not same(whole.windows.values, other.windows.values)


def _limits(windows: Windows, chosen: Tensor) -> tuple[Tensor, Tensor]:
    return windows.begins[chosen], windows.cuts[chosen]


def _check_windows(whole: Learning, tree: dict[str, Any], data: pd.DataFrame, cut: pd.Timestamp, seed: int) -> None:
    """Inputs, scales and states at each row know the rows up to it alone, those known ahead included."""
    other = prepare_learning(tree, changed_after(data, cut, seed, known=True), data)
    if whole.covariates != other.covariates:  # the cut lies in what is learned from: their scales may differ
        other = prepare_learning(tree, changed_after(data, cut, seed, known=False), data)
    if whole.covariates != other.covariates:
        return
    rows = [_rows_until(whole.panel, s, cut) for s, _ in whole.panel.tracks()]
    # A line drawn through what is learned knows its far end (data.missing: interpolate); the inputs do not.
    assert_same_rows(whole, other, rows, but=("values",) if whole.config.data.missing == "interpolate" else ())
    if isinstance(whole.network.recurrent, Stack):
        for begin, count in zip(whole.windows.begins.tolist(), rows, strict=True):
            said = [
                _states(whole.network, w.x[begin : begin + count + 9], count) for w in (whole.windows, other.windows)
            ]
            assert all(same(one, another) for one, another in zip(*said, strict=True)), "a state knows a later row"


def _rows_until(panel: Panel, series: int, cut: pd.Timestamp) -> int:
    """Rows of a series up to a day, that day included."""
    times = panel.times(series, np.arange(panel.lengths[series], dtype=np.int64))
    written = pd.to_datetime(pd.Series(panel.clock.write(times)))
    return int((written <= cut).sum())


@torch.no_grad()
def _states(network: Network, x: Tensor, count: int) -> Iterator[Tensor]:
    """What the recurrent part says at the first `count` rows, of more; and all that it remembers after them."""
    assert isinstance(network.recurrent, Stack)
    said, _ = network.recurrent(network.inputs(x[None]), network.start(1))
    yield said[:, :count]
    _, memory = network.advance(x[None, :count], network.start(1))
    for layer in memory:
        yield from layer


def assert_same_rows(one: Learning, other: Learning, rows: list[int], but: tuple[str, ...] = ()) -> None:
    """Every array of the windows that has a row for each row of data is the same bits up to `rows` of each track."""
    most = int(one.windows.ends.max())
    arrays = {n: t for n, t in vars(one.windows).items() if isinstance(t, Tensor) and len(t) >= most and n not in but}
    assert len(arrays) >= 4 - len(but)
    for name, mine in arrays.items():
        theirs = getattr(other.windows, name)
        for begin, count in zip(one.windows.begins.tolist(), rows, strict=True):
            assert same(mine[begin : begin + count], theirs[begin : begin + count]), f"{name} knows a later row"


def _check_scores(whole: Learning, other: Learning, windows: int, behind: int) -> None:
    """Forecasts and scores of the windows that end at or before the cut are the same; those after it are not."""
    if whole.covariates != other.covariates:
        return
    found = []
    for learning in (whole, other):
        said: list[npt.NDArray[np.float64]] = []
        shape = whole.network.shape
        initial = {"initial_forecast": np.zeros((whole.horizon, len(shape.levels)), np.float32)}
        if shape.naives:
            initial["blend"] = np.full((shape.naives, whole.horizon), 0.1, np.float32)
        weights = gather([whole.network.weights()], initial, 0.9, 1.1)
        forecaster = make_forecaster(
            whole.config, whole.covariates, torch_runtime(whole.config, whole.covariates, weights)
        )

        def recorder(*arguments: Any, _to: list[Any] = said, _by: Any = forecaster) -> Any:
            _to.append(_by(*arguments))
            return _to[-1]

        season = whole.config.forecast.season
        parts: list[Part] = ["unseen"] * windows
        result = backtest_last(learning.panel, recorder, whole.config.levels, learning.horizon, season, parts)
        found.append((said, result.windows))
    before = windows - behind
    for i in range(windows):
        alike = same(found[0][0][i], found[1][0][i])
        if i <= before:  # made at or before the cut
            assert alike, f"the forecasts of window {i} know a later row"
        if i < before:  # its rows too are before the cut
            assert repr(found[0][1][i]) == repr(found[1][1][i]), f"the scores of window {i} know a later row"
    assert behind == 1 or not same(found[0][0][-1], found[1][0][-1]), "nothing was changed"


def same(one: Any, other: Any) -> bool:
    """Whether two arrays are the same bits."""
    return np.asarray(one).tobytes() == np.asarray(other).tobytes()


# ------------------------------------------------------------------ data and configs drawn at random


def make_data(seed: int, rows: int = 80) -> pd.DataFrame:
    """Three daily series of unequal length with a week in them, gaps, and covariates of each role."""
    rng = np.random.default_rng(seed)
    parts = []
    for i, count in enumerate((rows, rows - 1, rows - 17)):
        day = pd.date_range(end="2024-06-30", periods=count, freq="D")
        price = rng.uniform(1, 2, count)
        a = 30 + 5 * i + 3 * np.sin(2 * np.pi * np.arange(count) / 7) - price + rng.normal(0, 0.5, count)
        b = np.exp(rng.normal(0, 0.3, count)) + 0.1 * a
        part = {"id": f"s{i}", "day": day, "a": a, "b": b, "past": rng.normal(size=count), "price": price}
        table = pd.DataFrame({**part, "weather": rng.choice(WORDS, count), "kind": ["x", "y"][i % 2]})
        for name in ("a", "past"):
            holes = rng.random(count) < 0.05
            holes[[0, -1]] = False
            table.loc[holes, name] = np.nan
        gone = rng.random(count) < 0.03
        gone[[0, -1]] = False
        parts.append(table[~gone])
    return pd.concat(parts, ignore_index=True)


def draw_config(seed: int) -> dict[str, Any]:
    """A config out of all that the program has, small enough to be quick."""
    rng = np.random.default_rng(seed)

    def pick(*choices: Any) -> Any:
        return choices[int(rng.integers(len(choices)))]

    return {
        "data": {
            "time": "day",
            "id": "id",
            "target": pick("a", "b", ["a", "b"]),
            "missing": pick("mask", "mask", "interpolate"),
            "covariates": {
                "known": pick([], ["price"], ["weather"], ["price", "weather"]),
                "past": pick([], ["past"]),
                "static": pick([], ["kind"]),
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
