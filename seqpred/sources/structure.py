"""Which lines of a text are rows: titles, comments, units and totals are not.

The first lines are enough to find the header. Lines that are not rows are blanked, never removed, so that the line
numbers in messages remain those of the file.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from seqpred.sources.body import Body, Record, is_format_row, kind_of, records_of
from seqpred.sources.columns import column_names
from seqpred.sources.separated import find_separator

DELIMITERS = ";\t|,"  # of equally regular ones the first: a comma is a decimal sign, too
COMMENTS = ("#", "//", "%")
RELATION = "@relation"  # begins a file in the formats of Weka and of a forecasting archive
FEW_CELLS, MANY_CELLS = 60, 1000  # of the head that are examined: first, and if that is not enough
RULE = frozenset("|+:=- \t\r\n")  # the characters of |----|---:|, as Markdown and database shells draw it
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # Excel's own way to name the delimiter


class StructureError(ValueError):
    """The header cannot be found.

    Attributes:
        line: where (from 1).
        hint: what to do next.
    """

    def __init__(self, message: str, hint: str, line: int) -> None:
        super().__init__(message)
        self.hint, self.line = hint, line


class Structure(NamedTuple):
    """Where the header of a text is, and which lines near it are not rows.

    Attributes:
        header: the header's line, from 1.
        names: the columns' names.
        rewritten: whether the names differ from the header as it is written.
        skipped: lines that are neither the header nor rows.
        comment: the prefix of lines that are not rows, wherever they are.
        spaced: whether blanks between a delimiter and a quote are not part of a cell.
        notes: what was skipped.
    """

    delimiter: str = ","
    header: int = 1
    names: tuple[str, ...] = ()
    rewritten: bool = False
    skipped: frozenset[int] = frozenset()
    comment: str = ""
    spaced: bool = False
    notes: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether the text can be parsed as it is."""
        return not (self.rewritten or self.skipped or self.comment or self.spaced)

    def rows(self, text: str, footer: Collection[int] = (), first: int = 1, *, drops_headers: bool = False) -> str:
        """The text with its header rewritten and all lines blanked that are not rows.

        Args:
            footer: more such lines.
            first: the number of the text's first line.
            drops_headers: whether lines that repeat the header are not rows.
        """
        lines = split_lines(text)
        dropped = {*self.skipped, *footer}
        if drops_headers and first <= self.header < first + len(lines):
            header = _bare(lines[self.header - first])
            dropped |= {i for i, line in enumerate(lines, start=first) if i != self.header and _bare(line) == header}
        return "".join(self._row(i, line, dropped) for i, line in enumerate(lines, start=first))

    def _row(self, number: int, line: str, dropped: Collection[int]) -> str:
        end = line[len(line.rstrip("\r\n")) :]
        if number == self.header:
            return _joined(self.names, self.delimiter) + end if self.rewritten else line
        return end if number in dropped or (self.comment and line.lstrip().startswith(self.comment)) else line


# ------------------------------------------------------------------ the head of a text


def find_structure(head: str) -> Structure:
    """The structure of a text, from its first lines.

    Args:
        head: whole lines, enough for the header and some rows.
    Raises:
        StructureError: there is no header, or several lines can be it.
    """
    head = head.removeprefix("\ufeff")
    first = head.partition("\n")[0]
    is_usual = not SEPARATOR_LINE.fullmatch(first) and not first.lstrip().startswith((*COMMENTS, RELATION))
    if is_usual and not _rules(split_lines(head) if "--" in head or "==" in head else ()):
        delimiter, records = _split(head, DELIMITERS, FEW_CELLS)
        body = Body(records)
        is_even = len({len(record.fields) for record in records}) == 1
        if body.start == 1 and body.kinds and is_even and body.width > 1:  # the usual file: a header, then rows
            return _structure(delimiter, records[0], spaced=f'{delimiter} "' in head)
    return _find_header(split_lines(head))


