"""The possible meanings of the numbers in a column's timestamps, and the choice among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from seqpred.arrays import Int
from seqpred.timestamps.compose import compose
from seqpred.timestamps.forms import Form
from seqpred.timestamps.intervals import Duration, usual_duration
from seqpred.timestamps.orders import orders_of
from seqpred.timestamps.pattern import Pattern, compile_pattern
from seqpred.timestamps.readings import Readings
from seqpred.timestamps.regularity import are_four_week_periods, monotony, regularity, usual_months, years_of
from seqpred.timestamps.shapes import ShapedTexts
from seqpred.timestamps.unreadable import WRITE_ISO, UnreadableError, ambiguous

COMPACT_YEARS = (1700, 2200)  # of dates without separators, which resemble other numbers
FEW = 10  # this many timestamps in order are not a coincidence
CLEARLY = 0.3  # by so much a meaning must be more regular than the others to be chosen in their place
_HINTED = {"week": "V", "quarter": "q", "half": "i"}


@dataclass(frozen=True)
class Meaning:
    """One way to read the texts."""

    letters: tuple[str, ...]
    pattern: Pattern
    readings: Readings

    @property
    def plausibility(self) -> float:
        """From 0 to 2: how regular the times are, and how much in order."""
        return regularity(self.readings.times) + monotony(self.readings.times)


def meanings_of(form: Form, texts: ShapedTexts) -> Iterator[Meaning]:
    """What the numbers can mean."""
    for letters in orders_of(form.kinds):
        if all(slot.role != "o" or letter == "d" for slot, letter in zip(form.dates, letters, strict=True)):
            pattern = compile_pattern(compose(form, letters))
            yield Meaning(tuple(letters), pattern, pattern.read(texts))


def is_sensible(meaning: Meaning, covered: Int, *, marked: bool) -> bool:
    """Whether the times are such as people have, where few digits must do.

    Args:
        marked: whether a W or a word marks the number of a week.
    """
    times = meaning.readings.times[covered]
    letters = meaning.letters
    if any(len(part) > 1 and part[0] != "+" for part in letters):
        years = years_of(times)
        return bool(COMPACT_YEARS[0] <= years.min() and years.max() <= COMPACT_YEARS[1])
    if letters in (("b", "y"), ("y", "b")):  # 1-Jan and 2-Jan are days without a year; Jan-49 is not
        return bool((years_of(times) % 100 > 31).any()) or usual_months(times) != 12
    if letters in (("G", "V"), ("V", "G")) and not marked:
        return not are_four_week_periods(times)
    if letters[-1][0] == "+":
        return len(times) > 2 and usual_duration(times, meaning.readings.ends[covered]) == Duration(12, 0)
    return True


def choose(good: Sequence[Meaning], form: Form, hint: str) -> tuple[Meaning, tuple[str, ...]]:
    """The intended meaning.

    Raises:
        UnreadableError: that cannot be known.
    """
    first, *others = good
    order = first.pattern.date_order  # 01/01/2024 is the same day either way round; a later row is not
    rivals = [
        m for m in others if m.pattern.date_order != order or not np.array_equal(m.readings.times, first.readings.times)
    ]
    if not rivals:
        return first, ()
    everything = [first, *rivals]
    for meaning in everything:
        if meaning.letters[-1][0] == "+" or _HINTED.get(hint, "?") in meaning.letters:
            return meaning, ()
    scores = [m.plausibility for m in everything]
    best = everything[int(np.argmax(scores))]
    near = [m for m, score in zip(everything, scores, strict=True) if score > max(scores) - CLEARLY]
    ordered = [m for m in everything if monotony(m.readings.times) == 1]
    if len(ordered) == 1 and len(first.readings.times) >= FEW:
        best, near = ordered[0], ordered
    orders = {m.pattern.date_order for m in everything}
    if {"day-first", "month-first"} <= orders and not (best.pattern.date_order == "year-first" and len(near) == 1):
        raise ambiguous(["day-first", "month-first"])
    if len(first.letters) == 3 and len(near) > 1 and "year-first" in orders:
        separators = {slot.text for slot in form.slots if not slot.role}
        if not separators & {"/", "."}:
            raise ambiguous([str(m.pattern.date_order) for m in near])
        best = first  # hardly anyone writes the year first between slashes
    if "b" in best.letters and len(near) > 1:
        best = first
    return best, () if best is first else (f"{{}} is read as {best.pattern.shown}, which makes the times regular",)


def no_meaning(covered: Int, meanings: Sequence[Meaning], order: str) -> UnreadableError:
    """The error of texts that share a form, in which they have no meaning.

    Args:
        covered: the places of these texts.
        order: the setting that rules out the meanings they have, or `auto`.
    """
    if order != "auto":
        part = order.removesuffix("-first")
        return UnreadableError(f"is not a date with the {part} first", f"data.date_order is {order}; correct it.")
    if not meanings:
        return UnreadableError("is neither a timestamp with a year nor a whole number", WRITE_ISO, [int(covered[0])])
    faulty = [m for m in meanings if m.readings.bad[covered].any()] or meanings
    best = min(faulty, key=lambda m: int(m.readings.bad[covered].sum()))
    if {*best.letters} == {"b", "y"}:
        return UnreadableError("has no year", "Write timestamps with a year.", [int(covered[0])])
    bad = covered[best.readings.bad[covered]]
    if not len(bad):
        return UnreadableError("has no year", "Write timestamps with a year.", [int(covered[0])])
    if len(bad) == len(covered):
        return UnreadableError("is not a timestamp: there is no such day or time", WRITE_ISO, bad.tolist())
    message = f"is not a timestamp of the form {best.pattern.shown} like the others: there is no such day or time"
    mostly = 2 * len(bad) < len(covered)
    return UnreadableError(message, "Correct these cells.", bad.tolist(), recognized=mostly)
