"""From the distinct texts of a column to the pattern that they share, or to what keeps them from having one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seqpred.arrays import Int
from seqpred.calendar.step import DAY
from seqpred.sources.dialect import DateOrder
from seqpred.timestamps.compose import ANY, compose
from seqpred.timestamps.fields import FIRST_SHORT_YEAR, LAST_SHORT_YEAR
from seqpred.timestamps.forms import Form, common_form
from seqpred.timestamps.intervals import Duration, usual_duration
from seqpred.timestamps.orders import orders_of
from seqpred.timestamps.pattern import Pattern, Readings, compile_pattern
from seqpred.timestamps.regularity import monotony, regularity, usual_months, years_of
from seqpred.timestamps.scan import NoTimestampError, Scan, scan
from seqpred.timestamps.shapes import ShapedTexts, shape_of, shaped

MOST_SHAPES = 5000  # weekdays, months and widths make 1,344; a column with more holds something else
COMPACT_YEARS = (1700, 2200)  # of dates without separators, which other numbers look like
WRITE_ISO = "Write timestamps as 2024-12-31 or 2024-12-31 23:00:00."
FEW = 10  # so many timestamps in order are no accident
CLEARLY = 0.3  # by so much a meaning must be more regular than the others to be chosen in their place
MOST_OFFSETS = 4  # of a zone; its clocks change twice a year
_DASHED = re.compile(r":00-0{1,2}:00(?::00)?$")  # in a shape
_HINTED = {"week": "V", "quarter": "q", "half": "i"}


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


@dataclass(frozen=True)
class Inferred:
    """A pattern and what it makes of the texts.

    Attributes:
        readings: [texts].
        notes: choices that were made, for people.
    """

    pattern: Pattern
    readings: Readings
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Meaning:
    """One way to read the texts."""

    letters: tuple[str, ...]
    pattern: Pattern
    readings: Readings

    @property
    def plausibility(self) -> float:
        """From 0 to 2: how regular the times are, and how much in order."""
        return regularity(self.readings.times) + monotony(self.readings.times)


def infer_pattern(texts: Sequence[str] | ShapedTexts, order: DateOrder = "auto", hint: str = "") -> Inferred:
    """The pattern that all texts share.

    Args:
        texts: distinct, without blanks around them, in order of appearance.
        order: which part comes first in 03/04/05.
        hint: what the name of the column suggests that 05 in 2019-05 is: `week`, `quarter`, `half`; else empty.
    Raises:
        UnreadableError: they have no pattern in common, or several with different results.

    >>> infer_pattern(["30-Dec-22", "3-Jan-23"]).pattern.text
    '%-d-%b-%y'
    """
    texts = shaped(texts)
    form, covered = _common_form(texts)
    meanings = list(_meanings(form, texts))
    good = [m for m in meanings if not m.readings.bad[covered].any() and _is_sensible(m, covered)]
    asked = [m for m in good if order == "auto" or m.pattern.date_order in (None, order)]
    if not asked:
        raise _no_meaning(covered, meanings, order if good else "auto")
    if len(covered) < len(texts):
        raise _unlike_others(texts, covered, asked[0].pattern)
    chosen, notes = _choose(asked, form, hint)
    return _finished(form, chosen, texts, notes)


def _common_form(texts: ShapedTexts) -> tuple[Form, Int]:
    """The form that most texts share, and the places of those that have it."""
    counts = {shape: len(places) for shape, places in texts.groups.items()}
    scans: dict[str, Scan] = {}
    words: dict[str, str] = {}
    has_dash = _have_dashed_intervals(texts)
    for shape in list(counts)[:MOST_SHAPES]:
        try:
            scans[shape] = scan(shape, has_dash=has_dash)
        except NoTimestampError as e:
            words[shape] = str(e)
    strange = _places(texts, set(counts) - set(scans))
    if 2 * len(strange) > len(texts):
        raise _no_timestamps(texts, strange, words)
    form = common_form(scans, counts)
    return form, _places(texts, set(form.shapes))


def _places(texts: ShapedTexts, shapes: set[str]) -> Int:
    """The places of the texts of some shapes."""
    found = [places for shape, places in texts.groups.items() if shape in shapes]
    return np.sort(np.concatenate(found)) if found else np.empty(0, np.int64)


def _no_timestamps(texts: ShapedTexts, strange: Int, words: Mapping[str, str]) -> UnreadableError:
    """The error of texts most of which are not timestamps; `words` are those in them that are in the way."""
    first = texts[strange[0]]
    word = words.get(shape_of(first), "")
    what = "is neither a timestamp nor a whole number"
    if word[:1].isalpha() and word != first:
        what = f"is not a timestamp: {word!r} is neither a month nor a weekday"
    return UnreadableError(what, WRITE_ISO, strange.tolist())


def _have_dashed_intervals(texts: ShapedTexts) -> bool:
    """Whether 00:00-01:00 is an interval: as an offset from UTC, the end would take values that no zone has."""
    places = _places(texts, {shape for shape in texts.groups if _DASHED.search(shape)})
    ends = {texts[place].rpartition("-")[2] for place in places.tolist()}
    return len(ends) > MOST_OFFSETS


def _meanings(form: Form, texts: ShapedTexts) -> Iterator[_Meaning]:
    """What the numbers can mean."""
    for letters in orders_of(form.kinds):
        if all(slot.role != "o" or letter == "d" for slot, letter in zip(form.dates, letters, strict=True)):
            pattern = compile_pattern(compose(form, letters))
            yield _Meaning(tuple(letters), pattern, pattern.read(texts))


def _is_sensible(meaning: _Meaning, covered: Int) -> bool:
    """Whether the times are such as people have, where few digits must do."""
    times = meaning.readings.times[covered]
    letters = meaning.letters
    if any(len(part) > 1 and part[0] != "+" for part in letters):
        years = years_of(times)
        return bool(COMPACT_YEARS[0] <= years.min() and years.max() <= COMPACT_YEARS[1])
    if letters in (("b", "y"), ("y", "b")):  # 1-Jan and 2-Jan are days without a year; Jan-49 is not
        return bool((years_of(times) % 100 > 31).any()) or usual_months(times) != 12
    if letters[-1][0] == "+":
        return len(times) > 2 and usual_duration(times, meaning.readings.ends[covered]) == Duration(12, 0)
    return True


# ------------------------------------------------------------------ the choice between meanings


def _choose(good: Sequence[_Meaning], form: Form, hint: str) -> tuple[_Meaning, tuple[str, ...]]:
    """The meaning that is meant.

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