def _find_header(lines: list[str]) -> Structure:
    named = SEPARATOR_LINE.fullmatch(lines[0]) if lines else None
    blanked = {1} if named else set[int]()
    first = next((line.lstrip() for line in lines[len(blanked) :] if line.strip()), "")
    comment = next((mark for mark in COMMENTS if first.startswith(mark)), "")
    comments = [i for i, line in enumerate(lines, start=1) if comment and line.lstrip().startswith(comment)]
    rules = _rules(lines)
    blanked.update(comments, rules)
    text = "".join("\n" if i in blanked else line for i, line in enumerate(lines, start=1))
    delimiter, records = _split(text, named[1] if named else DELIMITERS, MANY_CELLS)
    body = Body(records)
    _check_kind(lines, records, body)
    before = [record for record in records[: body.start] if record.filled]
    header = _choose_header(before, body) if before else _commented_header(lines, comments, delimiter, body)
    if header is None:
        if body.start == 0 and records:
            raise _missing_header(records[0])
        return Structure(delimiter)
    comments = [line for line in comments if line != header.first]
    rules = [line for line in rules if not records or line < records[min(body.start, len(records) - 1)].first]
    titles = [record for record in records[: body.start] if record.last < header.first]
    below = (record for record in before if record.first > header.last)
    units = list(itertools.takewhile(body.is_units, below))
    skipped = {line for record in (*titles, *units) for line in range(record.first, record.last + 1)} | {*rules}
    return _structure(delimiter, header, spaced=f'{delimiter} "' in text)._replace(
        rewritten=header.first in blanked or _is_altered(header),
        skipped=frozenset(skipped | ({1} if named else set())),
        comment=comment if comments else "",
        notes=(
            *_line_notes("comment", comments),
            *_line_notes("rule", rules),
            *_skipped_notes(titles, units, header),
        ),
    )


def _check_kind(lines: Sequence[str], records: Sequence[Record], body: Body) -> None:
    """Refuse texts that are tables of another kind.

    Raises:
        StructureError: it is an ARFF file, or something else than a delimiter separates the columns.
    """
    relation = next((i for i, line in enumerate(lines, start=1) if line.lower().startswith(RELATION)), 0)
    if relation:
        raise StructureError("this is an ARFF or TSF file", "Export a table as CSV or Parquet.", relation)
    remedy = find_separator([lines[record.first - 1] for record in records]) if body.width < 2 else ""
    if remedy:
        raise StructureError("no delimiter (, ; | or a tab) separates the columns", remedy, records[0].first)


def _rules(lines: Sequence[str]) -> list[int]:
    """The lines, from 1, that only separate others."""
    return [i for i, line in enumerate(lines, start=1) if ("--" in line or "==" in line) and RULE.issuperset(line)]


def _structure(delimiter: str, header: Record, *, spaced: bool) -> Structure:
    names = tuple(column_names(header.fields))
    return Structure(delimiter, header.first, names, rewritten=_is_altered(header), spaced=spaced)


def _is_altered(header: Record) -> bool:
    """Whether the names differ from the header as it is written, other than for fields that are empty."""
    names = column_names(header.fields)
    return header.first == header.last and any(f and n != f for n, f in zip(names, header.fields, strict=True))


def _split(text: str, delimiters: str, cells: int) -> tuple[str, list[Record]]:
    """The delimiter that makes records of one width and of cells that are numbers or timestamps, and the records."""
    used = [delimiter for delimiter in delimiters if delimiter in text] or [delimiters[-1]]
    tried = {delimiter: list(records_of(text, delimiter, cells)) for delimiter in used}
    best = max(tried, key=lambda delimiter: _regularity(tried[delimiter])) if len(tried) > 1 else used[0]
    return best, tried[best]


def _regularity(records: Sequence[Record]) -> tuple[float, float, int]:
    """The share of records of the most frequent width, that of cells without text, and the width."""
    widths = Counter(len(record.fields) for record in records)
    width, count = max(((w, n) for w, n in widths.items() if w > 1), key=lambda item: item[1], default=(1, 0))
    kinds = [kind_of(field) for record in records[1:] for field in record.fields]
    return count / max(1, len(records)), sum(kind != "text" for kind in kinds) / max(1, len(kinds)), width


