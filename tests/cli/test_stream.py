"""Streaming through real pipes: killed and restarted processes, malformed rows."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.cli.outside import COMMAND, Trained, call, environment, long_table, monthly, piped, wide_table

ONE = ("--steps", "2", "--quantiles", "0.1,0.9")


def start(place: Path, *args: object, **streams: object) -> subprocess.Popen[bytes]:
    """Start the command with pipes that stay open."""
    given = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    return subprocess.Popen([*COMMAND, *map(str, args)], cwd=place, env=environment(), **given)  # type: ignore[call-overload]


def finish(process: subprocess.Popen[bytes]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out.decode(), err.decode()


def numbers(text: str) -> list[list[float]]:
    return [[float(cell or "nan") for cell in line.split(",")[-3:]] for line in text.splitlines()[1:]]


@pytest.fixture
def single(models: dict[str, Trained]) -> Trained:
    return models["single"]


def test_each_row_is_answered_before_the_next_one_arrives(single, tmp_path):
    process = start(tmp_path, "predict", single.folder, "-", "--stream", *ONE)
    assert process.stdin is not None
    assert process.stdout is not None
    header, *rows = monthly(30).splitlines(keepends=True)
    process.stdin.write(header.encode())
    process.stdin.flush()
    assert process.stdout.readline() == b"month,step,forecast,q0.1,q0.9\n"
    answer = ""
    for row in rows:
        process.stdin.write(row.encode())
        process.stdin.flush()
        answer = process.stdout.readline().decode() + process.stdout.readline().decode()
    code, rest, err = finish(process)
    assert (code, rest, err) == (0, "", "")
    batch = call(tmp_path, ["predict", single.folder, "-", *ONE], monthly(30))
    np.testing.assert_allclose(numbers(batch.out), numbers("\n" + answer), rtol=1e-5)
    assert [line.split(",")[:2] for line in answer.splitlines()] == [["2017-07-01", "1"], ["2017-08-01", "2"]]


def test_series_may_arrive_in_any_order_and_start_at_any_time(models, tmp_path):
    many = models["many"]
    header, *rows = long_table().splitlines()
    shuffled = "\n".join([header, *sorted(rows, key=lambda r: int(r.split(",")[1]))]) + "\n"
    done = call(tmp_path, ["predict", many.folder, "-", "--stream", "--steps", "1", "--quantiles", "0.1,0.9"], shuffled)
    assert (done.code, done.err) == (0, "")
    assert len(done.out.splitlines()) == 1 + len(rows)
    batch = call(tmp_path, ["predict", many.folder, many.data, "--steps", "1", "--quantiles", "0.1,0.9"])
    last = {line.split(",")[0]: line for line in done.out.splitlines()[1:]}
    for line in batch.out.splitlines()[1:]:
        own = last[line.split(",")[0]]
        assert own.split(",")[:3] == line.split(",")[:3]
        np.testing.assert_allclose(numbers("\n" + own), numbers("\n" + line), rtol=1e-5)


def test_a_stream_of_several_targets_without_a_time_column_has_the_forecasts_of_the_file(models, tmp_path):
    wide = models["wide"]
    done = call(tmp_path, ["predict", wide.folder, wide.data, "--stream", "--format", "jsonl"])
    assert done.code == 0, done.err
    records = [json.loads(line) for line in done.out.splitlines()]
    batch = json.loads(call(tmp_path, ["predict", wide.folder, wide.data, "--format", "json"]).out)
    assert [list(r) for r in records[-6:]] == [list(b) for b in batch]
    assert [(r["step"], r["target"]) for r in records[-6:]] == [(b["step"], b["target"]) for b in batch]
    expected, found = ([r["forecast"] for r in rows] for rows in (batch, records[-6:]))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert len(records) == 6 * (len(wide_table().splitlines()) - 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_stream_killed_between_rows_resumes_from_its_state(single, tmp_path, number):
    header, *rows = monthly(40).splitlines(keepends=True)
    args = ["predict", single.folder, "-", "--stream", *ONE]
    whole = call(tmp_path, args, monthly(40)).out
    first = call(tmp_path, [*args, "--state", "s"], "".join([header, *rows[:10]])).out
    process = start(tmp_path, *args, "--state", "s")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("".join([header, *rows[10:25]]).encode())
    process.stdin.flush()
    second = "".join(process.stdout.readline().decode() for _ in range(31))
    process.send_signal(number)
    code, rest, err = finish(process)
    assert rest == ""
    assert code == (-signal.SIGKILL if number == signal.SIGKILL else 130), err
    third = call(tmp_path, [*args, "--state", "s"], monthly(40))
    again = 10 if number == signal.SIGKILL else 25  # a kill that can't be caught leaves the state that was saved before
    assert f"skipped {again} rows at or before the last timestamp of their series" in third.err
    found = numbers(first) + numbers(second) + numbers(third.out)[2 * (25 - again) :]
    np.testing.assert_allclose(found, numbers(whole), rtol=1e-5)


def test_repeated_rows_are_counted_once(single, tmp_path):
    args = ["predict", single.folder, "-", "--state", "s", *ONE]
    first = call(tmp_path, args, monthly(40))
    batch = call(tmp_path, ["predict", single.folder, "-", *ONE], monthly(40))
    np.testing.assert_allclose(numbers(first.out), numbers(batch.out), rtol=1e-5)
    kept = (tmp_path / "s").read_bytes()
    again = call(tmp_path, args, monthly(40))
    assert (again.code, again.out) == (0, "month,step,forecast,q0.1,q0.9\n")
    assert "skipped 40 rows at or before" in again.err
    assert (tmp_path / "s").read_bytes() == kept


def test_state_of_another_model_and_damaged_state_are_rejected(models, refused, tmp_path):
    single, wide = models["single"], models["wide"]
    call(tmp_path, ["predict", single.folder, single.data, "--state", "s", *ONE])
    assert "the state of another model" in refused(4, "predict", wide.folder, wide.data, "--state", "s")
    content = (tmp_path / "s").read_bytes()
    for damaged in (content[: len(content) // 2], content[:-9] + b"123456789", b"", b"{}"):
        (tmp_path / "s").write_bytes(damaged)
        message = refused(4, "predict", single.folder, single.data, "--state", "s")
        assert "s: " in message


FAULTS = {
    "text": ("2017-07-01,many", "'many' in column 'sales' is not a number"),
    "infinite": ("2017-07-01,1e300", "1e+300 in column 'sales' is infinite"),
    "columns": ("2017-07-01,1,2", "3 fields where the header has 2"),
    "too few": ("2017-07-01", "1 fields where the header has 2"),
    "date": ("yesterday,1", "'yesterday' is not a time of the form %Y-%m-%d"),
    "no date": (",1", "the time is empty"),
    "off the step": ("2017-07-02,1", "is not on the time grid: the step is P1M"),
    "too far": ("2917-07-01,1", "which is implausible"),
    "NUL": ("2017-07-01,1\0", "a NUL byte"),
    "encoding": (b"2017-07-01,\xff1", "not UTF-8 (byte 0xff)"),
    "quotes": ('2017-07-01,"1', "the quotes of the line do not match"),
    "10 MB": ("9" * 10_000_000, "longer than 1,048,576 bytes"),
}


def test_malformed_rows_are_reported_with_their_lines_and_the_stream_continues(single, tmp_path):
    lines = [row.encode() for row in monthly(40).splitlines()]
    bad = [line if isinstance(line, bytes) else line.encode() for line, _ in FAULTS.values()]
    text = b"\n".join([*lines[:31], *bad, *lines[31:]]) + b"\n"
    args = ["predict", single.folder, "-", "--stream", *ONE]
    done = call(tmp_path, args, text)
    assert done.code == 0, done.err
    for number, (_, expected) in enumerate(FAULTS.values(), start=32):
        own = [line for line in done.err.splitlines() if line.startswith(f"seqpred: standard input:{number}: ")]
        assert len(own) == 1
        assert expected in own[0]
    assert f"skipped {len(bad)} of {40 + len(bad)} rows because they are malformed" in done.err
    whole = call(tmp_path, args, monthly(40)).out
    np.testing.assert_allclose(numbers(done.out), numbers(whole), rtol=1e-5)


def test_strict_stream_stops_at_the_first_malformed_row_and_keeps_its_state(single, tmp_path):
    lines = monthly(40).splitlines(keepends=True)
    args = ["predict", single.folder, "-", "--stream", "--state", "s", "--strict", *ONE]
    strict = call(tmp_path, args, "".join([*lines[:31], "2017-07-01,many\n", *lines[31:]]))
    assert strict.code == 3
    assert "standard input:32: 'many' in column 'sales' is not a number" in strict.err
    assert len(strict.out.splitlines()) == 61
    assert "skipped 30 rows at or before" in call(tmp_path, args, monthly(40)).err


def test_line_endings_blank_lines_and_a_byte_order_mark_are_accepted(single, tmp_path):
    args = ["predict", single.folder, "-", "--stream", *ONE]
    plain = call(tmp_path, args, monthly(20)).out
    odd = b"\xef\xbb\xbf" + monthly(20).replace("\n", "\r\n").encode() + b"\r\n\n"
    for text in (odd, gzip.compress(odd), monthly(20).replace(",", "\t"), monthly(20).replace(",", ";")):
        done = call(tmp_path, args, text)
        assert (done.code, done.err, done.out) == (0, "", plain)
    objects = [dict(zip(["month", "sales"], line.split(","), strict=True)) for line in monthly(20).splitlines()[1:]]
    done = call(tmp_path, args, "".join(json.dumps(o) + "\n" for o in objects))
    assert (done.code, done.err, done.out) == (0, "", plain)


def test_last_line_without_a_line_break_is_reported(single, tmp_path):
    args = ["predict", single.folder, "-", "--stream", *ONE]
    done = call(tmp_path, args, monthly(20).removesuffix("\n"))
    assert "standard input:21: the last line has no line break" in done.err
    assert done.out == call(tmp_path, args, monthly(20)).out
    kept = call(tmp_path, [*args, "--state", "s"], monthly(20)[:-3])
    assert "standard input:21: the last line has no line break and may be incomplete" in kept.err
    assert len(kept.out.splitlines()) == 1 + 2 * 19
    assert call(tmp_path, [*args, "--state", "s"], monthly(20)).out.splitlines()[1:] == done.out.splitlines()[-2:]


def test_missing_rows_of_a_stream_are_treated_as_in_a_file(single, tmp_path):
    lines = monthly(40).splitlines(keepends=True)
    text = "".join(lines[:12] + lines[15:])
    done = call(tmp_path, ["predict", single.folder, "-", "--stream", *ONE], text)
    batch = call(tmp_path, ["predict", single.folder, "-", *ONE], text)
    np.testing.assert_allclose(numbers(done.out)[-2:], numbers(batch.out), rtol=1e-5)


def test_invalid_combinations_with_stream_are_rejected(single, models, refused, write):
    assert "new rows" in refused(2, "predict", single.folder, "--stream")
    assert "jsonl" in refused(2, "predict", single.folder, "-", "--stream", "--format", "json")
    assert "redirect" in refused(2, "predict", single.folder, "-", "--stream", "--output", "f.csv")
    assert "is empty" in refused(3, "predict", single.folder, "-", "--stream")
    assert "no column 'sales'" in refused(
        3, "predict", single.folder, "-", "--stream", stdin="month,sale\n2015-01-01,1\n"
    )
    assert "no such file" in refused(3, "predict", single.folder, "absent.csv", "--stream")


def test_closed_pipe_is_not_an_error(single, tmp_path):
    stream = f"SEQPRED predict {single.folder} - --stream --steps 2"
    done = piped(tmp_path, f"cat {single.data} | {stream} | head -3; echo ${{PIPESTATUS[1]}}")
    assert done.stdout.startswith("month,step,forecast,q0.1,")
    assert (len(done.stdout.splitlines()), done.stdout.splitlines()[-1], done.stderr) == (4, "0", "")


def test_stream_from_tail_follows_a_growing_file(single, tmp_path):
    grows = tmp_path / "grows.csv"
    grows.write_text(monthly(20))
    tail = subprocess.Popen(["tail", "-n", "+1", "-f", str(grows)], stdout=subprocess.PIPE)
    process = start(tmp_path, "predict", single.folder, "-", "--stream", *ONE, stdin=tail.stdout)
    assert process.stdout is not None
    for _ in range(41):
        process.stdout.readline()
    with grows.open("a") as f:
        f.write(monthly(21).splitlines(keepends=True)[-1])
    assert process.stdout.readline().startswith(b"2016-10-01,1,")
    tail.terminate()
    tail.wait(30)
    assert tail.stdout is not None
    tail.stdout.close()
    code, _, err = finish(process)
    assert (code, err) == (0, "")


def test_stream_from_a_terminal_error_shows_how_to_pipe(single, tmp_path):
    terminal, end = os.openpty()
    process = start(tmp_path, "predict", single.folder, "-", "--stream", stdin=end)
    os.close(end)
    code, out, err = finish(process)
    os.close(terminal)
    assert (code, out) == (2, "")
    assert "tail -n +1 -f FILE" in err


@pytest.mark.skipif(not shutil.which("jq"), reason="jq is not here")
def test_jq_reads_the_lines_of_a_stream(single, tmp_path):
    stream = f"SEQPRED predict {single.folder} - --stream --format jsonl --steps 1"
    done = piped(tmp_path, f"head -21 {single.data} | {stream} | jq -r .month | tail -1")
    assert (done.stdout, done.stderr) == ("2016-09-01\n", "")


def test_several_files_are_not_one_stream(single, tmp_path):
    for name in ("1.csv", "2.csv"):
        (tmp_path / name).write_text(monthly(30))
    done = call(tmp_path, ["predict", single.folder, "*.csv", "--stream"])
    assert (done.code, done.out) == (3, "")
    assert "*.csv: consists of several files" in done.err


def test_a_header_with_a_line_break_is_quoted_as_in_a_table(tmp_path):
    data = tmp_path / "shops.csv"
    data.write_text('"sales\nday",y\n' + "".join(f"{day},{day % 3}\n" for day in range(1, 13)))
    columns = ["--time", "sales\nday", "--target", "y", "--season", "3", "--horizon", "1", "--quantiles", "0.5"]
    table = call(tmp_path, ["forecast", data, *columns])
    stream = call(tmp_path, ["forecast", "-", "--stream", "--like", data, *columns], data.read_text())
    header = '"sales\nday",step,forecast,q0.5\n'
    assert table.out.startswith(header)
    assert stream.out.startswith(header)
