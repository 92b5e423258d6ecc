"""A file too large for memory: the stored rows are those that would have been read."""

from __future__ import annotations

import gzip
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import seqpred
from seqpred.commands.load_panel import load_panel
from seqpred.config.schema import Config
from seqpred.errors import DataError
from seqpred.features.fit_covariates import apply_covariates, fit_covariates
from seqpred.panel import panel
from seqpred.panel.panel import Panel
from seqpred.sources import pieces
from seqpred.sources.columns import Columns
from seqpred.sources.opening import open_source
from seqpred.spool import cache, mapped, sort
from seqpred.spool import large as large_files
from seqpred.spool.cache import make_room, store
from seqpred.spool.mapped import cache_folder
from seqpred.storage.model_folder import encode_manifest, reproducible_part

CONFIG = Config.from_tree({"data": {"id": "id", "time": "ds", "target": "y", "frequency": "P1D"}})


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A separate cache, and limits so low that small files are spooled."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for module, name, value in (
        (large_files, "LARGE", 1),
        (sort, "PART", 50),
        (pieces, "PIECE", 700),
        (mapped, "LARGE", 500),
        (panel, "PIECE", 50),
    ):
        monkeypatch.setattr(module, name, value)
    return tmp_path


def rows(seed: int = 0, form: str = "%Y-%m-%d") -> pd.DataFrame:
    """Seven series of unequal length with gaps in time and empty cells, in order."""
    rng = np.random.default_rng(seed)
    parts = []
    for s, length in enumerate((40, 3, 60, 120, 1, 25, 33)):
        days = pd.date_range(f"2024-01-0{s + 1}", periods=length).strftime(form)
        parts.append(pd.DataFrame({"id": f"s{s}", "ds": days, "y": rng.normal(size=length).round(3)}))
        parts[-1].loc[rng.random(length) < 0.1, "y"] = np.nan
    whole = pd.concat(parts)
    return whole[(rng.random(len(whole)) > 0.1) | ~whole["id"].duplicated()]


ORDERS = {
    "by series": lambda r: r,
    "by time": lambda r: r.sort_values("ds", kind="stable"),
    "in no order": lambda r: r.sample(frac=1, random_state=1),
}


def both(path: Path, config: Config = CONFIG) -> tuple[Panel, Panel, list[str]]:
    """The panel from the cache and from memory, and the notes on the first."""
    notes: list[str] = []
    stored = load_panel(open_source(path), config, notes.append)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(large_files, "LARGE", 1 << 40)
        return stored, load_panel(open_source(path), config, lambda _: None), notes


