"""Timestamps of unusual forms from init to stream: forecasts have the form of the data, stream equals batch."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.cli.outside import TINY, call, wave

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ROWS = 118  # the next two hours end a day


def weeks() -> tuple[list[list[str]], list[list[str]]]:
    """Fridays, two of which are Thursdays; and the weeks that follow."""
    days = [datetime(2020, 1, 3) + 7 * i * DAY - DAY * (i in (20, 100)) for i in range(ROWS + 2)]
    cells = [[f"{day:%d-%b-%y}"] for day in days]
    return cells[:ROWS], cells[ROWS:]


def hours_ending() -> tuple[list[list[str]], list[list[str]]]:
    """A column of dates, and one of hours from 1 to 24."""
    starts = [datetime(2023, 5, 1) + i * HOUR for i in range(ROWS + 2)]
    cells = [[f"{start:%m/%d/%Y}", str(start.hour + 1)] for start in starts]
    return cells[:ROWS], cells[ROWS:]


def seconds() -> tuple[list[list[str]], list[list[str]]]:
    """Seconds since 1970."""
    cells = [[str(1672531200 + 3600 * i)] for i in range(ROWS + 2)]
    return cells[:ROWS], cells[ROWS:]


KINDS = {
    "weeks": (weeks, ["date"], ["--set", "data.snap=P1D"]),
    "hours": (hours_ending, ["Date", "Hour Ending"], ["--set", "data.date_order=month-first"]),
    "epoch": (seconds, ["timestamp"], []),
}


@pytest.mark.parametrize("kind", KINDS)
def test_init_train_predict_and_stream_agree_on_the_form(kind: str, tmp_path: Path) -> None:
    make, names, options = KINDS[kind]
    known, following = make()
    header = ",".join([*names, "sales"])
    lines = [",".join([*cells, str(wave(i))]) for i, cells in enumerate(known)]
    text = "\n".join([header, *lines]) + "\n"
    (tmp_path / "sales.csv").write_text(text)
    init = call(tmp_path, ["init", "sales.csv", "--horizon", "2", *options])
    assert init.code == 0, init.err
    (tmp_path / "sales.yaml").write_text(init.out)
    train = call(tmp_path, ["train", "sales.yaml", *TINY, "--set", "training.validation=8"])
    assert train.code == 0, train.err
    batch = call(tmp_path, ["predict", "runs/sales", "sales.csv", "--steps", "2"])
    stream = call(tmp_path, ["predict", "runs/sales", "-", "--stream", "--steps", "2"], text)
    assert batch.code == stream.code == 0, batch.err + stream.err
    table, rows = (list(csv.DictReader(io.StringIO(done.out))) for done in (batch, stream))
    assert [[row[name] for name in names] for row in table] == following
    assert [[row[name] for name in names] for row in rows[-2:]] == following
    last = [[float(row["forecast"]) for row in found] for found in (table, rows[-2:])]
    np.testing.assert_allclose(*last, rtol=1e-5)
    assert len(rows) == 2 * ROWS, "every row is answered"
