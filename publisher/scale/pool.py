"""Work on tasks of a dataset, one after the other or in several processes, with progress."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.queues import SimpleQueue
from typing import Any, TypeVar, cast

import datasets
from tqdm import tqdm

from publisher.errors import UsageError, WorkerError
from publisher.hub.cleaning import clean
from publisher.prepare.tasks import Task
from publisher.scale.progress import Progress, progress_of, waiting

STOPPING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

T = TypeVar("T")


def work_on(
    tasks: Sequence[Task],
    work: Callable[[Task], T],
    workers: int,
    done: int,
    faults: dict[str, UsageError] | None,
) -> list[T]:
    """Do the work on each task.

    Parameters
    ----------
    tasks : sequence of Task
    work : callable
        Can be pickled.
    workers : int
        Processes; 1 works in this one.
    done : int
        What was done before: progress starts there.
    faults : dict of str to UsageError, or None
        Takes what is wrong with a config, while the others go on.

    Returns
    -------
    list
        What `work` returned, in the order of the tasks, without those at fault.

    Raises
    ------
    WorkerError
        If a process was killed. What `work` raises stops all of it, but for `faults`.
    """
    results: dict[int, T] = {}
    total = done + sum(task.amount for task in tasks)
    with progress_of(total, done, tasks[0].unit if tasks else "") as progress:
        for index, result in _results(tasks, partial(_try, work, faults is not None), workers, progress):
            if isinstance(result, UsageError) and faults is not None:
                faults.setdefault(tasks[index].name, result)
                progress.say(clean(result))
            else:
                results[index] = cast("T", result)
            progress.add(tasks[index].amount)
    return [results[index] for index in sorted(results)]


def _try(work: Callable[[Task], T], goes_on: bool, task: Task) -> T | UsageError:
    try:
        return work(task)
    except UsageError as error:
        if goes_on:
            return error
        raise


def _results(
    tasks: Sequence[Task], work: Callable[[Task], T], workers: int, progress: Progress
) -> Iterator[tuple[int, T]]:
    """The results as they come, each with the place of its task."""
    workers = min(workers, len(tasks))
    if workers <= 1:
        for index, task in enumerate(tasks):
            with progress.working_on(task.name, f"{index + 1} of {len(tasks)}"):
                result = work(task)
            yield index, result
        return
    context = get_context("spawn")  # a fork would copy the threads and connections of the libraries
    line, end = context.Pipe(duplex=False)
    notes = context.SimpleQueue()
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(workers, context, _start, (line, folder, notes)) as pool,
    ):
        try:
            with _unheard():
                left = {pool.submit(work, task): index for index, task in enumerate(tasks)}
            while left:
                for future in wait(left, timeout=1, return_when=FIRST_COMPLETED).done:
                    index = left.pop(future)
                    progress.name(tasks[index].name)
                    yield index, future.result()
                progress.go_on()
                while not notes.empty():
                    waiting.handle(notes.get())
        except BrokenProcessPool:
            raise WorkerError(
                "a worker was killed, perhaps because memory ran out: run the command again, with fewer --workers if so"
            ) from None
        except RuntimeError as error:
            if "bootstrapping phase" not in str(error):
                raise
            raise UsageError(
                "--workers starts processes that import the script again: call `main` below if __name__ == '__main__'"
            ) from None
        finally:
            end.close()
            pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _unheard() -> Iterator[None]:
    """Signals that ask for the end come afterwards; processes that are started never get them: they often go to all.

    The first process tells the others. A worker that heard them itself would say so in a traceback of its own.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(line: Connection, folder: str, notes: SimpleQueue[logging.LogRecord]) -> None:
    """A worker ends, in the middle of a task, when the line is cut: by the first process, or by its death.

    Whatever it has not removed by then lies in `folder`, which the first process removes.
    """
    quieten()
    tqdm.set_lock(threading.RLock())  # its own is shared by processes, and left behind by one that ends in the middle
    warnings.formatwarning = one_line_warning
    waiting.addHandler(_Passing(notes))
    tempfile.tempdir = folder
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where they cannot be blocked

    def watch() -> None:
        with contextlib.suppress(EOFError):
            line.recv()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class _Passing(logging.Handler):
    """Passes on to the first process what a worker waits for."""

    def __init__(self, notes: SimpleQueue[logging.LogRecord]) -> None:
        super().__init__()
        self._notes = notes

    def emit(self, record: logging.LogRecord) -> None:
        self._notes.put(record)


def one_line_warning(message: Warning | str, *_: Any, **__: Any) -> str:
    """A warning without the path and the line of source code that Python puts existing it."""
    return f"warning: {clean(message)}\n"


def quieten() -> None:
    """Keep the libraries from logging, warnings and bars: what they have to say comes as one sentence from here."""
    datasets.disable_progress_bars()
    for library in ("datasets", "huggingface_hub"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    if not sys.warnoptions:  # of python -W, or PYTHONWARNINGS
        for category in (FutureWarning, DeprecationWarning, ResourceWarning):  # for who writes code
            warnings.simplefilter("ignore", category)
        warnings.filterwarnings(
            "ignore", module=r"datasets|fsspec|hf_xet|httpx|huggingface_hub|pyarrow|requests|urllib3"
        )
