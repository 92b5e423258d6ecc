"""`seqpred check`: a survey of the data on one screen or as JSON; exit code 3 if it cannot be trained on."""

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
from tests.conftest import DATA

Write = Callable[[str, str | bytes], Path]
LOW, HIGH = "▁", "█"


def found(run: Run, *args: object, stdin: str = "") -> dict[str, Any]:
    """The JSON of a check that must succeed."""
    done = run("check", *args, "--json", stdin=stdin)
    assert done.code == 0, done.err
    result: dict[str, Any] = json.loads(done.out, parse_constant=lambda c: pytest.fail(f"{c} is no JSON"))
    return result


# ------------------------------------------------------------------ contents


def test_check_reports_columns_step_and_resolved_training_settings(run: Run, write: Write) -> None:
    write("sales.csv", monthly().replace("\n", ",x\n").replace("sales,x", "sales,note"))
    result = found(run, "sales.csv")
    assert [(c["name"], c["role"]) for c in result["columns"]] == [
        ("month", "time"),
        ("sales", "target"),
        ("note", "unused"),
    ]
    assert result["step"] == {"step": "P1M", "share_obeying": 1.0, "rows_off": 0, "first_off": []}
    assert (result["rows"], result["series"], result["span"]) == (96, 1, {"first": "2015-01-01", "last": "2022-12-01"})
    view = result["training"]
    assert (view["season"], view["horizon"]) == (12, 12)
    assert view["series"] == {"learned_from": 1, "too_short": 0, "constant": 0, "validated": 1}
    assert result["fault"] is None


def test_settings_reported_by_check_are_those_of_the_trained_model(models: dict[str, Trained]) -> None:
    many = models["many"]
    view = seqpred.check(many.place / "shops.yaml", many.data).training
    config = seqpred.load(many.folder).config
    assert view is not None
    assert (view["season"], view["horizon"]) == (config.forecast.season, config.forecast.horizon)
    assert (view["window"], view["anchor"], view["lags"]) == (
        config.model.window,
        config.model.anchor,
        config.model.lags,
    )
    assert view["validation"] == config.training.validation


def test_check_of_a_config_uses_its_columns_and_settings(run: Run, write: Write) -> None:
    write("flow.csv", wide_table())
    write("flow.yaml", "data: {path: flow.csv, target: out}\nforecast: {horizon: 3}\n")
    result = found(run, "flow.yaml")
    assert {c["name"]: c["role"] for c in result["columns"]} == {"in": "unused", "out": "target"}
    assert result["training"]["horizon"] == 3


def test_check_reads_many_series_from_standard_input(run: Run) -> None:
    result = found(run, "-", stdin=long_table())
    assert (result["source"], result["series"], result["tracks_in_all"]) == ("standard input", 3, 3)
    assert [(t["series"], t["rows"]) for t in result["tracks"]] == [("007", 60), ("08", 72), ("100", 48)]
    assert (result["step"]["step"], result["tracks"][0]["first"], result["tracks"][0]["last"]) == ("2", 100, 218)


def test_missing_rows_cells_and_outliers_are_counted_and_noted_on_stderr(run: Run, write: Write) -> None:
    lines = monthly().splitlines()
    lines[21] = lines[21].split(",")[0] + ","
    lines[31] = lines[31].split(",")[0] + ",99999"
    write("sales.csv", "\n".join(lines[:41] + lines[43:]) + "\n")
    result = found(run, "sales.csv")
    assert result["totals"] == {"absent": 2, "holes": 1, "repeats": 0, "empty": 1, "outliers": 1}
    assert result["tracks"][0]["farthest_outlier"] == {"time": "2017-07-01", "value": 99999.0}
    assert result["worst"] == result["tracks"]
    done = run("check", "sales.csv")
    assert done.code == 0
    assert "2 missing rows in 1 gap, 1 empty cell, 1 outlier" in done.out
    assert "2 of 96 rows on the time grid are missing" in done.err


def test_short_and_constant_series_are_counted(run: Run) -> None:
    rows = [f"{name},{i},{v}" for name, n in (("a", 60), ("b", 2)) for i, v in enumerate(range(n))]
    rows += [f"c,{i},5" for i in range(60)]
    view = found(run, "-", stdin="\n".join(["id,t,y", *rows]) + "\n")["training"]
    assert view["series"] == {"learned_from": 1, "too_short": 1, "constant": 1, "validated": 1}


def test_check_counts_the_59_empty_cells_of_co2(run: Run, data: Path) -> None:
    result = found(run, data / "co2_weekly_gaps.csv")
    assert result["totals"] == {"absent": 0, "holes": 0, "repeats": 0, "empty": 59, "outliers": 0}
    assert result["tracks"][0]["season"] == 52


