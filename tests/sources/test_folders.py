"""A folder of files of one kind is one table; names of its subfolders may be columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from seqpred.commands.load_panel import load_panel
from seqpred.config.schema import Config
from seqpred.errors import DataError
from seqpred.panel.panel import Panel
from seqpred.sources import folders
from seqpred.sources.opening import open_source
from tests.spool.test_cache import CONFIG, assert_same, both, rows, small

__all__ = ["small"]


def frame() -> pd.DataFrame:
    return rows().assign(region=lambda f: np.where(f["id"] < "s3", "eu/west", "us"))


def panel(data: Path | str, config: Config = CONFIG) -> Panel:
    return load_panel(open_source(data), config)


def test_a_folder_is_the_table_of_all_its_files(tmp_path: Path) -> None:
    whole = frame()
    for kind in ("parquet", "csv"):
        parts = tmp_path / kind
        (parts / "more" / "_temporary").mkdir(parents=True)
        for place, low in {"b": 50, "a": 0, "more/c": 100}.items():
            part, path = whole[low : low + 50] if low < 100 else whole[low:], parts / f"{place}.{kind}"
            part.to_parquet(path) if kind == "parquet" else part.to_csv(path, index=False)
        (parts / "_SUCCESS").touch()
        (parts / ".a.crc").touch()
        (parts / "more" / "_temporary" / "d.txt").touch()
        assert open_source(parts).content == open_source(f"{parts}/**/[abc].*").content
        whole.to_csv(tmp_path / "whole.csv", index=False)
        assert panel(parts).fingerprint() == panel(tmp_path / "whole.csv").fingerprint()
        assert panel(f"{parts}/").names == panel(tmp_path / "whole.csv").names


def test_the_names_of_subfolders_are_columns(tmp_path: Path, small: Path) -> None:
    frame().to_csv(tmp_path / "whole.csv", index=False)
    frame().to_parquet(tmp_path / "by_region", partition_cols=["region"])
    frame().to_parquet(tmp_path / "by_id", partition_cols=["region", "id"])
    config = CONFIG.replace({"data.covariates.static": ["region"]})
    whole = panel(tmp_path / "whole.csv", config)
    assert whole.words["region"] == ("eu/west", "us")
    for name in ("by_region", "by_id"):
        stored, read, _ = both(tmp_path / name, config)
        assert_same(stored, read)
        assert stored.fingerprint() == whole.fingerprint()


def test_moving_a_file_to_another_subfolder_is_noticed(small: Path) -> None:
    frame().to_parquet(small / "sales", partition_cols=["region"])
    config = CONFIG.replace({"data.covariates.static": ["region"]})
    assert panel(small / "sales", config).words["region"] == ("eu/west", "us")
    (small / "sales" / "region=us").rename(small / "sales" / "region=usa")
    assert panel(small / "sales", config).words["region"] == ("eu/west", "usa")


def test_a_missing_value_and_a_column_that_the_file_contains_too(tmp_path: Path) -> None:
    place = tmp_path / "mood=__HIVE_DEFAULT_PARTITION__" / "region=of the folder"
    place.mkdir(parents=True)
    frame().to_parquet(place / "a.parquet")
    found = panel(tmp_path, CONFIG.replace({"data.covariates.past": ["mood"], "data.covariates.static": ["region"]}))
    assert found.words["region"] == ("eu/west", "us")
    assert found.words.get("mood", ()) in ((), ("",))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "is a folder with no files. Pass a file in it, or several as"),
        (["a.csv", "b.csv", "c.parquet"], r"files of several kinds \(.csv, .parquet\).*/sales/\*\.csv'"),
        (["a.csv", "b", "c"], r"files of several kinds \(.csv, and files without a suffix\).*/sales/\*\.csv'"),
        (["region=eu/a.csv"], r"'region=eu' names a column, which is read from Parquet files only.*/sales/\*\*/\*'"),
        (["_delta_log/0.json", "a.parquet"], "sales: is a Delta table. Export"),
        (["metadata/version-hint.text", "data/a.parquet"], "is an Iceberg table"),
        ([f"{i}.csv" for i in range(4)], "contains more than 3 files"),
        ([f"{i}/a.csv" for i in range(4)], "contains more than 3 folders"),
    ],
)
def test_a_folder_that_is_not_one_table_is_an_error(
    files: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "MAX_FILES", 3)
    monkeypatch.setattr(folders, "MAX_FOLDERS", 3)
    place = tmp_path / "sales"
    place.mkdir()
    for name in files:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text("y\n1\n")
    with pytest.raises(DataError, match=f"^{place}: .*{message}|{message}"):
        open_source(place)
