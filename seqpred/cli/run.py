"""Run the command and convert its result to an exit code, and an error to a message on stderr."""

from __future__ import annotations

import itertools
import json
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import typer

from seqpred.cli.terminal import Output, write_message
from seqpred.errors import Exit, SeqpredError, UnreachableError
from seqpred.launcher import rank
from seqpred.report.text import printable

# Messages of torch, CUDA, Python and the dynamic loader.
NO_MEMORY = (
    "allocate memory",
    "out of memory",
    "can't start new thread",
    "failed to map segment",
    "bad_alloc",
    "could not create a primitive",
    "could not execute a primitive",
)

SAME_MEANING = {"--steps": "--horizon", "--horizon": "--steps"}  # options that only some commands have


def run(app: typer.Typer, words: Sequence[str]) -> int:
    """Run the command with the words of a command line; return its exit code."""
    output = Output(words)
    try:
        code = app(list(words), prog_name="seqpred", standalone_mode=False, obj=output)
        output.clear_progress()
        if code == Exit.INTERRUPTED:  # typer caught Ctrl-C
            raise KeyboardInterrupt
        sys.stdout.flush()
        output.show_held_notes()
        return int(code or Exit.DONE)
    except BrokenPipeError:  # the reader has closed the pipe, which is not a failure
        output.clear_progress()
        return Exit.DONE
    except (Exception, KeyboardInterrupt) as e:  # noqa: BLE001, the last resort
        output.clear_progress()
        return _fail(e, output)


def _fail(error: BaseException, output: Output) -> int:
    """Report an error; return its exit code."""
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(error.format_message() + "\n")  # type: ignore[attr-defined]
        return Exit.CONFIG
    code, message, hint = _described(error, output.words)
    if output.words[:1] == ["train"] and rank() and not isinstance(error, UnreachableError):
        return int(code)  # rank 0 reports it
    if code == Exit.BUG:
        sys.stderr.write(printable("".join(traceback.format_exception(error))))
    message, hint = printable(message), printable(hint)
    if output.as_json:
        sys.stderr.write(json.dumps({"error": {"code": int(code), "message": message, "hint": hint}}) + "\n")
    else:
        end = "" if message.endswith((".", "!", "?")) else "."
        write_message(f"seqpred: {message}{end}{' ' if hint else ''}{hint}")
    return int(code)


def _described(error: BaseException, words: Sequence[str]) -> tuple[Exit, str, str]:
    """Exit code, message and hint of an error."""
    if isinstance(error, SeqpredError):
        return error.exit, error.message, error.hint
    if hasattr(error, "format_message"):  # a usage error, of click or of typer's copy of it
        message = error.format_message().replace("Value error, ", "").rstrip(".") + _given(error, words)
        return Exit.CONFIG, message, _usage_hint(error, words)
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        partial = getattr(getattr(sys.stdout, "buffer", None), "written", 0)
        return Exit.INTERRUPTED, "interrupted", "The output is incomplete." if partial else "Nothing was written."
    if isinstance(error, MemoryError) or any(text in str(error) for text in NO_MEMORY):
        hint = "Lower training.batch_size, model.window or model.hidden_size, use fewer series, or raise the limit."
        return Exit.DATA, "out of memory", hint
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("seqpred"):
        package = error.name.partition(".")[0]
        return Exit.CONFIG, f"the package {package!r} is not installed", f"Install it with `pip install {package}`."
    if isinstance(error, ImportError):
        return Exit.CONFIG, f"a package cannot be imported ({error})", "Install it again."
    if isinstance(error, UnicodeEncodeError):
        text = error.object[error.start : error.end]
        return Exit.DATA, f"the text {text!r} cannot be written as {error.encoding}", "Fix it in the data."
    if isinstance(error, OSError) and error.filename is not None:
        return Exit.DATA, f"{os.fsdecode(error.filename)}: {error.strerror}", "Check the path."
    return Exit.BUG, "this is a bug in seqpred", "Please report it with the lines above."


def _given(error: Any, words: Sequence[str]) -> str:
    """The value that an option was given, if the message does not contain it."""
    for option in getattr(getattr(error, "param", None), "opts", []):
        for word, following in itertools.pairwise([*words, ""]):
            value = following if word == option else word.partition("=")[2] if word.startswith(f"{option}=") else ""
            if value and value not in error.format_message():
                return f" ({value!r} was given)"
    return ""


def _usage_hint(error: Any, words: Sequence[str]) -> str:
    if "unexpected extra argument" in error.format_message() and any(map(os.path.isfile, words[2:])):
        return "Quote the pattern so that the shell does not expand it: 'logs/*.csv'."
    context = getattr(error, "ctx", None)
    instead = SAME_MEANING.get(getattr(error, "option_name", ""))
    if context and any(instead in option.opts for option in context.command.params):
        return f"Use {instead}."
    return f"See {context.command_path if context else 'seqpred'} --help."