def ambiguous(orders: Sequence[str]) -> UnreadableError:
    """The error of dates that can be read in several orders."""
    kinds = " or ".join(order.replace("-", " ") for order in orders)
    return UnreadableError(
        f"may be {kinds}",
        f"No row decides it: set data.date_order to {' or '.join(orders)}, or write the dates as 2024-12-31.",
        recognized=True,
    )


# ------------------------------------------------------------------ the pattern in detail


def _finished(form: Form, meaning: _Meaning, texts: ShapedTexts, notes: tuple[str, ...]) -> Inferred:
    """The pattern with the widths, brackets and intervals with which the texts are written."""
    readings, pattern = meaning.readings, meaning.pattern
    flags = _flags(form, meaning, texts)
    length: Duration | None = None
    if form.end or meaning.letters[-1][0] == "+":
        length = usual_duration(readings.times, readings.ends)
        if length is None:
            message = "is an interval, and the intervals have different lengths"
            raise UnreadableError(message, "Keep the starts only.", recognized=True)
        notes = (*notes, f"timestamps are the starts of intervals, as {texts[0]!r}")
    if "short_year" in pattern.fields:
        _check_century(readings.times)
        notes = (*notes, f"two-digit years are read as {FIRST_SHORT_YEAR} to {LAST_SHORT_YEAR}")
    if form.lacking & {"clock", "clock and zone"}:
        notes = (*notes, _midnight_note(pattern, readings, texts))
    final = compile_pattern(compose(form, meaning.letters, flags, length or ANY))
    return Inferred(final, readings, tuple(note.replace("{}", repr(texts[0])) for note in notes))


