"""Files as people have them: what `check` makes of each, against what its owner expects.

`expected.tsv` has a row per file: the outcome (`read` or `error`), the time columns, the step, the id, a target, and
words that the notes or the error must contain. `-` means none, `*` anything; several words are separated by `|`.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from seqpred.commands.check import check

FOLDER = Path(__file__).parent
with (FOLDER / "expected.tsv").open(encoding="utf-8") as table:
    EXPECTED = [row for row in csv.reader(table, delimiter="\t") if not row[0].startswith("#")]


def columns_by_role(found: dict[str, Any]) -> dict[str, str]:
    """The names of the columns of each role, joined by a plus sign."""
    names: dict[str, list[str]] = {}
    for column in found["columns"]:
        names.setdefault(column["role"], []).append(column["name"])
    return {role: "+".join(own) for role, own in names.items()}


@pytest.mark.parametrize("row", EXPECTED, ids=[row[0] for row in EXPECTED])
def test_a_file_from_the_field_has_the_expected_roles_step_and_notes(row: list[str]) -> None:
    name, outcome, time, step, series, target, words = row
    found = check(FOLDER / "files" / name).to_dict()
    fault = found["fault"]
    assert ("error" if fault else "read") == outcome, fault
    if not fault:
        roles = columns_by_role(found)
        expected = {"time": time, "id": series, "step": step}
        actual = {"time": roles.get("time", "-"), "id": roles.get("id", "-"), "step": found["step"]["step"]}
        assert actual == {key: actual[key] if value == "*" else value for key, value in expected.items()}
        assert target in (*roles.get("target", "").split("+"), "*")
    reported = " ".join([*map(str, found["notes"]), *(fault or {}).values()])
    for word in words.split("|"):
        assert word == "-" or word in reported


def test_every_file_has_an_expectation() -> None:
    assert {path.name for path in (FOLDER / "files").iterdir()} == {row[0] for row in EXPECTED}
