"""Work on tasks, one after the other or in several processes, with progress: a bar on a terminal, else lines."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.queues import SimpleQueue
from typing import Any, TypeVar

import datasets
from tqdm import tqdm

import publisher.builders  # noqa: F401  # workers find a script again with what this installs
from publisher.errors import UsageError, WorkerError
from publisher.prepare.datasets_compat import ROWS
from publisher.prepare.tasks import Task
from publisher.text import clean

LINE_EVERY_S = 60.0  # without a terminal
LOOK_EVERY_S = 1.0  # at how many rows there are, on a terminal
FIRST_LINE_AFTER_S = 5.0
waiting = logging.getLogger("publisher.waiting")  # what lasts long, and why
notes = waiting.getChild("notes")  # what a user should know
notes.setLevel(logging.INFO)
T = TypeVar("T")


def work_on(
    tasks: Mapping[int, Task], work: Callable[[Task], T], workers: int, done: int, faults: dict[str, UsageError]
) -> dict[int, T]:
    """Do the work, which can be pickled, on each task; return the results under the same keys.

    Progress starts at the amount that was `done` before. What is wrong with a config goes to `faults`, and the others
    go on. Whatever else `work` raises stops all of it, as does a killed process (WorkerError).
    """
    results: dict[int, T] = {}
    work_of = _in_processes if min(workers, len(tasks)) > 1 else _here
    with Progress(tasks.values(), done, LINE_EVERY_S if work_of is _in_processes else FIRST_LINE_AFTER_S) as progress:
        for index, result in work_of(tasks, partial(_try, work), workers, progress):
            if isinstance(result, UsageError):
                faults.setdefault(tasks[index].name, result)
            else:
                results[index] = result
            progress.bar.update(tasks[index].amount)
    return results


def _try(work: Callable[[Task], T], task: Task) -> T | UsageError:
    try:
        return work(task)
    except UsageError as error:
        return error


def _here(
    tasks: Mapping[int, Task], work: Callable[[Task], T], workers: int, progress: Progress
) -> Iterator[tuple[int, T]]:
    for index, task in tasks.items():
        progress.name = task.name
        yield index, work(task)


def _in_processes(
    tasks: Mapping[int, Task], work: Callable[[Task], T], workers: int, progress: Progress
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
                left = {pool.submit(work, task): index for index, task in tasks.items()}
            while left:
                for future in wait(left, timeout=1, return_when=FIRST_COMPLETED).done:
                    index = left.pop(future)
                    progress.name = tasks[index].name
                    yield index, future.result()
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
    if os.name != "posix":
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
    waiting.addHandler(passing := logging.Handler())
    passing.emit = records.put  # type: ignore[assignment, method-assign]  # for the first process to show
    tempfile.tempdir = folder
    sys.stdout = sys.stderr  # for what a script prints
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where they cannot be blocked

    def watch() -> None:
        with contextlib.suppress(EOFError):
            line.recv()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def prints_elsewhere(json: bool) -> contextlib.AbstractContextManager[Any]:
    """Send what a script prints to standard error, where standard output is for programs."""
    return contextlib.redirect_stdout(sys.stderr) if json else contextlib.nullcontext()


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
    """A bar on a terminal, else a line from time to time."""

    def __init__(self, tasks: Collection[Task], done: int, first: float) -> None:
        self.name = ""  # of the config that is or was worked on
        self._begun, self._before = time.monotonic(), ROWS.number
        self._terminal = is_terminal()
        waits = (LOOK_EVERY_S, LOOK_EVERY_S) if self._terminal else (first, LINE_EVERY_S)
        self._watch = repeated(*waits, self._show)
        total = done + sum(task.amount for task in tasks)
        self.bar = tqdm(
            total=total,
            initial=done,
            unit=next((task.unit for task in tasks), ""),
            unit_scale=total >= 1000,
            smoothing=0,  # tasks come seldom: the rate since the start
            file=sys.stderr if self._terminal else io.StringIO(),
            leave=False,
        )

    def __enter__(self) -> Progress:
        self._watch.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._watch.__exit__(None, None, None)
        self.bar.close()

    def _show(self) -> None:
        rows, seconds = ROWS.number - self._before, time.monotonic() - self._begun
        words = [self.name] if self.name else []
        words += [f"{rows:,} rows, {rows / seconds:,.0f} a second"] if rows else []
        if self._terminal:
            self.bar.set_description_str(", ".join(words))
        else:
            done = f"prepared {self.bar.n:,} of {self.bar.total:,}{self.bar.unit}"
            waiting.warning("%s, for %.0f s so far", ", ".join([done, *words]), seconds)


def said_if_long(words: str) -> contextlib.AbstractContextManager[None]:
    """Say, while something lasts that cannot be counted, what it is and for how long it has been going on."""
    begun = time.monotonic()

    def say() -> None:
        waiting.warning("%s, for %.0f s so far", words, time.monotonic() - begun)

    return repeated(FIRST_LINE_AFTER_S, LINE_EVERY_S, say)


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


class Lines(logging.Handler):
    """Prints what is waited for, above a bar if there is one."""

    def __init__(self, prog: str) -> None:
        super().__init__()
        self._prog = prog

    def emit(self, record: logging.LogRecord) -> None:
        if sys.stderr:
            tqdm.write(f"{self._prog}: {record.getMessage()}", file=sys.stderr)
