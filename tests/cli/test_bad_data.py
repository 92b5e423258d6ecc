"""Invalid data: exit code 3 and one sentence with the place, the fault and the remedy; no file is left behind."""

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
    """Compressed bytes with some of them changed."""
    return content[:12] + bytes(b ^ 0x5A for b in content[12:200]) + content[200:]


TEXTS = ["n.v." if i in (5, 9, 20, 30) else i for i in range(40)]
HOURS = "".join(f"2024-01-{i:02d} 00:00,{i}\n" for i in range(1, 20))
LONG = gzip.compress(days(*range(400)).encode())


@dataclass(frozen=True)
class Fault:
    """A file that must be rejected, and what the message must contain."""

    content: str | bytes
    expected: tuple[str, ...]
    name: str = "sales.csv"
    config: str = CONFIG


FAULTS = {
    "empty file": Fault("", ("sales.csv: is empty", "header")),
    "header without rows": Fault("ds,y\n", ("sales.csv: has a header but no rows",)),
    "missing target column: the message suggests the nearest name": Fault(
        days(1, 2).replace("y\n", "Sales\n", 1),
        ("sales.csv: no column 'salse'", "Did you mean 'Sales'?"),
        config="data: {target: salse}\n",
    ),
    "text in the target: the message gives the value and the first lines": Fault(
        days(*TEXTS), ("sales.csv:7: 'n.v.' in column 'y' is not a number", "4 such rows: 7, 11, 22, ...")
    ),
    "line numbers include blank lines and quoted line breaks": Fault(
        'ds,note,y\n\n2024-01-01,"two\nlines",1\n2024-01-02,,2\n\n\n2024-01-03,,"x"\n2024-01-04,,bad\n',
        ("sales.csv:8: 'x'", "2 such rows: 8, 9"),
    ),
    "line numbers include lines of blanks": Fault(
        "ds,y\n2024-01-01,1\n   \n2024-01-02,2\n2024-01-03,x\n", ("sales.csv:5: 'x'",)
    ),
    "line numbers are correct in a compressed file from Windows": Fault(
        gzip.compress(days(1, 2, "x").replace("\n", "\r\n").encode("utf-8-sig")), ("s.csv.gz:4: 'x'",), name="s.csv.gz"
    ),
    "text after a very long field": Fault(
        f'ds,note,y\n2024-01-01,"{"long " * 40_000}",1\n2024-01-02,,x\n', ("sales.csv:3: 'x'",)
    ),
    "infinite value": Fault(days(1, "inf", 3), ("sales.csv:3: inf in column 'y' is infinite",)),
    "too few rows: the message gives both counts and the keys to change": Fault(
        days(3, 1, 4, 1, 5),
        ("sales.csv", "5 rows", "need", "forecast.horizon"),
        config="data: {target: y}\nforecast: {horizon: 12}\n",
    ),
    "constant series": Fault(days(*[7] * 60), ("sales.csv: column 'y' is constant", "(7 in every row)")),
    "target without a value": Fault(days(*[""] * 60), ("sales.csv: column 'y' has no value",)),
    "duplicate timestamp": Fault(
        "ds,y\n2024-01-01,1\n2024-01-02,2\n2024-01-02,3\n2024-01-03,4\n",
        ("sales.csv:4: duplicate timestamp 2024-01-02", "data.id"),
    ),
    "timestamp off the step": Fault(
        f"ds,y\n{HOURS}2024-01-20 07:00,20\n", ("sales.csv:21: 2024-01-20 07:00", "data.frequency")
    ),
    "invalid timestamp": Fault(
        "ds,y\n2024-01-01,1\n2024-01-02,2\nsoon,3\n",
        ("sales.csv:4: 'soon' in column 'ds'",),
        config="data: {target: y, time: ds}\n",
    ),
    "empty timestamp": Fault(
        "ds,y\n2024-01-01,1\n2024-01-02,2\n,3\n",
        ("sales.csv:4", "'ds' is empty"),
        config="data: {target: y, time: ds}\n",
    ),
    "empty id": Fault(
        "id,ds,y\na,2024-01-01,1\n,2024-01-02,2\na,2024-01-03,3\n",
        ("sales.csv:3", "'id' is empty"),
        config="data: {target: y, id: id}\n",
    ),
    "ambiguous day-first or month-first dates": Fault(
        "ds,y\n01/02/2024,1\n02/02/2024,2\n03/02/2024,3\n",
        ("sales.csv:2: '01/02/2024'", "day first or month first"),
        config="data: {target: y, time: ds}\n",
    ),
    "first row with a day that does not exist": Fault(
        days(1, 2, 3).replace("2024-01-01", "2024-02-30"),
        ("sales.csv:2: '2024-02-30' in column 'ds' is not a timestamp of the form %Y-%m-%d like the others",),
        config="data: {target: y, time: ds}\n",
    ),
    "lone row in the year 1": Fault(
        days(*range(80)).replace("ds,y\n", "ds,y\n0001-01-01,3\n"),
        ("sales.csv:3: with step P1D", "between 0001-01-01 (sales.csv:2) and 2024-01-01", "Fix these timestamps"),
    ),
    "lone row in the year 9999": Fault(
        days(*range(80)) + "9999-12-31,3\n",
        ("sales.csv:82: with step P1D", "between 2024-03-20 (sales.csv:81) and 9999-12-31"),
    ),
    "step that changes half-way: the message gives both steps": Fault(
        f"ds,y\n{HOURS}" + "".join(f"2024-01-20 {h:02d}:30,{h}\n" for h in range(15)),
        ("sales.csv:21: 2024-01-20 00:30", "the step is P1D up to 2024-01-19 00:00 (sales.csv:20) and PT1H from"),
    ),
    "one timestamp without an offset among others": Fault(
        "ds,y\n2024-01-01T00:00Z,1\n2024-01-01T01:00Z,2\n2024-01-01T02:00,3\n",
        ("sales.csv:4: '2024-01-01T02:00' in column 'ds' is not a timestamp of the form",),
        config="data: {target: y, time: ds}\n",
    ),
    "infinite covariate": Fault(
        days("1,1", "2,-inf", "3,1").replace("ds,y", "ds,y,price"),
        ("sales.csv:3: -inf in column 'price' is infinite",),
        config="data: {target: y, covariates: {past: [price]}}\n",
    ),
    "one row with an extra field": Fault(
        "ds,y\n2024-01-01,1\n2024-01-02,2,3\n2024-01-03,4\n", ("sales.csv:3: 3 fields where the header has 2",)
    ),
    "an extra field in every row does not shift columns": Fault(
        "ds,y\n" + "".join(f"2024-01-{i:02d},{i},5\n" for i in range(1, 29)),
        ("sales.csv:2: 3 fields where the header has 2",),
    ),
    "not UTF-8: the message names a remedy": Fault(
        "ds,y\n2024-01-01,1\n2024-01-02,é\n".encode("latin-1"), ("sales.csv: is not UTF-8 (byte 0xe9", "iconv")
    ),
    "truncated gzip file": Fault(LONG[: len(LONG) // 2], ("s.csv.gz: cannot be read",), name="s.csv.gz"),
    "corrupt gzip file": Fault(altered(LONG), ("s.csv.gz: cannot be read",), name="s.csv.gz"),
    "binary file": Fault(bytes(range(256)) * 8, ("sales.csv",)),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Done]]:
    """The folder and the result of training on each invalid file."""
    commands = {}
    for i, (name, fault) in enumerate(FAULTS.items()):
        place = tmp_path_factory.mktemp(f"fault{i}")
        (place / "c.yaml").write_text(fault.config)
        (place / fault.name).write_bytes(fault.content.encode() if isinstance(fault.content, str) else fault.content)
        commands[name] = (place, ["train", "c.yaml", "--data", fault.name, "--out", "m"])
    done = call_all(commands)
    return {name: (commands[name][0], done[name]) for name in FAULTS}


@pytest.mark.parametrize("name", FAULTS)
def test_invalid_data_exits_with_code_3_and_one_sentence(trained, name):
    place, done = trained[name]
    assert "Traceback" not in done.err, done.err
    assert done.code == 3, done.err
    assert done.out == ""
    assert set(listing(place)) == {"c.yaml", FAULTS[name].name}
    sentence = done.err.splitlines()[-1]
    assert sentence.startswith("seqpred: ")
    for expected in FAULTS[name].expected:
        assert expected in sentence


# ------------------------------------------------------------------ other faults


@pytest.mark.parametrize("command", [["init"], ["train", "c.yaml", "--out", "m", "--data"]], ids=lambda c: c[0])
def test_missing_data_file_error_gives_the_nearest_file_name(refused, write, command):
    write("c.yaml", CONFIG)
    write("sales.csv", days(1, 2))
    message = refused(3, *command, "slaes.csv")
    assert "slaes.csv: no such file" in message
    assert "'sales.csv'" in message


def test_folder_instead_of_a_file_is_rejected(refused, tmp_path):
    (tmp_path / "sales").mkdir()
    assert "sales: is a folder" in refused(3, "init", "sales")


def test_text_in_row_300_001_error_gives_the_line(refused, write):
    write("c.yaml", CONFIG.replace("target: y", "target: y, time: t"))
    write("long.csv", "t,y\n" + "".join(f"{i},{i % 50 if i != 300_000 else 'oops'}\n" for i in range(310_000)))
    assert "long.csv:300002: 'oops' in column 'y'" in refused(3, "train", "c.yaml", "--data", "long.csv", "--out", "m")


def test_ids_that_differ_only_in_blanks_are_reported_before_their_duplicates(refused, write):
    write("c.yaml", "data: {target: y, id: id}\n")
    write("sales.csv", "id,ds,y\n" + "".join(f"{s},2024-01-0{i},{i}\n" for s in ("A", "A ") for i in range(1, 9)))
    message = refused(3, "train", "c.yaml", "--data", "sales.csv", "--out", "m")
    assert "blanks around ids are removed, as in 'A '" in message
    assert "sales.csv:10: duplicate timestamp 2024-01-01 of series 'A'" in message


def test_rejected_file_leaves_no_model_folder_behind(refused, write):
    write("c.yaml", CONFIG)
    refused(3, "train", "c.yaml", "--data", "none.csv")
    refused(3, "train", "c.yaml", "--data", "none.csv", "--out", "a/b/m")


def test_missing_target_column_error_of_init_gives_the_nearest_name(refused, write):
    write("sales.csv", "day,units\n2024-01-01,1\n2024-01-02,2\n")
    message = refused(3, "init", "sales.csv", "--target", "unit")
    assert "no column 'unit'" in message
    assert "'units'" in message


@pytest.mark.parametrize(
    ("text", "expected"), [("", ": is empty"), (days(1, 2, "x"), ":4: 'x'")], ids=["empty", "text"]
)
def test_errors_in_piped_data_name_standard_input(refused, text: str, expected: str, write: Callable[..., Path]):
    write("c.yaml", CONFIG)
    assert f"standard input{expected}" in refused(3, "train", "c.yaml", "--out", "m", "--data", "-", stdin=text)


def test_json_data_error_is_one_object_on_stderr(refused, write):
    write("c.yaml", CONFIG)
    write("sales.csv", days(1, "x", 3))
    error = json.loads(refused(3, "train", "c.yaml", "--data", "sales.csv", "--out", "m", "--json"))
    assert list(error) == ["error"]
    assert list(error["error"]) == ["code", "message", "hint"]
    assert error["error"]["code"] == 3
    assert error["error"]["message"].startswith("sales.csv:3: 'x'")
    assert error["error"]["hint"]


def test_json_data_error_after_notes_is_still_one_object_on_stderr(refused, write):
    write("c.yaml", CONFIG)
    write("sales.csv", days(*[7] * 60).replace("2024-01-09,7\n", ""))  # a gap, which is worth a note
    error = json.loads(refused(3, "train", "c.yaml", "--data", "sales.csv", "--out", "m", "--json"))["error"]
    assert "constant" in error["message"]
