"""Output for people: notes and progress on stderr, tables, text that is safe for a terminal."""

from __future__ import annotations

import math
import os
import re
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from seqpred.report.text import printable

if TYPE_CHECKING:
    import typer

    from seqpred.notes import Note, Progress

REFRESH = 0.1  # seconds between drawings of the progress bar
MINUTE = 60  # seconds from one line about the progress to the next
PIPE_WIDTH = 100  # columns of a table that is not shown on a terminal
UNBREAKABLE = "\0"  # represents a blank at which no line may end


class Output:
    """How one run of the command reports to its user.

    Attributes:
        words: the command line, without the program's name.
        clock: returns the time in seconds.
        as_json: whether errors are JSON. Notes are then held back until it is known that no error follows.
    """

    def __init__(self, words: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._next_line = math.inf  # when a line about the progress is due
        self._next_refresh = -math.inf  # when the progress bar is drawn again
        self.words = list(words)
        self.as_json = "--json" in words
        self._quiet = False
        self._held: list[Note] = []
        self._bar: Any = None

    @classmethod
    def of(cls, context: typer.Context, *, quiet: bool = False, each_minute: bool = False) -> Output:
        """The output of a command.

        Args:
            quiet: turn notes and progress off.
            each_minute: without a terminal, write a line about the progress each minute.
        """
        output = context.obj
        assert isinstance(output, cls)
        output._quiet = quiet
        output._next_line = output.clock() + MINUTE if each_minute else math.inf
        return output

    def notify(self, note: Note) -> None:
        """Show a note."""
        if self.as_json and not self._quiet:
            self._held.append(note)
        elif not self._quiet:
            write_message(f"note: {note}")

    def on_progress(self, progress: Progress) -> None:
        """Show a progress bar until the operation is complete; without a terminal, write a line each minute."""
        if self._quiet:
            return
        if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
            self._write_line(progress)
            return
        if self._bar is None:
            self._bar = _progress_bar()
            self._bar.add_task("", total=1.0, what="", detail="")
            self._bar.start()
        now = self.clock()
        due = now >= self._next_refresh
        self._bar.update(0, completed=progress.share, what=progress.what, detail=progress.detail, refresh=due)
        if due:
            self._next_refresh = now + REFRESH
        if progress.share == 1:
            self.clear_progress()

    def _write_line(self, progress: Progress) -> None:
        """Write a line if one is due; none with --json, whose stderr is read by programs."""
        now = self.clock()
        if now >= self._next_line and not self.as_json:
            self._next_line = now + MINUTE
            write_message(progress.line)

    def clear_progress(self) -> None:
        """Remove the progress bar from the screen."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    @contextmanager
    def progress_cleared(self) -> Iterator[None]:
        """Remove the progress bar at the end, whatever ends the block."""
        try:
            yield
        finally:
            self.clear_progress()

    def show_held_notes(self) -> None:
        """Show the notes that were held back."""
        for note in self._held:
            write_message(f"note: {note}")


def write_message(text: str) -> None:
    """Write a message to stderr; on a terminal, break lines between words."""
    text = printable(text)
    if sys.stderr.isatty():
        text = wrap_message(text, _width(sys.stderr))
    sys.stderr.write(text + "\n")


def wrap_message(text: str, width: int) -> str:
    r"""A message in lines of at most `width` columns; a command between backticks stays on one line.

    >>> wrap_message("Resume with `seqpred train a.yaml`.", 24)
    'Resume with\n`seqpred train a.yaml`.'
    """
    whole = re.sub(r"`[^`\n]*`", lambda command: command.group().replace(" ", UNBREAKABLE), text)
    lines = (textwrap.wrap(t, width, break_long_words=False, break_on_hyphens=False) for t in whole.splitlines())
    return "\n".join(line for wrapped in lines for line in wrapped).replace(UNBREAKABLE, " ")


def write_data(text: str) -> None:
    """Write data to stdout; on a terminal, control characters are escaped."""
    sys.stdout.write(printable(text) if sys.stdout.isatty() else text)


def table(
    title: str, header: Sequence[str], rows: Sequence[Sequence[str]], stream: TextIO | None = None, *, texts: int = 1
) -> None:
    """Print a small table; the first `texts` columns are text, the others are numbers."""
    from io import StringIO

    from rich import box
    from rich.console import Console
    from rich.table import Table

    stream = stream or sys.stdout
    lines = box.SIMPLE_HEAD if shows("─", stream) else box.ASCII2
    padding = _padding(header, rows, screen_width(stream))
    grid = Table(title=printable(title) or None, box=lines, padding=padding, title_justify="left", title_style="bold")
    for i, name in enumerate(header):
        grid.add_column(printable(name), justify="right" if i >= texts else "left")
    for row in rows:
        grid.add_row(*map(printable, row))
    # Rich would exit by itself if the reader of a pipe is gone, so it renders into memory.
    terminal, text = stream.isatty(), StringIO()
    options: Any = {"highlight": False, "emoji": False, "markup": False}
    Console(file=text, force_terminal=terminal, width=screen_width(stream), **options).print(grid)
    stream.write(text.getvalue())


def _padding(header: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> tuple[int, int, int, int]:
    """The blanks around cells (top, right, bottom, left) with which a table fits, if there are any."""
    content = sum(max(map(len, column)) for column in zip(header, *rows, strict=True))
    left, right = next((pair for pair in ((1, 1), (0, 1)) if content + len(header) * (1 + sum(pair)) < width), (0, 0))
    return (0, right, 0, left)


def shows(characters: str, stream: TextIO | None = None) -> bool:
    """Whether the encoding of a stream has these characters."""
    try:
        characters.encode((stream or sys.stdout).encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def screen_width(stream: TextIO | None = None) -> int:
    """Columns that a table on a stream may use."""
    stream = stream or sys.stdout
    return _width(stream) if stream.isatty() else PIPE_WIDTH


def _width(stream: TextIO) -> int:
    """Columns of a terminal."""
    try:
        return int(os.environ.get("COLUMNS") or 0) or os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def _progress_bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.fields[what]}"),
        BarColumn(bar_width=8),
        TextColumn("{task.percentage:>4.1f} %"),
        TextColumn("{task.fields[detail]}"),
    )
    screen = Console(file=sys.stderr, highlight=False, emoji=False, markup=False)
    # A thread that draws it would keep training from forking processes.
    return Bar(*columns, console=screen, transient=True, auto_refresh=False)
