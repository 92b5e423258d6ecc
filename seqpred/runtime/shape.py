"""All that decides which weights a network has. Here is no torch, so that the light runtime starts without it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

PLACES = 4  # along the horizon at which naive forecasts are weighed
SHARPNESS = 8.0  # of that softmax: how fast the weights are learned beside the other weights of the head


@dataclass(frozen=True)
class Shape:
    """All that decides which weights a network has."""

    inputs: int  # numbers at each row
    horizon: int
    levels: tuple[float, ...]
    cell: str
    depth: int
    hidden_size: int
    bidirectional: bool
    dropout: float
    codes: tuple[int, ...] = ()  # words of each category, whose codes stand behind the numbers
    known: int = 0  # how many of the last numbers are known ahead
    known_codes: int = 0  # how many of the last categories are
    anchor: int = 1  # lag of the naive forecast that is corrected
    blend: bool = False  # whether more naive forecasts than the anchor's are weighed
    autoregression: int = 0  # recent rows of which a weighted sum is added
    recent: int = 0  # R, rows that the head is given for these two
    cycles: tuple[int, ...] = ()  # whose naive forecasts are blended

    @property
    def naives(self) -> int:
        """A, the naive forecasts to blend with the anchor's."""
        return count_naives(self.cycles, self.anchor) if self.blend else 0

    @property
    def known_places(self) -> tuple[int, ...]:
        """Where in a row's numbers and codes the ones known ahead stand."""
        width = self.inputs + len(self.codes)
        return (*range(self.inputs - self.known, self.inputs), *range(width - self.known_codes, width))


def count_naives(cycles: Collection[int], anchor: int) -> int:
    """How many naive forecasts there are beside the anchor's; see `heads.naive_forecasts`."""
    return 2 + 6 * len(cycles) - (anchor in cycles)
