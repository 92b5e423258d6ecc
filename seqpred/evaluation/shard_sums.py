"""The sums of one shard of an evaluation as a JSON file, and the scores of all shards together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from seqpred.errors import DataError
from seqpred.evaluation.scores import Evaluation
from seqpred.evaluation.sums import WindowSums, merge, summarize

FORMAT = 1
HINT = "Write it with `seqpred eval MODEL DATA --shard i/n > FILE`."


class MadeFor(NamedTuple):
    """The fingerprints of what was scored: shards of something else cannot be merged."""

    model: str
    data: str


@dataclass(frozen=True)
class ShardSums:
    """What `eval --shard` writes.

    Attributes:
        index, count: the shard, counted from 1.
        levels: of the Q quantiles.
        windows: oldest first.
    """

    index: int
    count: int
    made_for: MadeFor
    horizon: int
    season: int
    levels: Sequence[float]
    windows: Sequence[WindowSums]

    def to_dict(self) -> dict[str, Any]:
        """The object in the file."""
        return {
            "format": FORMAT,
            "shard": f"{self.index}/{self.count}",
            **self.made_for._asdict(),
            "horizon": self.horizon,
            "season": self.season,
            "levels": list(self.levels),
            "windows": [window.to_data() for window in self.windows],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ShardSums:
        """The sums from `to_dict`.

        Raises:
            KeyError, TypeError, ValueError: the data have another form.
        """
        if data["format"] != FORMAT:
            raise ValueError(f"its format is {data['format']}, and this release reads {FORMAT}")
        index, count = map(int, data["shard"].split("/"))
        levels = [float(level) for level in data["levels"]]
        windows = [WindowSums.from_data(window, levels) for window in data["windows"]]
        made_for = MadeFor(data["model"], data["data"])
        return cls(index, count, made_for, data["horizon"], data["season"], levels, windows)


def read_shard(path: Path) -> ShardSums:
    """The sums in a file.

    Raises:
        DataError: it cannot be read, or `eval --shard` did not write it.
    """
    try:
        return ShardSums.from_dict(json.loads(path.read_bytes()))
    except OSError as e:
        raise DataError(f"cannot read it ({e.strerror})", hint=HINT, where=str(path)) from None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as e:
        reason = f"{e} is missing" if isinstance(e, KeyError) else e
        raise DataError(f"these are not the sums of a shard ({reason})", hint=HINT, where=str(path)) from None


def merge_shards(paths: Sequence[Path], model: str) -> Evaluation:
    """The scores of all series from the files of all shards, equal to the last digit to those of one process.

    Args:
        model: the fingerprint of the model.
    Raises:
        DataError: a file is damaged, a shard is missing or given twice, or shards differ in model, data or windows.
    """
    shards: dict[int, ShardSums] = {}
    for path in paths:
        own = read_shard(path)
        first = next(iter(shards.values()), own)
        if own.made_for.model != model:
            raise DataError("these are sums of another model", hint=HINT, where=str(path))
        for name, mine, other in (
            ("data", own.made_for.data, first.made_for.data),
            ("number of shards", own.count, first.count),
            ("number of windows", len(own.windows), len(first.windows)),
        ):
            if mine != other:
                hint = "Score all shards of the same data with the same options."
                raise DataError(f"its {name} differs from that of {paths[0]}", hint=hint, where=str(path))
        if own.index in shards:
            raise DataError(f"shard {own.index}/{own.count} is passed twice", hint="Omit one.", where=str(path))
        shards[own.index] = own
    count = first.count
    missing = [f"{i}/{count}" for i in range(1, count + 1) if i not in shards]
    if missing:
        one = len(missing) == 1
        absent = f"shard {missing[0]} is" if one else f"shards {', '.join(missing)} are"
        hint = f"Write {'it' if one else 'the first'} with `seqpred eval MODEL DATA --shard {missing[0]} > FILE`."
        raise DataError(f"{absent} missing", hint=hint)
    windows = [merge(same) for same in zip(*(shard.windows for shard in shards.values()), strict=True)]
    return summarize(windows, first.horizon, first.season)
