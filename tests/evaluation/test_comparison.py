"""Comparisons: paired differences, their standard errors, and models that cannot be compared."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import seqpred
from seqpred.errors import ConfigError, DataError
from seqpred.evaluation.comparison import paired_difference
from tests.conftest import growing

TINY = {"model": {"hidden_size": 4, "members": 1}, "training": {"max_steps": 20, "threads": 1}}


def frame(rows: int) -> pd.DataFrame:
    parts = [
        pd.DataFrame({"id": n, "ds": pd.date_range("2015-01-01", periods=rows, freq="MS"), "y": growing(rows, seed=i)})
        for i, n in enumerate("ab")
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    place = tmp_path_factory.mktemp("models")

    def train(name: str, **model: object):
        config = {"data": {"target": "y", "id": "id"}, "forecast": {"horizon": 6}, **TINY}
        config["model"] = {**TINY["model"], **model}
        return seqpred.train(config, frame(84), place / name)

    return {"lstm": train("lstm"), "gru": train("gru", cell="gru", depth=1)}


def test_the_standard_error_is_that_of_independent_clusters():
    rng = np.random.default_rng(0)
    own = {(f"s{i}", "y", w): float(rng.normal(i)) for i in range(30) for w in range(3)}
    mean, error = paired_difference(own, dict.fromkeys(own, 0.0))
    by_series = np.array([np.mean([own[f"s{i}", "y", w] for w in range(3)]) for i in range(30)])
    assert mean == pytest.approx(by_series.mean())
    assert error == pytest.approx(by_series.std(ddof=1) / np.sqrt(30))


def test_only_common_tracks_are_compared():
    assert paired_difference({("a", "y", 0): 2.0, ("b", "y", 0): 9.0}, {("a", "y", 0): 1.0}) == (1.0, None)


def test_a_series_that_has_ended_does_not_make_the_windows_of_the_others_in_sample(models):
    whole, notes = frame(96), []
    ended = whole[(whole["id"] == "a") | (whole.groupby("id").cumcount() < 84)]
    alone = seqpred.evaluate(models["lstm"], whole[whole["id"] == "a"])
    found = seqpred.evaluate(models["lstm"], ended, notify=notes.append)
    assert (found.windows_unseen, found.scores["model"]) == (2, alone.scores["model"])
    assert [window.series for window in found.windows] == [1, 1]
    assert "1 series has fewer than 6 rows after the training data, and therefore no unseen window: 'b'" in str(notes)
    compared = seqpred.compare([*models.values()], ended, notify=notes.append)
    assert {m.name: m.scores.mase for m in compared.models}[str(models["lstm"].folder.path)] == alone.scores[
        "model"
    ].mase
    earlier = seqpred.evaluate(models["lstm"], ended, windows=3).windows[0]
    assert (earlier.part, earlier.series) == ("training", 2)


def test_models_are_ranked_and_differences_are_those_of_their_scores(models):
    found = seqpred.compare(list(models.values()), frame(96))
    scores = [model.scores.mase for model in found.models]
    assert (found.windows, found.horizon) == (2, 6)
    assert scores == sorted(scores)
    for model in found.models:
        assert model.difference == pytest.approx(model.scores.mase - scores[0])
        assert model.parameters > 0
    assert "seasonal_naive" in found.baselines
    assert "blend" not in found.baselines


def test_a_comparison_agrees_with_eval(models):
    found = seqpred.compare([models["lstm"]], frame(96))
    assert found.models[0].scores == seqpred.evaluate(models["lstm"], frame(96)).scores["model"]


def test_windows_that_a_model_was_trained_on_are_refused(models):
    with pytest.raises(DataError, match="no window is unseen by all models"):
        seqpred.compare(list(models.values()), frame(84))


def test_models_of_different_horizons_are_refused(models, tmp_path):
    config = {"data": {"target": "y", "id": "id"}, "forecast": {"horizon": 3}, **TINY}
    other = seqpred.train(config, frame(84), tmp_path / "short")
    with pytest.raises(ConfigError, match=r"differ in horizon \(6 and 3\); they have targets y, season 12 in common"):
        seqpred.compare([models["lstm"], other], frame(96))
