"""`seqpred.explain` and the command: tables, JSON, covariates, errors."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import seqpred
from seqpred.errors import DataError
from seqpred.explanation.explanation import Explanation
from seqpred.forecasting.model import Model
from seqpred.report.components import component_rows, covariate_rows
from tests.explanation.random_models import frame, random_model

HORIZON = 3


@pytest.fixture(scope="module")
def model() -> Model:
    sections = {"model": {"hidden_size": 4, "window": 9}, "forecast": {"horizon": HORIZON, "season": 7}}
    return random_model(frame(5, 100.0, 1), 1, sections, 5)


def future(data: pd.DataFrame, event: str = "sale") -> pd.DataFrame:
    ends = data.groupby("id")["day"].max()
    rows = [(i, end + pd.Timedelta(days=n), 0.5, event) for i, end in ends.items() for n in range(1, HORIZON + 1)]
    return pd.DataFrame(rows, columns=["id", "day", "price", "event"])


@pytest.fixture(scope="module")
def found(model: Model) -> Explanation:
    data = frame(5, 100.0, 1)
    return seqpred.explain(model, data, future=future(data))


def test_the_components_in_the_table_add_up_to_the_forecast_of_predict(model: Model, found: Explanation) -> None:
    data = frame(5, 100.0, 1)
    table, predicted = found.table, seqpred.predict(model, data, future=future(data))
    assert table[["id", "day", "step"]].equals(predicted[["id", "day", "step"]])
    names = [name for name, _ in found.components.contributions()]
    np.testing.assert_allclose(table[names].sum(axis=1), predicted["forecast"], rtol=1e-6)
    shares = [name for name in table if str(name).startswith("share_")]
    np.testing.assert_allclose(table[shares].sum(axis=1), 1)


def test_the_components_in_json_add_up_to_the_forecast(found: Explanation) -> None:
    parsed = json.loads(json.dumps(found.to_dict()))
    assert parsed["horizon"] == HORIZON
    assert len(parsed["forecasts"]) == 2 * HORIZON
    for step in parsed["forecasts"]:
        naive = sum(share * step["naive"][name] for name, share in step["shares"].items())
        assert naive + step["correction"] + step["raised_to_minimum"] == pytest.approx(step["forecast"], rel=1e-6)
        assert set(step["effects"]) == {"price", "event", "visits", "kind"}


def test_covariates_are_ranked_by_importance(found: Explanation) -> None:
    importance = [effect.importance for effect in found.covariates]
    assert importance == sorted(importance, reverse=True)
    assert found.windows_unseen == found.windows > 0
    assert all(effect.mase - found.mase == pytest.approx(effect.importance) for effect in found.covariates)


def test_a_covariate_at_its_typical_value_has_no_effect(model: Model) -> None:
    data = frame(5, 100.0, 1).assign(event="none")
    effects = {effect.name: effect for effect in seqpred.explain(model, data, future=future(data, "none")).covariates}
    assert effects["event"].typical == "none"
    assert (effects["event"].effect == 0).all()
    assert effects["event"].importance == 0  # all permutations are equal
    assert (effects["price"].effect != 0).any()


def test_one_series_is_shown_by_step_and_several_by_their_means(model: Model, found: Explanation) -> None:
    title, (header, rows) = component_rows(found)
    assert "means of 3 steps" in title
    assert [row[0] for row in rows] == ["s0", "s1"]
    assert len({len(header), *map(len, rows)}) == 1
    data = frame(5, 100.0, 1).query("id == 's0'")
    alone = seqpred.explain(model, data, future=future(data))
    assert [row[0] for row in component_rows(alone)[1][1]] == ["1", "2", "3"]
    assert "MASE" in covariate_rows(found.covariates, found.mase)[0]


def test_a_series_of_one_row_is_explained_without_importance(model: Model) -> None:
    data, notes = frame(5, 100.0, 1).head(1).assign(y0=100.0), []
    one = seqpred.explain(model, data, future=future(data), notify=notes.append)
    assert one.windows == 0
    assert [effect.importance for effect in one.covariates] == [None] * 4
    assert any("importance of covariates is not measured" in str(note) for note in notes)


def test_missing_known_covariates_are_an_error(model: Model) -> None:
    with pytest.raises(DataError, match="needs 'price', 'event'"):
        seqpred.explain(model, frame(5, 100.0, 1))
