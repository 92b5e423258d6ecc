"""The places of the fields of a timestamp in a text."""

from __future__ import annotations

from typing import NamedTuple


class Span(NamedTuple):
    """The part of a field in a piece of a text; a field is the sum of its parts.

    Attributes:
        field: its name in `fields.to_microseconds`.
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
