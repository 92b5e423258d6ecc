"""Each fault of a data file gets one sentence: where, what was found, what to do; and leaves nothing behind."""

from __future__ import annotations

import datetime
import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.outside import Done, call_all, listing

CONFIG = "data: {target: y}\nforecast: {horizon: 2}\ntraining: {max_steps: 1}\n"


def days(*values: object) -> str:
    """A daily CSV."""
    first = datetime.date(2024, 1, 1)
    return "\n".join(["ds,y", *(f"{first + datetime.timedelta(i)},{v}" for i, v in enumerate(values))]) + "\n"


def altered(content: bytes) -> bytes:
    """Compressed bytes, some of which have changed on the way."""
    return content[:12] + bytes(b ^ 0x5A for b in content[12:200]) + content[200:]


TEXTS = ["n.v." if i in (5, 9, 20, 30) else i for i in range(40)]
HOURS = "".join(f"2024-01-{i:02d} 00:00,{i}\n" for i in range(1, 20))
LONG = gzip.compress(days(*range(400)).encode())


@dataclass(frozen=True)
class Fault:
    """A file that must be refused, and what must be said of it."""

    content: str | bytes
    told: tuple[str, ...]
    name: str = "sales.csv"
    config: str = CONFIG


FAULTS = {
    "an empty file needs a header": Fault("", ("sales.csv: is empty", "header")),
    "a header without rows": Fault("ds,y\n", ("sales.csv: has a header but no rows",)),
    "an absent column, with the nearest name": Fault(
        days(1, 2).replace("y\n", "Sales\n", 1),
        ("sales.csv: no column 'salse'", "Did you mean 'Sales'?"),
        config="data: {target: salse}\n",
    ),
    "text in the target, with its value and its first three lines": Fault(
        days(*TEXTS), ("sales.csv:7: 'n.v.' in column 'y' is not a number", "4 such rows: 7, 11, 22, ...")
    ),
    "a line number counts blank lines and quoted line breaks": Fault(
        'ds,note,y\n\n2024-01-01,"two\nlines",1\n2024-01-02,,2\n\n\n2024-01-03,,"x"\n2024-01-04,,bad\n',
        ("sales.csv:8: 'x'", "2 such rows: 8, 9"),
    ),
    "a line number counts lines of nothing but blanks": Fault(
        "ds,y\n2024-01-01,1\n   \n2024-01-02,2\n2024-01-03,x\n", ("sales.csv:5: 'x'",)
    ),
    "a line number is right in a compressed file from Windows": Fault(
        gzip.compress(days(1, 2, "x").replace("\n", "\r\n").encode("utf-8-sig")), ("s.csv.gz:4: 'x'",), name="s.csv.gz"
    ),
    "a fault behind a very long field": Fault(
        f'ds,note,y\n2024-01-01,"{"long " * 40_000}",1\n2024-01-02,,x\n', ("sales.csv:3: 'x'",)
    ),
    "an infinite value": Fault(days(1, "inf", 3), ("sales.csv:3: inf in column 'y' is infinite",)),
    "too few rows: how many there are, how many are needed, what to change": Fault(
        days(3, 1, 4, 1, 5),
        ("sales.csv", "5 rows", "need", "forecast.horizon"),
        config="data: {target: y}\nforecast: {horizon: 12}\n",
    ),
    "a constant series, with its value": Fault(
        days(*[7] * 60), ("sales.csv: column 'y' is constant", "(7 in every row)")
    ),
    "a target without any value": Fault(days(*[""] * 60), ("sales.csv: column 'y' has no value",)),
    "a repeated time, with its line": Fault(
        "ds,y\n2024-01-01,1\n2024-01-02,2\n2024-01-02,3\n2024-01-03,4\n",
        ("sales.csv:4: duplicate timestamp 2024-01-02", "data.id"),
    ),
    "a time off the step, with its line": Fault(
        f"ds,y\n{HOURS}2024-01-20 07:00,20\n", ("sales.csv:21: 2024-01-20 07:00", "data.frequency")
    ),
    "a time that is no date, with its line": Fault(
        "ds,y\n2024-01-01,1\n2024-01-02,2\nsoon,3\n",
        ("sales.csv:4: 'soon' in column 'ds'",),
        config="data: {target: y, time: ds}\n",
    ),
    "an empty time, with its line": Fault(
        "ds,y\n2024-01-01,1\n2024-01-02,2\n,3\n",
        ("sales.csv:4", "'ds' is empty"),
        config="data: {target: y, time: ds}\n",
    ),
    "an empty id, with its line": Fault(
        "id,ds,y\na,2024-01-01,1\n,2024-01-02,2\na,2024-01-03,3\n",
        ("sales.csv:3", "'id' is empty"),
        config="data: {target: y, id: id}\n",
    ),
    "dates that may be day first or month first are not guessed": Fault(
        "ds,y\n01/02/2024,1\n02/02/2024,2\n03/02/2024,3\n",
        ("sales.csv:2: '01/02/2024'", "day first or month first"),
        config="data: {target: y, time: ds}\n",
    ),
    "a first row that no calendar has, with its line": Fault(
        days(1, 2, 3).replace("2024-01-01", "2024-02-30"),
        ("sales.csv:2: '2024-02-30' in column 'ds' is not a timestamp of the form %Y-%m-%d, as others are",),
        config="data: {target: y, time: ds}\n",
    ),
    "a lone row in the year 1, with its line and what follows it": Fault(
        days(*range(80)).replace("ds,y\n", "ds,y\n0001-01-01,3\n"),
        ("sales.csv:3: with step P1D", "between 0001-01-01 (sales.csv:2) and 2024-01-01", "Fix these timestamps"),
    ),
    "a lone row in the year 9999, with its line and what comes before it": Fault(
        days(*range(80)) + "9999-12-31,3\n",
        ("sales.csv:82: with step P1D", "between 2024-03-20 (sales.csv:81) and 9999-12-31"),
    ),
    "a step that changes half-way, with the line and both steps": Fault(
        f"ds,y\n{HOURS}" + "".join(f"2024-01-20 {h:02d}:30,{h}\n" for h in range(15)),
        ("sales.csv:21: 2024-01-20 00:30", "the step is P1D up to 2024-01-19 00:00 (sales.csv:20) and PT1H from"),
    ),
    "one time without a zone among others, with its line": Fault(
        "ds,y\n2024-01-01T00:00Z,1\n2024-01-01T01:00Z,2\n2024-01-01T02:00,3\n",
        ("sales.csv:4: '2024-01-01T02:00' in column 'ds' is not a timestamp of the form",),
        config="data: {target: y, time: ds}\n",
    ),
    "an infinite covariate": Fault(
        days("1,1", "2,-inf", "3,1").replace("ds,y", "ds,y,price"),
        ("sales.csv:3: -inf in column 'price' is infinite",),
        config="data: {target: y, covariates: {past: [price]}}\n",
    ),
    "one row with a field too many, with its line": Fault(
        "ds,y\n2024-01-01,1\n2024-01-02,2,3\n2024-01-03,4\n", ("sales.csv:3: 3 fields where the header has 2",)
    ),
    "rows that all have a field too many are not shifted into other columns": Fault(
        "ds,y\n" + "".join(f"2024-01-{i:02d},{i},5\n" for i in range(1, 29)),
        ("sales.csv:2: 3 fields where the header has 2",),
    ),
    "bytes that are no UTF-8, with the remedy": Fault(
        "ds,y\n2024-01-01,1\n2024-01-02,é\n".encode("latin-1"), ("sales.csv: is not UTF-8 (byte 0xe9", "iconv")
    ),
    "a compressed file that ends too early": Fault(
        LONG[: len(LONG) // 2], ("s.csv.gz: can't be read",), name="s.csv.gz"
    ),
    "a compressed file that has been altered": Fault(altered(LONG), ("s.csv.gz: can't be read",), name="s.csv.gz"),
    "a binary file": Fault(bytes(range(256)) * 8, ("sales.csv",)),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Done]]:
    """Where each faulty file was to be learned from, and how that ended."""
    commands = {}
    for i, (name, fault) in enumerate(FAULTS.items()):
        place = tmp_path_factory.mktemp(f"fault{i}")
        (place / "c.yaml").write_text(fault.config)
        (place / fault.name).write_bytes(fault.content.encode() if isinstance(fault.content, str) else fault.content)
        commands[name] = (place, ["train", "c.yaml", "--data", fault.name, "--out", "m"])
    done = call_all(commands)
    return {name: (commands[name][0], done[name]) for name in FAULTS}


