"""What all commands have in common: how they read arguments, and how they fail, in one sentence and an exit code."""

from __future__ import annotations

import argparse
import atexit
import contextlib
import gc
import io
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NoReturn

from huggingface_hub.utils import disable_progress_bars

from publisher.cli.clean import CleanOutput
from publisher.errors import ConfigsError, PublishingError, UsageError
from publisher.hub.cleaning import clean, mask, without_control
from publisher.hub.transport import Operation
from publisher.scale.pool import STOPPING, one_line_warning, quieten
from publisher.scale.progress import Waiting, is_terminal, waiting

INTERNAL_ERROR = 70  # EX_SOFTWARE of sysexits.h
LONGEST = 2000  # letters of an error: several sentences of others may be in it
GRACE = 0.5  # seconds for what is done at the end of a process
TRIES = 10  # to remove a folder that threads write to
PROGRAMS = ("__main__", "publisher")  # what handles a signal before and after the command is run
Fail = Callable[[object, int], int]  # says what went wrong, and returns the exit code
AT_END = contextlib.ExitStack()
atexit.register(AT_END.close)


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with the arguments."""

    def error(self, message: str) -> NoReturn:
        """Leave with the exit code of wrong arguments."""
        self.exit(UsageError.exit_code, f"{self.prog}: {clean(message, LONGEST)}: see {self.prog} --help\n")


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
    if not is_terminal():
        disable_progress_bars()
    waits = Waiting(parser.prog)
    waiting.addHandler(waits)
    waiting.propagate = False
    gc.freeze()  # else Python looks through all that the libraries have made again and again, and before it ends
    code = INTERNAL_ERROR
    try:
        options = parser.parse_args(arguments)
        shown = CleanOutput(sys.stdout, waits.clear) if sys.stdout else None  # None: closed from the start
        with _stoppable(), contextlib.redirect_stdout(shown):
            code = _act(act, options, partial(_fail, parser.prog, waits), file_trouble, stopped)
    finally:
        waits.clear()
        waiting.removeHandler(waits)
        waiting.propagate = True
        _let_go_of_errors()
    if Operation.is_under_way():
        _end_soon(code)
    return code


def _act(
    act: Callable[[argparse.Namespace], int], options: argparse.Namespace, fail: Fail, file_trouble: str, stopped: str
) -> int:
    try:
        with _temporary_files_of_its_own(), _one_line_warnings():
            code = act(options)
            if sys.stdout:
                sys.stdout.flush()  # here: at the end of a process Python would have words and an exit code of its own
            return code
    except (Exception, KeyboardInterrupt) as error:
        if stop := _interrupt_behind(error):
            number, *words = stop.args or (signal.SIGINT,)
            return fail(words[0] if words else stopped, 128 + number)
        return _explain(error, options, fail, file_trouble)


def _explain(error: BaseException, options: argparse.Namespace, fail: Fail, file_trouble: str) -> int:
    if isinstance(error, PublishingError):
        faults = error.faults.values() if isinstance(error, ConfigsError) else [error]
        for fault in faults:
            code = fail(fault, error.exit_code)
            if getattr(options, "traceback", False):
                _print_trace(fault)
        return fail(error, code) if error not in faults else code
    if isinstance(error, BrokenPipeError):  # as in `| head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    if isinstance(error, OSError):
        return fail(f"{file_trouble}: {error}", UsageError.exit_code)
    what = f"this is a bug ({_place(error)}: {type(error).__name__}: {error}): please report this line"
    return fail(what, INTERNAL_ERROR)


def _interrupt_behind(error: BaseException | None) -> KeyboardInterrupt | None:
    """The signal that an error came from: a folder that threads still write to is not removed without one."""
    while error:
        if isinstance(error, KeyboardInterrupt):
            return error
        error = error.__context__
    return None


@contextlib.contextmanager
def _one_line_warnings() -> Iterator[None]:
    before = warnings.formatwarning
    warnings.formatwarning = one_line_warning
    try:
        yield
    finally:
        warnings.formatwarning = before


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    for other in STOPPING:
        signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Signals that ask for the end raise `KeyboardInterrupt`, once: what is removed then is removed as a whole."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    found = {number: signal.getsignal(number) for number in STOPPING}
    before = {number: handler for number, handler in found.items() if handler is not None}  # None: not of Python
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # as below nohup
            signal.signal(number, _stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            is_stopped = handler is not signal.SIG_IGN and signal.getsignal(number) is signal.SIG_IGN
            if not (is_stopped and getattr(handler, "__module__", "") in PROGRAMS):  # which ends now, and has said so
                signal.signal(number, handler)


@contextlib.contextmanager
def _temporary_files_of_its_own() -> Iterator[None]:
    """All temporary files in one folder, which goes however the command ends: libraries leave some after a signal."""
    before = tempfile.tempdir
    tempfile.tempdir = folder = tempfile.mkdtemp()
    try:
        yield
    except BaseException:
        AT_END.callback(_sweep, folder)  # once more: threads that are left to themselves may still write
        raise
    finally:
        tempfile.tempdir = before
        _sweep(folder)


def _sweep(folder: str) -> None:
    for _ in range(TRIES):
        if Path(folder).exists():
            shutil.rmtree(folder, ignore_errors=True)


def _place(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}, line {frame.lineno}"


def _fail(prog: str, waits: Waiting, message: object, exit_code: int) -> int:
    waits.clear()
    with contextlib.suppress(OSError):  # nobody hears it: the exit code still says it
        print(f"{prog}: {clean(message, LONGEST)}", file=sys.stderr)
    return exit_code


def _let_go_of_errors() -> None:
    """Drop what standard error does not take: else Python tries again at its end, with an exit code of its own."""
    try:
        if sys.stderr:
            sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def _print_trace(error: PublishingError) -> None:
    """Where in code of others it arose, as Python shows it, without what acts on a terminal."""
    trace = error.trace or (traceback.format_exception(error.__cause__) if error.__cause__ else [])
    lines = "".join(trace).splitlines()
    for line in mask("\n".join(map(without_control, lines))).splitlines():
        print(line, file=sys.stderr)


def _end_soon(code: int) -> None:
    """End the process though a request that was given up goes on in a thread of the client, which Python waits for."""
    pool = ThreadPoolExecutor(1)
    until_the_end = pool.submit(threading.current_thread).result()  # Python ends it before it waits for any other

    def end() -> None:
        until_the_end.join()
        time.sleep(GRACE)
        AT_END.close()
        os._exit(code)

    threading.Thread(target=end, daemon=True).start()
    AT_END.callback(pool.shutdown, wait=False)  # kept until then
