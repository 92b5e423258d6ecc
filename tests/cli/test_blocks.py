"""Forecasts are computed and written block after block, with the bytes that all of them together have."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet

from seqpred.cli.table import TableFile, TableFormat, encode_table
from seqpred.commands import predict
from seqpred.errors import WriteError
from seqpred.spool import held_output, mapped
from seqpred.spool.held_output import HeldOutput
from tests.cli.outside import Trained


def written(job: predict.ForecastJob, form: str) -> bytes:
    file = io.BytesIO()
    with TableFile(file, form) as table:
        for block in job.run_blocks(TableFormat(form, digits=3, origin=True).encode):
            table.add(block)
    return file.getvalue()


@pytest.fixture(scope="module")
def job(models: dict[str, Trained]) -> predict.ForecastJob:
    return predict.read_job(models["many"].folder, models["many"].data)


@pytest.mark.parametrize("form", ["csv", "tsv", "json", "jsonl"])
def test_blocks_of_series_have_the_bytes_of_all_series(job: Any, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = written(job, form)
    monkeypatch.setattr(predict, "BLOCK", 1)
    assert len(list(job.blocks())) == 3
    assert written(job, form) == whole


def test_blocks_are_row_groups_of_one_parquet_file(job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = parquet.read_table(io.BytesIO(written(job, "parquet")))
    monkeypatch.setattr(predict, "BLOCK", 1)
    file = parquet.ParquetFile(io.BytesIO(written(job, "parquet")))
    assert file.num_row_groups == 3
    assert file.read().equals(whole)


def test_progress_grows_to_1_over_all_blocks(job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predict, "BLOCK", 1)
    shares: list[float] = []
    for _ in job.run_blocks(lambda *_: None, lambda progress: shares.append(progress.share)):
        pass
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_column_of_missing_numbers_is_a_column_of_numbers_in_parquet() -> None:
    table = {"step": [1, 2], "forecast": [float("nan")] * 2}
    assert str(parquet.read_schema(io.BytesIO(encode_table(table, "parquet"))).field("forecast").type) == "double"


def test_an_empty_table_is_a_valid_file() -> None:
    assert encode_table({"step": []}, "json") == b"[]\n"


@pytest.mark.parametrize("largest", [1, 1 << 20], ids=["file", "memory"])
def test_held_output_is_delivered_in_order(largest: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(mapped, "LARGE", largest)
    monkeypatch.setattr(held_output, "PART", 5)
    with HeldOutput() as held:
        assert list(held.parts()) == []
        for text in (b"one ", b"", b"two ", b"three"):
            held.write(text)
        parts = list(held.parts())
    assert b"".join(parts) == b"one two three"
    assert max(map(len, parts)) == 5


def test_a_full_cache_is_a_write_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mapped.SpillBuffer, "add", full)
    with HeldOutput() as held, pytest.raises(WriteError, match="No space left"):
        held.write(np.arange(3).tobytes())