@pytest.mark.parametrize("name", FAULTS)
def test_told(trained, name):
    place, done = trained[name]
    assert "Traceback" not in done.err, done.err
    assert done.code == 3, done.err
    assert done.out == ""
    assert set(listing(place)) == {"c.yaml", FAULTS[name].name}
    sentence = done.err.splitlines()[-1]
    assert sentence.startswith("seqpred: ")
    for told in FAULTS[name].told:
        assert told in sentence


# ------------------------------------------------------------------ elsewhere than in a file


@pytest.mark.parametrize("command", [["init"], ["train", "c.yaml", "--out", "m", "--data"]], ids=lambda c: c[0])
def test_a_missing_file_is_named_with_its_nearest_neighbour(refused, write, command):
    write("c.yaml", CONFIG)
    write("sales.csv", days(1, 2))
    said = refused(3, *command, "slaes.csv")
    assert "slaes.csv: no such file" in said
    assert "'sales.csv'" in said


def test_a_folder_in_place_of_a_file_is_told(refused, tmp_path):
    (tmp_path / "sales").mkdir()
    assert "sales: is a folder" in refused(3, "init", "sales")


def test_text_in_row_900_001_is_told_with_its_line(refused, write):
    write("c.yaml", CONFIG.replace("target: y", "target: y, time: t"))
    write("long.csv", "t,y\n" + "".join(f"{i},{i % 50 if i != 900_000 else 'oops'}\n" for i in range(910_000)))
    assert "long.csv:900002: 'oops' in column 'y'" in refused(3, "train", "c.yaml", "--data", "long.csv", "--out", "m")


