"""Options shared by commands that use a model or print a result: model, input and output."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from seqpred.cli.completion import offer_models

Form = Literal["csv", "tsv", "json", "jsonl", "parquet"]
FORMS: dict[str, Form] = {
    ".tsv": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
UNWRITTEN = (".gz", ".bz2", ".xz", ".zst", ".zip", ".xlsx", ".xls", ".ods", ".feather", ".arrow")  # others are CSV

ModelArgument = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL", help="Model folder, or `pretrained`.", show_default=False, autocompletion=offer_models
    ),
]
HistoryArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="DATA", help="Data file with the history; - reads standard input [default: the training file]."
    ),
]
RuntimeOption = Annotated[
    Literal["auto", "onnx", "torch", "cuda", "light"],
    typer.Option(
        metavar="auto|onnx|torch|cuda",
        help="Inference backend; auto: onnx if it supports the model; cuda: torch on a GPU.",
    ),
]
StreamOption = Annotated[bool, typer.Option("--stream", help="Emit a forecast after every input row.")]
StateOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Load and update the state of all series in FILE.")
]
StrictOption = Annotated[bool, typer.Option("--strict", help="With --stream: stop at the first malformed row.")]
FormOption = Annotated[
    Form | None,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="csv, tsv, json, jsonl or parquet [default: from the suffix of --output, otherwise csv].",
    ),
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to FILE instead of stdout, atomically.")
]
NoHeaderOption = Annotated[bool, typer.Option("--no-header", help="Omit the header row of CSV and TSV.")]
OriginOption = Annotated[
    bool, typer.Option("--origin", help="Add a column with the timestamp of the last row before each forecast.")
]
DigitsOption = Annotated[int | None, typer.Option(min=0, max=17, metavar="N", help="Round numbers to N decimals.")]
ShardOption = Annotated[
    str | None, typer.Option(metavar="I/N", help="Forecast only part I of N of the series, split by id.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print no notes or progress bar.")]
NoNotesOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print no notes.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result and errors as JSON.")]
