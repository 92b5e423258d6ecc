"""Errors of texts that cannot be read as timestamps, or in several ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seqpred.arrays import Int
from seqpred.timestamps.pattern import Pattern
from seqpred.timestamps.shapes import ShapedTexts, shape_of

WRITE_ISO = "Write timestamps as 2024-12-31 or 2024-12-31 23:00:00."


class UnreadableError(ValueError):
    """Texts that no pattern reads, or that several read with different results.

    Attributes:
        message: what is wrong, to follow the first offending text, as in "may be day first or month first".
        hint: what to do.
        places: the offending texts.
        recognized: whether the texts, or the others, are timestamps.
    """

    def __init__(self, message: str, hint: str, places: Sequence[int] = (0,), *, recognized: bool = False) -> None:
        super().__init__(message)
        self.message, self.hint, self.places, self.recognized = message, hint, list(places), recognized


def ambiguous(orders: Sequence[str]) -> UnreadableError:
    """The error of dates that can be read in several orders."""
    kinds = " or ".join(order.replace("-", " ") for order in orders)
    return UnreadableError(
        f"may be {kinds}",
        f"No row decides it: set data.date_order to {' or '.join(orders)}, or write the dates as 2024-12-31.",
        recognized=True,
    )


def no_timestamps(texts: ShapedTexts, strange: Int, words: Mapping[str, str]) -> UnreadableError:
    """The error of texts most of which are not timestamps; `words` are those in them that are in the way."""
    first = texts[strange[0]]
    word = words.get(shape_of(first), "")
    what = "is neither a timestamp nor a whole number"
    if word[:1].isalpha() and word != first:
        what = f"is not a timestamp: {word!r} is neither a month nor a weekday"
    return UnreadableError(what, WRITE_ISO, strange.tolist())


def unlike_others(texts: ShapedTexts, covered: Int, pattern: Pattern) -> UnreadableError:
    """The error of texts whose form differs from that of most; `covered` are the places of the others."""
    others = sorted(set(range(len(texts))) - set(covered.tolist()))
    message = f"is not a timestamp of the form {pattern.shown}, unlike {texts[covered[0]]!r}"
    has_digits = any(any(map(str.isdigit, texts[place])) for place in others)
    hint = "Write all timestamps in one form." if has_digits else "Remove these lines: they are not rows."
    return UnreadableError(message, hint, others, recognized=True)
