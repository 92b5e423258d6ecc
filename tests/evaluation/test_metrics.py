"""Each metric compared with a plain loop, and all metrics with the reference scorer."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqpred.errors import DataError
from seqpred.evaluation.baselines import seasonal_naive
from seqpred.evaluation.metrics import Case, mase_scale, pinball, score_cases, smape, tally_by_step

PROPERTY = settings(derandomize=True, deadline=None, max_examples=50)
LEVELS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
NAN = float("nan")

numbers = st.floats(-1e6, 1e6, allow_nan=False)
holed = st.one_of(numbers, st.just(NAN))
pairs = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=20)


def close(found: float | None, expected: float | None) -> bool:
    """Equal to 1e-9, or both absent."""
    if found is None or expected is None:
        return found is expected
    return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-12)


def arrays(rows: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Truth and forecast."""
    both = np.array(rows, float)
    return both[:, 0], both[:, 1]


# ------------------------------------------------------------------ against plain loops


@PROPERTY
@given(pairs)
def test_smape_is_the_mean_of_its_rows_in_percent(rows: list[tuple[float, float]]) -> None:
    parts = [0.0 if abs(y) + abs(f) == 0 else 200 * abs(y - f) / (abs(y) + abs(f)) for y, f in rows]
    found = smape(*arrays(rows))
    assert close(found, sum(parts) / len(parts))
    assert 0 <= found <= 200 + 1e-9


def test_smape_is_0_for_zero_forecast_as_zero_and_200_for_opposite_signs() -> None:
    assert smape(np.zeros(2), np.zeros(2)) == 0
    assert smape(np.array([3.0]), np.array([-5.0])) == 200


@PROPERTY
@given(st.lists(holed, max_size=30), st.integers(1, 8))
def test_the_scale_is_the_mean_seasonal_change_over_the_known_pairs(values: list[float], season: int) -> None:
    changes = [abs(values[t] - values[t - season]) for t in range(season, len(values))]
    changes = [c for c in changes if not math.isnan(c)]
    found = mase_scale(np.array(values, float), season)
    if not changes or sum(changes) == 0:
        assert math.isnan(found)
    else:
        assert close(found, sum(changes) / len(changes))


@PROPERTY
@given(pairs, st.floats(0.01, 0.99))
def test_the_quantile_loss_weights_rows_above_and_below(rows: list[tuple[float, float]], level: float) -> None:
    expected = [level * (y - f) if y >= f else (1 - level) * (f - y) for y, f in rows]
    found = pinball(*arrays(rows), level)
    assert all(close(a, b) for a, b in zip(found.tolist(), expected, strict=True))
    assert (found >= 0).all()


@st.composite
def some_cases(draw: st.DrawFn) -> list[Case]:
    """A few tracks with holes, some without a scale, their quantiles rising."""
    cases = []
    for _ in range(draw(st.integers(1, 4))):
        rows = draw(st.integers(1, 6))
        truth = np.array(draw(st.lists(holed, min_size=rows, max_size=rows)))
        flat = draw(st.lists(numbers, min_size=9 * rows, max_size=9 * rows))
        scale = draw(st.one_of(st.floats(0.01, 1e4), st.just(NAN)))
        cases.append(Case(truth, np.sort(np.array(flat).reshape(rows, 9), axis=1), scale))
    return cases


def by_loops(cases: list[Case]) -> dict[str, Any]:
    """All metrics, row by row."""
    errors, squares, smapes, mases, inside, size = [], [], [], [], [], 0.0
    losses = [0.0] * len(LEVELS)
    for case in cases:
        own, percents = [], []
        for y, row in zip(case.truth.tolist(), case.quantiles.tolist(), strict=True):
            if math.isnan(y):
                continue
            own.append(abs(y - row[4]))
            squares.append((y - row[4]) ** 2)
            percents.append(0.0 if abs(y) + abs(row[4]) == 0 else 200 * abs(y - row[4]) / (abs(y) + abs(row[4])))
            inside.append([row[i] <= y <= row[8 - i] for i in range(4)])
            size += abs(y)
            for i, level in enumerate(LEVELS):
                losses[i] += 2 * (level * (y - row[i]) if y >= row[i] else (1 - level) * (row[i] - y))
        errors += own
        if own:
            smapes.append(sum(percents) / len(percents))
            if not math.isnan(case.scale):
                mases.append(sum(own) / len(own) / case.scale)
    if not errors:
        return dict.fromkeys(("mae", "rmse", "smape", "mase", "wql"), None) | {"coverage": {}}
    return {
        "mae": sum(errors) / len(errors),
        "rmse": math.sqrt(sum(squares) / len(squares)),
        "smape": sum(smapes) / len(smapes),
        "mase": sum(mases) / len(mases) if mases else None,
        "wql": sum(losses) / len(losses) / size if size > 0 else None,
        "coverage": {n: 100 * sum(r[i] for r in inside) / len(inside) for i, n in enumerate(("80", "60", "40", "20"))},
    }


