"""Runs what a command does, with its output cleaned, and errors turned into sentences and an exit code."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from huggingface_hub.utils import disable_progress_bars

from publisher.cli import ended_by_signals, report
from publisher.errors import UsageError
from publisher.scale.workers import Lines, is_terminal, one_line_warning, quieten, waiting


def run(act: Callable[[list[str]], int], prog: str | None, arguments: Sequence[str] | None) -> int:
    """Act on the arguments, by default those of the process, and return the exit code.

    If something goes wrong, one sentence is printed on standard error.
    """
    words, prog = list(sys.argv[1:] if arguments is None else arguments), prog or Path(sys.argv[0]).name
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names need not be text
    quieten()
    if not is_terminal():
        disable_progress_bars()
    lines, format_before = Lines(prog), warnings.formatwarning
    waiting.addHandler(lines)
    waiting.propagate = False
    warnings.formatwarning = one_line_warning
    shows_traceback = "--traceback" in words
    try:
        with ended_by_signals(prog, shows_traceback):
            try:
                code = act(words)
                if sys.stdout:  # None: closed from the start
                    _flush(sys.stdout)
                return code
            except (Exception, KeyboardInterrupt) as error:
                return report(error, prog, shows_traceback)
    finally:
        warnings.formatwarning = format_before
        waiting.removeHandler(lines)
        waiting.propagate = True
        for stream in filter(None, (sys.stdout, sys.stderr)):
            with contextlib.suppress(UsageError, BrokenPipeError):
                _flush(stream)


def _flush(stream: TextIO) -> None:
    """Write what is left; Python would do so at its end, with another exit code."""
    try:
        stream.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # nothing takes what is still to be written
        if isinstance(error, BrokenPipeError):  # the reader has seen enough
            raise
        raise UsageError(f"standard output cannot be written ({error.strerror}). Send it elsewhere.") from None
