"""Where rows come from: files, standard input or a frame handed over in Python, and the line a row stands on."""

from __future__ import annotations

import codecs
import csv
import glob
import gzip
import io
import itertools
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from seqpred.errors import ConfigError, DataError, did_you_mean
from seqpred.sources.columns import column_names
from seqpred.sources.dialect import USUAL, Dialect

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

PIECE = 16 << 20  # bytes of a file read in one go
MOST_COLUMNS, LONGEST_HEADER = 10_000, 1_000_000  # a table with more is none
MOST_UNPACKED, MOST_RATIO = (
    1 << 28,
    200,
)  # bytes of a gzip file's text, and times its own size: beyond both, it is a bomb
SHOWN = 3  # offending rows that a message names
BROKEN = (OSError, EOFError, zlib.error, csv.Error)  # what reading a file that is cut off or damaged raises


@dataclass(frozen=True)
class Source:
    """A path, several, the bytes of standard input, or a frame, in some dialect; `name` is what errors call it.

    Several files are one table, one after another. A piece of a larger source has skipped so many lines, or rows where
    there are no lines, before its first row.
    """

    name: str
    content: Path | tuple[Path, ...] | bytes | pd.DataFrame
    dialect: Dialect = USUAL
    skipped: int = 0

    def with_dialect(self, dialect: Dialect) -> Source:
        """The same source, read in another dialect."""
        return replace(self, dialect=dialect)

    @property
    def parts(self) -> list[Source]:
        """Each file by itself; the source where it is one (not cached: that would be a cycle, which holds memory)."""
        if not isinstance(self.content, tuple):
            return [self]
        return [replace(self, name=str(path), content=path) for path in self.content]

    @property
    def is_file(self) -> bool:
        """Whether it is a file, or several."""
        return isinstance(self.content, (Path, tuple))

    @property
    def is_frame(self) -> bool:
        """Whether it was handed over in Python."""
        return not isinstance(self.content, (Path, tuple, bytes))

    @property
    def size(self) -> int:
        """Bytes of a file's text, about."""
        if isinstance(self.content, tuple):
            return sum(part.size for part in self.parts)
        assert isinstance(self.content, Path)
        return self.content.stat().st_size * (8 if self.is_gzip else 3 if self.is_parquet else 1)

    @cached_property
    def magic(self) -> bytes:
        """The first bytes, which tell gzip (1f 8b) and Parquet (PAR1) from text; none for a frame."""
        if isinstance(self.content, Path):
            with self.content.open("rb") as f:
                return f.read(4)
        return self.content[:4] if isinstance(self.content, bytes) else b""

    @property
    def is_gzip(self) -> bool:
        """Whether the bytes are compressed, whatever the name says."""
        return self.magic[:2] == b"\x1f\x8b"

    @property
    def is_parquet(self) -> bool:
        """Whether the bytes are a Parquet file, whatever the name says."""
        return self.magic == b"PAR1"

    @property
    def is_csv(self) -> bool:
        """Whether it is text, compressed or not."""
        return not self.is_frame and not any(part.is_parquet for part in self.parts)

    def open_bytes(self) -> BinaryIO:
        """The bytes from their beginning, as they are stored."""
        assert isinstance(self.content, (Path, bytes))
        return self.content.open("rb") if isinstance(self.content, Path) else io.BytesIO(self.content)

    def open_text(self) -> io.TextIOWrapper:
        """The CSV text from its beginning, decompressed, without a byte-order mark."""
        return io.TextIOWrapper(self.unpacked(), encoding=self.encoding, newline="")

    def unpacked(self) -> BinaryIO:
        """The bytes of the text."""
        if not self.is_gzip:
            return self.open_bytes()
        assert isinstance(self.content, (Path, bytes))
        size = len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size
        most = max(MOST_UNPACKED, MOST_RATIO * size)
        return io.BufferedReader(_Gunzip(self.open_bytes(), most, self.name))  # type: ignore[type-var]

    @cached_property
    def encoding(self) -> str:
        """The codec of the text: the one that is named, else the byte-order mark's, else UTF-8."""
        named = self.dialect.encoding
        if named != "auto":
            return "utf-8-sig" if codecs.lookup(named).name == "utf-8" else named
        try:
            with self.unpacked() as content:
                mark = content.read(2)
        except BROKEN:
            mark = b""  # the reader meets the same fault and words it
        return "utf-16" if mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"

    @cached_property
    def delimiter(self) -> str:
        """The separator that the header holds most of."""
        try:
            with self.open_text() as text:
                header = text.readline(1_000_000)
        except (UnicodeDecodeError, *BROKEN):
            return ","  # the reader meets the same fault and words it
        bare = re.sub(r'"[^"]*"', "", header)
        return max(",;\t|", key=bare.count)

    def check_header(self) -> None:
        """See that the first line is one of a table, before memory is taken for it.

        Raises:
            DataError: it is endless, or has columns without end.
        """
        if isinstance(self.content, tuple):
            for part in self.parts:
                part.check_header()
            return
        if not self.is_csv:
            return
        try:
            with self.open_text() as text:
                first = text.readline(LONGEST_HEADER + 1)
        except (UnicodeDecodeError, *BROKEN):
            return  # the reader meets the same fault and words it
        if len(first) > LONGEST_HEADER or first.count(self.delimiter) >= MOST_COLUMNS:
            found = f"its first line has more than {LONGEST_HEADER:,} characters or {MOST_COLUMNS:,} columns"
            raise DataError(found, hint="Give a table with a row per time; name the columns you need.", where=self.name)

    def where(self, row: int) -> str:
        """The place of a data row (from 0), as an editor or a notebook understands it.

        Lines are counted here, when a fault has been found, so that good files pay nothing for it.
        """
        if isinstance(self.content, tuple):
            *others, last = self.parts
            for part in others:
                count = part.count_rows()
                if row < count:
                    return part.where(row)
                row -= count
            return last.where(row)
        if not self.is_csv:
            return f"{self.name}, row {row + self.skipped}"
        for place, (line, _) in enumerate(self.records(), start=-1):  # the header is row -1
            if place == row:
                return f"{self.name}:{line + self.skipped}"
        return f"{self.name}:{row + 2 + self.skipped}"

    def count_rows(self) -> int:
        """How many data rows a file has."""
        if self.is_csv:
            return sum(1 for _ in self.records()) - 1
        from pyarrow import parquet

        with self.open_bytes() as file:
            return int(parquet.ParquetFile(file).metadata.num_rows)

    def pieces(self) -> Iterator[tuple[Source, float]]:
        """Files in pieces that fit memory, each a source of its own, and the share of all that is then read."""
        done, whole = 0, max(1, self.size)
        for some in self._groups():
            if isinstance(some.content, tuple):
                yield some, (done + some.size) / whole
            else:
                for piece, share in some._of_file():
                    yield piece, (done + share * some.size) / whole
            done += some.size

    def _groups(self) -> Iterator[Source]:
        """Small files together, as many as make a piece; larger ones alone; none without a row among several."""
        group, filled, parts = list[Path](), 0, self.parts
        for part in parts:
            assert isinstance(part.content, Path)
            if part.size >= PIECE or filled + part.size >= PIECE:
                if group:
                    yield replace(self, content=tuple(group))
                group, filled = [], 0
            if len(parts) > 1 and not part.has_rows:
                continue
            if part.size >= PIECE or len(parts) == 1:
                yield part
            else:
                group.append(part.content)
                filled += part.size
        if group:
            yield replace(self, content=tuple(group))

    @property
    def has_rows(self) -> bool:
        """Whether a file has a row below its header."""
        return len(list(itertools.islice(self.records(), 2))) == 2 if self.is_csv else self.count_rows() > 0

    def _of_file(self) -> Iterator[tuple[Source, float]]:
        assert isinstance(self.content, Path)
        with self.content.open("rb") as file:
            size = self.content.stat().st_size
            for piece in self._frames(file) if self.is_parquet else self._texts(file):
                yield piece, file.tell() / size

    def _frames(self, file: BinaryIO) -> Iterator[Source]:
        from pyarrow import parquet

        rows = 0
        for batch in parquet.ParquetFile(file).iter_batches(PIECE // 64):
            yield replace(self, content=batch.to_pandas(), skipped=rows)
            rows += len(batch)

    def _texts(self, file: BinaryIO) -> Iterator[Source]:
        """Whole lines, each time with the header before them; a line break in quotes ends none."""
        stream: Any = gzip.GzipFile(fileobj=file) if self.is_gzip else file
        recoded = self.encoding != "utf-8-sig"
        stream = codecs.EncodedFile(stream, "utf-8", self.encoding) if recoded else stream
        spoken = self.with_dialect(replace(self.dialect, encoding="utf-8")) if recoded else self
        head, rest, lines = b"", b"", 0
        while chunk := stream.read(PIECE):
            rest += chunk
            if not head:
                head = _whole_lines(rest[: rest.find(b"\n") + 1])
                rest = rest[len(head) :]
            whole = _whole_lines(rest) if head else b""
            if whole:
                yield replace(spoken, content=head + whole, skipped=lines)
                lines += whole.count(b"\n")
                rest = rest[len(whole) :]
        if rest.strip() or not lines:
            yield replace(spoken, content=head + rest, skipped=lines)

    def fault(self, rows: npt.NDArray[np.intp], found: str, hint: str) -> DataError:
        """An error at the first of these rows that names a few more, and how many there are."""
        if len(rows) > 1:
            lines = ", ".join(self.where(int(r)).removeprefix(self.name).lstrip(":, ") for r in rows[:SHOWN])
            found += f" ({len(rows)} such rows: {lines}{', ...' if len(rows) > SHOWN else ''})"
        return DataError(found, hint=hint, where=self.where(int(rows[0])))

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """The fields of each record that is not blank, the header's first, and the line on which it ends."""
        csv.field_size_limit(2**31 - 1)
        with self.open_text() as text:
            reader = csv.reader(text, delimiter=self.delimiter)
            filled = (fields for fields in reader if len(fields) > 1 or (fields and fields[0].strip()))
            for fields in itertools.islice(filled, 1):
                yield reader.line_num, column_names(fields)
            for fields in filled:
                yield reader.line_num, fields


def _whole_lines(text: bytes) -> bytes:
    """The lines that end in a text, none in the middle of a quoted field."""
    end = text.rfind(b"\n") + 1
    while end and text.count(b'"', 0, end) % 2:
        end = text.rfind(b"\n", 0, end - 1) + 1
    return text[:end]


class _Gunzip(io.RawIOBase):
    """What is in a gzip file, up to a size that no honest one has."""

    def __init__(self, packed: BinaryIO, most: int, name: str) -> None:
        self.stream, self.left, self.name = gzip.GzipFile(fileobj=packed), most, name
        self.packed = packed

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: bytearray, /) -> int:  # type: ignore[override]
        """As any stream."""
        count = self.stream.readinto(buffer)
        self.left -= count
        if self.left < 0:
            found = "unpacks to hundreds of times its size"
            raise DataError(found, hint="If it is yours, unpack it: gunzip.", where=self.name)
        return count

    def close(self) -> None:
        """Close the file too."""
        self.stream.close()
        self.packed.close()
        super().close()


