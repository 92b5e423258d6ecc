"""Where a text holds the fields of a timestamp."""

from __future__ import annotations

from typing import NamedTuple


class Span(NamedTuple):
    """The part of a field that a piece of a text holds; a field is the sum of its parts.

    Attributes:
        field: its name, as `fields.to_microseconds` knows it.
        start, stop: the digits in the text.
        multiply, divide: turn them into the field's unit.
        constant: the value, where it does not depend on digits.
    """

    field: str
    start: int = 0
    stop: int = 0
    multiply: int = 1
    divide: int = 1
    constant: int | None = None
