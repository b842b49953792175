"""The commands: arguments in, sentences and an exit code out. This module is heard before any library is imported.

One thread ends the command when a signal asks for it: the last word, no worker, no temporary file.
"""

from __future__ import annotations

import contextlib
import multiprocessing.util
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator

import publisher
from publisher.errors import LAST_WORDS

INTERNAL_ERROR = 70  # EX_SOFTWARE of sysexits.h
STOPPING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
UNINTERRUPTED = threading.RLock()  # held while something is done that a signal must not cut in two
AT_END: list[Callable[[], object]] = []  # what removes temporary files, when a signal ends the command
END_FOR_S = 0.5  # at most, for workers that end
REMOVALS = 5
_installed = False
_shows_traceback = False


def start(command: Callable[[], int], prog: str) -> int:
    """Run a command that has not imported its libraries yet, and return its exit code.

    Signals are heard, and what the libraries print is turned off, before they are imported.
    """
    with ended_by_signals(prog):
        os.environ |= dict.fromkeys(("DATASETS_VERBOSITY", "HF_HUB_VERBOSITY"), "critical")
        os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"
        try:
            publisher.import_libraries()
            return command()
        except Exception as error:
            code: int = getattr(error, "exit_code", INTERNAL_ERROR)
            words = () if code != INTERNAL_ERROR else ("cannot start:", type(error).__name__)
            print(f"{prog}:", *words, *str(error).split(), file=sys.stderr)
            return code


@contextlib.contextmanager
def ended_by_signals(prog: str, shows_traceback: bool = False) -> Iterator[None]:
    """Let signals end the process at once with exit code 128 + n, whatever the main thread waits for.

    Signals that are ignored, as below `nohup` and in background jobs, stay ignored. Python itself writes the number of
    a signal to a pipe, in whichever thread it arrives; so it does not matter which libraries have started threads.
    On Windows, and outside of the main thread, nothing changes.
    """
    global _installed, _shows_traceback
    _shows_traceback = shows_traceback
    if os.name != "posix" or _installed or threading.current_thread() is not threading.main_thread():
        yield
        return
    heard, tell = os.pipe()
    os.set_blocking(tell, False)
    found = {number: signal.getsignal(number) for number in STOPPING}
    for number, handler in found.items():
        if handler not in (signal.SIG_IGN, None):  # None: not of Python
            signal.signal(number, lambda *_: None)
    other = signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    threading.Thread(target=_wait, args=(heard, prog), daemon=True).start()
    _installed = True
    try:
        yield
    finally:
        with UNINTERRUPTED:  # else the process might end before the thread has done so
            signal.set_wakeup_fd(other)
            for number, handler in found.items():
                if handler is not None:
                    signal.signal(number, handler)
            _installed = False
            os.close(tell)


def interrupted() -> str:
    """Sentence for the end by a signal."""
    return next(filter(None, reversed(LAST_WORDS)), "Interrupted. Nothing was changed.")


def _wait(heard: int, prog: str) -> None:
    while number := os.read(heard, 1):
        if number[0] in STOPPING:
            _end(prog, number[0])
    os.close(heard)


def _end(prog: str, number: int) -> None:
    UNINTERRUPTED.acquire()  # and kept: the main thread says nothing more
    try:
        new_line = "\r\x1b[K" if os.isatty(2) else ""  # clears a bar
        frame = sys._current_frames().get(threading.main_thread().ident or 0)
        trace = "".join(traceback.format_stack(frame)) if _shows_traceback else ""
        with contextlib.suppress(OSError):
            os.write(2, f"{new_line}{prog}: {interrupted()}\n{trace}".encode(errors="replace"))
        workers = multiprocessing.active_children()
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.join(END_FOR_S)
        # Else a process of Python's complains of semaphores that are left
        multiprocessing.util._run_finalizers(0)  # type: ignore[attr-defined]
    finally:
        for _ in range(REMOVALS):  # the main thread may still write
            for remove in list(AT_END):
                with contextlib.suppress(Exception):
                    remove()
        os._exit(128 + number)
