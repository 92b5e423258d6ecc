"""A source of rows: a file, several files, standard input or a DataFrame, and the place of each row in it."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

from seqpred.errors import DataError
from seqpred.sources.columns import column_names
from seqpred.sources.containers import (
    DAMAGED,
    MAGIC_BYTES,
    Form,
    Packing,
    check_unpacked,
    form_of,
    is_workbook,
    packing_of,
    unpack,
)
from seqpred.sources.dialect import USUAL, Dialect
from seqpred.sources.folders import columns_of
from seqpred.sources.footer import TAIL, TAIL_LINES, Footer, find_footer
from seqpred.sources.structure import Structure, StructureError, find_structure, split_lines

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from seqpred.sources.excel import Sheet

HEAD = 1 << 16  # characters of a text in which its header is looked for
MIN_HEAD_LINES = 5  # lines of the head; longer lines make it larger
MAX_COLUMNS, MAX_HEADER = 10_000, 1_000_000  # columns and characters of a header; more is not a table
_EMPTY_LINE = re.compile(r"^[,;\t| \"]+$", re.MULTILINE)
SHOWN = 3  # rows that a message names
BROKEN = (OSError, csv.Error, *DAMAGED)  # raised while a damaged file is read


@dataclass(frozen=True)
class Source:
    """Rows and how they are written.

    Several files are one table, one after another.

    Attributes:
        name: of the source, in messages.
        content: a path, several, the bytes of standard input, or a DataFrame.
        skipped: lines (rows, if there are no lines) of a larger source before this piece of it.
        drops_empty: whether lines without a value, such as `,,`, are not rows.
        drops_headers: whether lines that repeat the header are not rows.
        folder: in which the files are, if the names of its subfolders are columns, such as region=eu.
    """

    name: str
    content: Path | tuple[Path, ...] | bytes | pd.DataFrame
    dialect: Dialect = USUAL
    skipped: int = 0
    drops_empty: bool = False
    drops_headers: bool = False
    folder: Path | None = None

    def with_dialect(self, dialect: Dialect) -> Source:
        """The same source in another dialect. What is known of its bytes is kept."""
        copy = replace(self, dialect=dialect)
        known = ["magic", "packing", "form", "_sheet"]
        known += ["encoding", "head", "structure"] if dialect.encoding == self.dialect.encoding else []
        copy.__dict__.update({key: self.__dict__[key] for key in known if key in self.__dict__})
        return copy

    @property
    def parts(self) -> list[Source]:
        """Each file by itself; not cached, as a source that contains itself would keep its memory."""
        if not isinstance(self.content, tuple):
            return [self]
        return self._files

    @cached_property
    def _files(self) -> list[Source]:
        assert isinstance(self.content, tuple)
        return [replace(self, name=str(path), content=path) for path in self.content]

    @property
    def folder_columns(self) -> Mapping[str, str | None]:
        """The columns of a file that the names of its folders contain, each with its value."""
        return columns_of(self.content, self.folder) if self.folder and isinstance(self.content, Path) else {}

    def with_folder_columns(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows of a file with these columns, unless the file contains them too."""
        added = {name: value for name, value in self.folder_columns.items() if name not in frame.columns}
        return frame.assign(**added) if added else frame

    # -------------------------------------------------------------- what it is

    @property
    def is_file(self) -> bool:
        """Whether it is a file, or several."""
        return isinstance(self.content, (Path, tuple))

    @property
    def shell_name(self) -> str:
        """Its name in a command that a message suggests; FILE if it is not a file."""
        return shlex.quote(self.name) if isinstance(self.content, Path) else "FILE"

    @property
    def is_frame(self) -> bool:
        """Whether it is a DataFrame."""
        return not isinstance(self.content, (Path, tuple, bytes))

    @cached_property
    def magic(self) -> bytes:
        """The first bytes as they are stored; none of a DataFrame."""
        if self.is_frame:
            return b""
        with self.open_bytes() as content:
            return content.read(MAGIC_BYTES)

    @cached_property
    def packing(self) -> Packing:
        """How the bytes are compressed, whatever the file's name is."""
        packing = packing_of(self.magic)
        if packing == "zip":
            with self.open_bytes() as content:
                return "" if is_workbook(content) else packing
        return packing

    @cached_property
    def form(self) -> Form:
        """What the decompressed bytes are, whatever the file's name is.

        Raises:
            DataError: a known format that is not a table.
        """
        if packing_of(self.magic) == "zip" and not self.packing:
            return "excel"
        if not self.packing:
            return form_of(self.magic, self.name, self.shell_name)
        try:
            with self._decompressed() as content:
                magic = content.read(MAGIC_BYTES)
                check_unpacked(magic, self.name)
                return form_of(magic, self.name, self.shell_name)
        except BROKEN:
            return "text"  # the reader finds the same fault and reports it

    @property
    def is_csv(self) -> bool:
        """Whether it is delimited text, compressed or not, or a worksheet, which is read as such."""
        return not self.is_frame and all(part.form in ("text", "excel") for part in self.parts)

    @property
    def is_parquet(self) -> bool:
        """Whether it is a Parquet file."""
        return isinstance(self.content, (Path, bytes)) and self.form == "parquet"

    @property
    def is_divisible(self) -> bool:
        """Whether it can be read in pieces."""
        return all(part.form == "text" or (part.form == "parquet" and not part.packing) for part in self.parts)

    @property
    def size(self) -> int:
        """Bytes of a file's text, about."""
        if isinstance(self.content, tuple):
            return sum(part.size for part in self.parts)
        assert isinstance(self.content, Path)
        return self.content.stat().st_size * (8 if self.packing else 3 if self.is_parquet else 1)

    # -------------------------------------------------------------- bytes and text

    def open_bytes(self) -> BinaryIO:
        """The bytes from their beginning, as they are stored."""
        assert isinstance(self.content, (Path, bytes))
        return self.content.open("rb") if isinstance(self.content, Path) else io.BytesIO(self.content)

    def unpacked(self) -> BinaryIO:
        """The decompressed bytes from their beginning; those of a worksheet as CSV."""
        return io.BytesIO(self._sheet.text) if self.form == "excel" else self._decompressed()

    def _decompressed(self) -> BinaryIO:
        assert isinstance(self.content, (Path, bytes))
        size = len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size
        return unpack(self.open_bytes(), self.packing, size, self.name)

    @cached_property
    def _sheet(self) -> Sheet:
        from seqpred.sources.excel import read_sheet

        with self.open_bytes() as content:
            return read_sheet(content, self.name)

    @cached_property
    def encoding(self) -> str:
        """The codec of the text: the one that the config names, else that of the byte-order mark, else UTF-8."""
        named = self.dialect.encoding
        if named != "auto":
            return "utf-8-sig" if codecs.lookup(named).name == "utf-8" else named
        try:
            with self.unpacked() as content:
                mark = content.read(4)
        except BROKEN:
            mark = b""  # the reader finds the same fault and reports it
        if mark in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE):
            return "utf-32"
        return "utf-16" if mark[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"

    def open_raw_text(self) -> TextIO:
        """The whole text from its beginning, without a byte-order mark."""
        return io.TextIOWrapper(self.unpacked(), encoding=self.encoding, newline="")

    @cached_property
    def head(self) -> str:
        """The first lines of the text."""
        try:
            with io.TextIOWrapper(self.unpacked(), self.encoding, errors="replace", newline="") as text:
                head = text.read(HEAD)
                while head.count("\n") + head.count("\r") < MIN_HEAD_LINES and len(head) < 4 * MAX_HEADER:
                    more = text.read(HEAD)
                    if not more:
                        return head
                    head += more
        except BROKEN:
            return ""  # the reader finds the same fault and reports it
        end = max(head.rfind("\n"), head.rfind("\r")) + 1
        return head[:end] if len(head) >= HEAD and end else head

    @cached_property
    def structure(self) -> Structure:
        """Where the header is, and which lines are not rows.

        Raises:
            DataError: there is no header, or several lines can be it, or its first line is endless.
        """
        self._check_first_line()
        try:
            return find_structure(self.head)
        except StructureError as e:
            hint = e.hint.replace("FILE", self.shell_name)
            raise DataError(str(e), hint=hint, where=f"{self.name}:{e.line + self.skipped}") from None

    def _check_first_line(self) -> None:
        """Reject what is not a table before memory is allocated for it."""
        first = self.head.partition("\n")[0]
        if len(first) > MAX_HEADER or (len(first) > MAX_COLUMNS and max(map(first.count, ",;\t|")) >= MAX_COLUMNS):
            found = f"its first line has more than {MAX_HEADER:,} characters or {MAX_COLUMNS:,} columns"
            hint = "Provide a table with one row per timestamp, and only the columns that you need."
            raise DataError(found, hint=hint, where=self.name)

    @property
    def delimiter(self) -> str:
        """The character between the fields of a line."""
        return self.structure.delimiter

    @cached_property
    def footer(self) -> Footer:
        """The lines at the end of the text that are not rows."""
        try:
            tail = self._tail()
            found = find_footer(tail, self.delimiter)
            if not found.records:
                return found
            with self.open_raw_text() as text:
                before = sum(1 for _ in text) - sum(1 for _ in io.StringIO(tail, newline=""))
            return found._replace(before=before)
        except (UnicodeDecodeError, *BROKEN):
            return Footer()  # the reader finds the same fault and reports it

    def _tail(self) -> str:
        """The last lines of the text."""
        if self.packing or "utf-16" in self.encoding or "utf-32" in self.encoding:
            with self.open_raw_text() as text:
                tail = ""
                while piece := text.read(16 * TAIL):
                    tail = (tail + piece)[-TAIL:]
        else:
            with self.unpacked() as content:
                content.seek(max(0, content.seek(0, io.SEEK_END) - TAIL))
                tail = content.read().decode(self.encoding, "replace")
        lines = split_lines(tail)
        return "".join(lines[-TAIL_LINES:] if len(tail) < TAIL // 4 else lines[1:][-TAIL_LINES:])

    @property
    def notes(self) -> list[str]:
        """Which worksheets and lines of the text are skipped."""
        return [*self.sheet_notes, *(n for p in self.parts if p.is_csv for n in (*p.structure.notes, *p.footer.notes))]

    @property
    def sheet_notes(self) -> list[str]:
        """Which worksheets are skipped."""
        return [p._sheet.note for p in self.parts if not p.is_frame and p.form == "excel" and p._sheet.note]

    @property
    def is_plain(self) -> bool:
        """Whether a text can be parsed as it is stored: the header first, then nothing but rows."""
        return self.structure.is_plain and not (self.footer.lines or self.drops_empty or self.drops_headers)

    def open_text(self) -> TextIO:
        """The text of the table from its header on. Lines that are not rows are blank."""
        if self.is_plain:
            return self.open_raw_text()
        with self.open_raw_text() as text:
            rows = self.structure.rows(text.read(), self.footer.lines, drops_headers=self.drops_headers)
        return io.StringIO(_EMPTY_LINE.sub("", rows) if self.drops_empty else rows, newline="")

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """The fields of each record that is not blank, the header's first, and the line on which it ends."""
        csv.field_size_limit(2**31 - 1)
        with self.open_text() as text:
            reader = csv.reader(text, delimiter=self.delimiter, skipinitialspace=self.structure.spaced)
            filled = (fields for fields in reader if len(fields) > 1 or (fields and fields[0].strip()))
            for fields in itertools.islice(filled, 1):
                yield reader.line_num, column_names(fields)
            for fields in filled:
                yield reader.line_num, fields

    # -------------------------------------------------------------- places

    def where(self, row: int) -> str:
        """The place of a data row (from 0), as an editor or a notebook understands it.

        Lines are counted only here, when a fault has been found.
        """
        if isinstance(self.content, tuple):
            *others, last = self.parts
            for part in others:
                count = part.count_rows()
                if row < count:
                    return part.where(row)
                row -= count
            return last.where(row)
        if not self.is_frame and self.form == "json" and self.head.lstrip().startswith("{"):
            with self.open_raw_text() as text:
                lines = (number for number, line in enumerate(text, start=1) if line.strip())
                return f"{self.name}:{next(itertools.islice(lines, row, None), row + 1)}"
        if not self.is_csv:
            return f"{self.name}, row {row + self.skipped}"
        for place, (line, _) in enumerate(self.records(), start=-1):  # the header is row -1
            if place == row:
                return f"{self.name}:{line + self.skipped}"
        return f"{self.name}:{row + 2 + self.skipped}"

    @property
    def has_rows(self) -> bool:
        """Whether a file has a row below its header."""
        return len(list(itertools.islice(self.records(), 2))) == 2 if self.is_csv else self.count_rows() > 0

    def count_rows(self) -> int:
        """How many data rows a file has."""
        if self.is_csv:
            return sum(1 for _ in self.records()) - 1
        from pyarrow import parquet

        with self.open_bytes() as file:
            return int(parquet.ParquetFile(file).metadata.num_rows)

    def fault(self, rows: npt.NDArray[np.intp], found: str, hint: str) -> DataError:
        """An error at the first of these rows that names a few more, and how many there are."""
        if len(rows) > 1:
            lines = ", ".join(self.where(int(r)).removeprefix(self.name).lstrip(":, ") for r in rows[:SHOWN])
            found += f" ({len(rows)} such rows: {lines}{', ...' if len(rows) > SHOWN else ''})"
        return DataError(found, hint=hint, where=self.where(int(rows[0])))
