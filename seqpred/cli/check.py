"""`seqpred check`: what a data file contains, on one screen."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqpred.cli.forecast_options import JsonOption

if TYPE_CHECKING:
    from seqpred.inspection.findings import Findings
    from seqpred.inspection.grid_report import GridReport
    from seqpred.inspection.survey import Survey

FIRST = 10  # tracks shown; if there are more, also as many of the worst
COUNTS = {
    "rows": "rows",
    "missing": "absent",
    "gaps": "holes",
    "longest gap": "longest_hole",
    "duplicates": "repeats",
    "empty": "empty",
    "outliers": "outliers",
}
"""Headers of the table of tracks, and the keys of `check --json` that they show."""
LEAST = ("from", "longest gap", "gaps", "flat", "season", "duplicates")  # dropped first if the terminal is narrow
SPARKS = 16  # characters of a sparkline
NAME, MOST_COLUMNS = 20, 30  # characters of a name, and columns of the data, that fit a screen


def check(
    ctx: typer.Context,
    thing: Annotated[
        str,
        typer.Argument(
            metavar="DATA|CONFIG",
            help="Data file as for init, a quoted pattern, - for standard input, or a config.",
            show_default=False,
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Summarize a data file and how training would use it.

    Exits with 3 if the data cannot be trained on. An outlier is more than 8 interquartile ranges away from the median,
    or from both of its seasonal neighbors. flat is the longest run of one value. --json lists the first 1000 series,
    the 10 worst, and totals over all.

    Example: seqpred check sales.csv && seqpred init sales.csv > sales.yaml
    """
    from seqpred.cli.terminal import Output, write_data
    from seqpred.commands import check as command

    output = Output.of(ctx)
    with output.progress_cleared():
        found = command.check(thing, notify=output.notify, on_progress=output.on_progress)
    with suppress(BrokenPipeError):  # the exit code does not depend on the reader of the summary
        if as_json and not found.fault:
            import json

            write_data(json.dumps(found.to_dict(), allow_nan=False) + "\n")
        elif not as_json:
            _show(found)
            sys.stdout.flush()  # before an error on stderr
    if found.fault:
        raise found.fault


def _show(found: Findings) -> None:
    if found.rows:
        _print(_of_rows(found.source, found.rows))
    if found.columns:
        _show_columns(found.columns)
    if found.survey:
        _show_series(found.survey)
    if found.training:
        _print(_of_training(found.training))


