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
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn, TextIO

from huggingface_hub.utils import disable_progress_bars

from publisher.cli import INTERNAL_ERROR
from publisher.cli.signals import UNINTERRUPTED, ended_by_signals
from publisher.errors import LAST_WORDS, ConfigsError, PublishingError, UsageError
from publisher.scale.workers import Lines, is_terminal, one_line_warning, quieten, waiting
from publisher.text import clean, mask, without_control

MOST_LETTERS = 2000  # of an error, which may hold several sentences

MOST_FAULTS = 10  # configs that are named, if many fail


class Parser(argparse.ArgumentParser):
    """Raises an error in one sentence if the arguments are wrong."""

    def error(self, message: str) -> NoReturn:
        """Raise the error; `--traceback` is not parsed then."""
        raise UsageError(f"{message.rstrip('.')}. See {self.prog} --help.")


class CleanOutput(io.TextIOBase):
    """Standard output without tokens and terminal control characters."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write all of it, line by line."""
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
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())  # takes the rest
            raise UsageError(f"standard output cannot be written ({error.strerror}). Send it elsewhere.") from None

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return self._stream.isatty()


def run(
    parser: argparse.ArgumentParser,
    act: Callable[[argparse.Namespace], int],
    arguments: Sequence[str] | None,
    *,
    file_trouble: str,
    stopped: str,
) -> int:
    """Read the arguments, by default those of the process, act, and return the exit code.

    `act` gets what the parser read. If something goes wrong, one sentence is printed on standard error; it begins with
    `file_trouble` if the system refused a file, and is `stopped` if a signal ended the command.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names need not be text
    quieten()
    if not is_terminal():
        disable_progress_bars()
    lines = Lines(parser.prog)
    waiting.addHandler(lines)
    waiting.propagate = False
    LAST_WORDS.append(stopped)
    shows_traceback = "--traceback" in (sys.argv if arguments is None else arguments)
    shown = CleanOutput(sys.stdout) if sys.stdout else None  # None: closed from the start
    try:
        with ended_by_signals(parser.prog, shows_traceback), _one_line_warnings():
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
        LAST_WORDS.remove(stopped)
        waiting.removeHandler(lines)
        waiting.propagate = True
        _drop_unwritten_errors()


def _report(error: BaseException, prog: str, shows_traceback: bool, file_trouble: str) -> int:
    """Print what went wrong, and return the exit code."""
    if isinstance(error, BrokenPipeError):  # as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
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
        sentences, code = [LAST_WORDS[-1]], 128 + signal.SIGINT
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
            if shows_traceback:
                _print_traceback(sentence if isinstance(sentence, BaseException) else error)
    return code


def _print_traceback(error: BaseException) -> None:
    """Print where an error arose: in the builder's code if it came from there, else in the publisher's."""
    if isinstance(error, ConfigsError):
        return
    trace = getattr(error, "trace", "") or "".join(traceback.format_exception(error.__cause__ or error))
    for line in mask(trace).splitlines():
        print(without_control(line), file=sys.stderr)


@contextlib.contextmanager
def _one_line_warnings() -> Iterator[None]:
    before = warnings.formatwarning
    warnings.formatwarning = one_line_warning
    try:
        yield
    finally:
        warnings.formatwarning = before


def _drop_unwritten_errors() -> None:
    """Drop what standard error does not take: else Python tries again at its end, with another exit code."""
    try:
        if sys.stderr:
            sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
