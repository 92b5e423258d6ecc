"""`seqpred check`: a summary of the data on one screen or as JSON; exit code 3 if it cannot be trained on."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import seqpred
from tests.cli.outside import COMMAND, Run, Trained, environment, long_table, monthly, wide_table

Write = Callable[[str, str | bytes], Path]
LOW, HIGH = "▁", "█"


def checked(run: Run, *args: object, stdin: str = "") -> dict[str, Any]:
    """The JSON of a successful check."""
    done = run("check", *args, "--json", stdin=stdin)
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out, parse_constant=lambda c: pytest.fail(f"{c} is no JSON"))
    return found


# ------------------------------------------------------------------ what is found


def test_check_reports_columns_step_and_how_training_would_use_the_data(run: Run, write: Write) -> None:
    write("sales.csv", monthly().replace("\n", ",x\n").replace("sales,x", "sales,note"))
    found = checked(run, "sales.csv")
    assert [(c["name"], c["role"]) for c in found["columns"]] == [
        ("month", "time"),
        ("sales", "target"),
        ("note", "unused"),
    ]
    assert found["step"] == {"step": "P1M", "share_obeying": 1.0, "rows_off": 0, "first_off": []}
    assert (found["rows"], found["series"], found["span"]) == (96, 1, {"first": "2015-01-01", "last": "2022-12-01"})
    view = found["training"]
    assert (view["season"], view["horizon"]) == (12, 12)
    assert view["series"] == {"learned_from": 1, "too_short": 0, "constant": 0, "validated": 1}
    assert found["fault"] is None


def test_training_uses_the_data_as_check_reports(models: dict[str, Trained]) -> None:
    many = models["many"]
    view = seqpred.check(many.place / "shops.yaml", many.data).training
    found = seqpred.load(many.folder).config
    assert view is not None
    assert (view["season"], view["horizon"]) == (found.forecast.season, found.forecast.horizon)
    assert (view["window"], view["anchor"], view["lags"]) == (found.model.window, found.model.anchor, found.model.lags)
    assert view["validation"] == found.training.validation


def test_a_config_sets_the_columns_and_how_training_uses_the_data(run: Run, write: Write) -> None:
    write("flow.csv", wide_table())
    write("flow.yaml", "data: {path: flow.csv, target: out}\nforecast: {horizon: 3}\n")
    found = checked(run, "flow.yaml")
    assert {c["name"]: c["role"] for c in found["columns"]} == {"in": "unused", "out": "target"}
    assert found["training"]["horizon"] == 3


def test_standard_input_and_many_series(run: Run) -> None:
    found = checked(run, "-", stdin=long_table())
    assert (found["source"], found["series"], found["tracks_in_all"]) == ("standard input", 3, 3)
    assert [(t["series"], t["rows"]) for t in found["tracks"]] == [("007", 60), ("08", 72), ("100", 48)]
    assert (found["step"]["step"], found["tracks"][0]["first"], found["tracks"][0]["last"]) == ("2", 100, 218)


def test_missing_rows_and_cells_are_found_and_reported_on_stderr(run: Run, write: Write) -> None:
    lines = monthly().splitlines()
    lines[21] = lines[21].split(",")[0] + ","
    lines[31] = lines[31].split(",")[0] + ",99999"
    write("sales.csv", "\n".join(lines[:41] + lines[43:]) + "\n")
    found = checked(run, "sales.csv")
    assert found["totals"] == {"absent": 2, "holes": 1, "repeats": 0, "empty": 1, "outliers": 1}
    assert found["tracks"][0]["farthest_outlier"] == {"time": "2017-07-01", "value": 99999.0}
    assert found["worst"] == found["tracks"]
    done = run("check", "sales.csv")
    assert done.code == 0
    assert "2 missing rows in 1 gap, 1 empty cell, 1 outlier" in done.out
    assert "2 of 96 rows on the time grid are missing" in done.err


def test_series_too_short_for_training_and_constant_ones_are_counted(run: Run) -> None:
    rows = [f"{name},{i},{v}" for name, n in (("a", 60), ("b", 2)) for i, v in enumerate(range(n))]
    rows += [f"c,{i},5" for i in range(60)]
    view = checked(run, "-", stdin="\n".join(["id,t,y", *rows]) + "\n")["training"]
    assert view["series"] == {"learned_from": 1, "too_short": 1, "constant": 1, "validated": 1}


def test_the_co2_series_has_its_59_empty_cells(run: Run, data: Path) -> None:
    found = checked(run, data / "co2_weekly_gaps.csv")
    assert found["totals"] == {"absent": 0, "holes": 0, "repeats": 0, "empty": 59, "outliers": 0}
    assert found["tracks"][0]["season"] == 52


@pytest.mark.parametrize(("name", "season"), [("air_passengers", 12), ("sunspots_yearly", 11)])
def test_clean_files_have_no_findings(run: Run, data: Path, name: str, season: int) -> None:
    found = checked(run, data / f"{name}.csv")
    assert not any(found["totals"].values())
    assert (found["tracks"][0]["season"], found["training"]["season"]) == (season, season)


def test_the_seven_columns_of_etth1_are_each_surveyed(run: Run, shared: Callable[[str], Path]) -> None:
    found = checked(run, shared("data/etth1.csv.gz"))
    assert [t["target"] for t in found["tracks"]] == ["HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT"]
    assert {t["rows"] for t in found["tracks"]} == {17420}
    assert found["step"]["step"] == "PT1H"


def test_the_414_series_of_m4_are_summarised_on_the_screen_and_listed_in_the_json(
    run: Run, shared: Callable[[str], Path]
) -> None:
    path = shared("data/m4_hourly_train.csv.gz")
    assert len(checked(run, path)["tracks"]) == 414
    screen = run("check", path).out
    assert "the first 10 of 414" in screen
    assert len(screen.splitlines()) < 45


# ------------------------------------------------------------------ what can't be trained on


def days(*stamps: str) -> str:
    return "\n".join(["ds,y", *(f"{t},{i % 7}" for i, t in enumerate(stamps))]) + "\n"


UNFIT = {
    "off the step": (
        days(*(f"2024-01-{d:02d} 00:0{7 * (d == 20)}" for d in range(1, 32))),
        "not on the grid: 2024-01-20",
    ),
    "too short": (days("2024-01-01", "2024-01-02", "2024-01-03"), "how training would use it"),
    "constant": ("ds,y\n" + "".join(f"2024-01-{d:02d},5\n" for d in range(1, 32)), "   31 "),
    "no numbers": ("ds,y\n2024-01-01,red\n2024-01-02,blue\n", "text"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_findings_are_shown_before_the_reason_for_exit_code_3(run: Run, write: Write, name: str) -> None:
    content, shown = UNFIT[name]
    write("sales.csv", content)
    done = run("check", "sales.csv")
    assert done.code == 3
    assert shown in done.out
    assert [line for line in done.err.splitlines() if line.startswith("seqpred: sales.csv")]


@pytest.mark.parametrize("name", UNFIT)
def test_with_json_a_failure_is_one_object_on_stderr_alone(
    refused: Callable[..., str], write: Write, name: str
) -> None:
    write("sales.csv", UNFIT[name][0])
    found = json.loads(refused(3, "check", "sales.csv", "--json"))
    assert found["error"]["code"] == 3


def test_check_rejects_what_train_rejects(run: Run, write: Write) -> None:
    write("short.yaml", "data: {path: short.csv, target: sales}\nforecast: {horizon: 6}\n")
    for rows in range(9, 40, 10):
        write("short.csv", monthly(rows))
        trained = run("train", "short.yaml", "--set", "training.max_steps=1", "--set", "model.hidden_size=8", "--force")
        assert run("check", "short.yaml").code == trained.code, rows


@pytest.mark.parametrize(
    ("thing", "code"), [("absent.csv", 3), ("absent.yaml", 2), ("wrong.yaml", 2), ("bare.yaml", 2)]
)
def test_a_missing_input_exits_with_its_code(refused: Callable[..., str], write: Write, thing: str, code: int) -> None:
    write("wrong.yaml", "data: {targets: y}\n")
    write("bare.yaml", "data: {target: y}\n")
    refused(code, "check", thing)


@pytest.mark.parametrize("name", ["messy_air_quality.csv", "messy_metro_traffic.csv.gz", "messy_tsa_throughput.csv"])
def test_a_messy_file_can_be_trained_on(run: Run, shared: Callable[[str], Path], name: str) -> None:
    done = run("check", shared(f"data/{name}"))
    assert done.code == 0, done.err
    assert "series for training (0 too short, 0 constant)" in done.out


# ------------------------------------------------------------------ the screen


def in_terminal(place: Path, width: int, **variables: str) -> str:
    """The output of a check of sales.csv on a terminal of some width."""
    pty = pytest.importorskip("pty")
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    with subprocess.Popen(
        [*COMMAND, "check", "sales.csv"],
        cwd=place,
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env={**environment(), **variables},
    ) as process:
        os.close(theirs)
        parts = []
        try:
            while part := os.read(ours, 65536):
                parts.append(part)
        except OSError:  # how Linux says that the other end has gone
            pass
    os.close(ours)
    assert process.returncode == 0
    return b"".join(parts).decode()


def test_no_line_is_wider_than_a_terminal_of_80_columns(write: Write, tmp_path: Path) -> None:
    lines = ["the name of the series,a long name of the time column,value"]
    for s in range(30):
        hours = [f"2024-01-{1 + h // 24:02d} {h % 24:02d}:00:00" for h in range(s, 120) if h % 17 or not s]
        lines += [f"a long name of a series {s},{h},{1000 if i == 9 else i % 24}" for i, h in enumerate(hours)]
    write("sales.csv", "\n".join(lines) + "\n")
    screen = in_terminal(tmp_path, 80, NO_COLOR="1", TERM="dumb")
    assert "the first 10 of 30" in screen
    assert "those with the most" in screen
    assert max(map(len, screen.splitlines())) <= 80
    tracks = [line for line in screen.splitlines() if re.match(r"  a long \.\.\..*series \d", line)]
    assert len(tracks) == 20, screen
    assert all(re.search(r"[▁-█ ]{16}  $", line) for line in tracks), "a line is broken in two"


def test_a_sparkline_follows_its_series_in_blocks_or_in_ascii(write: Write, tmp_path: Path, run: Run) -> None:
    write("sales.csv", "y\n" + "".join(f"{i}\n" for i in range(64)))
    screen = run("check", "sales.csv").out
    spark = next(line for line in screen.splitlines() if LOW in line).split()[-1]
    assert (spark[0], spark[-1], list(spark)) == (LOW, HIGH, sorted(spark))
    terminal, end = os.openpty()
    done = subprocess.run(
        [*COMMAND, "check", "sales.csv"],
        cwd=tmp_path,
        stdout=end,
        env={**environment(), "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
        check=True,
    )
    os.close(end)
    shown = os.read(terminal, 65536)
    os.close(terminal)
    assert done.returncode == 0
    assert shown.isascii()
    assert b"_" in shown
    assert b"#" in shown


def test_control_characters_in_names_are_escaped(run: Run, write: Write) -> None:
    rows = "".join(f'"\x1b[31mred\x1b[0m\né",{i},{i % 7}\n' for i in range(60))
    write("sales.csv", f"shop\x1b[2J,t,y\n{rows}")
    write("sales.yaml", 'data: {path: sales.csv, id: "shop\\e[2J", time: t, target: y}\n')
    for args in (["sales.yaml"], ["sales.yaml", "--json"]):
        done = run("check", *args)
        assert done.code == 0, done.err
        assert "\x1b" not in done.out + done.err
        assert "x1b" in done.out or "u001b" in done.out


# ------------------------------------------------------------------ from Python, and what it costs


def test_a_frame_is_checked_from_python_with_and_without_a_config() -> None:
    frame = pd.DataFrame({"y": [i % 7 + i / 9 for i in range(60)]})
    assert seqpred.check(frame).fault is None
    config = {"data": {"target": "y", "time": None}, "forecast": {"horizon": 70}}
    refused = seqpred.check(config, frame)
    assert "60 rows" in str(refused.fault)
    assert refused.survey is not None
    assert refused.to_dict()["fault"]["hint"]


def test_torch_is_not_loaded(write: Write, tmp_path: Path) -> None:
    write("sales.csv", monthly())
    done = subprocess.run(
        [COMMAND[0], "-X", "importtime", "-m", "seqpred", "check", "sales.csv"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=environment(),
        check=True,
    )
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "seqpred.inspection.survey" in loaded
    assert "torch" not in loaded
