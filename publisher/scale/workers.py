"""Work on tasks, one after the other or in several processes, with progress: a bar on a terminal, else lines."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any, TypeVar

import datasets
from tqdm import tqdm

import publisher.builders  # noqa: F401  # workers find a script again with what this installs
from publisher.errors import UsageError, WorkerError
from publisher.prepare.datasets_compat import ROWS
from publisher.prepare.tasks import Task
from publisher.text import clean

LINE_EVERY_S = 60.0  # where there is no terminal
LOOK_EVERY_S = 1.0  # at how many rows there are, on a terminal
FIRST_LINE_AFTER_S = 5.0
waiting = logging.getLogger("publisher.waiting")  # what lasts long, and why
notes = waiting.getChild("notes")  # what a user should know, and what stays on a terminal
notes.setLevel(logging.INFO)
T = TypeVar("T")


def work_on(
    tasks: Sequence[Task], work: Callable[[Task], T], workers: int, done: int, faults: dict[str, UsageError]
) -> dict[int, T]:
    """Do the work on each task.

    Parameters
    ----------
    tasks : sequence of Task
    work : callable
        Can be pickled.
    workers : int
        Processes; 1 works in this one.
    done : int
        Amount that was done before: progress starts there.
    faults : dict of str to UsageError
        Takes what is wrong with a config, while the others go on.

    Returns
    -------
    dict of int to object
        What `work` returned, by the place of the task, without those at fault.

    Raises
    ------
    WorkerError
        If a process was killed. Whatever else `work` raises stops all of it.
    """
    results: dict[int, T] = {}
    with Progress(tasks, done) as progress:
        work_of = _in_processes if min(workers, len(tasks)) > 1 else _here
        for index, result in work_of(tasks, partial(_try, work), workers, progress):
            if isinstance(result, UsageError):
                faults.setdefault(tasks[index].name, result)
                progress.print(clean(result))
            else:
                results[index] = result
            progress.add(tasks[index].amount)
    return results


def _try(work: Callable[[Task], T], task: Task) -> T | UsageError:
    try:
        return work(task)
    except UsageError as error:
        return error


def _here(
    tasks: Sequence[Task], work: Callable[[Task], T], workers: int, progress: Progress
) -> Iterator[tuple[int, T]]:
    for index, task in enumerate(tasks):
        with progress.working_on(task.name, f"{index + 1} of {len(tasks)}"):
            result = work(task)
        yield index, result


def _in_processes(
    tasks: Sequence[Task], work: Callable[[Task], T], workers: int, progress: Progress
) -> Iterator[tuple[int, T]]:
    context = get_context("spawn")  # a fork would copy the threads and connections of the libraries
    line, end = context.Pipe(duplex=False)
    records = context.SimpleQueue()
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(min(workers, len(tasks)), context, _start, (line, folder, records)) as pool,
    ):
        try:
            with _signals_for_later():
                left = {pool.submit(work, task): index for index, task in enumerate(tasks)}
            while left:
                for future in wait(left, timeout=1, return_when=FIRST_COMPLETED).done:
                    index = left.pop(future)
                    progress.name(tasks[index].name)
                    yield index, future.result()
                progress.refresh()
                while not records.empty():
                    waiting.handle(records.get())
        except BrokenProcessPool:
            raise WorkerError(
                "A worker was killed, perhaps because memory ran out. Run the command again with --resume, and with "
                "fewer --workers if memory is short."
            ) from None
        except RuntimeError as error:
            if "bootstrapping phase" not in str(error):
                raise
            raise UsageError(
                "--workers starts processes that import the script again. Call `main` below if __name__ == '__main__'."
            ) from None
        finally:
            end.close()
            pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _signals_for_later() -> Iterator[None]:
    """Block signals while processes are started, which never hear them: Ctrl-C goes to all processes of a group."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(line: Connection, folder: str, records: SimpleQueue[logging.LogRecord]) -> None:
    """Start a worker, that ends in the middle of a task when the line is cut: by the first process, or by its death.

    Whatever it has not removed by then lies in `folder`, which the first process removes.
    """
    quieten()
    tqdm.set_lock(threading.RLock())  # its own is shared by processes, and left behind by one that ends in the middle
    warnings.formatwarning = one_line_warning
    waiting.addHandler(_Passing(records))
    tempfile.tempdir = folder
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where they cannot be blocked

    def watch() -> None:
        with contextlib.suppress(EOFError):
            line.recv()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class _Passing(logging.Handler):
    """Passes what a worker waits for to the first process."""

    def __init__(self, records: SimpleQueue[logging.LogRecord]) -> None:
        super().__init__()
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        self._records.put(record)


def one_line_warning(message: Warning | str, *_: Any, **__: Any) -> str:
    """A warning without the path and the line of source code that Python adds."""
    return f"warning: {clean(message)}\n"


