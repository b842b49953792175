"""What all commands have in common: how they read arguments, and how they fail, in one sentence and an exit code."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from huggingface_hub import get_token
from huggingface_hub.utils import disable_progress_bars

from publisher.errors import PublishingError, UsageError
from publisher.scale.pool import quieten

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


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt(number)


def _place(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}, line {frame.lineno}"


def _fail(parser: argparse.ArgumentParser, message: object, exit_code: int) -> int:
    text = " ".join(str(message).split())
    if token := get_token():
        text = text.replace(token, "***")
    print(f"{parser.prog}: {text}", file=sys.stderr)
    return exit_code