@PROPERTY
@given(some_cases())
def test_all_metrics_equal_a_loop_over_rows(cases: list[Case]) -> None:
    found, expected = score_cases(cases, LEVELS).to_dict(), by_loops(cases)
    assert list(found["coverage"]) == list(expected["coverage"])
    for name in ("mae", "rmse", "smape", "mase", "wql"):
        assert close(found[name], expected[name]), name
    assert all(close(found["coverage"][n], expected["coverage"][n]) for n in expected["coverage"])


@pytest.mark.parametrize("bad", [NAN, math.inf, -math.inf])
@pytest.mark.parametrize("quantile", [0, 4, 8])
def test_a_forecast_that_is_nan_or_infinite_is_rejected(bad: float, quantile: int) -> None:
    """Whichever quantile it is; a row that is not scored does not matter."""
    truth, quantiles = np.array([1.0, NAN, 3.0]), np.ones((3, 9))
    quantiles[1, quantile] = bad
    score_cases([Case(truth, quantiles, 1.0)], LEVELS)
    quantiles[2, quantile] = bad
    with pytest.raises(DataError, match="1 of 2 observed rows have a forecast that is NaN or infinite"):
        score_cases([Case(truth, quantiles, 1.0)], LEVELS)


@pytest.mark.parametrize("bad", [NAN, math.inf, -math.inf])
def test_the_reference_rejects_a_forecast_that_is_nan_or_infinite_too(scorer: ModuleType, bad: float) -> None:
    quantiles = np.ones((3, 9))
    quantiles[2, 4] = bad
    table = frame([quantiles], [3], [f"q{level:g}" for level in LEVELS])
    history = frame([np.arange(3.0)[:, None]], [0], ["y"])
    with pytest.raises(scorer.ScoreError):
        scorer.score(frame([np.array([[1.0], [NAN], [3.0]])], [3], ["y"]), history, table, 1)


def test_a_score_that_overflows_is_rejected() -> None:
    with pytest.raises(DataError, match="a score is NaN or infinite"):
        score_cases([Case(np.array([1e200]), np.zeros((1, 9)), 1.0)], LEVELS)


def test_undefined_metrics_are_none() -> None:
    nothing = score_cases([Case(np.array([NAN]), np.zeros((1, 9)), 1.0)], LEVELS).to_dict()
    assert nothing == {"mae": None, "rmse": None, "smape": None, "mase": None, "wql": None, "coverage": {}}
    assert score_cases([], LEVELS).to_dict()["mae"] is None
    zero = score_cases([Case(np.zeros(2), np.ones((2, 9)), NAN)], LEVELS).to_dict()
    assert (zero["mase"], zero["wql"], zero["mae"]) == (None, None, 1.0)


def test_levels_without_a_partner_have_no_coverage() -> None:
    case = Case(np.array([1.0, 9.0]), np.array([[0.0, 2.0, 3.0], [0.0, 2.0, 3.0]]), 1.0)
    assert score_cases([case], [0.05, 0.5, 0.95]).to_dict()["coverage"] == {"90": 50.0}
    assert score_cases([case], [0.1, 0.5, 0.8]).to_dict()["coverage"] == {}


# ------------------------------------------------------------------ against the reference scorer