def read_standard_input() -> bytes:
    """All bytes of standard input; a person who forgot to pipe something is told so."""
    if sys.stdin is None or sys.stdin.isatty():
        raise ConfigError(
            "'-' reads standard input, and nothing is piped into it", hint="As in: cat FILE | seqpred ..."
        )
    return sys.stdin.buffer.read()


def open_source(data: object, standard_input: Callable[[], bytes] = read_standard_input) -> Source:
    """The source that a path, a pattern of paths (logs/*.csv), `-` or a DataFrame stands for.

    Raises:
        DataError: no such file, a folder, or something else altogether.
    """
    if isinstance(data, str) and data == "-":
        return Source("standard input", standard_input())
    if isinstance(data, (str, Path)):
        path = Path(data)
        if path.exists() and not path.is_dir():
            return Source(str(data), path)
        if path.is_dir():
            hint = f"Name the file in it, or several as '{path / '*.csv'}'."
            raise DataError("is a folder", hint=hint, where=str(data))
        if glob.has_magic(str(data)):
            return _matching(str(data))
        raise DataError("no such file", hint=f"{_neighbour(path)}Paths start at {Path.cwd()}.", where=str(data))
    if hasattr(data, "columns") and hasattr(data, "iloc"):
        return Source("DataFrame", data)  # type: ignore[arg-type]  # a frame by its manners; pandas isn't imported
    raise DataError(f"data is a {type(data).__name__}", hint="Give a path, '-' or a pandas DataFrame.")


def _matching(pattern: str) -> Source:
    """The files that a pattern stands for, in the order of their names."""
    files = sorted(path for path in map(Path, glob.glob(pattern, recursive=True)) if path.is_file())
    if not files:
        hint = f"* stands for any name, ** for folders too; paths start at {Path.cwd()}."
        raise DataError("no file matches", hint=hint, where=pattern)
    return Source(pattern, tuple(files))


def _neighbour(path: Path) -> str:
    """A file beside the one that isn't there with nearly its name."""
    try:
        hint = did_you_mean(path.name, [p.name for p in path.parent.iterdir() if p.is_file()])
    except OSError:
        return ""
    return f"{hint} " if hint.startswith("Did") else ""