def quieten() -> None:
    """Keep the libraries from logging, warnings and bars: the publisher reports what matters in one sentence."""
    datasets.disable_progress_bars()
    for library in ("datasets", "huggingface_hub"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    if not sys.warnoptions:  # of python -W, or PYTHONWARNINGS
        for category in (FutureWarning, DeprecationWarning, ResourceWarning):  # for who writes code
            warnings.simplefilter("ignore", category)
        warnings.filterwarnings("ignore", module=r"datasets|fsspec|hf_xet|httpx|huggingface_hub|pyarrow|urllib3")


def is_terminal() -> bool:
    """Return True if a person may be watching."""
    return bool(sys.stderr and sys.stderr.isatty())


class Progress:
    """A bar, or lines where no terminal shows it; what is waited for shows in it."""

    def __init__(self, tasks: Sequence[Task], done: int) -> None:
        self._terminal = is_terminal()
        self._nowhere = None if self._terminal else Path(os.devnull).open("w")  # noqa: SIM115  # closed with the bar
        total = done + sum(task.amount for task in tasks)
        self._bar = tqdm(
            total=total,
            initial=done,
            unit=tasks[0].unit if tasks else "",
            unit_scale=total >= 1000,
            smoothing=0,  # tasks come seldom: the rate since the start
            file=self._nowhere or sys.stderr,
            leave=False,
        )
        self._said = time.monotonic()

    def __enter__(self) -> Progress:
        Waiting.bar = self._bar
        return self

    def __exit__(self, *_: object) -> None:
        Waiting.bar = None
        self._bar.close()
        if self._nowhere:
            self._nowhere.close()

    @contextlib.contextmanager
    def working_on(self, name: str, place: str) -> Iterator[None]:
        """Show what is prepared, how many rows it has so far, and how many a second."""
        begun, before = time.monotonic(), ROWS.number

        def words() -> str:
            rows, seconds = ROWS.number - before, time.monotonic() - begun
            return f"{name}, {rows:,} rows, {rows / max(seconds, 1e-9):,.0f} a second" if rows else name

        self.name(name)
        if self._terminal:
            with repeated(LOOK_EVERY_S, LOOK_EVERY_S, lambda: self._bar.set_description_str(words())):
                yield
        else:
            with said_if_long(lambda: f"preparing {place}: {words()}"):
                yield
        self.name(words())

    def name(self, name: str) -> None:
        """Show what was worked on last."""
        self._bar.set_description_str(name, refresh=self._terminal)

    def print(self, line: str) -> None:
        """Print a line above the bar; without a terminal, the error at the end is enough."""
        if self._terminal:
            self._bar.write(line, file=sys.stderr)

    def add(self, amount: int) -> None:
        """Count what is done."""
        self._bar.set_postfix_str("", refresh=False)  # whatever was waited for
        self._bar.update(amount)
        if not self._terminal and sys.stderr and time.monotonic() - self._said >= LINE_EVERY_S:
            print(self._bar, file=sys.stderr)
            self._said = time.monotonic()

    def refresh(self) -> None:
        """Show that time passes."""
        self._bar.refresh()


def said_if_long(words: Callable[[], str]) -> contextlib.AbstractContextManager[None]:
    """Say, while something lasts that cannot be counted, what it is and for how long it has been going on."""
    begun = time.monotonic()
    return repeated(
        FIRST_LINE_AFTER_S,
        LINE_EVERY_S,
        lambda: waiting.warning("%s, for %.0f s so far", words(), time.monotonic() - begun),
    )


@contextlib.contextmanager
def repeated(first: float, further: float, act: Callable[[], object]) -> Iterator[None]:
    """Act after so many seconds, and then again and again, while something lasts."""
    done = threading.Event()

    def watch() -> None:
        wait = first
        while not done.wait(wait):
            act()
            wait = further

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


class Waiting(logging.Handler):
    """Shows what is waited for: in the bar, in a line that disappears again, or without a terminal in lines."""

    bar: tqdm | None = None  # of the work that is under way

    def __init__(self, prog: str) -> None:
        super().__init__()
        self._prog = prog
        self._line: tqdm | None = None

    def emit(self, record: logging.LogRecord) -> None:
        words = record.getMessage()
        if not is_terminal() or record.levelno < logging.WARNING:
            if sys.stderr:
                self.clear()
                print(f"{self._prog}: {words}", file=sys.stderr, flush=True)
        elif Waiting.bar is not None:
            Waiting.bar.set_postfix_str(words)
        else:
            if self._line is None:
                self._line = tqdm(total=0, bar_format="{desc}", leave=False, file=sys.stderr)
            self._line.set_description_str(words)

    def clear(self) -> None:
        """Remove the line that disappears again."""
        if self._line is not None:
            self._line.close()
            self._line = None