def test_ids_that_differ_in_blanks_alone_are_told_before_their_repeats(refused, write):
    write("c.yaml", "data: {target: y, id: id}\n")
    write("sales.csv", "id,ds,y\n" + "".join(f"{s},2024-01-0{i},{i}\n" for s in ("A", "A ") for i in range(1, 9)))
    said = refused(3, "train", "c.yaml", "--data", "sales.csv", "--out", "m")
    assert "blanks around the id are left out in 1 ids: 'A '" in said
    assert "sales.csv:10: duplicate timestamp 2024-01-01 of series 'A'" in said


def test_a_refused_file_leaves_no_folder_for_models_behind(refused, write):
    write("c.yaml", CONFIG)
    refused(3, "train", "c.yaml", "--data", "none.csv")
    refused(3, "train", "c.yaml", "--data", "none.csv", "--out", "a/b/m")


def test_an_absent_column_given_to_init_is_told_with_the_nearest_name(refused, write):
    write("sales.csv", "day,units\n2024-01-01,1\n2024-01-02,2\n")
    said = refused(3, "init", "sales.csv", "--target", "unit")
    assert "no column 'unit'" in said
    assert "'units'" in said


@pytest.mark.parametrize(("text", "told"), [("", ": is empty"), (days(1, 2, "x"), ":4: 'x'")], ids=["empty", "text"])
def test_standard_input_is_told_by_its_name(refused, text: str, told: str, write: Callable[..., Path]):
    write("c.yaml", CONFIG)
    assert f"standard input{told}" in refused(3, "train", "c.yaml", "--out", "m", "--data", "-", stdin=text)


def test_with_json_a_data_error_is_one_object_on_stderr(refused, write):
    write("c.yaml", CONFIG)
    write("sales.csv", days(1, "x", 3))
    error = json.loads(refused(3, "train", "c.yaml", "--data", "sales.csv", "--out", "m", "--json"))
    assert list(error) == ["error"]
    assert list(error["error"]) == ["code", "message", "hint"]
    assert error["error"]["code"] == 3
    assert error["error"]["message"].startswith("sales.csv:3: 'x'")
    assert error["error"]["hint"]


def test_with_json_an_error_after_notes_is_still_one_object_on_stderr(refused, write):
    write("c.yaml", CONFIG)
    write("sales.csv", days(*[7] * 60).replace("2024-01-09,7\n", ""))  # a gap, which is worth a note
    error = json.loads(refused(3, "train", "c.yaml", "--data", "sales.csv", "--out", "m", "--json"))["error"]
    assert "constant" in error["message"]
