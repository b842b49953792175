"""What all commands have in common: how they read arguments, and how they fail, in one sentence and an exit code."""

from __future__ import annotations

import argparse
import io
import logging
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from huggingface_hub import get_token
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import disable_progress_bars, validate_repo_id

from publisher.errors import PublishingError, UsageError

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")  # of a repository, branch or tag: what git and the Hub both take
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


def quieten() -> None:
    """Keep the libraries from logging: what they have to say comes as one sentence from here."""
    for library in ("datasets", "huggingface_hub"):
        logging.getLogger(library).setLevel(logging.CRITICAL)


def check_repo_id(argument: str, repo_id: str) -> None:
    """Refuse what cannot be the name of a repository.

    Examples
    --------
    >>> check_repo_id("REPO_ID", "data")
    Traceback (most recent call last):
    publisher.errors.UsageError: REPO_ID 'data' is not allowed: give namespace/name ...
    """
    try:
        validate_repo_id(repo_id)
    except HFValidationError:
        allowed = False
    else:
        allowed = bool(NAME.fullmatch(repo_id)) and "/" in repo_id
    if not allowed:
        raise UsageError(
            f"{argument} {repo_id!r} is not allowed: give namespace/name of letters, digits and -_. between them"
        )


def check_ref(argument: str, name: str | None) -> None:
    """Refuse what cannot be the name of a branch, tag or commit.

    Examples
    --------
    >>> check_ref("--tag", "v 1")
    Traceback (most recent call last):
    publisher.errors.UsageError: --tag 'v 1' is not allowed: give letters, digits and -_./ between them
    """
    if name is not None and (not NAME.fullmatch(name) or ".." in name or name.endswith((".", ".lock", "/"))):
        raise UsageError(f"{argument} {name!r} is not allowed: give letters, digits and -_./ between them")


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