@pytest.mark.parametrize(("name", "season"), [("air_passengers", 12), ("sunspots_yearly", 11)])
def test_check_of_a_clean_file_finds_no_faults_and_its_season(run: Run, data: Path, name: str, season: int) -> None:
    result = found(run, data / f"{name}.csv")
    assert not any(result["totals"].values())
    assert (result["tracks"][0]["season"], result["training"]["season"]) == (season, season)


def test_each_of_seven_targets_is_surveyed(run: Run) -> None:
    result = found(run, DATA / "transformer.csv.gz")
    assert [t["target"] for t in result["tracks"]] == ["HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT"]
    assert {t["rows"] for t in result["tracks"]} == {1200}
    assert result["step"]["step"] == "PT1H"


@pytest.mark.parametrize(("name", "count"), [("small", 40), ("m4", 414)])
def test_many_series_are_summarized_on_screen_and_complete_in_json(
    run: Run, shared: Callable[[str], Path], name: str, count: int
) -> None:
    path = DATA / "series.csv.gz" if name == "small" else shared("data/m4_hourly_train.csv.gz")
    assert len(found(run, path)["tracks"]) == count
    screen = run("check", path).out
    assert f"the first 10 of {count}" in screen
    assert len(screen.splitlines()) < 45


# ------------------------------------------------------------------ data that cannot be trained on


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
def test_check_of_unusable_data_shows_the_survey_and_exits_with_code_3(run: Run, write: Write, name: str) -> None:
    content, shown = UNFIT[name]
    write("sales.csv", content)
    done = run("check", "sales.csv")
    assert done.code == 3
    assert shown in done.out
    assert [line for line in done.err.splitlines() if line.startswith("seqpred: sales.csv")]


@pytest.mark.parametrize("name", UNFIT)
def test_json_check_of_unusable_data_is_one_object_on_stderr(
    refused: Callable[..., str], write: Write, name: str
) -> None:
    write("sales.csv", UNFIT[name][0])
    result = json.loads(refused(3, "check", "sales.csv", "--json"))
    assert result["error"]["code"] == 3


def test_check_and_train_accept_the_same_lengths(run: Run, write: Write) -> None:
    write("short.yaml", "data: {path: short.csv, target: sales}\nforecast: {horizon: 6}\n")
    for rows in range(9, 40, 10):
        write("short.csv", monthly(rows))
        trained = run("train", "short.yaml", "--set", "training.max_steps=1", "--set", "model.hidden_size=8", "--force")
        assert run("check", "short.yaml").code == trained.code, rows


@pytest.mark.parametrize(
    ("argument", "code"), [("absent.csv", 3), ("absent.yaml", 2), ("wrong.yaml", 2), ("bare.yaml", 2)]
)
def test_missing_data_exits_with_code_3_and_invalid_config_with_2(
    refused: Callable[..., str], write: Write, argument: str, code: int
) -> None:
    write("wrong.yaml", "data: {targets: y}\n")
    write("bare.yaml", "data: {target: y}\n")
    refused(code, "check", argument)


MESSY = {
    "air_quality.csv": {"absent": 0, "holes": 0, "repeats": 0, "empty": 1820, "outliers": 0},
    "traffic.csv.gz": {"absent": 160, "holes": 37, "repeats": 240, "empty": 0, "outliers": 0},
    "throughput.csv": {"absent": 0, "holes": 0, "repeats": 0, "empty": 0, "outliers": 0},
}


@pytest.mark.parametrize("name", MESSY)
def test_check_counts_what_is_missing_in_a_messy_file(run: Run, name: str) -> None:
    result = found(run, DATA / name)
    assert (result["totals"], result["fault"]) == (MESSY[name], None)


# ------------------------------------------------------------------ the screen


def in_terminal(place: Path, width: int, **variables: str) -> str:
    """The output of `check sales.csv` on a terminal of the given width."""
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
        except OSError:  # Linux: the other end was closed
            pass
    os.close(ours)
    assert process.returncode == 0
    return b"".join(parts).decode()


def test_check_fits_a_terminal_of_80_columns(write: Write, tmp_path: Path) -> None:
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


def test_sparkline_of_a_rising_series_rises_in_unicode_and_ascii(write: Write, tmp_path: Path, run: Run) -> None:
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


# ------------------------------------------------------------------ Python, imports


def test_check_from_python_accepts_a_frame_with_and_without_a_config() -> None:
    frame = pd.DataFrame({"y": [i % 7 + i / 9 for i in range(60)]})
    assert seqpred.check(frame).fault is None
    config = {"data": {"target": "y", "time": None}, "forecast": {"horizon": 70}}
    refused = seqpred.check(config, frame)
    assert "60 rows" in str(refused.fault)
    assert refused.survey is not None
    assert refused.to_dict()["fault"]["hint"]


def test_check_does_not_import_torch(write: Write, tmp_path: Path) -> None:
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
