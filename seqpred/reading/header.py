"""The names of the columns of a source; pandas is imported only if it is not a CSV file."""

from __future__ import annotations

from seqpred.errors import DataError
from seqpred.sources.source import BROKEN, Source


def header(source: Source) -> list[str]:
    """The columns' names as they are written; pandas would rename the second of two alike.

    Raises:
        DataError: one of several files has other columns than the first.
    """
    first, *others = source.parts
    names = _header(first)
    hint = "Several files form one table: they must have the same columns."
    for part in others:
        there = _header(part)
        if not there:
            from seqpred.reading.damage import empty_file

            raise empty_file(part)
        absent, strange = [n for n in names if n not in there], [n for n in there if n not in names]
        if absent:
            raise DataError(f"no column {absent[0]!r}, which {first.name} has", hint=hint, where=part.name)
        if strange:
            raise DataError(f"column {strange[0]!r} is not in {first.name}", hint=hint, where=part.name)
    return names


def _header(source: Source) -> list[str]:
    if not source.is_csv:
        from seqpred.reading.frame import read_frame

        return [str(c) for c in read_frame(source, rows=1).columns]
    if "\ufffd" not in source.head and source.head:  # decoded without a fault
        return list(source.structure.names)
    try:
        return next((fields for _, fields in source.records()), [])
    except (UnicodeDecodeError, *BROKEN) as e:
        from seqpred.reading.damage import diagnose

        raise diagnose(source, e) from None


def find_nested(source: Source) -> list[str]:
    """The columns of a source whose cells are lists or mappings; rows are read without them."""
    if all(part.is_csv for part in source.parts):
        return []
    from seqpred.reading.frame import nested_columns

    return list(dict.fromkeys(name for part in source.parts if not part.is_csv for name in nested_columns(part)))
