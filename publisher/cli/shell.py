"""Reads arguments, prints, and turns errors into one sentence and an exit code, for all commands."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import NoReturn, TextIO

from huggingface_hub.utils import disable_progress_bars

from publisher.cli import INTERNAL_ERROR, UNINTERRUPTED, ended_by_signals, interrupted
from publisher.errors import ConfigsError, PublishingError, UsageError
from publisher.scale.workers import Lines, is_terminal, one_line_warning, quieten, waiting
from publisher.text import clean, mask, without_control

MOST_LETTERS = 2000  # of an error, which may hold several sentences
MOST_FAULTS = 10  # configs that are named, if many fail


class Parser(argparse.ArgumentParser):
    """Raises an error in one sentence if the arguments are wrong."""

    modes: dict[str, Collection[str]]  # by option: the modes of `publisher.cli.arguments` that it goes with

    def error(self, message: str) -> NoReturn:
        """Raise the error; `--traceback` is not parsed then."""
        raise UsageError(f"{message.rstrip('.')}. See {self.prog} --help.")


class CleanOutput(io.TextIOBase):
    """Standard output without tokens and terminal control characters."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.fileno, self.isatty = stream.fileno, stream.isatty  # type: ignore[method-assign]

    def write(self, text: str) -> int:
        with self._refusing():
            self._stream.write(mask("\n".join(map(without_control, text.split("\n")))))
        return len(text)

    def flush(self) -> None:
        with self._refusing():
            self._stream.flush()

    @contextlib.contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:  # another matter: the reader has seen enough
            raise
        except OSError as error:
            _drop(self._stream)
            raise UsageError(f"standard output cannot be written ({error.strerror}). Send it elsewhere.") from None


def run(
    parser: argparse.ArgumentParser,
    act: Callable[[argparse.Namespace], int],
    arguments: Sequence[str] | None,
    file_trouble: str,
) -> int:
    """Read the arguments, by default those of the process, act, and return the exit code.

    `act` gets what the parser read. If something goes wrong, one sentence is printed on standard error; it begins with
    `file_trouble` if the system refused a file.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names need not be text
    quieten()
    if not is_terminal():
        disable_progress_bars()
    lines, format_before = Lines(parser.prog), warnings.formatwarning
    waiting.addHandler(lines)
    waiting.propagate = False
    warnings.formatwarning = one_line_warning
    shows_traceback = "--traceback" in (sys.argv if arguments is None else arguments)
    shown = CleanOutput(sys.stdout) if sys.stdout else None  # None: closed from the start
    try:
        with ended_by_signals(parser.prog, shows_traceback):
            try:
                options = parser.parse_args(arguments)
                with contextlib.redirect_stdout(shown):
                    code = act(options)
                    if shown:
                        shown.flush()  # Python would do so at its end, with another exit code
                return code
            except (Exception, KeyboardInterrupt) as error:
                return _report(error, parser.prog, shows_traceback, file_trouble)
    finally:
        warnings.formatwarning = format_before
        waiting.removeHandler(lines)
        waiting.propagate = True
        try:
            if sys.stderr:
                sys.stderr.flush()
        except OSError:  # Python would try again at its end, with another exit code
            _drop(sys.stderr)


def _report(error: BaseException, prog: str, shows_traceback: bool, file_trouble: str) -> int:
    """Print what went wrong, and return the exit code."""
    if isinstance(error, BrokenPipeError):  # as in `| head`
        _drop(sys.stdout)
        return 128 + signal.SIGPIPE
    sentences: list[object] = [error]
    code = UsageError.exit_code
    if isinstance(error, ConfigsError):
        faults = list(error.faults.values())
        more = [f"... and {len(faults) - MOST_FAULTS} more"] if len(faults) > MOST_FAULTS else []
        sentences = [*faults[:MOST_FAULTS], *more, error]
    elif isinstance(error, PublishingError):
        code = error.exit_code
    elif isinstance(error, KeyboardInterrupt):  # where no thread waits for signals
        sentences, code = [interrupted()], 128 + signal.SIGINT
    elif isinstance(error, OSError):
        sentences = [f"{file_trouble}: {error}"]
    else:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(frame.filename).name}, line {frame.lineno}"
        sentences = [f"this is a bug ({place}: {type(error).__name__}: {error}). Please report this line."]
        code = INTERNAL_ERROR
    with UNINTERRUPTED, contextlib.suppress(OSError):  # the exit code says it where no one reads
        for sentence in sentences:
            print(f"{prog}: {clean(sentence, MOST_LETTERS)}", file=sys.stderr)
            failed = sentence if isinstance(sentence, BaseException) else error
            if shows_traceback and not isinstance(failed, ConfigsError):  # in the builder's code if it came from there
                trace = getattr(failed, "trace", "") or "".join(traceback.format_exception(failed.__cause__ or failed))
                print("\n".join(map(without_control, mask(trace).splitlines())), file=sys.stderr)
    return code


def _drop(stream: TextIO) -> None:
    """Let nothing take what is still to be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
