"""The progress of a training as JSON lines: `train --log FILE`."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from seqpred.cli.output_files import check_output
from seqpred.errors import WriteError
from seqpred.notes import OnProgress, Progress


class TrainingLog:
    """Writes a line for each validation of a network; one that fails does not stop the training.

    Args:
        path: the file; None to write nothing.
        append: whether to keep its lines.
    """

    def __init__(self, path: Path | None, *, append: bool = False) -> None:
        self._path, self._mode = path, "a" if append else "w"
        self._error: OSError | None = None

    @classmethod
    def of(cls, path: Path | None, out: Path, *, inputs: list[str | None], resume: bool) -> TrainingLog:
        """The log of a training into the folder `out`; a resumed one appends to it.

        Args:
            inputs: files that are read; see `check_output`.
        Raises:
            WriteError: the file cannot be written.
        """
        if path is not None:
            if out.absolute() in path.absolute().parents:
                raise typer.BadParameter(f"--log {path} is inside the model folder, which training replaces")
            check_output(path, *inputs)
        return cls(path, append=resume)

    def then(self, on_progress: OnProgress) -> OnProgress:
        """A callback that writes the line and calls another one."""

        def both(progress: Progress) -> None:
            if self._path is not None and progress.fields():
                self._write(progress.fields())
            on_progress(progress)

        return both

    def _write(self, fields: dict[str, Any]) -> None:
        assert self._path is not None
        numbers = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in fields.items()}
        line = json.dumps({"time": datetime.now(UTC).isoformat(timespec="seconds"), **numbers})
        try:
            with self._path.open(self._mode, encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as e:
            self._error = self._error or e
        self._mode = "a"

    def check(self) -> None:
        """Report a line that could not be written, after the model is complete.

        Raises:
            WriteError: there is one.
        """
        if self._error is not None:
            message = f"the log is incomplete ({self._error.strerror})"
            raise WriteError(message, hint="The model is complete.", where=str(self._path))
