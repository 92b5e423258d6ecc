"""JSON lines and JSON records as a DataFrame."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from seqpred.errors import DataError
from seqpred.sources.source import Source

if TYPE_CHECKING:
    import pandas as pd

_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_HINT = "Provide one JSON object per row: JSON lines, or a list of objects."


def read_json(source: Source, rows: int | None = None) -> pd.DataFrame:
    """The rows of a JSON source. A column is missing in the objects that do not have its key.

    Raises:
        DataError: a line or an element of the list is not an object.
    """
    import pandas as pd

    with source.open_raw_text() as file:
        text = file.read()
    objects = list(_objects(source, text, rows))
    if not objects:
        raise DataError("is empty", hint=_HINT, where=source.name)
    if _ESCAPED_SURROGATE.search(text):
        _check_characters(source, objects)
    if len(objects) == 1 and rows != 1 and not source.head.lstrip().startswith("["):
        _check_flat(source, objects[0])
    return pd.DataFrame(objects)


def _check_characters(source: Source, objects: Sequence[dict[str, Any]]) -> None:
    """Refuse a lone surrogate, which JSON can express and no text can contain."""
    for row, cells in enumerate(objects):
        for name, cell in cells.items():
            if any("\ud800" <= letter <= "\udfff" for letter in f"{name}{cell}"):
                found = f"{cell!r} in column {name!r} contains a lone surrogate, which is not a character"
                raise DataError(found, hint="Remove it.", where=source.where(row))


def _check_flat(source: Source, only: dict[str, Any]) -> None:
    """Refuse a file that is one object with the rows, or the columns, nested in it."""
    for key, value in only.items():
        if isinstance(value, (list, dict)):
            convert = f"jq -c '.{key}[]' {source.shell_name} > rows.jsonl"
            example = convert if isinstance(value, list) else "to_json(orient='records')"
            found = f"is one object, with nested values below {key!r}"
            raise DataError(found, hint=f"{_HINT} Example: {example}.", where=source.name)


def _objects(source: Source, text: str, rows: int | None) -> Iterator[dict[str, Any]]:
    text = text.lstrip()
    if text.startswith("["):
        for i, element in enumerate(_parsed(text, source.name)[:rows]):
            yield _checked(element, f"{source.name}, row {i}")
        return
    found = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            where = f"{source.name}:{number}"
            yield _checked(_parsed(line, where), where)
            found += 1
        if found == rows:
            return


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text.rstrip().removesuffix(","))
    except RecursionError:
        raise DataError("is nested too deeply", hint=_HINT, where=where) from None
    except ValueError as e:
        raise DataError(f"is not JSON ({e})", hint=_HINT, where=where) from None


def _checked(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DataError(f"is a JSON {type(value).__name__}, not an object", hint=_HINT, where=where)
    return value
