"""What is wrong with a file that cannot be read as a table."""

from __future__ import annotations

import re

from seqpred.errors import DataError
from seqpred.sources.containers import DAMAGED
from seqpred.sources.source import Source

CHUNK = 1 << 20  # bytes that are searched at once


def diagnose(source: Source, fault: Exception) -> DataError:
    """The error that describes why a file cannot be read."""
    if isinstance(fault, UnicodeDecodeError):
        codec, byte = source.encoding.removesuffix("-sig").upper(), fault.object[fault.start]
        hint = (
            f"Name its encoding, as in 'data.encoding: cp1252', or convert it: iconv -f cp1252 -t utf-8 {source.name}"
        )
        return DataError(f"is not {codec} (byte 0x{byte:02x} at {fault.start})", hint=hint, where=source.name)
    hint = "Check the file and its permissions."
    if isinstance(fault, DAMAGED):
        hint = "It is incomplete or damaged: copy or download it again."
    return DataError(f"cannot be read ({fault})", hint=hint, where=source.name)


def empty_file(source: Source) -> DataError:
    """The error for a file without a header."""
    hint = "Provide a CSV with a header row, then one row per timestamp."
    return DataError("is empty", hint=hint, where=source.name)


def malformed_csv(source: Source, message: str) -> DataError:
    """The error for a text that pandas cannot parse, from its message."""
    ragged = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", message)
    if ragged:
        expected, line, found = (int(g) for g in ragged.groups())
        return _too_wide(source, line, found, expected)
    return DataError(f"is not a CSV ({message.strip()})", hint="Check the quotes near its end.", where=source.name)


def check_widths(source: Source) -> None:
    """Refuse a record with more fields than the header; empty ones at the end of each row are ignored.

    Raises:
        DataError: there is one.
    """
    records = source.records()
    _, names = next(records)
    for line, fields in records:
        if any(fields[len(names) :]):
            raise _too_wide(source, line, len(fields), len(names))


def _too_wide(source: Source, line: int, found: int, expected: int) -> DataError:
    message, where = f"{found} fields where the header has {expected}", f"{source.name}:{line + source.skipped}"
    hint = "Quote the field that contains a delimiter."
    if found == expected + 1 and line == source.structure.header + 1:
        hint = f"If all rows have {found}, add the missing name to the header; otherwise, {hint[0].lower()}{hint[1:]}"
    return DataError(message, hint=hint, where=where)


def check_nul(source: Source, size: int | None = None) -> None:
    """Refuse a text with a NUL byte, at which pandas would end the cell.

    Args:
        size: bytes to search; None for all.
    Raises:
        DataError: there is one; it names the line.
    """
    if "utf-16" in source.encoding or "utf-32" in source.encoding:
        return
    line = 1
    with source.unpacked() as content:
        for chunk in iter(lambda: content.read(size or CHUNK), b""):
            place = chunk.find(b"\0")
            if place >= 0:
                line += source.skipped + chunk.count(b"\n", 0, place)
                hint = "Remove it; or, if the text is UTF-16, set data.encoding to utf-16-le or utf-16-be."
                raise DataError("the line contains a NUL byte", hint=hint, where=f"{source.name}:{line}")
            if size:
                return
            line += chunk.count(b"\n")
