"""Runs what a command does, and turns errors into sentences and an exit code."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from huggingface_hub.utils import disable_progress_bars

from publisher.cli import ended_by_signals, report
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
                return act(words)
            except (Exception, KeyboardInterrupt) as error:
                return report(error, prog, shows_traceback)
    finally:
        warnings.formatwarning = format_before
        waiting.removeHandler(lines)
        waiting.propagate = True
        for stream in filter(None, (sys.stdout, sys.stderr)):
            try:
                stream.flush()
            except OSError:  # Python would try again at its end, with another exit code
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