def _flags(form: Form, meaning: _Meaning, texts: ShapedTexts) -> dict[str, str]:
    """The directives for numbers whose width no text shows, and for days that end with 24:00."""
    flags: dict[str, str] = {}
    letters = dict(zip(meaning.letters, form.dates, strict=True))
    for letter, other in (("d", "m"), ("m", "d")):
        slot, neighbour = letters.get(letter), letters.get(other)
        if slot is None or neighbour is None or slot.role != "n" or neighbour.role != "n":
            continue
        if 1 not in neighbour.widths or 1 in slot.widths:
            continue
        least = int(meaning.pattern.field(texts, "day" if letter == "d" else "month").min())
        if least >= 10:  # no 01 and no 1: as the other one is written
            flags[letter] = f"-{letter}"
    if "hour" in meaning.pattern.fields:
        hours = meaning.pattern.field(texts, "hour")
        if (hours == 24).any() and not (hours == 0).any():
            flags["H"] = "K"
    return flags


def _check_century(times: Int) -> None:
    years = np.unique(years_of(times))
    if len(years) > 1 and np.diff(years).max() >= 50:
        message = "has a two-digit year, and the others could be of two centuries"
        raise UnreadableError(message, "Write years with four digits.", recognized=True)


def _midnight_note(pattern: Pattern, readings: Readings, texts: ShapedTexts) -> str:
    """What to say of texts without a clock among others; they are midnights if no other text is one."""
    bare = (pattern.field(texts, "hour") < 0) & (pattern.field(texts, "hour12") < 0)
    if (readings.times[~bare] % DAY == 0).any() or readings.times[bare].size == 0:
        places = np.flatnonzero(bare).tolist()
        raise UnreadableError("has no time of day, unlike others", WRITE_ISO, places, recognized=True)
    return f"timestamps without a time of day, such as {texts[int(bare.argmax())]!r}, are read as 00:00"


# ------------------------------------------------------------------ what is wrong


def _unlike_others(texts: ShapedTexts, covered: Int, pattern: Pattern) -> UnreadableError:
    others = sorted(set(range(len(texts))) - set(covered.tolist()))
    message = f"is not a timestamp of the form {pattern.shown}, unlike {texts[covered[0]]!r}"
    return UnreadableError(message, "Write all timestamps in one form.", others, recognized=True)


def _no_meaning(covered: Int, meanings: Sequence[_Meaning], order: str) -> UnreadableError:
    if order != "auto":
        part = order.removesuffix("-first")
        return UnreadableError(f"is not a date with the {part} first", f"data.date_order is {order}; correct it.")
    if not meanings:
        return UnreadableError("is neither a timestamp with a year nor a whole number", WRITE_ISO, [int(covered[0])])
    best = min(meanings, key=lambda m: int(m.readings.bad[covered].sum()))
    if {*best.letters} == {"b", "y"}:
        return UnreadableError("has no year", "Write timestamps with a year.", [int(covered[0])])
    bad = covered[best.readings.bad[covered]]
    if not len(bad):
        return UnreadableError("has no year", "Write timestamps with a year.", [int(covered[0])])
    if len(bad) == len(covered):
        return UnreadableError("is not a timestamp: there is no such day or time", WRITE_ISO, bad.tolist())
    message = f"is not a timestamp of the form {best.pattern.shown}, as others are: there is no such day or time"
    mostly = 2 * len(bad) < len(covered)
    return UnreadableError(message, "Correct these cells.", bad.tolist(), recognized=mostly)