def _print(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{_shown(line)}\n" for line in lines)


def _of_rows(source: str, rows: GridReport) -> Iterable[str]:
    yield f"{source}: {_count(rows.count, 'row')} of {rows.series:,} series"
    share = "all rows" if not len(rows.misaligned) else f"{100 * rows.share_on_grid:.2f} % of the rows"
    step = f"step {rows.step} ({share} on the grid)"
    yield f"{rows.span[0]} to {rows.span[1]}, " + (
        f"no fixed step (median interval {rows.median_gap})" if rows.median_gap else step
    )
    for off in rows.first_misaligned:
        yield f"not on the grid: {off['time']} ({off['where']})"
    if rows.duplicates:
        yield f"{_count(rows.duplicates, 'row')} with a duplicate timestamp"


def _show_columns(columns: Sequence[Mapping[str, str | None]]) -> None:
    from seqpred.cli.terminal import table

    cells = [[_name(str(c["name"])), str(c["holds"]), c["role"] or "-", c["why"] or "-"] for c in columns]
    title = f"the first {MOST_COLUMNS} of {len(cells)} columns" if len(cells) > MOST_COLUMNS else ""
    table(title, ["column", "type", "role", "reason"], cells[:MOST_COLUMNS], texts=4)


def _show_series(survey: Survey) -> None:
    """One line per track: the first tracks, and the worst ones if there are more."""
    from seqpred.cli.terminal import table

    count = survey.empty.size
    _print([_of_totals(survey.totals())])
    if count <= 2 * FIRST:
        table("", *_grid(survey, range(count)))
        return
    table(f"the first {FIRST} of {count:,}", *_grid(survey, range(FIRST)))
    if worst := survey.worst(FIRST):
        table("those with the most missing, empty, duplicate or outlying rows", *_grid(survey, worst))


def _of_totals(totals: Mapping[str, int]) -> str:
    gaps = f" in {_count(totals['holes'], 'gap')}" if totals["holes"] else ""
    missing = f"{_count(totals['absent'], 'missing row')}{gaps}"
    return f"{missing}, {_count(totals['empty'], 'empty cell')}, {_count(totals['outliers'], 'outlier')}"


def _grid(survey: Survey, tracks: Sequence[int]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a table of tracks, without columns that are 0 throughout or do not fit."""
    several = len(survey.panel.columns.targets) > 1
    columns: dict[str, list[str]] = {"series": [], "from": []}
    for k in tracks:
        track = survey.track(k)
        name = " ".join(part for part in (track["series"], track["target"] if several else "") if part)
        cells = {
            "series": _name(name or track["target"]),
            "from": _shown(str(track["first"])),
            **{head: str(track[key]) for head, key in COUNTS.items()},
            "flat": str(track["longest_constant"]),
            "season": str(track["season"]) if track["season"] > 1 else "-",
            "": _sparkline(survey, k),
        }
        for head, cell in cells.items():
            columns.setdefault(head, []).append(cell)
    if len(survey.panel.names) == 1 or len(set(columns["from"])) == 1:
        del columns["from"]
    kept = {h: cells for h, cells in columns.items() if h not in COUNTS or set(cells) != {"0"}}
    _drop_columns(kept)
    return list(kept), [list(row) for row in zip(*kept.values(), strict=True)]


def _drop_columns(columns: dict[str, list[str]]) -> None:
    """Drop the least important columns until the table fits the terminal."""
    from seqpred.cli.terminal import screen_width

    for head in LEAST:
        if sum(3 + max(map(len, [name, *cells])) for name, cells in columns.items()) > screen_width():
            columns.pop(head, None)


def _of_training(view: Mapping[str, Any]) -> Iterable[str]:
    series = view["series"]
    yield "how training would use it"
    yield f"  season {view['season']}, horizon {view['horizon']}, anchor {view['anchor']}, window {view['window']} rows"
    skipped = [f"{series[key]:,} {word}" for key, word in (("too_short", "too short"), ("constant", "constant"))]
    yield f"  {series['learned_from']:,} series for training ({', '.join(skipped)})"
    yield f"  the last {_count(view['validation'], 'row')} of {series['validated']:,} series for validation"


# ------------------------------------------------------------------ text and sparklines


def _count(count: int, word: str) -> str:
    return f"{count:,} {word}{'s' if word and count != 1 else ''}".rstrip()


def _name(text: str) -> str:
    """A name that fits its column; the end is kept, since similar names mostly differ there."""
    shown = _shown(text)
    return shown if len(shown) <= NAME else f"{shown[: NAME - 13]}...{shown[-10:]}"


def _shown(text: str) -> str:
    """Text with control characters escaped, in characters that the terminal has."""
    from seqpred.report.text import printable

    code = sys.stdout.encoding or "ascii"
    return printable(text.replace("\n", "\\n")).encode(code, "backslashreplace").decode(code)


def _sparkline(survey: Survey, track: int) -> str:
    """The shape of a track from its first row to its last; a blank if all values are missing."""
    from seqpred.report.sparkline import BLOCKS, PLAIN, sparkline

    s, c = divmod(track, survey.empty.shape[1])
    marks = BLOCKS if _shown(BLOCKS) == BLOCKS else PLAIN
    line = sparkline(survey.panel.track(s, c), SPARKS, marks)
    survey.panel.release_pages()
    return line
