"""Compressed files and archives of one file: recognized by their first bytes and decompressed up to a limit."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from typing import Any, BinaryIO, Literal

from seqpred.errors import DataError

Form = Literal["text", "json", "parquet", "feather", "excel"]
Packing = Literal["", "gzip", "bzip2", "xz", "zstd", "zip"]

MAX_UNPACKED, MAX_RATIO = 1 << 28, 200  # bytes, and times the packed size: beyond both it is a decompression bomb
MAGIC_BYTES = 262  # enough of a file to recognize it; tar has its mark at 257
DAMAGED = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)  # raised by a file that is cut off or altered

_PACKINGS: dict[bytes, Packing] = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
}
_TOOLS = {"gzip": "gunzip", "bzip2": "bunzip2", "xz": "unxz", "zstd": "unzstd", "zip": "unzip"}
_FORMS: dict[bytes, Form] = {b"PAR1": "parquet", b"ARROW1": "feather", b"FEA1": "feather"}
_EXPORT = "Export a table as CSV or Parquet."
_FOREIGN = {  # what a file is, and how to make a table of it
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook (.xls)", "Save it as .xlsx or CSV."),
    b"SQLite format 3": (
        "an SQLite database",
        "Export a table: sqlite3 -header -csv FILE 'select * from TABLE' > t.csv.",
    ),
    b"\x89HDF": ("an HDF5 file", _EXPORT),
    b"CDF\x01": ("a NetCDF file", _EXPORT),
    b"CDF\x02": ("a NetCDF file", _EXPORT),
    b"<stata_dta>": ("a Stata file", _EXPORT),
    **{bytes((release, order, 1)): ("a Stata file", _EXPORT) for release in range(113, 116) for order in (1, 2)},
    b"$FL2": ("an SPSS file", _EXPORT),
    b"$FL3": ("an SPSS file", _EXPORT),
    bytes(12) + b"\xc2\xea\x81\x60": ("a SAS file", _EXPORT),
    b"MATLAB 5.0 MAT": ("a MATLAB file", _EXPORT),
    b"RDX": ("an R workspace", _EXPORT),
    b"Obj\x01": ("an Avro file", _EXPORT),
    b"ORC": ("an ORC file", _EXPORT),
    b"version https://git-lfs": ("a pointer to a file in Git LFS", "Fetch the file itself: git lfs pull."),
    b"\x93NUMPY": ("a NumPy array", "Write it as CSV with column names."),
    b"\x80\x04": ("a Python pickle, which can execute code", "Write it as CSV or Parquet."),
    b"\x80\x05": ("a Python pickle, which can execute code", "Write it as CSV or Parquet."),
    b"7z\xbc\xaf": ("a 7-Zip archive", "Extract the table first."),
    b"Rar!": ("a RAR archive", "Extract the table first."),
    b"%PDF": ("a PDF document", "Export the table as CSV."),
    b"<!doctype html": ("an HTML page", "Download the table itself; a login or error page may have been saved."),
    b"<html": ("an HTML page", "Download the table itself; a login or error page may have been saved."),
    b"<?xml": ("an XML document", "Export the table as CSV."),
}


def packing_of(magic: bytes) -> Packing:
    """How a file with these first bytes is compressed; nothing if it is not."""
    return next((packing for mark, packing in _PACKINGS.items() if magic.startswith(mark)), "")


def form_of(magic: bytes, name: str, shell_name: str = "FILE") -> Form:
    """What the decompressed bytes are, from the first of them.

    Args:
        shell_name: the name in a command that a message suggests.
    Raises:
        DataError: a known format that is not a table.
    """
    lowered = magic.lstrip()[:16].lower()
    for mark, (found, hint) in _FOREIGN.items():
        if magic.startswith(mark) or (mark[:1] == b"<" and lowered.startswith(mark)):
            raise DataError(f"is {found}", hint=hint.replace("FILE", shell_name), where=name)
    if magic[257:262] == b"ustar":
        raise DataError("is a tar archive", hint="Extract the table first: tar -xf.", where=name)
    text = magic.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] == b"{" or (text[:1] == b"[" and text[1:].lstrip()[:1] in (b"{", b"]")):
        return "json"
    return next((form for mark, form in _FORMS.items() if magic.startswith(mark)), "text")


def check_unpacked(magic: bytes, name: str) -> None:
    """Refuse decompressed bytes that are compressed.

    Raises:
        DataError: they are.
    """
    if packing := packing_of(magic):
        hint = f"Decompress it once with {_TOOLS[packing]}."
        raise DataError(f"is compressed twice ({packing})", hint=hint, where=name)


def unpack(packed: BinaryIO, packing: Packing, size: int, name: str) -> BinaryIO:
    """A stream of the decompressed bytes, which ends with an error beyond a limit that no honest file reaches.

    Args:
        size: bytes of the packed file.
    Raises:
        DataError: a zip archive of several files or with a password.
    """
    if not packing:
        return packed
    most = max(MAX_UNPACKED, MAX_RATIO * size)
    try:
        stream = _decompressor(packed, packing, name)
    except BaseException:
        packed.close()
        raise
    return io.BufferedReader(_Bounded(stream, packed, most, (name, packing)))


def _decompressor(packed: BinaryIO, packing: Packing, name: str) -> Any:
    if packing == "gzip":
        return gzip.GzipFile(fileobj=packed)
    if packing == "bzip2":
        return bz2.BZ2File(packed)
    if packing == "xz":
        return lzma.LZMAFile(packed)
    if packing == "zip":
        return _open_member(packed, name)
    import pyarrow as pa  # decompresses zstd, which the standard library does from Python 3.14 on

    return pa.CompressedInputStream(packed, "zstd")


def _open_member(packed: BinaryIO, name: str) -> Any:
    """The one file in a zip archive; what macOS adds to it does not count."""
    archive = zipfile.ZipFile(packed)
    members = [i for i in archive.infolist() if not i.is_dir() and not i.filename.startswith(("__MACOSX/", "."))]
    if len(members) != 1:
        names = ", ".join(i.filename for i in members[:3]) + (", ..." if len(members) > 3 else "")
        raise DataError(f"contains {len(members)} files ({names})", hint="Unzip it and name one of them.", where=name)
    if members[0].flag_bits & 1:
        raise DataError("is encrypted", hint="Unzip it with its password first.", where=name)
    return archive.open(members[0])


class _Bounded(io.RawIOBase):
    """A decompressed stream up to a size."""

    def __init__(self, stream: Any, packed: BinaryIO, most: int, source: tuple[str, Packing]) -> None:
        self.stream, self.packed, self.left, self.source = stream, packed, most, source

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer; see `io.RawIOBase`."""
        count: int = self.stream.readinto(buffer)
        self.left -= count
        if self.left < 0:
            name, packing = self.source
            hint = f"If you trust the file, decompress it with {_TOOLS[packing]} first."
            raise DataError("decompresses to hundreds of times its size", hint=hint, where=name)
        return count

    def close(self) -> None:
        """Close the packed file too."""
        self.stream.close()
        self.packed.close()
        super().close()


def is_workbook(packed: BinaryIO) -> bool:
    """Whether a zip archive is an Excel workbook."""
    try:
        with zipfile.ZipFile(packed) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return False
