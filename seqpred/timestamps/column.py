"""One column of texts, or several that make up a timestamp: to its pattern and its times."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from seqpred.calendar.step import DAY, Step
from seqpred.errors import ConfigError
from seqpred.sources.dialect import DateOrder
from seqpred.timestamps.infer import Inferred, infer_pattern
from seqpred.timestamps.numeric import infer_numeric
from seqpred.timestamps.pattern import compile_pattern
from seqpred.timestamps.regularity import share_of_usual
from seqpred.timestamps.shapes import ShapedTexts, shaped
from seqpred.timestamps.split import TimeColumn, infer_parts
from seqpred.timestamps.units import Unit
from seqpred.timestamps.unreadable import WRITE_ISO, UnreadableError

LONGEST = 18  # digits of a whole number
LEAST_DATE = 10_000  # as Excel counts days; a date of fewer digits is a year, or a counter
REGULAR_COUNTER = 0.9
NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")


def infer_column(
    texts: Sequence[str] | ShapedTexts, order: DateOrder = "auto", unit: Unit | None = None, *, known: str = "auto"
) -> Inferred | None:
    """The pattern of a column's timestamps; None if they are numbers that count.

    Args:
        texts: distinct, without blanks around them, in order of appearance.
        order: which part comes first in 03/04/05.
        unit: what the name of the column, or the step of the data, suggests.
        known: the pattern of other rows of the same data, which is used if it fits; or `auto`.
    Raises:
        ConfigError: `known` is not a pattern.
        UnreadableError: neither timestamps nor whole numbers.
    """
    texts = shaped(texts)
    as_known = _read_known(texts, known, order)
    if as_known is not None:
        return as_known
    inferred = _infer_anew(texts, order, unit)
    return inferred and replace(inferred, notes=(*_other_form(known, inferred), *inferred.notes))


def _read_known(texts: ShapedTexts, known: str, order: DateOrder) -> Inferred | None:
    """The texts as a pattern reads them; None if it is `auto` or does not fit."""
    if known == "auto":
        return None
    try:
        pattern = compile_pattern(known)
    except ValueError as e:
        hint = "Use a pattern such as %d/%m/%Y %H:%M, or omit the key."
        raise ConfigError(f"data.timestamp_format: {e}", hint=hint) from None
    readings = pattern.read(texts)
    fits = not readings.bad.any() and (order == "auto" or pattern.date_order in (None, order))
    return Inferred(pattern, readings) if fits else None


def _other_form(known: str, inferred: Inferred) -> Iterator[str]:
    if known != "auto":
        shown = compile_pattern(known).shown
        yield f"timestamps have the form {inferred.pattern.shown}, not {shown} as in data.timestamp_format"


def _infer_anew(texts: ShapedTexts, order: DateOrder, unit: Unit | None) -> Inferred | None:
    if all(NUMBER.fullmatch(shape) for shape in texts.groups):
        inferred = infer_numeric(texts, unit)
        if inferred is not None:
            return inferred
        odd = [place for place, text in enumerate(texts) if text.partition(".")[2].strip("0") or len(text) > LONGEST]
        if odd:
            raise UnreadableError("is neither a timestamp nor a whole number", WRITE_ISO, odd)
        if unit == "date" and not _counts(texts):
            raise UnreadableError("is not a timestamp, and the numbers do not count", WRITE_ISO)
        return None
    return infer_pattern(texts, order, unit or "")


def _counts(texts: ShapedTexts) -> bool:
    """Whether whole numbers in a column of dates are a counter: small, or at a regular distance."""
    numbers = [float(text) for text in texts]
    return min(numbers) < LEAST_DATE or share_of_usual(numbers) >= REGULAR_COUNTER


def infer_columns(
    columns: Sequence[tuple[str, Sequence[str]]], rows: Sequence[str], order: DateOrder = "auto", *, known: str = "auto"
) -> Inferred:
    """The pattern of timestamps that are split over columns.

    Args:
        columns: the name and the distinct texts of each.
        rows: the distinct timestamps, as the texts of all columns joined by tabs.
        order, known: as in `infer_column`.
    Raises:
        UnreadableError: a column does not fit to the others (`UnreadablePartError`), or a date does not exist.
    """
    texts = shaped(rows)
    as_known = _read_known(texts, known, order)
    if as_known is not None:
        return as_known
    parts = [TimeColumn(name, tuple(texts)) for name, texts in columns]
    pattern = compile_pattern("\t".join(infer_parts(parts, order)))
    readings = pattern.read(texts)
    if readings.bad.any():
        message = f"is not a timestamp of the form {pattern.shown}: there is no such day or time"
        raise UnreadableError(message, "Correct these cells.", readings.bad.nonzero()[0].tolist())
    found = Inferred(pattern, readings)
    return replace(found, notes=tuple(_other_form(known, found)))


def unit_of_step(step: Step) -> Unit | None:
    """What 05 in 2019-05 is in data with a step, if not a month.

    >>> unit_of_step(Step.parse("P7D")), unit_of_step(Step.parse("P3M")), unit_of_step(Step.parse("PT1H"))
    ('week', 'quarter', None)
    """
    if step.unit == "microsecond" and step.count % (7 * DAY) == 0:
        return "week"
    months: dict[int, Unit] = {3: "quarter", 6: "half"}
    return months.get(step.count) if step.unit in ("month", "month-end") else None
