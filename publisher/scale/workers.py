"""Work on tasks, one after the other or in several processes, with progress: a bar on a terminal, else lines."""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from logging.handlers import QueueHandler
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.queues import Queue
from typing import Any

import datasets
from tqdm import tqdm

import publisher.builders  # noqa: F401  # workers find a script again with what this installs
from publisher.errors import UsageError, WorkerError, clean
from publisher.hub.http import repeated
from publisher.prepare.datasets_compat import ROWS
from publisher.prepare.tasks import Task

LINE_EVERY_S = 60.0  # without a terminal
LOOK_EVERY_S = 1.0  # at how many rows there are, on a terminal
FIRST_LINE_AFTER_S = 5.0
waiting = logging.getLogger("publisher.waiting")  # what lasts long, and why
notes = waiting.getChild("notes")  # what a user should know
notes.setLevel(logging.INFO)


def calls_for(
    tasks: Mapping[int, Task], work: Callable[[Task], Any], workers: int
) -> Generator[tuple[int, Callable[[], Any]]]:
    """Yield for each task a function that does the work and returns the result, or has it from one of several workers.

    `work` can be pickled. What it raises is raised by the function. A killed process stops all (WorkerError).
    """
    if min(workers, len(tasks)) < 2:
        for index, task in tasks.items():
            yield index, partial(work, task)
        return
    context = get_context("spawn")  # a fork would copy the threads and connections of the libraries
    line, end = context.Pipe(duplex=False)
    records = context.Queue()
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(min(workers, len(tasks)), context, _start, (line, folder, records)) as pool,
        closing(end),
    ):
        try:
            with _signals_for_later() if os.name == "posix" else nullcontext():
                left = {pool.submit(work, task): index for index, task in tasks.items()}
            while left:
                for future in wait(left, timeout=1, return_when=FIRST_COMPLETED).done:
                    if isinstance(error := future.exception(), BrokenProcessPool):
                        raise error
                    yield left.pop(future), future.result
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


@contextmanager
def _signals_for_later() -> Iterator[None]:
    """Block signals while processes are started, which never hear them: Ctrl-C goes to all processes of a group."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(line: Connection, folder: str, records: Queue[logging.LogRecord]) -> None:
    """Start a worker, that ends in the middle of a task when the line is cut: by the first process, or by its death.

    Whatever it has not removed by then lies in `folder`, which the first process removes.
    """
    quieten()
    tqdm.set_lock(threading.RLock())  # its own is shared by processes, and left behind by one that ends in the middle
    warnings.formatwarning = one_line_warning
    waiting.addHandler(QueueHandler(records))  # for the first process to show
    tempfile.tempdir = folder
    sys.stdout = sys.stderr  # for what a script prints
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where they cannot be blocked
    threading.Thread(target=lambda: (line.poll(None), os._exit(1)), daemon=True).start()


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


@contextmanager
def progress(tasks: Collection[Task], done: int, workers: int) -> Iterator[tqdm]:
    """Show a bar on a terminal, else a line from time to time; its description is the config that is worked on."""
    before, on_terminal = ROWS.number, is_terminal()
    further = LOOK_EVERY_S if on_terminal else LINE_EVERY_S
    first = further if on_terminal or workers > 1 else FIRST_LINE_AFTER_S
    total = sum(task.amount for task in tasks)

    def show(seconds: float) -> None:
        rows = ROWS.number - before
        rate = f"{rows:,} rows, {rows / seconds:,.0f} a second" if rows else ""
        if on_terminal:
            bar.set_postfix_str(rate)
        else:
            words = [f"prepared {bar.n:,} of {bar.total:,}{bar.unit}", bar.desc.rstrip(": "), rate]
            waiting.warning("%s, for %.0f s so far", ", ".join(filter(None, words)), seconds)

    with (
        tqdm(
            total=total,
            initial=done,
            unit=next((task.unit for task in tasks), ""),
            unit_scale=total >= 1000,
            smoothing=0,  # tasks come seldom: the rate since the start
            file=sys.stderr if on_terminal else io.StringIO(),
            leave=False,
        ) as bar,
        repeated(first, further, show),
    ):
        yield bar
