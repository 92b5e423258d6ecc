"""`seqpred check`: what is in the data, on one screen."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from seqpred.inspection.findings import Findings
    from seqpred.inspection.grid_report import GridReport
    from seqpred.inspection.survey import Survey

FIRST = 10  # tracks shown, and as many of the worst
COUNTS = {"rows": "rows", "absent": "absent", "holes": "holes", "longest": "longest_hole", "repeats": "repeats"}
COUNTS |= {"empty": "empty", "outliers": "outliers"}
LEAST = ("from", "longest", "holes", "flat", "season", "repeats")  # the columns that go first where there is no room
SPARKS = 16  # characters of a sparkline
BLOCKS, PLAIN = "▁▂▃▄▅▆▇█", "_.,-=+*#"  # low to high, and where the terminal's encoding has no blocks
NAME, MOST_COLUMNS = 20, 30  # characters of a name, and columns of the data, that fit a screen


def check(
    thing: Annotated[
        str,
        typer.Argument(
            metavar="DATA|CONFIG",
            help="CSV (.gz too) or Parquet file, or several as 'logs/*.csv', - for standard input, or a YAML config.",
            show_default=False,
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, and errors too.")] = False,
) -> None:
    """Show what is in the data, and what training would see; exit with 3 where it can't be trained on.

    An outlier is 8 times the usual spread (between the quartiles) away from the median, or from the same place in the
    season before and the one after. flat: the longest stretch of one value. The JSON tells the first 1000 series one
    by one, the 10 worst, and the totals of all.

    Example: seqpred check sales.csv && seqpred init sales.csv > sales.yaml
    """
    from seqpred.cli.terminal import make_notify, show_progress
    from seqpred.commands import check as command

    notify = make_notify(quiet=False, as_json=as_json)
    found = command.check(thing, notify=notify, on_progress=show_progress)
    if as_json and not found.fault:
        import json

        typer.echo(json.dumps(found.to_dict(), allow_nan=False))
    elif not as_json:
        _show(found)
        sys.stdout.flush()  # before what stderr has to say
    if found.fault:
        raise found.fault


def _show(found: Findings) -> None:
    if found.rows:
        for line in _of_rows(found.source, found.rows):
            typer.echo(_shown(line))
    if found.columns:
        _show_columns(found.columns)
    if found.survey:
        _show_series(found.survey)
    if found.training:
        for line in _of_training(found.training):
            typer.echo(_shown(line))


def _of_rows(source: str, rows: GridReport) -> Iterable[str]:
    yield f"{source}: {_count(rows.count, 'row')} of {rows.series:,} series"
    share = "all rows obey" if not len(rows.misaligned) else f"{100 * rows.share_on_grid:.2f} % of the rows obey"
    step = f"no step, in the median {rows.median_gap} apart" if rows.median_gap else f"step {rows.step}, which {share}"
    yield f"{rows.span[0]} to {rows.span[1]}, {step}"
    for off in rows.first_misaligned:
        yield f"off the step: {off['time']} ({off['where']})"
    if rows.duplicates:
        yield f"{_count(rows.duplicates, 'row')} with a time that stood there before"


def _show_columns(columns: Sequence[Mapping[str, str | None]]) -> None:
    from seqpred.cli.terminal import table

    cells = [[_name(str(c["name"])), str(c["holds"]), c["role"] or "-", c["why"] or "-"] for c in columns]
    title = f"the first {MOST_COLUMNS} of {len(cells)} columns" if len(cells) > MOST_COLUMNS else ""
    table(title, ["column", "holds", "role", "by"], cells[:MOST_COLUMNS], texts=4)


def _show_series(survey: Survey) -> None:
    """One line for each of the first tracks, and for the worst ones where there are more."""
    from seqpred.cli.terminal import table

    count = survey.empty.size
    typer.echo(_of_totals(survey.totals()))
    if count <= 2 * FIRST:
        table("", *_grid(survey, range(count)))
        return
    table(f"the first {FIRST} of {count:,}", *_grid(survey, range(FIRST)))
    if worst := survey.worst(FIRST):
        table("those with the most absent, empty, repeated or outlying rows", *_grid(survey, worst))


def _of_totals(totals: Mapping[str, int]) -> str:
    holes = f" in {_count(totals['holes'], 'hole')}" if totals["holes"] else ""
    absent = f"{_count(totals['absent'], 'row')} absent{holes}"
    return f"{absent}, {_count(totals['empty'], 'cell')} empty, {_count(totals['outliers'], 'outlier')}"


def _grid(survey: Survey, tracks: Sequence[int]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a table of tracks, without columns that hold nothing but 0, or have no room."""
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
    _make_room(kept)
    return list(kept), [list(row) for row in zip(*kept.values(), strict=True)]


def _make_room(columns: dict[str, list[str]]) -> None:
    """Leave out the columns that one misses least, until the table is as narrow as the terminal."""
    from seqpred.cli.terminal import console

    room = console().width
    for head in LEAST:
        if sum(3 + max(map(len, [name, *cells])) for name, cells in columns.items()) > room:
            columns.pop(head, None)


def _of_training(view: Mapping[str, Any]) -> Iterable[str]:
    series = view["series"]
    yield "what training would see"
    yield f"  season {view['season']}, horizon {view['horizon']}, anchor {view['anchor']}, window {view['window']} rows"
    yield f"  the last {_count(view['validation'], 'row')} of {series['validated']:,} series to validate on"
    left = [f"{series[key]:,} {word}" for key, word in (("too_short", "too short"), ("constant", "constant"))]
    yield f"  {series['learned_from']:,} series to learn from ({', '.join(left)})"


# ------------------------------------------------------------------ words and shapes


def _count(count: int, word: str) -> str:
    return f"{count:,} {word}{'s' if word and count != 1 else ''}".rstrip()


def _name(text: str) -> str:
    """A name that fits its column; names that are alike mostly differ at their end."""
    shown = _shown(text)
    return shown if len(shown) <= NAME else f"{shown[: NAME - 13]}...{shown[-10:]}"


def _shown(text: str) -> str:
    """A text that can do nothing to the terminal, in characters that the terminal has."""
    from seqpred.report.text import printable

    code = sys.stdout.encoding or "ascii"
    return printable(text.replace("\n", "\\n")).encode(code, "backslashreplace").decode(code)


def _sparkline(survey: Survey, track: int) -> str:
    """The track's shape from its first row to its last; a blank where nothing is known."""
    import numpy as np

    s, c = divmod(track, survey.empty.shape[1])
    parts = np.array_split(survey.panel.track(s, c), min(SPARKS, int(survey.panel.lengths[s])))
    means = np.array([p[np.isfinite(p)].mean() if np.isfinite(p).any() else np.nan for p in parts])
    survey.panel.release_pages()
    known = means[np.isfinite(means)]
    if not len(known):
        return ""
    marks = BLOCKS if _shown(BLOCKS) == BLOCKS else PLAIN
    height = float(np.ptp(known)) or 1.0
    levels = [int((m - known.min()) / height * (len(marks) - 1) + 0.5) if np.isfinite(m) else None for m in means]
    return "".join(" " if level is None else marks[level] for level in levels)
