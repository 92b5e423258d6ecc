"""Texts grouped by their shape, in which every digit is a 0: texts of one shape are read together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Int

_SHAPE = str.maketrans("123456789", "000000000")


def shape_of(text: str) -> str:
    """A text with a 0 for every digit.

    >>> shape_of("3 May 2024")
    '0 May 0000'
    """
    return text.translate(_SHAPE)


class ShapedTexts:
    """Texts and their shapes.

    Attributes:
        texts: [texts].
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = list(texts)
        self._letters: dict[str, npt.NDArray[np.uint32]] = {}

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[str]:
        return iter(self.texts)

    def __getitem__(self, place: int) -> str:
        return self.texts[place]

    @cached_property
    def groups(self) -> dict[str, Int]:
        """The places of the texts of each shape."""
        rows: dict[str, list[int]] = {}
        for place, shape in enumerate([text.translate(_SHAPE) for text in self.texts]):
            found = rows.get(shape)
            if found is None:
                rows[shape] = [place]
            else:
                found.append(place)
        return {shape: np.array(places, np.int64) for shape, places in rows.items()}

    def number(self, shape: str, start: int, stop: int) -> Int:
        """The whole numbers from one letter to another in the texts of a shape, [texts of the shape]."""
        letters = self._letters.get(shape)
        if letters is None:
            own = [self.texts[place] for place in self.groups[shape].tolist()]
            letters = np.array(own, f"U{len(shape)}").view(np.uint32).reshape(len(own), -1)
            self._letters[shape] = letters
        powers = 10 ** np.arange(stop - start - 1, -1, -1, dtype=np.int64)
        return (letters[:, start:stop].astype(np.int64) - ord("0")) @ powers


def shaped(texts: Sequence[str] | ShapedTexts) -> ShapedTexts:
    """The texts, grouped by their shape unless they are already."""
    return texts if isinstance(texts, ShapedTexts) else ShapedTexts(texts)