def assert_same(one: Panel, other: Panel) -> None:
    assert (one.names, one.step, one.clock, one.notes) == (other.names, other.step, other.clock, other.notes)
    for name in ("origins", "offsets", "values"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.fingerprint() == other.fingerprint()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d/%m/%Y", "%Y-%m-%d 00:00+01:00"])
def test_the_panel_from_the_cache_is_the_one_from_memory(order: str, form: str, small: Path) -> None:
    path = small / "sales.csv"
    ORDERS[order](rows(form=form)).to_csv(path, index=False)
    # 700 bytes of the file may leave open what all of it decides
    config = CONFIG.replace({"data.date_order": "day-first"}) if "/" in form else CONFIG
    stored, read, notes = both(path, config)
    assert "too large for memory" in "".join(map(str, notes))
    assert len(store(open_source(path).with_dialect(stored.dialect), stored.columns, (), notes.append).begins) > 5
    assert_same(stored, read)


def test_every_kind_of_file_is_stored(small: Path) -> None:
    frame = ORDERS["by time"](rows())
    text = frame.to_csv(index=False)
    frame.to_parquet(small / "sales.parquet")
    for name, content in {
        "gzip": gzip.compress(text.encode()),
        "mark": b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
        "utf-16": text.encode("utf-16"),
        "quoted": text.replace("s1,", '"s\n1",').encode(),
        "semicolons": text.replace(",", ";").replace(".", ",").encode(),
    }.items():
        (small / name).write_bytes(content)
    for name in ("gzip", "mark", "utf-16", "quoted", "semicolons", "sales.parquet"):
        decimal = CONFIG.replace({"data.decimal": "," if name == "semicolons" else "auto"})
        stored, read, _ = both(small / name, decimal)
        assert_same(stored, read)


def test_a_last_row_without_a_line_break_is_stored(small: Path) -> None:
    (small / "sales.csv").write_text(rows().to_csv(index=False).rstrip("\n"))
    stored, read, _ = both(small / "sales.csv")
    assert_same(stored, read)


def test_rows_without_series_or_times_are_stored_in_order(small: Path) -> None:
    rows().to_csv(small / "sales.csv", index=False)
    for data in ({"id": None, "time": None}, {"id": "id", "time": None}):
        config = Config.from_tree({"data": {"target": "y", **data}})
        stored, read, _ = both(small / "sales.csv", config)
        assert_same(stored, read)


def test_duplicates_are_merged_and_sentinels_counted_over_all_pieces(small: Path) -> None:
    frame = pd.concat([rows(), rows(1)]).fillna(-99)
    frame.to_csv(small / "sales.csv", index=False)
    config = CONFIG.replace({"data.duplicates": "mean", "data.sentinels": [-99.0]})
    stored, read, _ = both(small / "sales.csv", config)
    assert_same(stored, read)
    assert "duplicate timestamps" in "".join(stored.notes)


@pytest.mark.parametrize(
    ("row", "cells"), [(200, "s3,2024-02-30,1"), (230, "s3,2024-03-05,x"), (100, "s2,2024-01-01,1,2"), (90, "s2,,3")]
)
def test_a_malformed_row_is_reported_with_the_same_line(row: int, cells: str, small: Path) -> None:
    lines = rows().to_csv(index=False).splitlines()
    (small / "sales.csv").write_text("\n".join([*lines[:row], cells, *lines[row:]]) + "\n")
    results = []
    for large in (1, 1 << 40):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(large_files, "LARGE", large)
            with pytest.raises(DataError) as fault:
                load_panel(open_source(small / "sales.csv"), CONFIG, lambda _: None)
        results.append(str(fault.value).split(": ")[0])
    assert results[0] == results[1] == f"{small / 'sales.csv'}:{row + 1}"


def test_a_file_is_stored_once_until_it_changes(small: Path) -> None:
    path, notes = small / "sales.csv", []
    for content in (rows(), rows(), rows(1)):
        content.to_csv(path, index=False)
        load_panel(open_source(path), CONFIG, notes.append)
    assert "".join(map(str, notes)).count("are stored once") == 2
    assert not list((small / "cache" / "seqpred").glob("storing-*")), "nothing is left but what is stored"


ROLES = {"known": ["holiday"], "past": ["price", "mood"], "static": ["kind", "size"]}


def with_covariates() -> pd.DataFrame:
    """Numbers and categories, one of which is not in the first pieces, with empty cells."""
    frame, rng = rows(), np.random.default_rng(2)
    frame["holiday"] = np.where(frame["ds"].str.endswith("-25"), "Christmas", "")
    frame["price"] = rng.normal(size=len(frame)).round(2)
    frame["mood"] = rng.choice(["good", "bad", "", "a bit"], len(frame))
    frame.loc[frame["id"] == "s6", "mood"] = "Zen"
    frame["kind"], frame["size"] = frame["id"].map(lambda s: "odd" if s in ("s1", "s3", "s5") else "even"), 5
    frame.loc[rng.random(len(frame)) < 0.2, ["price", "size"]] = np.nan
    return frame


def test_the_cache_is_bounded(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []
    kept: list[list[str]] = []
    folders = small / "cache" / "seqpred"
    for name in ("a", "b", "a", "c"):
        rows("abc".index(name)).to_csv(small / name, index=False)
        monkeypatch.setattr(cache, "LARGEST_CACHE", 3 * (small / name).stat().st_size)
        load_panel(open_source(small / name), CONFIG, notes.append)
        stored = [p for p in folders.iterdir() if not p.is_symlink()]
        for place, folder in enumerate(sorted(stored, key=lambda p: p.stat().st_mtime_ns)):
            os.utime(folder, (place, place))  # not on the clock's resolution
        kept.append(sorted(f.name for f in stored))
    assert len(kept[1]) == 2
    assert len(kept[3]) == 2, "the new one, and the one used last"
    assert set(kept[3]) > set(kept[0])
    assert f"{folders / next(iter(set(kept[1]) - set(kept[0])))}: removed" in "".join(map(str, notes))


def test_remains_of_a_killed_process_are_removed(small: Path) -> None:
    left = small / "cache" / "seqpred" / "storing-x"
    left.mkdir(parents=True)
    fresh = left.with_name("storing-y")
    fresh.mkdir()
    os.utime(left, (0, 0))
    rows().to_csv(small / "sales.csv", index=False)
    load_panel(open_source(small / "sales.csv"), CONFIG, lambda _: None)
    assert fresh.exists()
    assert not left.exists()


@pytest.mark.parametrize("order", ORDERS)
def test_covariates_are_stored(order: str, small: Path) -> None:
    config = CONFIG.replace({f"data.covariates.{role}": names for role, names in ROLES.items()})
    ORDERS[order](with_covariates()).to_csv(small / "sales.csv", index=False)
    stored, read, _ = both(small / "sales.csv", config)
    assert_same(stored, read)
    assert stored.words == read.words
    cuts = np.maximum(stored.lengths - 9, 1)
    learned = [fit_covariates(p, cuts, ()) for p in (stored, read)]
    for one, other in zip(learned[0].columns, learned[1].columns, strict=True):
        assert replace(one, mean=0, spread=0) == replace(other, mean=0, spread=0)
        np.testing.assert_allclose((one.mean, one.spread), (other.mean, other.spread))
    assert_same(apply_covariates(stored, learned[1]), apply_covariates(read, learned[1]))


def test_a_static_column_that_changes_in_a_later_part_is_rejected(small: Path) -> None:
    frame = with_covariates()
    frame.loc[(frame["id"] == "s3") & (frame["ds"] > "2024-04-20"), "kind"] = "even"
    frame.to_csv(small / "sales.csv", index=False)
    config = CONFIG.replace({"data.covariates.static": ["kind"]})
    for made in both(small / "sales.csv", config)[:2]:
        with pytest.raises(DataError, match="'kind' changes within series 's3' at 2024-04-2"):
            apply_covariates(made, fit_covariates(made, made.lengths, ()))


def test_a_static_file_is_joined_to_stored_rows(small: Path) -> None:
    frame = with_covariates()
    frame.to_csv(small / "sales.csv", index=False)
    frame.groupby("id")["kind"].first().drop("s5").to_csv(small / "shops.csv")
    config = CONFIG.replace({"data.covariates.static": ["kind"]})
    config = config.replace({"data.covariates.static_file": str(small / "shops.csv")})
    stored, read, _ = both(small / "sales.csv", config)
    assert_same(stored, read)
    assert "1 of 7 series have no row" in "".join(stored.notes)


def test_a_note_is_reported_once_for_all_pieces_of_a_file(small: Path) -> None:
    """Each piece has an example of its own, and the counts of lines are added up."""
    frame = rows(form="%Y%m%d")
    frame["id"] = frame["id"].replace({"s3": " s3", "s6": "S5"})
    lines = frame.to_csv(index=False).splitlines()
    for place in (210, 120, 30):
        lines[place:place] = [lines[0], ",,"]
    (small / "sales.csv").write_text("\n".join(lines))
    stored, read, _ = both(small / "sales.csv")
    assert sorted(stored.notes) == sorted(read.notes)
    notes = " ".join(stored.notes)
    assert "numbers are read as dates: 20240101 is 2024-01-01" in notes
    assert "3 lines without a value are skipped" in notes
    assert "ids that differ in capitals alone are treated as different series: 's5' and 'S5'" in notes
    assert "blanks around ids are removed, as in ' s3'" in notes
    assert "3 lines that repeat the header are skipped" in notes


@pytest.mark.parametrize("order", ORDERS)
def test_irregular_rows_are_stored(order: str, small: Path) -> None:
    ORDERS[order](rows()).to_csv(small / "sales.csv", index=False)
    stored, read, _ = both(small / "sales.csv", CONFIG.replace({"data.frequency": "irregular"}))
    np.testing.assert_array_equal(stored.stamps, read.stamps)
    assert_same(stored, replace(read, step=stored.step))
    learned = [fit_covariates(p, p.lengths, ()) for p in (stored, read)]
    assert learned[0] == learned[1]
    assert_same(apply_covariates(stored, learned[0]), apply_covariates(read, learned[0]))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("frequency", ["P1D", "irregular"])
def test_check_of_a_long_series_is_the_same_from_the_cache(order: str, frequency: str, small: Path) -> None:
    frame = pd.concat([rows(), rows()[100:105]])
    frame.iloc[150, 2] = 99.0
    ORDERS[order](frame).to_csv(small / "sales.csv", index=False)
    data = {"id": "id", "time": "ds", "target": "y", "path": str(small / "sales.csv"), "duplicates": "mean"}
    found = []
    for large in (1, 1 << 40):
        with pytest.MonkeyPatch.context() as patch:
            for module in (large_files, mapped):
                patch.setattr(module, "LARGE", large)
            found.append(seqpred.check({"data": {**data, "frequency": frequency}}).to_dict())
    results = [{**f, "step": f["step"] if frequency == "P1D" else None} for f in found]
    assert results[0] == results[1]
    assert results[0]["totals"]["outliers"] == 1
    assert results[0]["repeats"] == 5


def test_long_series_of_different_times_are_divided_into_parts_without_empty_ones(small: Path) -> None:
    days = {"a": pd.date_range("2020-01-01", periods=200), "b": pd.date_range("2022-01-01", periods=200)}
    frame = pd.concat(pd.DataFrame({"id": s, "ds": d.strftime("%Y-%m-%d"), "y": 1.0}) for s, d in days.items())
    frame.to_csv(small / "sales.csv", index=False)
    stored = store(open_source(small / "sales.csv"), Columns(("ds",), "id", ("y",)), set(), lambda _: None)
    assert [len(table.times) for table in stored.parts()] == [50] * 8


@pytest.mark.parametrize("order", ORDERS)
def test_empty_series_are_counted_across_parts(order: str, small: Path) -> None:
    frame = rows()
    frame["y"] = frame["y"].fillna(0.0)
    begin, end = (
        (frame["id"] == "s2") & (frame["ds"] < "2024-03-01"),
        (frame["id"] == "s3") & (frame["ds"] > "2024-01-09"),
    )
    frame.loc[frame["id"].isin(["s0", "s4"]) | begin | end, "y"] = np.nan
    ORDERS[order](frame).to_csv(small / "sales.csv", index=False)
    stored, whole, _ = both(small / "sales.csv")
    assert stored.notes == whole.notes
    assert "'y' is empty for 2 of 7 series: no forecast" in stored.notes


def test_training_and_check_are_the_same_from_the_cache(small: Path) -> None:
    ORDERS["by time"](with_covariates()).to_csv(small / "sales.csv", index=False)
    config = {
        "data": {"id": "id", "time": "ds", "target": "y", "path": str(small / "sales.csv"), "covariates": ROLES},
        "model": {"hidden_size": 4, "members": 1},
        "training": {"max_steps": 5},
    }
    made = []
    for large in (1, 1 << 40):
        with pytest.MonkeyPatch.context() as patch:
            for module in (large_files, mapped):
                patch.setattr(module, "LARGE", large)
            model = seqpred.train(config, out=small / f"model{large}")
            manifest = reproducible_part(encode_manifest(model.folder.manifest))
            made.append((manifest, seqpred.check(Config.from_tree(config)).to_dict()))
    assert made[0] == made[1]


def test_small_arrays_are_in_memory_and_large_ones_in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    assert mapped.zeros({"a": (10,)}, np.float32)["a"].flags.owndata
    monkeypatch.setattr(mapped, "LARGE", 40)
    assert not mapped.zeros({"a": (10,)}, np.float32)["a"].flags.owndata
    assert mapped.zeros({"a": (9,)}, np.float32)["a"].flags.owndata


def test_only_the_files_used_longest_ago_are_removed(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LARGEST_CACHE", 100)
    for age, (name, size) in enumerate({"new": 30, "old": 60}.items()):
        folder = cache_folder() / name
        folder.mkdir(parents=True)
        (folder / "rows").write_bytes(bytes(size))
        os.utime(folder, (1e9 - age, 1e9 - age))
    notes: list[str] = []
    make_room(10, notes.append)
    assert not notes
    make_room(16, notes.append)
    assert [p.name for p in cache_folder().iterdir()] == ["new"]
    assert len(notes) == 1
