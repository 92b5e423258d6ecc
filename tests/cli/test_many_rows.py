"""Tables of many rows, which Arrow formats, have the bytes of Python's csv module and of `round`."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqpred.cli import arrow_rows, table
from seqpred.cli.arrow_rows import encode_rows
from seqpred.cli.rounding import round_table
from seqpred.cli.table import DELIMITERS, encode_table
from tests.cli.outside import Trained, call

TYPICAL = st.floats(-1e6, 1e6)
SHORT = st.builds(round, TYPICAL, st.integers(0, 6))
HALVES = st.builds(lambda count, power: count * 2.0**power, st.integers(-(10**17), 10**17), st.integers(-70, 10))
EDGES = [0.0, -0.0, 1e-4, math.nextafter(1e-4, 0), 1e10, math.nextafter(1e10, 0), 1e15 - 0.125, 1e16, 5e-324, 2.0**-44]
NUMBERS = st.one_of(st.floats(), TYPICAL, SHORT, HALVES, st.sampled_from(EDGES))
NAMES = st.one_of(
    st.text(alphabet=st.sampled_from('a1 ,\t"\n\r;\0é☃'), max_size=4),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
)
ROWS = st.lists(st.tuples(NAMES, st.integers(), NUMBERS, NUMBERS), min_size=1, max_size=40)


def columns(rows: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    """Columns of a text, an integer, an array of numbers and a list of numbers."""
    names, steps, first, second = (list(cells) for cells in zip(*rows, strict=True))
    return {"name": names, "step": steps, "forecast": np.array(first), "q0.5": second}


def by_csv(rows: Iterable[Iterable[object]], form: str) -> bytes:
    text = io.StringIO()
    known = [["" if isinstance(c, float) and math.isnan(c) else c for c in row] for row in rows]
    csv.writer(text, delimiter=DELIMITERS[form], lineterminator="\n").writerows(known)
    return text.getvalue().encode()


@pytest.mark.parametrize("form", DELIMITERS)
@given(ROWS, st.integers(1, 50))
def test_rows_have_the_bytes_of_the_csv_module(form: str, rows: list[tuple[Any, ...]], piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrow_rows, "PIECE", piece)
        assert encode_rows(columns(rows), DELIMITERS[form]) == by_csv(rows, form)


@pytest.mark.parametrize("cells", [[1, 2.5], [True, False], ["a", None], [1, "a"]], ids=str)
def test_a_column_of_several_kinds_is_left_to_the_csv_module(cells: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "VERY_MANY", 0)
    monkeypatch.setattr(table, "MANY", 0)
    assert encode_rows({"name": ["a", "b"], "cells": cells}, ",") is None
    assert encode_table({"name": ["a", "b"], "cells": cells}, "csv") == by_csv(
        [["name", "cells"], *zip("ab", cells, strict=True)], "csv"
    )


@given(st.lists(NUMBERS, max_size=30), st.lists(st.integers(-(10**6), 10**6), max_size=30), st.integers(0, 30))
def test_numbers_are_rounded_as_by_round(numbers: list[float], counts: list[int], digits: int) -> None:
    halves = [(count + 0.5) / 10**digits for count in counts]  # 2.675 is less than that: with two digits, it is 2.67
    numbers = [*numbers, *halves]
    found = round_table({"array": np.array(numbers, float), "list": numbers}, digits)
    expected = [repr(round(number, digits)) for number in numbers]
    assert [*map(repr, np.asarray(found["array"]).tolist())] == [*map(repr, found["list"])] == expected


@pytest.mark.parametrize("options", [[], ["--digits", "1", "--format", "tsv"]], ids=["csv", "tsv"])
def test_a_large_forecast_has_the_cells_of_json_lines(
    options: list[str], models: dict[str, Trained], tmp_path: Path
) -> None:
    data = tmp_path / "shops.csv"
    names = ['"Paris, 5"', '"a ""large"" shop"', "plain", "ünïcode"]
    lines = [f"{names[i % 4]} {i},{day},{i * day % 50}" for i in range(400) for day in range(200, 210, 2)]
    data.write_text("\n".join(["store,day,value", *lines]), encoding="utf-8")
    arguments = ["predict", models["many"].folder, data, "--steps", "30", *options]
    written, reference = call(tmp_path, arguments), call(tmp_path, [*arguments, "--format", "jsonl"])
    assert (written.code, reference.code) == (0, 0)
    rows = [json.loads(line) for line in reference.out.splitlines()]
    assert len(rows) * len(rows[0]) > table.VERY_MANY
    expected = by_csv([list(rows[0]), *(row.values() for row in rows)], "tsv" if options else "csv")
    assert written.out.encode() == expected
