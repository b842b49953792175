"""What all commands have in common: how they read arguments, and how they fail, in one sentence and an exit code."""

from __future__ import annotations

import argparse
import io
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, TextIO

from huggingface_hub import get_token
from huggingface_hub.utils import disable_progress_bars

from publisher.errors import PublishingError, UsageError
from publisher.scale.pool import quieten

MOVES = re.compile(r"(\n|\r|\x1b\[A)")  # to the next line, and how tqdm draws several bars
INTERNAL_ERROR = 70  # EX_SOFTWARE of sysexits.h


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with the arguments."""

    def error(self, message: str) -> NoReturn:
        """Leave with the exit code of wrong arguments."""
        self.exit(UsageError.exit_code, f"{self.prog}: {message}: see {self.prog} --help\n")


def run(
    parser: argparse.ArgumentParser,
    act: Callable[[argparse.Namespace], int],
    arguments: Sequence[str] | None,
    *,
    file_trouble: str,
    stopped: str,
) -> int:
    """Read the arguments, act, and say in one sentence on standard error what went wrong.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    act : callable
        Gets what the parser read and returns the exit code.
    arguments : sequence of str or None
        None: those of the process.
    file_trouble, stopped : str
        What to say if the system refuses a file, and if a signal stops the command.

    Returns
    -------
    int
        Exit code.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names need not be text
    with redirect_stdout(_Masked(sys.stdout)), redirect_stderr(_Masked(sys.stderr)):
        quieten()
        if not (sys.stderr and sys.stderr.isatty()):
            disable_progress_bars()
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, _stop)
        options = parser.parse_args(arguments)
        try:
            return act(options)
        except PublishingError as error:
            return _fail(parser, error, error.exit_code)
        except BrokenPipeError:  # as in `| head`: nobody reads on
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 128 + signal.SIGPIPE
        except OSError as error:
            return _fail(parser, f"{file_trouble}: {error}", UsageError.exit_code)
        except Exception as error:
            return _fail(parser, f"{_place(error)}: {type(error).__name__}: {error}: a mistake there", INTERNAL_ERROR)
        except KeyboardInterrupt as stop:
            number = stop.args[0] if stop.args else signal.SIGINT
            return _fail(parser, stopped, 128 + number)


def printable(text: str) -> str:
    r"""One line that a terminal shows and does not obey: control characters and their like are written out.

    Examples
    --------
    >>> print(printable("red\x1b[31m\nline"))
    red\x1b[31m\nline
    """
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


class _Masked:
    """Standard output or error, through which everything is printed: without the token and what moves a terminal.

    What others chose gets there, too: file names, cards, and what the Hub says. Progress bars may go back and up.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._token = get_token()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        if self._stream is not None:
            shown = text.replace(self._token, "***") if self._token else text
            self._stream.write("".join(map(_mask, MOVES.split(shown))))
        return len(text)


def _mask(text: str) -> str:
    return text if MOVES.fullmatch(text) else printable(text)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt(number)


def _place(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}, line {frame.lineno}"


def _fail(parser: argparse.ArgumentParser, message: object, exit_code: int) -> int:
    print(f"{parser.prog}: {' '.join(str(message).split())}", file=sys.stderr)
    return exit_code
