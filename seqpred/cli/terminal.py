"""What a person sees: errors as words and exit codes, notes, the progress bar, tables."""

from __future__ import annotations

import errno
import itertools
import json
import os
import shutil
import sys
import textwrap
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from seqpred.errors import Exit, SeqpredError
from seqpred.notes import Notify, OnProgress, Progress, no_op
from seqpred.report.text import printable

if TYPE_CHECKING:
    from rich.console import Console

# Typer's own errors of usage have one ancestor, which older releases take from click and newer ones bring along.
_UsageError: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")


def run(app: typer.Typer) -> int:
    """Run the command; every ending becomes an exit code, and every error a sentence on stderr."""
    try:
        code = app(standalone_mode=False)
        _BAR.stop()
        if code == Exit.INTERRUPTED:  # typer has caught Ctrl-C
            raise KeyboardInterrupt
        sys.stdout.flush()
        _tell_held_notes()
    except SeqpredError as e:
        return _fail(e.exit, e.message, e.hint)
    except _UsageError as e:
        if type(e).__name__ == "NoArgsIsHelpError":
            sys.stderr.write(e.format_message() + "\n")
            return Exit.CONFIG
        return _fail(Exit.CONFIG, e.format_message().rstrip(".") + _given(e), _usage_hint(e))
    except BrokenPipeError:
        # The reader has gone, which is its right; what Python would still flush goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except OSError as e:
        if e.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            return _bug()
        hint = "Check the disk; what is there may be cut off."
        return _fail(Exit.WRITE, f"standard output can't be written ({e.strerror})", hint)
    except (KeyboardInterrupt, typer.Abort):
        return _fail(Exit.INTERRUPTED, "interrupted", "Nothing was written.")
    except MemoryError:
        hint = "Lower training.batch_size, model.window or model.hidden_size, or give fewer series."
        return _fail(Exit.DATA, "out of memory", hint)
    except Exception:  # noqa: BLE001, the last line: a bug of ours, told as one
        return _bug()
    return int(code or Exit.DONE)


def _bug() -> int:
    _BAR.stop()
    sys.stderr.write(printable(traceback.format_exc()))
    return _fail(Exit.BUG, "this is a bug in seqpred", "Please report it with the lines above.")


def _given(error: Any) -> str:
    """The value that an option was given, where the message leaves it out."""
    for option in getattr(getattr(error, "param", None), "opts", []):
        for word, following in itertools.pairwise([*sys.argv, ""]):
            value = following if word == option else word.partition("=")[2] if word.startswith(f"{option}=") else ""
            if value and value not in error.format_message():
                return f" ({value!r} was given)"
    return ""


def _usage_hint(error: Any) -> str:
    if "unexpected extra argument" in error.format_message() and any(map(os.path.isfile, sys.argv[3:])):
        return "Quote a pattern, which the shell would replace by its files: 'logs/*.csv'."
    context = getattr(error, "ctx", None)
    return f"See {context.command_path if context else 'seqpred'} --help."


def _fail(code: Exit, message: str, hint: str) -> int:
    _BAR.stop()
    _HELD.clear()
    message, hint = printable(message), printable(hint)
    if "--json" in sys.argv[1:]:
        sys.stderr.write(json.dumps({"error": {"code": int(code), "message": message, "hint": hint}}) + "\n")
    else:
        end = "" if message.endswith((".", "!", "?")) else "."
        _write_wrapped(f"seqpred: {message}{end}{' ' if hint else ''}{hint}")
    return int(code)


def show_data(text: str) -> None:
    """Data on stdout, as it is; what a person's terminal would take for orders is spelled out there."""
    sys.stdout.write(printable(text) if sys.stdout.isatty() else text)


_HELD: list[str] = []  # notes until it is known that no error follows, which must be alone with --json


def make_notify(*, quiet: bool, as_json: bool = False) -> Notify:
    """What tells notes on stderr; with --json at the end, so that an error is one object alone."""
    if quiet:
        return no_op
    return lambda note: _HELD.append(str(note)) if as_json else _tell(str(note))


def show_progress(progress: Progress) -> None:
    """Show how far an operation is, on a terminal."""
    _BAR.show(progress)
    if progress.share == 1:
        _BAR.stop()


def _tell(note: str) -> None:
    _write_wrapped(f"note: {printable(note)}")


def _tell_held_notes() -> None:
    for note in _HELD:
        _tell(note)


def _write_wrapped(text: str) -> None:
    """A text on stderr, broken between words where a terminal would break it within one."""
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns
        lines = (textwrap.wrap(t, width, break_long_words=False, break_on_hyphens=False) for t in text.splitlines())
        text = "\n".join(line for wrapped in lines for line in wrapped)
    sys.stderr.write(text + "\n")


def console(stream: Any = None) -> Console:
    """A rich console that is plain where the terminal is."""
    from rich.console import Console

    stream = stream or sys.stdout
    return Console(file=stream, highlight=False, emoji=False, markup=False, width=None if stream.isatty() else 100)


def table(
    title: str, header: Sequence[str], rows: Sequence[Sequence[str]], stream: Any = None, *, texts: int = 1
) -> None:
    """A small table; the first columns are text, one by default, the others are numbers."""
    from rich import box
    from rich.table import Table

    grid = Table(title=printable(title), box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    for i, name in enumerate(header):
        grid.add_column(printable(name), justify="right" if i >= texts else "left")
    for row in rows:
        grid.add_row(*map(printable, row))
    console(stream).print(grid)


class _Bar:
    """A bar on stderr, only on a terminal, from when something is first shown until it is stopped."""

    def __init__(self) -> None:
        self._bar: Any = None

    def show(self, progress: Progress) -> None:
        """How far some work is, from 0 to 1."""
        what, share, told = progress.what, progress.share, progress.detail
        if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
            return
        if self._bar is None:
            self._bar = _rich_bar()
            self._bar.add_task("", total=1.0, what=what, told=told)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=share, what=what, told=told)

    def stop(self) -> None:
        """Take it from the screen."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


_BAR = _Bar()


def _rich_bar() -> Any:
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.fields[what]}"),
        BarColumn(bar_width=12),
        TextColumn("{task.percentage:>4.1f} %"),
        TextColumn("{task.fields[told]}"),
    )
    return Bar(*columns, console=console(sys.stderr), transient=True, refresh_per_second=8)


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[OnProgress]:
    """What shows how far a work is; it appears when it is first told."""
    try:
        yield no_op if quiet else show_progress
    finally:
        _BAR.stop()
