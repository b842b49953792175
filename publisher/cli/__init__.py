"""The commands: arguments in, sentences and an exit code out. This module is heard before any library is imported.

One thread ends the command when a signal asks for it: the last word, no worker, no temporary file.
"""

from __future__ import annotations

import contextlib
import gc
import io
import logging
import multiprocessing.util
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from unittest.mock import patch

import publisher
from publisher.errors import LAST_WORDS, ConfigsError, PublishingError, UsageError, clean, mask, without_control

STOPPING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
UNINTERRUPTED = threading.RLock()  # held while something is done that a signal must not cut in two
AT_END: list[Callable[[], object]] = []  # what removes temporary files, when a signal ends the command


def start(command: Callable[[], int], prog: str) -> int:
    """Run a command whose libraries are imported here, quietly and after signals are heard; return its exit code."""
    with ended_by_signals(prog):
        os.environ |= dict.fromkeys(("DATASETS_VERBOSITY", "HF_HUB_VERBOSITY"), "critical")
        os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"
        gc.disable()  # what the libraries make while they are imported stays, and is not looked through again
        try:
            publisher.import_libraries()
            gc.freeze()
            gc.enable()
            return command()
        except Exception as error:
            with contextlib.redirect_stdout(None):  # early versions of the client print that they cannot be imported
                return report(error, prog)


def run(act: Callable[[list[str]], int], prog: str | None, arguments: Sequence[str] | None) -> int:
    """Act on the arguments, by default those of the process, say what goes wrong, and return the exit code."""
    from huggingface_hub.utils import disable_progress_bars
    from tqdm.contrib import DummyTqdmFile

    from publisher.scale.workers import is_terminal, one_line_warning, quieten, waiting

    words, prog = list(sys.argv[1:] if arguments is None else arguments), prog or Path(sys.argv[0]).name
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names need not be text
    quieten()
    if not is_terminal():
        disable_progress_bars()
    # Above a bar if there is one
    lines = logging.StreamHandler(DummyTqdmFile(sys.stderr)) if sys.stderr else logging.NullHandler()
    lines.setFormatter(logging.Formatter("%(prog)s: %(message)s", defaults={"prog": prog}))
    waiting.addHandler(lines)
    waiting.propagate = False
    shows_traceback = "--traceback" in words
    try:
        with patch.object(warnings, "formatwarning", one_line_warning), ended_by_signals(prog, shows_traceback):
            try:
                return act(words)
            except (Exception, KeyboardInterrupt) as error:
                return report(error, prog, shows_traceback)
    finally:
        waiting.removeHandler(lines)
        waiting.propagate = True
        for stream in filter(None, (sys.stdout, sys.stderr)):
            try:
                stream.flush()
            except OSError:  # Python would try again at its end, with another exit code
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextlib.contextmanager
def ended_by_signals(prog: str, shows_traceback: bool = False) -> Iterator[None]:
    """Let signals end the process at once with exit code 128 + n, whatever the main thread waits for.

    Signals that are ignored, as below `nohup`, stay ignored, and handlers that are not Python's stay. Python writes the
    number of a signal to a pipe, whichever thread it arrives in. On Windows and in other threads, nothing changes.
    """
    if os.name != "posix" or threading.current_thread() is not threading.main_thread():
        yield
        return
    heard, tell = os.pipe()
    os.set_blocking(tell, False)
    found = {number: signal.getsignal(number) for number in STOPPING}
    handlers = {number: handler for number, handler in found.items() if handler not in (signal.SIG_IGN, None)}
    other = signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    for number in handlers:
        signal.signal(number, lambda *_: None)
    threading.Thread(target=_wait, args=(heard, prog, shows_traceback), daemon=True).start()
    try:
        yield
    finally:
        with UNINTERRUPTED:  # else the process might end before the thread has done so
            signal.set_wakeup_fd(other)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            os.close(tell)


@contextlib.contextmanager
def removed_at_end(remove: Callable[[], object]) -> Iterator[None]:
    """Call `remove` however this ends, by a signal also."""
    AT_END.append(remove)
    try:
        yield
    finally:
        remove()
        AT_END.remove(remove)


def report(error: BaseException, prog: str, shows_traceback: bool = False) -> int:
    """Print what went wrong on standard error, a sentence each, and return the exit code."""
    if isinstance(error, BrokenPipeError):  # as in `| head`
        return 128 + signal.SIGPIPE
    sentences: list[object] = [error]
    code = error.exit_code if isinstance(error, PublishingError) else UsageError.exit_code
    if isinstance(error, ConfigsError):
        sentences = [*error.faults.values(), error]
    elif isinstance(error, KeyboardInterrupt):  # where no thread waits for signals
        sentences, code = [_last_word()], 128 + signal.SIGINT
    elif isinstance(error, OSError):
        sentences = [f"A file cannot be read or written: {error}."]
    elif not isinstance(error, PublishingError):
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(frame.filename).name}, line {frame.lineno}"
        what = "this is a bug, or an installed library does not fit"
        sentences = [f"{what} ({place}: {type(error).__name__}: {error}). Please report this line."]
        code = 70  # EX_SOFTWARE of sysexits.h
    with UNINTERRUPTED, contextlib.suppress(OSError):  # the exit code says it where no one reads
        for sentence in sentences:
            said = clean(sentence, longest=2000)
            print(f"{prog}: {said}{'' if said.endswith(('.', '?', '!')) else '.'}", file=sys.stderr)
            failed = sentence if isinstance(sentence, BaseException) else error
            if shows_traceback and not isinstance(failed, ConfigsError):  # in the builder's code if it came from there
                trace = getattr(failed, "trace", "") or "".join(traceback.format_exception(failed.__cause__ or failed))
                print("\n".join(map(without_control, mask(trace).splitlines())), file=sys.stderr)
    return code


def _last_word() -> str:
    return next(filter(None, reversed(LAST_WORDS)), "Interrupted. Nothing was changed.")


def _wait(heard: int, prog: str, shows_traceback: bool) -> None:
    """End the process as soon as a signal asks for it; return if `heard` is closed before."""
    while (told := os.read(heard, 1)) and told[0] not in STOPPING:
        pass
    if not told:
        os.close(heard)
        return
    UNINTERRUPTED.acquire()  # and kept: the main thread says nothing more
    try:
        new_line = "\r\x1b[K" if os.isatty(2) else ""  # clears a bar
        frame = sys._current_frames().get(threading.main_thread().ident or 0)
        trace = "".join(traceback.format_stack(frame)) if shows_traceback else ""
        with contextlib.suppress(OSError):
            os.write(2, f"{new_line}{prog}: {_last_word()}\n{trace}".encode(errors="replace"))
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # threads that wait for workers would complain
        for worker in multiprocessing.active_children():
            worker.kill()
            worker.join(0.5)  # seconds, at most
        # Else a process of Python's complains of semaphores that are left
        multiprocessing.util._run_finalizers(0)  # type: ignore[attr-defined]
    finally:
        for _ in range(5):  # the main thread may still write
            for remove in list(AT_END):
                with contextlib.suppress(Exception):
                    remove()
        os._exit(128 + told[0])
