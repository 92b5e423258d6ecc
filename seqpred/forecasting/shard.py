"""Shards: a division of series into parts of about equal size that never changes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seqpred.errors import DataError


@dataclass(frozen=True)
class Shard:
    """Part `index` of `count`, counted from 1."""

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """The shard of an option.

        Raises:
            ValueError: it is not of the form i/n with 1 <= i <= n.

        >>> Shard.parse("2/3")
        Shard(index=2, count=3)
        """
        index, slash, count = text.partition("/")
        if not (slash and index.isdigit() and count.isdigit() and 1 <= int(index) <= int(count)):
            raise ValueError(text)
        return cls(int(index), int(count))

    def holds(self, name: str) -> bool:
        """Whether a series belongs to this shard: by the SHA-256 of its id, which no release changes.

        >>> [Shard(i, 2).holds("store-1") for i in (1, 2)]
        [False, True]
        """
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.index - 1

    def choose(self, names: Sequence[str]) -> npt.NDArray[np.intp]:
        """The places of the series of this shard.

        Raises:
            DataError: there is none.
        """
        chosen = np.flatnonzero([self.holds(name) for name in names])
        if not len(chosen):
            hint = "Use fewer shards."
            raise DataError(f"shard {self.index}/{self.count} contains none of the {len(names)} series", hint=hint)
        return chosen
