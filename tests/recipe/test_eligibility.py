"""Series that can be trained on: at least one target varies."""

from __future__ import annotations

import pytest

from seqpred.errors import DataError
from seqpred.panel.build import build_panel
from seqpred.panel.panel import Panel
from seqpred.reading.table import read_table
from seqpred.recipe.eligibility import check_varying
from seqpred.sources.columns import Columns
from seqpred.sources.source import Source


def panel(rows: str) -> Panel:
    """Rows of id, time and value."""
    return build_panel(read_table(Source("t.csv", b"id,ds,y\n" + rows.encode()), Columns(("ds",), "id", ("y",))))


def test_a_constant_series_is_rejected_with_its_value() -> None:
    with pytest.raises(DataError, match=r"t\.csv: column 'y' is constant \(3\.5 in every row\)"):
        check_varying(panel("a,1,3.5\na,2,3.5\na,3,\na,4,3.5\n"))


def test_a_column_without_a_value_is_rejected() -> None:
    with pytest.raises(DataError, match=r"t\.csv: column 'y' has no value"):
        check_varying(panel("a,1,\na,2,\na,3,\n"))


def test_one_series_that_varies_is_enough() -> None:
    check_varying(panel("a,1,5\na,2,5\nb,1,1\nb,2,2\n"))