def _choose_header(before: Sequence[Record], body: Body) -> Record | None:
    """The header among the records above the first row.

    Raises:
        StructureError: several of them can be it.
    """
    if before[0].fields[0].upper().startswith(("TOA5", "TOB1", "TOACI1")) and len(before) > 1:
        return before[1]  # a logger's four header lines: the program, names, units, how values were aggregated
    rest = [record for record in before if not _is_title(record, body)] or list(before[-1:])
    while len(rest) > 1 and body.is_units(rest[-1]):
        rest.pop()
    if len(rest) > 1 and len(body.misfits(rest[1])) > 1:
        lines = " and ".join(str(record.first) for record in rest[:2])
        hint = f"Keep one line of column names: delete line {rest[0].first} or line {rest[1].first}."
        raise StructureError(f"lines {lines} can both be the header", hint, rest[0].first)
    return rest[0]


def _is_title(record: Record, body: Body) -> bool:
    """Whether a record above the rows is a title or `key, value`, and not the header."""
    filled = record.filled
    if len(filled) < min(2, body.width) or (body.width > 3 and len(filled) < 3):
        return True
    return filled[0].endswith(":") or any(kind_of(text) != "text" for text in filled[1:2])


def _commented_header(lines: Sequence[str], comments: Sequence[int], delimiter: str, body: Body) -> Record | None:
    """The last comment above the rows, if it contains as many names as a row has fields."""
    if not comments:
        return None
    line = lines[comments[-1] - 1].strip()
    fields = next(csv.reader([line.lstrip("# ")], delimiter=delimiter), [])
    if len(fields) != body.width or any(kind_of(field) in ("number", "time") for field in fields):
        return None
    return Record(comments[-1], comments[-1], fields)


def _missing_header(first: Record) -> StructureError:
    cells = ", ".join(repr(text[:40]) for text in first.filled[:3])
    hint = "Add a header line above it with one name for each column, for example: time,value."
    return StructureError(f"the header is missing: this line contains data ({cells})", hint, first.first)


def _line_notes(what: str, lines: Sequence[int]) -> Iterator[str]:
    if lines:
        yield f"{name_lines(lines)} skipped: {what + 's' if len(lines) > 1 else 'a ' + what}"


def _skipped_notes(titles: Sequence[Record], units: Sequence[Record], header: Record) -> Iterator[str]:
    if titles:
        yield f"{name_lines([r.first for r in titles])} skipped: a title above the header on line {header.first}"
    if units:
        shown = ", ".join(units[0].filled[:3])
        what = "formats" if is_format_row(units[0]) else "units"
        yield f"{name_lines([r.first for r in units])} skipped: {what} below the header ({shown})"


def name_lines(lines: Sequence[int]) -> str:
    """These lines and the verb that follows them.

    >>> name_lines([3]), name_lines([1, 2, 3]), name_lines([1, 9])
    ('line 3 is', 'lines 1 to 3 are', 'lines 1, 9 are')
    """
    if len(lines) == 1:
        return f"line {lines[0]} is"
    if lines[-1] - lines[0] == len(lines) - 1:
        return f"lines {lines[0]} to {lines[-1]} are"
    return f"lines {', '.join(map(str, lines[:3]))}{', ...' if len(lines) > 3 else ''} are"


def _bare(line: str) -> str:
    """A line without its line break and, where files were joined, the byte-order mark of the next one."""
    return line.rstrip("\r\n").removeprefix("\ufeff")


def split_lines(text: str) -> list[str]:
    """The lines of a text with their line breaks, as csv and editors count them."""
    return io.StringIO(text, newline="").readlines()


def _joined(names: Sequence[str], delimiter: str) -> str:
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator="").writerow(names)
    return line.getvalue()
