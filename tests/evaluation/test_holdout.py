"""The holdout: excluded from training and from every choice, scored once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import seqpred
from seqpred.errors import ConfigError, DataError
from seqpred.evaluation.holdout import Holdout
from seqpred.panel.build import build_panel
from seqpred.panel.panel import Panel
from seqpred.reading.table import read_table
from seqpred.sources.columns import Columns
from seqpred.sources.source import Source
from tests.conftest import growing

TINY = {"model": {"hidden_size": 4, "members": 1}, "training": {"max_steps": 10, "threads": 1}}


def frame(change: float = 0.0, rows: int = 96, held: int = 12) -> pd.DataFrame:
    values = growing(rows)
    values[-held:] += change
    return pd.DataFrame({"month": pd.date_range("2015-01-01", periods=rows, freq="MS"), "y": values})


def train(out: Path, data: pd.DataFrame, **options: Any) -> Any:
    config = {"data": {"target": "y"}, "forecast": {"horizon": 6}, **TINY}
    return seqpred.train(config, data, out, **options)


def panel(lengths: dict[str, int]) -> Panel:
    parts = [
        pd.DataFrame({"id": n, "ds": pd.date_range("2024-01-01", periods=k), "y": np.arange(k) % 7.0})
        for n, k in lengths.items()
    ]
    return build_panel(read_table(Source("a frame", pd.concat(parts)), Columns(("ds",), "id", ("y",))))


def test_the_model_does_not_depend_on_the_rows_held_out(tmp_path):
    one, two = train(tmp_path / "a", frame(), holdout=12), train(tmp_path / "b", frame(1000.0), holdout=12)
    assert one.folder.weights_file == two.folder.weights_file
    scores = [m.folder.manifest["holdout"]["metrics"]["model"]["mae"] for m in (one, two)]
    assert scores[1] > scores[0] + 400


def test_the_holdout_score_is_that_of_eval_on_the_same_windows(tmp_path):
    model = train(tmp_path / "a", frame(), holdout=12)
    found = seqpred.evaluate(model, frame())
    stored = model.folder.manifest["holdout"]
    assert (stored["windows"], stored["part"], stored["refit"]) == (2, "unseen", False)
    assert found.windows_unseen == 2
    for name, scores in found.scores.items():
        assert stored["metrics"][name]["mae"] == pytest.approx(scores.mae, rel=1e-5)


def test_a_timestamp_holds_out_the_rows_from_there_on(tmp_path):
    by_rows, by_time = train(tmp_path / "a", frame(), holdout=12), train(tmp_path / "b", frame(), holdout="2022-01-01")
    assert by_rows.folder.weights_file == by_time.folder.weights_file


def test_refit_trains_on_all_rows_for_the_same_number_of_steps(tmp_path):
    first, again = train(tmp_path / "a", frame(), holdout=12), train(tmp_path / "b", frame(), holdout=12, refit=True)
    one, two = first.folder.manifest, again.folder.manifest
    assert two["holdout"]["metrics"] == one["holdout"]["metrics"]
    assert two["holdout"]["refit"] is True
    assert two["training"]["chosen"] == one["training"]["chosen"]
    assert two["data"]["rows"] == one["data"]["rows"] + 12
    assert first.folder.weights_file != again.folder.weights_file


def test_series_that_end_at_different_times_each_lose_their_last_rows():
    held = Holdout.of(panel({"a": 30, "b": 20}), 5)
    assert held.cuts.tolist() == [25, 15]
    assert [w.cuts.tolist() for w in held.windows(3)] == [[25, 15], [28, 18]]


def test_a_timestamp_cuts_each_series_there():
    assert Holdout.of(panel({"a": 30, "b": 20}), "2024-01-16").cuts.tolist() == [15, 15]


def test_a_series_that_begins_in_the_holdout_is_neither_trained_on_nor_scored(tmp_path):
    old = frame().assign(id="old")
    late, notes = old.tail(9).assign(id="late"), []
    model = train(tmp_path / "a", pd.concat([old, late]), holdout="2022-01-01", notify=notes.append)
    alone = train(tmp_path / "b", old, holdout="2022-01-01").folder.manifest
    manifest = model.folder.manifest
    assert "1 series begins in the holdout and is ignored: 'late' (9 rows)" in "".join(map(str, notes))
    assert (manifest["data"]["series"], manifest["fingerprint"]) == (1, alone["fingerprint"])
    assert manifest["holdout"] == alone["holdout"]
    assert seqpred.evaluate(model, pd.concat([old, late])).windows_unseen == 2


def test_a_holdout_with_rows_of_new_series_only_is_an_error():
    days = pd.date_range("2024-01-01", periods=60)
    parts = [pd.DataFrame({"id": name, "ds": own, "y": 1.0}) for name, own in (("old", days[:30]), ("new", days[45:]))]
    own = build_panel(read_table(Source("a frame", pd.concat(parts)), Columns(("ds",), "id", ("y",))))
    with pytest.raises(DataError, match="contains no row of a series that begins before it"):
        Holdout.of(own, "2024-02-10")


def test_an_error_about_too_few_rows_mentions_the_holdout(tmp_path):
    with pytest.raises(DataError, match=r"the last 90 rows of each series\)\. Hold out fewer rows"):
        train(tmp_path / "a", frame(), holdout=90)


@pytest.mark.parametrize(
    ("spec", "kind", "message"),
    [
        ("20", DataError, "leaves no row of series 'b' (20 rows)"),
        ("0", DataError, "contains no row"),
        ("2030-01-01", DataError, "contains no row"),
        ("2024-01-01", DataError, "leaves no row of series 'a' (30 rows), 'b' (20 rows)"),
        ("soon", ConfigError, "neither a number of rows nor a timestamp"),
    ],
)
def test_an_impossible_holdout_is_an_error(spec, kind, message):
    with pytest.raises(kind) as caught:
        Holdout.of(panel({"a": 30, "b": 20}), spec)
    assert message in str(caught.value)
