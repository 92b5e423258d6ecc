"""From the distinct texts of a column to the pattern that they share, or to the reason why they have none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqpred.arrays import Int
from seqpred.calendar.step import DAY
from seqpred.sources.dialect import DateOrder
from seqpred.timestamps.compose import ANY, compose
from seqpred.timestamps.fields import FIRST_SHORT_YEAR, LAST_SHORT_YEAR
from seqpred.timestamps.forms import Form, common_form
from seqpred.timestamps.intervals import Duration, usual_duration
from seqpred.timestamps.meanings import Meaning, choose, is_sensible, meanings_of, no_meaning
from seqpred.timestamps.pattern import Pattern, compile_pattern
from seqpred.timestamps.readings import Readings
from seqpred.timestamps.regularity import exchanged, years_of
from seqpred.timestamps.scan import NoTimestampError, Scan, scan
from seqpred.timestamps.shapes import ShapedTexts, shaped
from seqpred.timestamps.unreadable import WRITE_ISO, UnreadableError, no_timestamps, unlike_others

MOST_SHAPES = 5000  # weekdays, months and widths make 1,344; a column with more contains something else
MOST_OFFSETS = 4  # of a zone; its clocks change twice a year
_FISCAL = re.compile(r"\bfy|fiscal", re.IGNORECASE)
_DASHED = re.compile(r":00-0{1,2}:00(?::00)?$")  # in a shape


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
    meanings = list(meanings_of(form, texts))
    good = [
        m for m in meanings if not m.readings.bad[covered].any() and is_sensible(m, covered, marked="V" in form.kinds)
    ]
    allowed = [m for m in good if order == "auto" or m.pattern.date_order in (None, order)]
    if not allowed:
        raise no_meaning(covered, meanings, order if good else "auto")
    if len(covered) < len(texts):
        raise unlike_others(texts, covered, allowed[0].pattern)
    chosen, notes = choose(allowed, form, hint)
    if chosen.pattern.date_order and len(wrong := exchanged(chosen.readings.times)):
        message = f"has day and month exchanged: as {chosen.pattern.shown} it is out of order"
        remedy = "A spreadsheet exchanges them where it can: export the dates again as 2024-12-31."
        raise UnreadableError(message, remedy, wrong.tolist(), recognized=True)
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
        raise no_timestamps(texts, strange, words)
    form = common_form(scans, counts)
    return form, _places(texts, set(form.shapes))


def _places(texts: ShapedTexts, shapes: set[str]) -> Int:
    """The places of the texts of some shapes."""
    found = [places for shape, places in texts.groups.items() if shape in shapes]
    return np.sort(np.concatenate(found)) if found else np.empty(0, np.int64)


def _have_dashed_intervals(texts: ShapedTexts) -> bool:
    """Whether 00:00-01:00 is an interval: as an offset from UTC, the end would take values that no zone has."""
    places = _places(texts, {shape for shape in texts.groups if _DASHED.search(shape)})
    ends = {texts[place].rpartition("-")[2] for place in places.tolist()}
    return len(ends) > MOST_OFFSETS


# ------------------------------------------------------------------ the pattern in detail


def _finished(form: Form, meaning: Meaning, texts: ShapedTexts, notes: tuple[str, ...]) -> Inferred:
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
    if any(_FISCAL.search(slot.text) for slot in form.slots if not slot.role):
        notes = (*notes, "fiscal years are read as calendar years, as in {}")
    if form.lacking & {"clock", "clock and zone"}:
        notes = (*notes, _midnight_note(pattern, readings, texts))
    final = compile_pattern(compose(form, meaning.letters, flags, length or ANY))
    return Inferred(final, readings, tuple(note.replace("{}", repr(texts[0])) for note in notes))


def _flags(form: Form, meaning: Meaning, texts: ShapedTexts) -> dict[str, str]:
    """The directives for numbers whose width no text shows, and for days that end with 24:00."""
    flags: dict[str, str] = {}
    letters = dict(zip(meaning.letters, form.dates, strict=True))
    for letter, other in (("d", "m"), ("m", "d")):
        slot, neighbor = letters.get(letter), letters.get(other)
        if slot is None or neighbor is None or slot.role != "n" or neighbor.role != "n":
            continue
        if 1 not in neighbor.widths or 1 in slot.widths:
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
    """The note on texts without a clock among others; they are midnights if no other text is one."""
    bare = (pattern.field(texts, "hour") < 0) & (pattern.field(texts, "hour12") < 0)
    if (readings.times[~bare] % DAY == 0).any() or readings.times[bare].size == 0:
        places = np.flatnonzero(bare).tolist()
        raise UnreadableError("has no time of day, unlike others", WRITE_ISO, places, recognized=True)
    return f"timestamps without a time of day, such as {texts[int(bare.argmax())]!r}, are read as 00:00"