@pytest.fixture(scope="module")
def scorer(shared: Callable[[str], Path]) -> ModuleType:
    """The reference scorer without its last step, rounding to six places."""
    spec = importlib.util.spec_from_file_location("reference_scorer", shared("score.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module._clean = lambda v: v  # type: ignore[attr-defined]
    return module


@PROPERTY
@given(pairs, st.lists(holed, max_size=20), st.integers(1, 6), st.floats(0.01, 0.99))
def test_the_formulas_are_those_of_the_reference(
    scorer: ModuleType, rows: list[tuple[float, float]], history: list[float], season: int, level: float
) -> None:
    y, f = arrays(rows)
    assert close(smape(y, f), scorer.smape(y, f))
    assert close(pinball(y, f, level).sum(), scorer.pinball(y, f, level).sum())
    scale = scorer.mase_scale(np.array(history, float), season)
    found = mase_scale(np.array(history, float), season)
    assert close(found, scale) or (math.isnan(found) and not scale > 0)


def random_panel(seed: int) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Histories, truths and quantiles of several series: holes, a constant series, one shorter than a season."""
    rng = np.random.default_rng(seed)
    horizon, count = int(rng.integers(2, 9)), int(rng.integers(3, 7))
    histories, truths, quantiles = [], [], []
    for s in range(count):
        whole = 100 * rng.normal() + rng.normal(0, 10.0 ** rng.integers(-3, 4), int(rng.integers(12, 60)) + horizon)
        if s == 0:
            whole[:-horizon] = 7.0
        if s == 1:
            whole = whole[-horizon - 3 :]
        whole[rng.random(len(whole)) < 0.15] = np.nan
        whole[0], whole[-1] = 1.0 if s else 7.0, 2.0
        histories.append(whole[:-horizon])
        truths.append(whole[-horizon:])
        quantiles.append(np.sort(rng.normal(whole[-1], 5, (horizon, 9)), axis=1))
    return histories, truths, quantiles


def frame(parts: list[np.ndarray], after: list[int], names: list[str]) -> pd.DataFrame:
    """A long table of several series, each from its own row number on."""
    tables = [
        pd.DataFrame(p, columns=names).assign(unique_id=f"s{i}", ds=np.arange(a, a + len(p)))
        for i, (p, a) in enumerate(zip(parts, after, strict=True))
    ]
    return pd.concat(tables, ignore_index=True)


def cases_of(seed: int, season: int) -> list[Case]:
    histories, truths, quantiles = random_panel(seed)
    return [Case(t, q, mase_scale(h, season)) for h, t, q in zip(histories, truths, quantiles, strict=True)]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("season", [1, 4, 7])
def test_every_score_of_a_panel_equals_a_loop_over_rows(seed: int, season: int) -> None:
    found, expected = score_cases(cases_of(seed, season), LEVELS).to_dict(), by_loops(cases_of(seed, season))
    for name in ("mae", "rmse", "smape", "mase", "wql"):
        assert close(found[name], expected[name]), name
    assert all(close(found["coverage"][n], expected["coverage"][n]) for n in expected["coverage"])


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("season", [1, 4, 7])
def test_every_score_of_a_panel_is_that_of_the_reference(scorer: ModuleType, seed: int, season: int) -> None:
    histories, truths, quantiles = random_panel(seed)
    starts, ends = [0] * len(histories), [len(h) for h in histories]
    expected = scorer.score(
        frame([t[:, None] for t in truths], ends, ["y"]),
        frame([h[:, None] for h in histories], starts, ["y"]),
        frame(quantiles, ends, [f"q{level:g}" for level in LEVELS]),
        season,
        levels=(80, 60, 40, 20),
    )
    found = score_cases(cases_of(seed, season), LEVELS).to_dict()
    assert expected["series_without_scale"] >= 1
    for ours, theirs in {"mae": "MAE", "rmse": "RMSE", "smape": "sMAPE", "mase": "MASE", "wql": "WQL"}.items():
        assert close(found[ours], expected[theirs]), (ours, found[ours], expected[theirs])
    assert found["coverage"].keys() == expected["coverage"].keys()
    assert all(close(found["coverage"][n], v) for n, v in expected["coverage"].items())


@pytest.mark.parametrize("seed", range(4))
def test_a_point_forecast_scores_as_in_the_reference(scorer: ModuleType, seed: int) -> None:
    histories, truths, _ = random_panel(seed)
    points = [seasonal_naive(h, 4, len(t)) for h, t in zip(histories, truths, strict=True)]
    starts, ends = [0] * len(histories), [len(h) for h in histories]
    expected = scorer.score(
        frame([t[:, None] for t in truths], ends, ["y"]),
        frame([h[:, None] for h in histories], starts, ["y"]),
        frame([p[:, None] for p in points], ends, ["y_hat"]),
        4,
    )
    cases = [
        Case(t, np.repeat(p[:, None], 9, axis=1), mase_scale(h, 4))
        for h, t, p in zip(histories, truths, points, strict=True)
    ]
    found = score_cases(cases, LEVELS).to_dict()
    for ours, theirs in {"mae": "MAE", "rmse": "RMSE", "smape": "sMAPE", "mase": "MASE"}.items():
        assert close(found[ours], expected[theirs])


def test_scores_by_step_are_those_of_rows_as_cases_of_their_own() -> None:
    rng = np.random.default_rng(0)
    truth = np.where(rng.random((5, 3)) < 0.2, np.nan, rng.normal(10, 3, (5, 3)))
    quantiles = np.sort(rng.normal(10, 3, (5, 3, 3)), axis=-1)
    scales, levels = [1.0, 2.0, np.nan, 0.5, 3.0], [0.1, 0.5, 0.9]
    cases = [Case(t, q, s) for t, q, s in zip(truth, quantiles, scales, strict=True)]
    for n, tally in enumerate(tally_by_step(cases, levels)):
        own = [Case(c.truth[n : n + 1], c.quantiles[n : n + 1], c.scale) for c in cases]
        expected, found = score_cases(own, levels).to_dict(), tally.scores().to_dict()
        assert found.pop("coverage") == expected.pop("coverage")
        assert found == pytest.approx(expected)
